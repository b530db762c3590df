// Clips that play, are scrubbed, are chosen and are drawn, and what a model does over their frames.

const COLORS = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"],
  dark: ["#56B4E9", "#FF8C42", "#2CC79A", "#E3A3C7", "#A6DAF7", "#F5C04A"],
};
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2], [1, 3]];
const CIVIDIS = ["00224e", "2a3f6d", "575d6d", "7d7c78", "a59c74", "d2c060", "fee838"];
const SEND_GAP = 500; // ms between the frames that the kernel hears of while a clip plays
const PATH_GAP = 200; // ms between the paths that it hears of while one is drawn
const MAX_PATH = 64;
const PEN_STEP = 0.04;
const MAX_NAMED_ROWS = 16;
const MAX_LINES = 6;
const NUM_HIGHEST = 3; // rows that are named beside a strip
const LINES_HEIGHT = 96;
const HINT =
  "Draw with the mouse, or with the arrow keys: Enter puts the pen down and lifts it.";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- player: one per model, so that all its views show the same frame ----

function makePlayer(model) {
  const views = new Set(); // of { changed(what), visible }
  const player = { views, frame: 0, bitmap: null };
  let [timer, sentAt, decoding, asked] = [0, 0, 0, false];

  const tell = (what) => views.forEach((view) => view.changed(what));
  const count = () => Math.max(1, model.get("num_frames") || 1);

  function send() {
    sentAt = performance.now();
    model.set("frame", player.frame);
    model.save_changes();
  }

  player.show = (frame) => {
    player.frame = clamp(Math.round(frame), 0, count() - 1);
    tell("frame");
  };
  player.scrub = (frame) => {
    player.play(false);
    player.show(frame);
    send();
  };
  player.play = (on) => {
    if (on === model.get("playing")) return;
    asked = on;
    if (!on) model.set("frame", player.frame);
    model.set("playing", on);
    model.save_changes();
  };

  function tick() {
    timer = 0;
    if (!model.get("playing")) return;
    player.show((player.frame + 1) % count());
    if (performance.now() - sentAt >= SEND_GAP) send();
    run();
  }

  /** Go on playing where something can be seen of it; the setting itself stays as it is. */
  function run() {
    const seen = [...views].some((view) => view.visible);
    if (!model.get("playing") || !seen || count() < 2) {
      clearTimeout(timer);
      timer = 0;
    } else if (!timer) {
      timer = setTimeout(tick, 1000 / clamp(model.get("fps") || 8, 0.5, 30));
    }
  }
  player.run = run;

  function playingChanged() {
    // Where the reader wants no motion, a clip plays only when it is asked to.
    if (model.get("playing") && calm.matches && !asked) player.play(false);
    if (!model.get("playing")) asked = false;
    tell("playing");
    run();
  }

  async function decode() {
    const bytes = model.get("sheet");
    const turn = (decoding += 1);
    let bitmap = null;
    try {
      const blob = new Blob([bytes ?? ""], { type: "image/png" });
      if (blob.size) bitmap = await createImageBitmap(blob);
    } catch (error) {
      console.warn("vidlab: a sheet of clips cannot be decoded", error);
    }
    if (turn !== decoding) {
      bitmap?.close();
      return;
    }
    player.bitmap?.close();
    player.bitmap = bitmap;
    tell("sheet");
  }

  model.on("change:sheet", decode);
  model.on("change:playing", playingChanged);
  model.on("change:fps", run);
  model.on("change:num_frames", () => {
    player.show(player.frame);
    run();
  });
  model.on("change:frame", () => {
    if (model.get("frame") !== player.frame) player.show(model.get("frame"));
  });
  player.frame = clamp(model.get("frame") || 0, 0, count() - 1);
  playingChanged();
  decode();
  return player;
}

/** Paint a clip's frame on a canvas of the clip's own size; CSS enlarges it. */
function paintFrame(context, model, player, clip, width, height) {
  const [w, h] = [model.get("width"), model.get("height")];
  context.imageSmoothingEnabled = false;
  if (player.bitmap && w && h) {
    context.drawImage(player.bitmap, player.frame * w, clip * h, w, h, 0, 0, width, height);
  }
}

// ---- theme and visibility ----

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
    raised: read("--vl-raised", "#f5f5f5"),
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

