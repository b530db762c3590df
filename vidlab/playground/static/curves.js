// Learning curves: one small plot per quantity, fed with points by binary messages.

// Okabe and Ito's palette; for a dark page lighter relatives with a contrast of at least 3 : 1.
const COLORS = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"],
  dark: ["#56B4E9", "#FF8C42", "#2CC79A", "#E3A3C7", "#A6DAF7", "#F5C04A"],
};
const DASHES = [[], [9, 3, 2, 3], [2, 3]]; // a run's first, second and third training series
const VALIDATION_DASH = [6, 4];
const MAX_GROUPS = 3;
const MARGIN = { top: 10, right: 12, bottom: 36 };
const DATA_GAP = 100; // ms between redraws for new points: training needs the processor more
const POSTER = 'img[alt^="Poster of the playground"]';
// JupyterLab 4.6 drops an image's alt: then the poster is the picture right after the panel.
const NAMELESS = '.jp-OutputArea-output[data-mime-type="image/png"] img:not([alt])';
const POSTER_WAIT = 8000; // ms: the poster may reach the page after the panel
const DEAD_TEXT =
  "The kernel behind this panel has ended. Run this cell again for a working panel.";

// ---- numbers ----

/** The next of some round numbers times a power of ten, so that an axis grows in few steps. */
function niceCeil(value, rounds = [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) {
  const power = 10 ** Math.floor(Math.log10(value));
  return rounds.find((round) => round * power >= value * 0.999999) * power;
}

function linearTicks(low, high, count, smallest = 0) {
  const step = Math.max(niceCeil((high - low) / count, [1, 2, 5, 10]), smallest);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const every = Math.max(1, Math.round(decades / 4));
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) + 1e-9; power += every) {
    for (const round of decades <= 2.4 ? [1, 2, 5] : [1]) ticks.push(round * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

function tickText(value) {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0);
  if (Math.abs(value) >= 1e6) return value.toExponential(0).replace("+", "");
  if (Math.abs(value) >= 10000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(4)));
}

function valueText(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1000) ? value.toPrecision(3) : value.toFixed(3);
}

// ---- points: one store per model, shared by its views ----

function makeStore() {
  const runs = new Map(); // id -> { version, lines: Map(name -> line) }
  const groups = []; // in the order in which they first came
  const views = new Set();

  function lineOf({ run, series, group, validation }) {
    if (!runs.has(run)) runs.set(run, { version: 0, lines: new Map() });
    const { lines } = runs.get(run);
    const name = [group, series, validation].join("\n");
    if (!lines.has(name)) {
      const alike = (line) => line.group === group && line.validation === validation;
      const order = [...lines.values()].filter(alike).length;
      lines.set(name, { series, group, validation, order, steps: [], values: [] });
    }
    if (!groups.includes(group)) groups.push(group);
    return lines.get(name);
  }

  function receive(message, buffers = []) {
    if (message.type === "clear") {
      runs.clear();
      groups.length = 0;
    } else if (message.type === "drop") {
      runs.delete(message.run);
    } else if (message.type === "points" || message.type === "replace") {
      const line = lineOf({ ...message, validation: Boolean(message.validation) });
      if (message.type === "replace") line.steps.length = line.values.length = 0;
      for (const buffer of buffers) append(line, buffer);
      runs.get(message.run).version += 1;
    } else {
      return;
    }
    for (const changed of views) changed();
  }

  const linesOf = (id) => [...(runs.get(id)?.lines.values() ?? [])];
  const shown = (group) => [...runs.keys()].some((id) => hasGroup(id, group));
  const hasGroup = (id, group) => linesOf(id).some((line) => line.group === group);
  return {
    runs,
    views,
    receive,
    linesOf,
    groups: () => groups.filter(shown).slice(0, MAX_GROUPS),
  };
}

function append(line, buffer) {
  const bytes = buffer.buffer ? buffer : new DataView(buffer);
  const pairs = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 8 <= pairs.byteLength; offset += 8) {
    line.steps.push(pairs.getFloat32(offset, true));
    line.values.push(pairs.getFloat32(offset + 4, true));
  }
}

function nearest(steps, wanted) {
  let best = 0;
  for (let index = 1; index < steps.length; index += 1) {
    if (Math.abs(steps[index] - wanted) <= Math.abs(steps[best] - wanted)) best = index;
  }
  return best;
}

// ---- theme ----

