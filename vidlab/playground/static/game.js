// The true game and a network's dream of it, side by side, steered by the same keys.

const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const BUTTONS = [
  ["up", "\u25B2", "up"],
  ["left", "\u25C0", "left"],
  ["stay", "\u25CF", "wait one step"],
  ["right", "\u25B6", "right"],
  ["down", "\u25BC", "down"],
];
const HINT =
  "Click into the pictures, then steer with the arrow keys. Space starts and stops the clock.";
const NO_ANSWER = "The kernel does not answer. If it is not busy, run this cell again.";
const WAIT = 6000; // ms for an answer
const POSTER = 'img[alt^="Poster of the game"]';
// JupyterLab 4.6 drops an image's alt: then the poster is the picture right after the game.
const NAMELESS = '.jp-OutputArea-output[data-mime-type="image/png"] img:not([alt])';
const POSTER_WAIT = 8000; // ms: the poster may reach the page after the game

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function makeButton(className, text, label) {
  const button = make("button", `vidlab-game-button ${className}`, text);
  button.type = "button";
  if (label) button.ariaLabel = label;
  button.dataset.lmSuppressShortcuts = "true";
  return button;
}

// ---- the pictures ----

function makePicture(title) {
  const element = make("figure", "vidlab-game-picture");
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  element.append(make("figcaption", "", title), canvas);
  return {
    element,
    canvas,
    paint(bytes, size, label) {
      if (!bytes || bytes.byteLength < 3 * size * size) return;
      if (canvas.width !== size) canvas.width = canvas.height = size;
      const image = new ImageData(size, size);
      for (let pixel = 0; pixel < size * size; pixel += 1) {
        for (let color = 0; color < 3; color += 1) {
          image.data[4 * pixel + color] = bytes.getUint8(3 * pixel + color);
        }
        image.data[4 * pixel + 3] = 255;
      }
      canvas.getContext("2d").putImageData(image, 0, 0);
      if (canvas.ariaLabel !== label) canvas.ariaLabel = label;
    },
  };
}

const asView = (bytes) =>
  bytes instanceof DataView
    ? bytes
    : bytes?.buffer
      ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : bytes && new DataView(bytes);

// ---- the poster ----

function hidePoster(root) {
  const child = root.closest(".jp-OutputArea-child");
  if (!child?.parentElement) return () => {};
  const hidden = new Set();
  const hide = () => {
    const first = child.nextElementSibling;
    if (first?.querySelector(NAMELESS)) hidden.add(first);
    for (let next = first; next; next = next.nextElementSibling) {
      if (next.querySelector(POSTER)) hidden.add(next);
    }
    for (const poster of hidden) poster.classList.add("vidlab-game-poster-hidden");
  };
  const observer = new MutationObserver(hide);
  const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["alt"] };
  observer.observe(child.parentElement, watched);
  const timer = setTimeout(() => observer.disconnect(), POSTER_WAIT);
  hide();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    for (const poster of hidden) poster.classList.remove("vidlab-game-poster-hidden");
  };
}

// ---- the game ----