function sharpCanvas(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Call `scrub` with the pointer's position for as long as it is down. */
function onDrag(element, scrub) {
  const held = (event) => element.hasPointerCapture(event.pointerId);
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    scrub(event);
  });
  element.addEventListener("pointermove", (event) => held(event) && scrub(event));
}

// ---- tiles: a picture with its title and what the model thinks of it ----

function makeTiles(model, player) {
  const element = make("div", "vidlab-tiles");
  const [width, height] = [model.get("width") || 1, model.get("height") || 1];
  const choosable = model.get("selected") >= 0;
  const tiles = Array.from({ length: model.get("num_clips") || 0 }, (_, index) => {
    const tile = make("div", "vidlab-tile");
    const title = make("div", "vidlab-tile-title", model.get("titles")?.[index] ?? "");
    const canvas = make("canvas", "vidlab-picture");
    const opinions = make("div", "vidlab-opinions");
    [canvas.width, canvas.height] = [width, height];
    if (choosable) tile.append(make("span", "vidlab-choice"));
    tile.append(title, canvas, opinions);
    tile.style.width = `${model.get("tile") || 96}px`;
    return { index, element: tile, canvas, opinions, rows: [], named: choosable ? tile : canvas };
  });
  element.append(...tiles.map((tile) => tile.element));

  function choose(index, focus) {
    const chosen = (index + tiles.length) % tiles.length;
    model.set("selected", chosen);
    model.save_changes();
    if (focus) tiles[chosen].element.focus();
  }

  function keyDown(event) {
    const at = tiles.findIndex((tile) => tile.element === event.target);
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, " ": 0, Enter: 0 };
    if (at < 0 || !(event.key in moves)) return;
    choose(at + moves[event.key], true);
    event.preventDefault();
  }

  if (choosable) {
    element.setAttribute("role", "radiogroup");
    element.dataset.lmSuppressShortcuts = "true"; // the arrow keys are not JupyterLab's here
    element.addEventListener("keydown", keyDown);
  }
  for (const tile of tiles) {
    tile.named.setAttribute("role", choosable ? "radio" : "img");
    if (choosable) tile.element.addEventListener("click", () => choose(tile.index, false));
  }

  return {
    element,
    paint() {
      for (const { canvas, index } of tiles) {
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, width, height);
        paintFrame(context, model, player, index, width, height);
      }
    },
    updateSelected() {
      for (const { element: tile, index } of choosable ? tiles : []) {
        const chosen = index === model.get("selected");
        tile.setAttribute("aria-checked", chosen);
        tile.tabIndex = chosen ? 0 : -1;
      }
    },
    updateOpinions() {
      for (const tile of tiles) showOpinions(tile, model.get("opinions")?.[tile.index] ?? []);
    },
    label() {
      for (const { index, named } of tiles) {
        const title = model.get("titles")?.[index] || `clip ${index + 1}`;
        const [first] = model.get("opinions")?.[index] ?? [];
        named.ariaLabel = first ? `${title}; the model says ${opinionText(first)}` : title;
      }
    },
  };
}

const percent = (share) => `${Math.round(100 * (share || 0))} %`;
const verdict = (right) => (right === true ? "right" : right === false ? "wrong" : "");
const opinionText = ({ name, share, right }) =>
  [name, percent(share), verdict(right)].filter(Boolean).join(", ");

/** Put opinions into a tile's rows, which are made once and then only changed. */
function showOpinions(tile, opinions) {
  while (tile.rows.length < opinions.length) tile.rows.push(makeOpinion(tile.opinions));
  tile.rows.forEach((row, index) => {
    const opinion = opinions[index];
    row.element.hidden = !opinion;
    if (!opinion) return;
    setText(row.name, opinion.name);
    setText(row.share, percent(opinion.share));
    row.bar.style.transform = `scaleX(${clamp(opinion.share || 0, 0, 1)})`;
    const right = index === 0 ? verdict(opinion.right) : "";
    if (row.element.dataset.verdict === right) return;
    row.element.dataset.verdict = right;
    row.mark.textContent = { right: "✓", wrong: "✗" }[right] ?? "";
    row.mark.title = right;
  });
}