function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const [red, green, blue] = (style.color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
  const dark = 0.3 * red + 0.6 * green + 0.1 * blue > 140; // light text: a dark page
  return {
    colors: dark ? COLORS.dark : COLORS.light,
    text: read("--vl-text", "#222"),
    muted: read("--vl-muted", "#666"),
    grid: read("--vl-grid", "#e4e4e4"),
    faint: dark ? "#7d7d7d" : "#a8a8a8",
    surface: read("--vl-surface", "#fff"),
    font: `11px ${style.fontFamily || "sans-serif"}`,
  };
}

function watchTheme(changed) {
  const later = () => {
    changed();
    setTimeout(changed, 400); // a theme's style sheet may come after its name
  };
  const names = ["data-jp-theme-name", "data-jp-theme-light", "data-vscode-theme-kind"];
  const observer = new MutationObserver(later);
  observer.observe(document.body, { attributes: true, attributeFilter: names });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", later);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", later);
  };
}

// ---- drawing ----

/** The axes' ends. `plot.range` remembers the last ones of the same runs: an axis only grows. */
function findRange(plot, lines, scene) {
  const last = Math.max(0, ...lines.map((line) => line.steps.at(-1) ?? 0));
  const end = last <= scene.total ? scene.total : niceCeil(Math.max(last, 10));
  if (plot.group === "accuracy") return { end, low: 0, high: 1, log: false };
  let low = Infinity;
  let high = -Infinity;
  for (const { values } of lines) {
    for (const value of values) {
      if (!Number.isFinite(value) || (scene.log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const key = `${scene.highlighted.map((run) => run.id)} ${scene.log}`;
  const before = plot.range?.key === key ? plot.range : { low: Infinity, high: -Infinity };
  if (low > high) [low, high] = scene.log ? [0.1, 1] : [0, 1];
  else if (scene.log) {
    low = Math.min(before.low, 1 / niceCeil(1 / low, [1, 2, 5, 10]));
    high = Math.max(before.high, niceCeil(high, [1, 2, 5, 10]));
    if (low >= high) low = high / 10;
  } else {
    low = Math.min(before.low, low < 0 ? -niceCeil(-low) : 0);
    high = Math.max(before.high, high > 0 ? niceCeil(high) : 0);
    if (low >= high) high = 1;
  }
  plot.range = { key, low, high };
  return { end, low, high, log: scene.log };
}

function makeScales(range, width, height, left) {
  const inner = { width: width - left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const scale = range.log ? Math.log10 : (value) => value;
  const [low, high] = [scale(range.low), scale(range.high)];
  return {
    left,
    inner,
    bottom: MARGIN.top + inner.height,
    x: (step) => left + (inner.width * step) / range.end,
    y: (value) => MARGIN.top + (inner.height * (high - scale(value))) / (high - low),
    step: (x) => ((x - left) / inner.width) * range.end,
  };
}

function drawAxes(context, theme, range, scales, xlabel, yTicks) {
  const { left, inner, bottom } = scales;
  context.font = theme.font;
  context.lineWidth = 1;
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.grid;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.beginPath();
  for (const tick of yTicks) {
    const y = Math.round(scales.y(tick)) + 0.5;
    context.moveTo(left, y);
    context.lineTo(left + inner.width, y);
    context.fillText(tickText(tick), left - 7, y);
  }
  context.stroke();
  context.strokeStyle = theme.muted;
  context.textAlign = "center";
  context.textBaseline = "top";
  context.beginPath();
  context.moveTo(left, bottom + 0.5);
  context.lineTo(left + inner.width, bottom + 0.5);
  for (const tick of linearTicks(0, range.end, Math.max(2, Math.floor(inner.width / 64)), 1)) {
    const x = Math.round(scales.x(tick)) + 0.5;
    context.moveTo(x, bottom);
    context.lineTo(x, bottom + 4);
    context.fillText(tickText(tick), x, bottom + 7);
  }
  context.stroke();
  context.fillText(xlabel, left + inner.width / 2, bottom + 22);
}

function drawLine(context, line, scales, log) {
  context.beginPath();
  let connected = false;
  for (let index = 0; index < line.steps.length; index += 1) {
    const value = line.values[index];
    const drawable = Number.isFinite(value) && !(log && value <= 0);
    if (drawable) {
      const [x, y] = [scales.x(line.steps[index]), scales.y(value)];
      if (connected) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    connected = drawable;
  }
  context.stroke();
}

function drawDot(context, line, index, scales, radius) {
  const value = line.values[index];
  if (!Number.isFinite(value)) return;
  context.beginPath();
  context.arc(scales.x(line.steps[index]), scales.y(value), radius, 0, 2 * Math.PI);
  context.fill();
}

function drawRun(context, run, scene, scales, log) {
  for (const line of run.lines) {
    context.strokeStyle = context.fillStyle = lineColor(scene.theme, run, line);
    context.lineWidth = run.current ? 2.25 : 1.5;
    context.setLineDash(line.validation ? VALIDATION_DASH : DASHES[line.order % DASHES.length]);
    drawLine(context, line, scales, log);
    let shown = -Infinity;
    for (let index = 0; line.validation && index < line.steps.length; index += 1) {
      const x = scales.x(line.steps[index]);
      if (x - shown < 14) continue;
      drawDot(context, line, index, scales, 2.75);
      shown = x;
    }
    if (run.current) drawDot(context, line, line.steps.length - 1, scales, 3.5);
  }
  context.setLineDash([]);
}

const lineColor = (theme, run, line) => theme.colors[(run.slot + 3 * line.order) % 6];

function drawCursor(context, scene, scales, run) {
  const x = Math.round(scales.x(scene.cursor)) + 0.5;
  context.strokeStyle = context.fillStyle = scene.theme.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, MARGIN.top);
  context.lineTo(x, scales.bottom);
  context.stroke();
  for (const line of run?.lines ?? []) {
    drawDot(context, line, nearest(line.steps, scene.cursor), scales, 4);
  }
  const text = `${scene.xlabel} ${scene.cursor}`;
  const width = context.measureText(text).width + 12;
  const right = scales.left + scales.inner.width;
  const left = Math.min(Math.max(x - width / 2, scales.left), right - width);
  context.beginPath();
  context.roundRect(left, MARGIN.top - 8, width, 17, 8);
  context.fill();
  context.fillStyle = scene.theme.surface;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, left + width / 2, MARGIN.top + 1);
}

function resized(canvas, width, height, ratio) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

function clipTo(context, scales) {
  context.beginPath();
  context.rect(scales.left, MARGIN.top - 4, scales.inner.width + 6, scales.inner.height + 5);
  context.clip();
}

/** Draw one plot. The axes and the older runs stay on a layer that is redrawn only on change. */
function drawPlot(plot, scene) {
  const { canvas, layer, group } = plot;
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  if (width < 80 || height < 80) return;
  const within = (run) => ({ ...run, lines: run.lines.filter((line) => line.group === group) });
  const runs = scene.highlighted.map(within);
  const others = scene.others.map(within);
  const lines = runs.flatMap((run) => run.lines);
  const range = findRange(plot, lines.length ? lines : others.flatMap((run) => run.lines), scene);
  const yTicks = (range.log ? logTicks : linearTicks)(range.low, range.high, 5);
  const context = resized(canvas, width, height, ratio);
  context.font = scene.theme.font;
  const widest = Math.max(...yTicks.map((tick) => context.measureText(tickText(tick)).width));
  const scales = makeScales(range, width, height, Math.ceil(Math.max(24, widest) + 12));
  plot.scales = scales;

  const versions = others.map((run) => `${run.id}.${run.version}`);
  const ends = [range.end, range.low, range.high, range.log];
  const key = [width, height, ratio, scene.xlabel, ...ends, ...versions].join();
  if (plot.layerKey !== key || plot.layerTheme !== scene.theme) {
    plot.layerKey = key;
    plot.layerTheme = scene.theme;
    const under = resized(layer, width, height, ratio);
    drawAxes(under, scene.theme, range, scales, scene.xlabel, yTicks);
    under.save();
    clipTo(under, scales);
    under.strokeStyle = scene.theme.faint;
    under.lineWidth = 0.8;
    for (const line of others.flatMap((run) => run.lines)) {
      under.setLineDash(line.validation ? [3, 3] : []);
      drawLine(under, line, scales, range.log);
    }
    under.restore();
  }
  context.drawImage(layer, 0, 0, width, height);
  context.save();
  clipTo(context, scales);
  for (const run of [...runs].reverse()) drawRun(context, run, scene, scales, range.log);
  context.restore();
  if (scene.cursor >= 0) drawCursor(context, scene, scales, runs.find((run) => run.current));
  plot.entries = runs.flatMap((run) => run.lines.map((line) => ({ run, line })));
}

// ---- legend and text alternative ----

function swatch(color, line, current) {
  const dash = line.validation ? VALIDATION_DASH : DASHES[line.order % DASHES.length];
  const dot = line.validation ? `<circle cx="14" cy="5" r="2.75" fill="${color}"/>` : "";
  return (
    `<svg width="28" height="10" aria-hidden="true"><line x1="1" y1="5" x2="27" y2="5" ` +
    `stroke="${color}" stroke-width="${current ? 2.25 : 1.5}" stroke-dasharray="${dash}"/>` +
    `${dot}</svg>`
  );
}

function lineName({ series, group, validation }) {
  if (series === group) return validation ? "validation" : "train";
  return validation && !series.includes("val") ? `${series} (validation)` : series;
}

function readOut(line, cursor) {
  return valueText(cursor >= 0 ? line.values[nearest(line.steps, cursor)] : line.values.at(-1));
}

/** Names and present values of the lines; nodes are made anew only when the lines change. */
function updateLegend(plot, scene) {
  const entries = plot.entries.filter(({ line }) => line.steps.length);
  const several = scene.highlighted.length > 1;
  const names = entries.map(({ run, line }) =>
    several ? `${run.label} · ${lineName(line)}` : lineName(line),
  );
  const key = names.join("\n");
  if (plot.legendKey !== key || plot.legendTheme !== scene.theme) {
    plot.legendKey = key;
    plot.legendTheme = scene.theme;
    plot.legend.replaceChildren(
      ...entries.map(({ run, line }, index) => {
        const entry = make("span", "vidlab-legend-entry");
        entry.innerHTML = swatch(lineColor(scene.theme, run, line), line, run.current);
        entry.append(make("span", "", names[index]), make("b", ""));
        return entry;
      }),
    );
  }
  entries.forEach(({ line }, index) => {
    plot.legend.children[index].lastChild.textContent = readOut(line, scene.cursor);
  });
}

function describe(plot, scene) {
  const caption = `Plot of ${plot.group}. ${scene.caption}`;
  const told = plot.entries
    .filter(({ line }) => line.steps.length && (scene.cursor >= 0 || !scene.caption))
    .map(({ run, line }) => `${run.label} ${lineName(line)} ${readOut(line, scene.cursor)}`);
  const at = scene.cursor >= 0 ? ` At ${scene.xlabel} ${scene.cursor}:` : "";
  return told.length ? `${caption}${at} ${told.join(", ")}.` : caption;
}

// ---- the panel around: a dead kernel, the poster ----

function markDead(panel, dead) {
  const notice = panel.querySelector(":scope > .vidlab-dead");
  if (dead === Boolean(notice)) return;
  if (dead) {
    panel.dataset.dead = "true";
    const alert = make("div", "vidlab-dead", DEAD_TEXT);
    alert.setAttribute("role", "alert");
    panel.prepend(alert);
  } else {
    delete panel.dataset.dead;
    notice.remove();
  }
}

function hidePoster(panel) {
  const child = panel.closest(".jp-OutputArea-child");
  if (!child?.parentElement) return () => {};
  const hidden = new Set();
  const hide = () => {
    const first = child.nextElementSibling;
    if (first?.querySelector(NAMELESS)) hidden.add(first);
    for (let next = first; next; next = next.nextElementSibling) {
      if (next.querySelector(POSTER)) hidden.add(next);
    }
    for (const poster of hidden) poster.classList.add("vidlab-poster-hidden");
  };
  const observer = new MutationObserver(hide);
  const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["alt"] };
  observer.observe(child.parentElement, watched);
  const timer = setTimeout(() => observer.disconnect(), POSTER_WAIT);
  hide();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    for (const poster of hidden) poster.classList.remove("vidlab-poster-hidden");
  };
}

/**
 * Follow the kernel's life. The signs: the class that ipywidgets puts on the panel (not on this
 * view: anywidget removes the view's own listener), its event, and JupyterLab's kernel status,
 * because ipywidgets does not notice a kernel that is shut down.
 */
function watchPanel(model, el) {
  let panel = null;
  let showPoster = () => {};
  let live = true;
  let ended = false;
  const update = () => {
    if (!panel) return;
    const disconnected = panel.classList.contains("jupyter-widgets-disconnected");
    markDead(panel, disconnected || !live || ended);
  };
  const classes = new MutationObserver(update);
  function liveChanged() {
    live = this?.model?.comm_live !== false; // anywidget calls listeners with the view as `this`
    if (live) ended = false;
    update();
  }
  const statusChanged = (_sender, status) => {
    if (!["terminating", "dead", "autorestarting"].includes(status)) return;
    ended = true;
    update();
  };
  const status = model.widget_manager?.context?.sessionContext?.statusChanged;
  model.on("comm_live_update", liveChanged);
  status?.connect?.(statusChanged);
  return {
    attach() {
      if (panel) return;
      panel = el.closest(".vidlab-playground");
      if (!panel) return;
      classes.observe(panel, { attributes: true, attributeFilter: ["class"] });
      showPoster = hidePoster(panel);
      update();
    },
    stop() {
      model.off("comm_live_update", liveChanged);
      status?.disconnect?.(statusChanged);
      classes.disconnect();
      showPoster();
    },
  };
}

// ---- the widget ----

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** One redraw at a time, none while the view cannot be seen; `gap` delays one by that many ms. */
function makeScheduler(element, draw) {
  let [visible, dirty, frame, timer] = [false, true, 0, 0];
  function run() {
    frame = 0;
    if (!visible) return;
    dirty = false;
    draw();
  }
  function request(gap = 0) {
    dirty = true;
    if (frame || !visible || (gap && timer)) return;
    clearTimeout(timer);
    timer = 0;
    if (gap) timer = setTimeout(request, gap);
    else frame = requestAnimationFrame(run);
  }
  const observer = new IntersectionObserver((entries) => {
    visible = entries.at(-1).isIntersecting;
    if (visible && dirty) request();
  });
  observer.observe(element);
  const stop = () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  return { request, stop };
}

function makePlot(group) {
  const element = make("figure", "vidlab-plot");
  const head = make("figcaption", "vidlab-plot-head");
  const legend = make("span", "vidlab-legend");
  const canvas = make("canvas", "vidlab-canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.dataset.lmSuppressShortcuts = "true"; // the arrow keys are not JupyterLab's here
  head.append(make("span", "vidlab-plot-title", group), legend);
  element.append(head, canvas);
  return { group, element, legend, canvas, layer: make("canvas"), entries: [] };
}

function makeView(model, el, store) {
  const root = make("div", "vidlab-curves");
  const empty = make("p", "vidlab-empty", "The curves appear here as soon as training starts.");
  const plots = new Map();
  let theme = null;
  let describedAt = 0;
  let describeTimer = 0;
  let saveTimer = 0;
  root.append(empty);
  el.append(root);

  const currentLines = () => {
    const run = (model.get("runs") ?? []).find((one) => one.current);
    return run ? store.linesOf(run.id).filter((line) => line.steps.length) : [];
  };

  /** What all plots show: runs in colour (the current one first), runs in grey, the settings. */
  function readScene() {
    const known = model.get("runs") ?? [];
    const dress = (run) => ({
      ...run,
      lines: store.linesOf(run.id),
      version: store.runs.get(run.id)?.version ?? 0,
    });
    const first = known.filter((run) => run.current).slice(0, 1);
    const chosen = known.filter((run) => run.chosen && !run.current).slice(0, 2);
    const highlighted = [...first, ...chosen].map(dress);
    let slot = 0;
    for (const run of highlighted) run.slot = run.current ? 0 : (slot += 1);
    const used = new Set(highlighted.map((run) => run.id));
    const others = [...store.runs.keys()].filter((id) => !used.has(id)).map((id) => dress({ id }));
    theme ??= readTheme(root);
    return {
      highlighted,
      others,
      theme,
      total: model.get("total") || 0,
      cursor: model.get("cursor") ?? -1,
      log: Boolean(model.get("log_scale")),
      xlabel: model.get("xlabel") || "step",
      caption: model.get("caption") || "",
    };
  }

  function placePlots(groups) {
    if (groups.join("\n") === [...plots.keys()].join("\n")) return;
    for (const group of groups) if (!plots.has(group)) plots.set(group, listen(makePlot(group)));
    for (const group of [...plots.keys()]) if (!groups.includes(group)) plots.delete(group);
    const placed = groups.map((group) => plots.get(group));
    plots.clear();
    for (const plot of placed) plots.set(plot.group, plot);
    root.replaceChildren(...(placed.length ? placed.map((plot) => plot.element) : [empty]));
  }

  function draw() {
    placePlots(store.groups());
    const scene = readScene();
    for (const plot of plots.values()) drawPlot(plot, scene);
    for (const plot of plots.values()) updateLegend(plot, scene);
    relabel();
  }

  function relabel() {
    const wait = Math.max(0, describedAt + 1000 - performance.now());
    describeTimer ||= setTimeout(updateLabels, wait);
  }

  function updateLabels() {
    describeTimer = 0;
    describedAt = performance.now();
    const scene = readScene();
    for (const plot of plots.values()) plot.canvas.ariaLabel = describe(plot, scene);
  }

  function updateData() {
    const lines = currentLines();
    root.dataset.points = Math.max(0, ...lines.map((line) => line.steps.length));
    root.dataset.lastStep = lines.length ? lastStep(lines) : -1;
    root.dataset.runs = [...store.runs.keys()].filter((id) =>
      store.linesOf(id).some((line) => line.steps.length),
    ).length;
    root.dataset.cursor = model.get("cursor") ?? -1;
  }

  const lastStep = (lines) => Math.max(...lines.map((line) => line.steps.at(-1)));

  function setCursor(step, { now }) {
    model.set("cursor", Math.round(step));
    clearTimeout(saveTimer);
    // While a pointer drags, the kernel hears of it when it rests for a moment, or at its end.
    if (now) model.save_changes();
    else saveTimer = setTimeout(() => model.save_changes(), 120);
  }

  function seek(plot, event, now) {
    const lines = currentLines();
    if (!plot.scales || !lines.length) return;
    const wanted = plot.scales.step(event.clientX - plot.canvas.getBoundingClientRect().left);
    const steps = lines.map((line) => line.steps[nearest(line.steps, wanted)]);
    setCursor(steps[nearest(steps, wanted)], { now });
  }

  function keyDown(event) {
    const lines = currentLines();
    if (!lines.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const [first, last] = [Math.min(...lines.map((line) => line.steps[0])), lastStep(lines)];
    const from = model.get("cursor") >= 0 ? model.get("cursor") : last;
    const stride = event.shiftKey ? 10 : 1;
    const moved = { ArrowLeft: from - stride, ArrowRight: from + stride, Home: first, End: last };
    if (event.key === "Escape") setCursor(-1, { now: true });
    else if (event.key in moved) {
      setCursor(Math.min(Math.max(moved[event.key], first), last), { now: true });
    } else return;
    event.preventDefault();
  }

  function listen(plot) {
    const { canvas } = plot;
    const held = (event) => canvas.hasPointerCapture(event.pointerId);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      seek(plot, event, false);
    });
    canvas.addEventListener("pointermove", (event) => held(event) && seek(plot, event, false));
    canvas.addEventListener("pointerup", (event) => held(event) && seek(plot, event, true));
    canvas.addEventListener("keydown", keyDown);
    return plot;
  }

  const panel = watchPanel(model, el);
  const scheduler = makeScheduler(root, draw);
  const changed = () => {
    updateData();
    scheduler.request();
  };
  const pointsCame = () => {
    updateData();
    scheduler.request(DATA_GAP);
  };
  const resize = new ResizeObserver(() => {
    panel.attach();
    scheduler.request();
  });
  const stopTheme = watchTheme(() => {
    theme = null;
    scheduler.request();
  });
  const traits = ["runs", "total", "cursor", "log_scale", "xlabel"];
  for (const name of traits) model.on(`change:${name}`, changed);
  model.on("change:caption", relabel); // comes once a second: no reason to draw
  store.views.add(pointsCame);
  resize.observe(root);
  panel.attach();
  changed();
  return () => {
    for (const name of traits) model.off(`change:${name}`, changed);
    model.off("change:caption", relabel);
    store.views.delete(pointsCame);
    for (const timer of [describeTimer, saveTimer]) clearTimeout(timer);
    resize.disconnect();
    scheduler.stop();
    stopTheme();
    panel.stop();
  };
}

// A function: anywidget calls it once per model, and hands other model objects to `initialize`
// and to each `render`, so that the points could not be kept under the model.
export default () => {
  const store = makeStore();
  return {
    initialize({ model }) {
      const receive = (message, buffers) => store.receive(message, buffers);
      model.on("msg:custom", receive);
      model.send({ type: "ask" });
      return () => model.off("msg:custom", receive);
    },
    render: ({ model, el }) => makeView(model, el, store),
  };
};