function makeGame(model, el) {
  const root = make("div", "vidlab-game");
  const board = make("div", "vidlab-game-board");
  const pictures = { true: makePicture("the true game"), dream: makePicture("the dream") };
  const status = make("p", "vidlab-game-status");
  const counts = make("p", "vidlab-game-counts");
  const notice = make("p", "vidlab-game-error");
  const pad = make("div", "vidlab-game-pad");
  const bar = make("div", "vidlab-game-bar");
  const clock = makeButton("vidlab-game-clock", "Start the clock");
  const reset = makeButton("vidlab-game-reset", "Same world again");
  const next = makeButton("vidlab-game-next", "Another world");
  const choice = make("select", "vidlab-game-network");
  const label = make("label", "vidlab-game-choice", "dreamed by ");

  const held = []; // keys that are down, the last one counts
  const times = []; // of answers in the last second
  let [turn, waiting, queued, running] = [model.get("turn") || 0, false, null, false];
  let [timer, waitTimer, sentAt, ended] = [0, 0, 0, false];
  let tapped = null; // a key that went down since the last tick, and may be up again

  board.tabIndex = 0;
  board.setAttribute("role", "application");
  board.ariaLabel = `The game. ${HINT}`;
  board.dataset.lmSuppressShortcuts = "true"; // the arrow keys are not JupyterLab's here
  notice.setAttribute("role", "alert");
  status.setAttribute("aria-live", "off");
  choice.dataset.lmSuppressShortcuts = "true";
  board.append(pictures.true.element, pictures.dream.element);
  label.append(choice);
  bar.append(clock, reset, next, label);
  const side = make("div", "vidlab-game-side");
  side.append(status, counts, pad);
  const top = make("div", "vidlab-game-top");
  top.append(board, side);
  root.append(top, bar, make("p", "vidlab-game-hint", HINT), notice);
  el.append(root);

  // -- to the kernel: one message at a time --

  function send(kind, value) {
    if (waiting) {
      // The last one waits for its turn; but no key takes the place of a new beginning.
      if (kind !== "key" || (queued?.[0] ?? "key") === "key") queued = [kind, value];
      return;
    }
    waiting = true;
    sentAt = performance.now();
    turn += 1;
    clearTimeout(waitTimer);
    waitTimer = setTimeout(() => {
      waiting = false;
      queued = null;
      run(false);
      setText(notice, NO_ANSWER);
    }, WAIT);
    model.send({ kind, value, turn });
  }

  function answered() {
    waiting = false;
    clearTimeout(waitTimer);
    times.push(performance.now());
    update();
    if (queued) {
      const [kind, value] = queued;
      queued = null;
      send(kind, value);
    }
  }

  // -- keys --

  const gap = () => 1000 / Math.min(Math.max(model.get("fps") || 8, 1), 30);

  function tick() {
    timer = 0;
    if (!running || ended) return;
    if (!waiting) {
      send("key", held.at(-1) ?? tapped ?? "stay");
      tapped = null;
    }
    timer = setTimeout(tick, gap());
  }

  function run(on) {
    running = on;
    setText(clock, on ? "Stop the clock" : "Start the clock");
    root.dataset.running = on;
    clearTimeout(timer);
    timer = on ? setTimeout(tick, 0) : 0;
  }

  /** A key goes down, or repeats: with the clock stopped each is a step. */
  function press(key, repeated = false) {
    if (!repeated) {
      tapped = key;
      if (!held.includes(key)) held.push(key);
    }
    if (running) return;
    tapped = null;
    if (repeated && (waiting || performance.now() - sentAt < gap())) return;
    send("key", key);
  }

  function release(key) {
    const at = held.indexOf(key);
    if (at >= 0) held.splice(at, 1);
  }

  board.addEventListener("keydown", (event) => {
    const key = ARROWS[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (key) press(key, event.repeat);
    else if (event.key === " ") event.repeat || run(!running);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  board.addEventListener("keyup", (event) => {
    if (event.key in ARROWS) release(ARROWS[event.key]);
  });
  board.addEventListener("blur", () => held.splice(0));
  board.addEventListener("pointerdown", () => board.focus());

  for (const [key, sign, name] of BUTTONS) {
    const button = makeButton(`vidlab-game-${key}`, sign, name);
    let repeat = 0;
    const stop = () => {
      clearInterval(repeat);
      release(key);
    };
    // The board keeps the focus: when it loses it, it lets go of all keys, this one too.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      press(key);
      clearInterval(repeat);
      repeat = setInterval(() => (ended ? stop() : press(key, true)), gap());
    });
    for (const event of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
      button.addEventListener(event, stop);
    }
    button.addEventListener("click", (event) => {
      if (event.detail !== 0) return; // a pointer did it already; here: Enter or Space
      press(key);
      release(key);
    });
    pad.append(button);
  }
  clock.addEventListener("click", () => {
    run(!running);
    board.focus();
  });
  reset.addEventListener("click", () => {
    send("reset");
    board.focus();
  });
  next.addEventListener("click", () => {
    send("next");
    board.focus();
  });
  choice.addEventListener("change", () => {
    send("network", choice.value);
    board.focus();
  });

  // -- from the kernel --

  function update() {
    const [size, drift] = [model.get("size"), model.get("drift")];
    const [steps, wrong] = [model.get("num_steps"), model.get("wrong_pixels")];
    const same = drift === 0;
    turn = Math.max(turn, model.get("turn") || 0); // another view may have sent as well
    pictures.true.paint(asView(model.get("true_pixels")), size, "the true game");
    pictures.dream.paint(asView(model.get("dream_pixels")), size, "the network's dream");
    setText(status, same ? "\u2713 same place" : `\u2717 elsewhere for ${drift}`);
    status.dataset.same = same;
    const now = performance.now();
    while (times.length && now - times[0] > 1000) times.shift();
    const told = [`step ${steps}`, `${wrong} pixels differ`, `${model.get("coins")} coins left`];
    setText(counts, told.join(" \u00B7 "));
    setText(notice, model.get("error"));
    Object.assign(root.dataset, {
      frames: steps,
      drift,
      wrong,
      coins: model.get("coins"),
      rate: times.length,
      network: model.get("network"),
      turn: model.get("turn"),
    });
    if (choice.value !== model.get("network")) choice.value = model.get("network");
  }

  function updateNames() {
    const names = model.get("names") ?? [];
    choice.replaceChildren(...names.map((name) => new Option(name, name)));
    label.hidden = names.length < 2;
    update();
  }

  // One message of the kernel changes several traits; each change may find the others still old.
  let asked = 0;
  const later = () => (asked ||= requestAnimationFrame(() => ((asked = 0), update())));
  const listeners = [
    ["change:turn", answered],
    ["change:names", updateNames],
    ...["true_pixels", "dream_pixels", "drift", "num_steps", "error", "network"].map((name) => [
      `change:${name}`,
      later,
    ]),
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  const sight = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) run(false); // nobody plays what is out of sight
  });
  sight.observe(root);
  run(false);
  updateNames();
  let showPoster = () => {};
  const attach = requestAnimationFrame(() => (showPoster = hidePoster(root)));
  return () => {
    ended = true;
    for (const [event, listener] of listeners) model.off(event, listener);
    cancelAnimationFrame(attach);
    cancelAnimationFrame(asked);
    clearTimeout(timer);
    clearTimeout(waitTimer);
    sight.disconnect();
    showPoster();
  };
}

export default { render: ({ model, el }) => makeGame(model, el) };