function makeOpinion(parent) {
  const element = make("div", "vidlab-opinion");
  const [mark, name] = [make("span", "vidlab-mark"), make("span", "vidlab-opinion-name")];
  const [share, track] = [make("span", "vidlab-share"), make("span", "vidlab-opinion-track")];
  const bar = make("span", "vidlab-opinion-bar");
  track.append(bar);
  element.append(mark, name, share, track);
  parent.append(element);
  return { element, mark, name, share, bar };
}

// ---- tracks: values over the frames of the chosen clip ----

/** The rows with the largest values at a frame, in words. */
function highestText({ values, names }, frame) {
  const rows = values.map((row, index) => [row[frame], names[index] ?? String(index)]);
  const finite = rows.filter(([value]) => Number.isFinite(value)).sort(([a], [b]) => b - a);
  const texts = finite.slice(0, NUM_HIGHEST).map(([value, name]) => `${name} ${valueText(value)}`);
  return `at frame ${frame}: ${texts.join(", ") || "–"}`;
}

/** Where a track's columns lie; the same for all, so that frames stand under each other. */
function findGutters(tracks, font, width) {
  const context = make("canvas").getContext("2d");
  context.font = font;
  const named = tracks.filter(({ kind, values }) => kind === "heat" && values.length <= 16);
  const texts = [...named.flatMap(({ names }) => names ?? []), ...tracks.flatMap(endTexts)];
  const widest = Math.max(0, ...texts.map((text) => context.measureText(text).width));
  const left = Math.ceil(Math.min(widest + 10, width * 0.3));
  return { left, right: 52, inner: Math.max(40, width - left - 52) };
}

const valueText = (value) =>
  Number.isFinite(value) ? String(Number(value.toPrecision(3))) : value === null ? "–" : "NaN";
const endTexts = ({ low, high }) => [valueText(low), valueText(high)];

function heatColor(share) {
  const place = clamp(share, 0, 1) * (CIVIDIS.length - 1);
  const index = Math.min(Math.floor(place), CIVIDIS.length - 2);
  const channel = (stop, at) => parseInt(CIVIDIS[stop].slice(2 * at, 2 * at + 2), 16);
  const mix = (at) =>
    channel(index, at) + (place - index) * (channel(index + 1, at) - channel(index, at));
  return [mix(0), mix(1), mix(2), 255];
}

function drawHeat(context, { values, names, low, high }, theme, gutters, height) {
  const frames = values[0]?.length ?? 0;
  if (!frames) return;
  const cells = make("canvas");
  [cells.width, cells.height] = [frames, values.length];
  const pixels = new ImageData(frames, values.length);
  values.flat().forEach((value, index) => {
    if (!Number.isFinite(value)) return; // stays transparent
    pixels.data.set(heatColor((value - low) / (high - low || 1)), 4 * index);
  });
  cells.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(cells, gutters.left, 0, gutters.inner, height);
  context.fillStyle = theme.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const row = height / values.length;
  for (let index = 0; values.length <= MAX_NAMED_ROWS && index < (names?.length ?? 0); index += 1) {
    context.fillText(names[index], gutters.left - 7, (index + 0.5) * row, gutters.left - 8);
  }
  drawColorBar(context, low, high, theme, gutters, height);
}

function drawColorBar(context, low, high, theme, gutters, height) {
  const left = gutters.left + gutters.inner + 8;
  const shade = context.createLinearGradient(0, height, 0, 0);
  CIVIDIS.forEach((color, index) => shade.addColorStop(index / (CIVIDIS.length - 1), `#${color}`));
  context.fillStyle = shade;
  context.fillRect(left, 0, 7, height);
  context.fillStyle = theme.muted;
  context.textAlign = "left";
  context.textBaseline = "top";
  context.fillText(valueText(high), left + 11, 0, 34);
  context.textBaseline = "bottom";
  if (height >= 24) context.fillText(valueText(low), left + 11, height, 34);
}

function drawLines(context, { values, low, high }, theme, gutters, height) {
  const pad = 6;
  const y = (value) => pad + (height - 2 * pad) * (1 - (value - low) / (high - low || 1));
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.grid;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  context.beginPath();
  for (const value of [low, (low + high) / 2, high]) {
    context.moveTo(gutters.left, Math.round(y(value)) + 0.5);
    context.lineTo(gutters.left + gutters.inner, Math.round(y(value)) + 0.5);
    context.fillText(valueText(value), gutters.left - 7, y(value), gutters.left - 8);
  }
  context.stroke();
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  values.slice(0, MAX_LINES).forEach((row, index) => {
    context.strokeStyle = theme.colors[index];
    context.setLineDash(DASHES[index]);
    context.beginPath();
    let connected = false;
    row.forEach((value, frame) => {
      const x = gutters.left + ((frame + 0.5) * gutters.inner) / row.length;
      const drawable = Number.isFinite(value);
      if (drawable && connected) context.lineTo(x, y(value));
      else if (drawable) context.moveTo(x, y(value));
      connected = drawable;
    });
    context.stroke();
  });
  context.setLineDash([]);
}

function drawFrameAxis(context, frames, theme, gutters, top) {
  const column = gutters.inner / frames;
  const every = [1, 2, 4, 5, 8, 10, 16, 20, 32, 50].find((step) => step * column >= 26) ?? 100;
  context.fillStyle = theme.muted;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let frame = 0; frame < frames; frame += every) {
    context.fillText(frame, gutters.left + (frame + 0.5) * column, top + 5);
  }
  context.textAlign = "left";
  context.fillText("frame", gutters.left + gutters.inner + 8, top + 5);
}

function trackHeight({ kind, values }) {
  if (kind === "lines") return LINES_HEIGHT;
  const rows = Math.max(1, values.length);
  return rows <= MAX_NAMED_ROWS ? Math.max(rows * 14, 16) : clamp(rows * 4, 96, 200);
}

function makeTrack(track, player) {
  const element = make("figure", "vidlab-track");
  const head = make("figcaption", "vidlab-track-head");
  const box = make("div", "vidlab-track-box");
  const [canvas, cursor] = [make("canvas"), make("div", "vidlab-track-cursor")];
  const legend = make("span", "vidlab-legend");
  canvas.setAttribute("role", "img");
  box.append(canvas, cursor);
  head.append(make("span", "vidlab-track-title", track.title), legend);
  element.append(head, box);
  const values = (track.kind === "lines" ? track.values.slice(0, MAX_LINES) : []).map(
    (_, index) => {
      const entry = make("span", "vidlab-legend-entry");
      const value = make("b", "vidlab-track-value");
      entry.append(make("span"), make("span", "", track.names?.[index] ?? ""), value);
      legend.append(entry);
      return value;
    },
  );
  const highest = make("span", "vidlab-track-highest"); // of a named strip, at the present frame
  if (track.kind === "heat" && track.names?.length) legend.append(highest);
  const made = { element, canvas, cursor, legend, values, highest, gutters: null, frames: 1 };
  onDrag(canvas, (event) => {
    if (!made.gutters) return;
    const x = event.clientX - canvas.getBoundingClientRect().left - made.gutters.left;
    player.scrub(Math.floor((x / made.gutters.inner) * made.frames));
  });
  return made;
}

function makeTracks(model, player) {
  const element = make("div", "vidlab-tracks");
  let [made, key] = [[], ""];

  function build(tracks) {
    const now = JSON.stringify(
      tracks.map(({ title, kind, names, values }) => [title, kind, names, values.length]),
    );
    if (now === key) return;
    key = now;
    made = tracks.map((track) => makeTrack(track, player));
    element.replaceChildren(...made.map((one) => one.element));
  }

  function draw(theme) {
    const tracks = model.get("tracks") ?? [];
    build(tracks);
    const width = element.clientWidth;
    if (!tracks.length || width < 60) return;
    const gutters = findGutters(tracks, theme.font, width);
    tracks.forEach((track, index) => {
      const one = made[index];
      const height = trackHeight(track);
      one.gutters = gutters;
      one.frames = Math.max(1, track.values[0]?.length ?? model.get("num_frames"));
      one.canvas.style.height = `${height + 20}px`;
      const context = sharpCanvas(one.canvas, width, height + 20);
      context.font = theme.font;
      (track.kind === "lines" ? drawLines : drawHeat)(context, track, theme, gutters, height);
      drawFrameAxis(context, one.frames, theme, gutters, height);
      const column = gutters.inner / one.frames;
      const wide = track.kind === "lines" ? 2 : Math.max(column, 3);
      one.cursor.style.width = `${wide}px`;
      one.cursor.style.height = `${height}px`;
      one.cursor.dataset.kind = track.kind;
      one.at = (frame) => gutters.left + (frame + 0.5) * column - wide / 2;
      one.values.forEach((value, line) => {
        const dash = DASHES[line].join(" ");
        value.parentElement.firstChild.innerHTML =
          `<svg width="24" height="10" aria-hidden="true"><line x1="1" y1="5" x2="23" y2="5" ` +
          `stroke="${theme.colors[line]}" stroke-width="2" stroke-dasharray="${dash}"/></svg>`;
      });
    });
    follow();
  }

  /** Move the cursors; nothing is drawn for a new frame. */
  function follow() {
    const tracks = model.get("tracks") ?? [];
    made.forEach((one, index) => {
      if (!one.at || !tracks[index]) return;
      one.cursor.style.transform = `translateX(${one.at(player.frame)}px)`;
      one.values.forEach((value, line) => {
        const row = tracks[index].values[line];
        setText(value, valueText(row?.[player.frame] ?? null));
      });
      if (one.highest.parentElement) setText(one.highest, highestText(tracks[index], player.frame));
    });
  }

  const label = () => {
    const texts = (model.get("tracks") ?? []).map(({ title, low, high, names }) => {
      const rows = names?.length ? ` Rows: ${names.slice(0, MAX_NAMED_ROWS).join(", ")}.` : "";
      return `${title}, over the frames, from ${valueText(low)} to ${valueText(high)}.${rows}`;
    });
    made.forEach((one, index) => (one.canvas.ariaLabel = texts[index] ?? ""));
  };
  return { element, draw, follow, label };
}

// ---- drawing a path ----

/** Points evenly spaced in time: how fast the pen moved stays in the path. */
function resample(samples) {
  const count = Math.min(MAX_PATH, samples.length);
  const [start, end] = [samples[0].time, samples.at(-1).time];
  let index = 0;
  return Array.from({ length: count }, (_, place) => {
    const time = start + ((end - start) * place) / Math.max(1, count - 1);
    while (index < samples.length - 2 && samples[index + 1].time < time) index += 1;
    const [one, two] = [samples[index], samples[Math.min(index + 1, samples.length - 1)]];
    const share = clamp((time - one.time) / (two.time - one.time || 1), 0, 1);
    const between = (name) => Number((one[name] + share * (two[name] - one[name])).toFixed(4));
    return [between("x"), between("y")];
  });
}

function makeSketch(model, player, changed) {
  const element = make("div", "vidlab-sketch");
  const canvas = make("canvas", "vidlab-sketch-canvas");
  const size = model.get("tile") || 96;
  const pen = { x: 0.5, y: 0.5, down: false, keys: false, samples: [], answered: false };
  let [timer, sentAt] = [0, 0];
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.dataset.lmSuppressShortcuts = "true";
  canvas.style.width = `min(${size}px, 100%)`;
  element.append(canvas, make("p", "vidlab-hint", HINT));

  function send() {
    clearTimeout(timer);
    timer = 0;
    sentAt = performance.now();
    model.set("path", resample(pen.samples));
    model.save_changes();
  }

  function add(x, y, time) {
    [pen.x, pen.y] = [clamp(x, 0, 1), clamp(y, 0, 1)];
    if (pen.down) {
      pen.samples.push({ x: pen.x, y: pen.y, time });
      timer ||= setTimeout(send, Math.max(0, sentAt + PATH_GAP - performance.now()));
    }
    changed("path");
  }

  function putDown(x, y, time) {
    pen.down = true;
    pen.answered = false;
    pen.samples = [];
    player.play(false);
    add(x, y, time);
  }

  function lift() {
    if (!pen.down) return;
    pen.down = false;
    send();
    if (pen.answered) play();
    changed("path");
  }

  function play() {
    if (calm.matches) return;
    player.show(0);
    player.play(true);
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pen.keys = false;
    putDown(...place(event), event.timeStamp);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId) || pen.keys) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) add(...place(one), one.timeStamp);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) canvas.addEventListener(name, lift);
  canvas.addEventListener("focus", () => changed("path"));
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    // With the keys each move takes the same time, however long the hand rests.
    const time = 100 * pen.samples.length;
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      pen.keys = true;
      add(pen.x + x * PEN_STEP, pen.y + y * PEN_STEP, time);
    } else if (event.key === "Enter" || event.key === " ") {
      pen.keys = true;
      if (pen.down) lift();
      else putDown(pen.x, pen.y, 0);
    } else if (event.key === "Escape" && pen.down) lift();
    else return;
    event.preventDefault();
  });

  function paint(theme) {
    const side = canvas.clientWidth;
    if (!side) return;
    const context = sharpCanvas(canvas, side, side);
    context.fillStyle = theme.raised;
    context.fillRect(0, 0, side, side);
    const filmed = player.bitmap && !pen.down;
    if (filmed) paintFrame(context, model, player, 0, side, side);
    else drawThirds(context, side, theme);
    const path = pen.down ? pen.samples.map(({ x, y }) => [x, y]) : (model.get("path") ?? []);
    context.globalAlpha = filmed ? 0.45 : 1;
    drawPath(context, path, side, theme);
    context.globalAlpha = 1;
    if (filmed && path.length) drawPlace(context, path, side, theme);
    if (pen.keys && document.activeElement === canvas) drawPen(context, side, theme);
  }

  /** Where along the path the shown frame is. */
  function drawPlace(context, path, side, theme) {
    const share = player.frame / Math.max(1, (model.get("num_frames") || 1) - 1);
    const [x, y] = path[Math.round(share * (path.length - 1))];
    for (const [color, width] of [["#fff", 4.5], [theme.colors[1], 2]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x * side, y * side, 7, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  function drawPen(context, side, theme) {
    const [x, y] = [pen.x * side, pen.y * side];
    for (const [color, width] of [["#fff", 4], [pen.down ? theme.colors[1] : "#333", 1.5]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - 12, y);
      context.lineTo(x + 12, y);
      context.moveTo(x, y - 12);
      context.lineTo(x, y + 12);
      context.stroke();
    }
  }

  return {
    element,
    paint,
    sheetCame() {
      pen.answered = true;
      if (!pen.down && player.bitmap && model.get("path")?.length) play();
    },
    label() {
      const at = `${percent(pen.x)} from the left, ${percent(pen.y)} from the top`;
      const path = `The path has ${model.get("path")?.length ?? 0} points.`;
      const state = `The pen is ${pen.down ? "down" : "up"}, ${at}.`;
      canvas.ariaLabel = [model.get("caption"), HINT, state, path].filter(Boolean).join(" ");
    },
    stop: () => clearTimeout(timer),
  };
}

function drawThirds(context, side, theme) {
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  context.beginPath();
  for (const share of [0.25, 0.5, 0.75]) {
    const at = Math.round(share * side) + 0.5;
    context.moveTo(at, 0);
    context.lineTo(at, side);
    context.moveTo(0, at);
    context.lineTo(side, at);
  }
  context.stroke();
}

/** A line with dots, with a light rim so that it is seen on any picture. */
function drawPath(context, path, side, theme) {
  context.lineJoin = context.lineCap = "round";
  for (const [color, more] of [["#fff", 2.5], [theme.colors[0], 0]]) {
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 2.5 + more;
    context.beginPath();
    path.forEach(([x, y], index) => context[index ? "lineTo" : "moveTo"](x * side, y * side));
    context.stroke();
    for (const [x, y] of path) {
      context.beginPath();
      context.arc(x * side, y * side, 3 + more / 2, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

// ---- play, pause, scrub ----

function makeTransport(model, player) {
  const element = make("div", "vidlab-transport");
  const [button, range] = [make("button", "vidlab-play"), make("input", "vidlab-range")];
  const text = make("span", "vidlab-frame-text");
  button.type = "button";
  Object.assign(range, { type: "range", min: 0, step: 1, ariaLabel: "frame" });
  range.dataset.lmSuppressShortcuts = button.dataset.lmSuppressShortcuts = "true";
  button.addEventListener("click", () => player.play(!model.get("playing")));
  range.addEventListener("input", () => player.scrub(Number(range.value)));
  element.append(button, range, text);
  return {
    element,
    update() {
      const frames = model.get("num_frames") || 0;
      const name = model.get("playing") ? "Pause" : "Play";
      element.hidden = frames <= 1;
      setText(button, name);
      button.ariaLabel = name;
      button.dataset.playing = Boolean(model.get("playing"));
      range.max = Math.max(0, frames - 1);
      range.value = player.frame;
      setText(text, `frame ${player.frame} (0 to ${frames - 1})`);
      range.setAttribute("aria-valuetext", text.textContent);
    },
  };
}

// ---- the widget ----

function makeView(model, el, player) {
  const root = make("div", "vidlab-stage");
  const top = make("div", "vidlab-stage-top");
  const transport = makeTransport(model, player);
  const tracks = makeTracks(model, player);
  const view = { visible: false, changed };
  let [content, built, theme, drawn] = [null, "", null, false]; // drawn: the tracks are
  let [frame, labelTimer, labelledAt] = [0, 0, 0];
  root.append(top, transport.element, tracks.element);
  root.setAttribute("role", "group");
  el.append(root);

  /** Make tiles or the drawing canvas anew, but only where their number or size changed. */
  function build() {
    const drawing = model.get("drawing");
    const choosable = model.get("selected") >= 0;
    // Not the sheet's size where one draws: an answer must not take the pen away.
    const names = drawing ? ["tile"] : ["tile", "num_clips", "width", "height", "titles"];
    const key = JSON.stringify([drawing, choosable, ...names.map((name) => model.get(name))]);
    if (key === built) return;
    built = key;
    content?.stop?.();
    content = drawing ? makeSketch(model, player, changed) : makeTiles(model, player);
    top.replaceChildren(content.element);
    content.updateOpinions?.();
    content.updateSelected?.();
  }

  function request() {
    if (view.visible) frame ||= requestAnimationFrame(paint);
  }

  function paint() {
    frame = 0;
    theme ??= readTheme(root);
    content.paint(theme);
    if (!drawn) tracks.draw(theme);
    drawn = true;
  }

  function relabel() {
    const wait = Math.max(0, labelledAt + 1000 - performance.now());
    labelTimer ||= setTimeout(() => {
      labelTimer = 0;
      labelledAt = performance.now();
      root.ariaLabel = model.get("caption") || "Clips";
      content.label();
      tracks.label();
    }, wait);
  }

  function updateData() {
    const chosen = Math.max(0, model.get("selected") ?? -1);
    Object.assign(root.dataset, {
      frame: player.frame,
      playing: Boolean(model.get("playing")),
      clips: model.get("num_clips") ?? 0,
      selected: model.get("selected") ?? -1,
      drawn: model.get("path")?.length ?? 0,
      firstOpinion: model.get("opinions")?.[chosen]?.[0]?.name ?? "",
    });
  }

  /** Something is new: bring the page's text up to date, and ask for the pictures. */
  function changed(what) {
    if (what === "layout" || what === "selected") build();
    if (what === "selected") content.updateSelected?.();
    if (what === "opinions") content.updateOpinions?.();
    if (what === "tracks" || what === "size") drawn = false;
    if (what === "sheet") content.sheetCame?.();
    if (what === "frame") tracks.follow();
    else if (what !== "size") relabel();
    transport.update();
    updateData();
    request();
  }

  const whats = { opinions: "opinions", selected: "selected", tracks: "tracks", path: "path" };
  for (const name of ["drawing", "num_clips", "num_frames", "tile", "width", "height", "titles"]) {
    whats[name] = "layout";
  }
  whats.caption = "caption";
  const listeners = Object.entries(whats).map(([name, what]) => [
    `change:${name}`,
    () => changed(what),
  ]);
  for (const [event, listener] of listeners) model.on(event, listener);
  const sight = new IntersectionObserver((entries) => {
    view.visible = entries.at(-1).isIntersecting;
    player.run();
    request();
  });
  const resize = new ResizeObserver(() => changed("size"));
  const stopTheme = watchTheme(() => {
    theme = null;
    changed("size");
  });
  player.views.add(view);
  changed("layout");
  sight.observe(root);
  resize.observe(root);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    player.views.delete(view);
    player.run();
    content.stop?.();
    sight.disconnect();
    resize.disconnect();
    stopTheme();
    cancelAnimationFrame(frame);
    clearTimeout(labelTimer);
  };
}

// A function: anywidget calls it once per model, and hands other model objects to `initialize`
// and to each `render`, so that the player could not be kept under the model.
export default () => {
  let player = null;
  return {
    initialize({ model }) {
      player = makePlayer(model);
    },
    render: ({ model, el }) => makeView(model, el, player),
  };
};
