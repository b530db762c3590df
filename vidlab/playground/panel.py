"""The panel: knobs, buttons, live curves, clips, a look inside, runs and code."""

import threading
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np
from IPython.display import display

from vidlab.display.style import show_png
from vidlab.playground import views
from vidlab.playground.controls import read, settle
from vidlab.playground.poster import ALT, draw_poster
from vidlab.playground.recipe import Recipe
from vidlab.playground.running import Run
from vidlab.playground.screen import BUSY, Screen
from vidlab.playground.session import Inside, Session
from vidlab.playground.stage import titles_of

INTERVAL = 0.2  # seconds between two updates of the curves
CALM = 1.0  # seconds between two updates of the rest: each message costs the browser a layout


class Pulse:
    """Calls a function a few times per second while there is work, in a thread of its own."""

    def __init__(self, beat: Callable[[], object], busy: Callable[[], bool]) -> None:
        self._beat, self._busy = beat, busy
        self._lock, self._due = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have the function called soon, whatever the time."""
        with self._lock:
            self._due.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="vidlab-pulse")
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._due.clear()
            self._beat()
            with self._lock:
                if not self._busy() and not self._due.is_set():
                    self._thread = None
                    return
            self._due.wait(INTERVAL)


class Panel(Screen):
    """The live panel of a recipe.

    Attributes:
        recipe, session: what is trained, and its state.
        controls: name of a knob -> its widget; set ``value`` to turn it from code.
        buttons: "train", "pause", "step", "stop", "reset", ... -> its button.
        curves, clips, inside, paper: the anywidgets.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.session = Session(recipe, self._changed)
        self._pulse = Pulse(self._update, lambda: self.session.state in BUSY)
        self._lock = threading.RLock()
        self._shown: tuple[Any, ...] = ()  # run and state that the slow parts show
        self._next_calm = 0.0
        self._asking = self._ask_again = False
        self._listen()
        self._update()

    def _listen(self) -> None:
        actions: dict[str, Callable[[], None]] = {
            "train": lambda: self.session.train(self.settings()),
            "pause": self.session.pause,
            "step": lambda: self.session.step(self.settings()),
            "stop": self.session.stop,
            "reset": lambda: self.session.reset(self.settings()),
        }
        for name, action in actions.items():
            self.buttons[name].on_click(lambda _, action=action: action())
        for name, control in self.controls.items():
            control.observe(lambda change, name=name: self._turned(name, change.new), names="value")
        self.preset.observe(self._choose_preset, names="value")
        self.restore.on_click(lambda _: self._restore())
        self.lookback.observe(lambda change: self._look_back(change.new), names="value")
        self.curves.observe(self._cursor_moved, names="cursor")
        self.clips.observe(lambda _: self._ask_inside(), names="selected")
        self.changes.observe(lambda _: self._ask_inside(), names="value")
        self.tabs.observe(lambda _: self._look(), names="selected_index")
        self.paper.observe(lambda _: self._ask_drawn(), names="path")
        for menu in self.compared:
            menu.observe(lambda _: self._compare(), names="value")
        for control in (self.guess, self.ask_first):
            control.observe(lambda _: self._show_buttons(), names="value")

    # -- what the learner does -------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """The present value of each knob."""
        return {
            name: read(knob, self.controls[name].value) for name, knob in self.recipe.knobs.items()
        }

    def set(self, settings: Mapping[str, Any]) -> None:
        """Turn several knobs."""
        for name, value in settings.items():
            settle(self.controls[name], value)

    def _turned(self, name: str, value: Any) -> None:
        knob = self.recipe.knobs[name]
        if knob.live and self.session.state in ("training", "paused", "compiling"):
            self.session.turn(name, read(knob, value))
        self._show_pending()

    def _show_pending(self) -> None:
        """Say which knobs wait for the next run, and keep the share string true."""
        settings, run = self.settings(), self.session.run
        self.share.value = self.recipe.share(settings)
        waiting = []
        if run is not None and self.session.state in ("training", "paused", "compiling"):
            waiting = [
                name
                for name, knob in self.recipe.knobs.items()
                if not knob.live and settings[name] != run.settings[name]
            ]
        self.pending.value = f"from the next run on: {', '.join(waiting)}" if waiting else ""

    def _choose_preset(self, change: Any) -> None:
        preset = change.new
        self.watch.value = escape(preset.watch) if preset else ""
        if preset:
            framework = {n: self.controls[n].value for n in self.controls if n == "framework"}
            self.set({**self.recipe.settings({}), **framework, **preset.knobs})

    def _restore(self) -> None:
        try:
            settings = self.recipe.restore(self.share.value)
        except ValueError as error:
            self.share_note.value = f'<p class="vidlab-error">{escape(str(error))}</p>'
            return
        self.set(settings)
        self.share_note.value = '<p class="vidlab-note">The knobs are set.</p>'

    def _look_back(self, step: int) -> None:
        if not self._stretching:
            self.curves.cursor = -1 if step >= self.lookback.max else step

    def _cursor_moved(self, change: Any) -> None:
        step = change.new
        self.lookback.value = self.lookback.max if step < 0 else min(step, self.lookback.max)
        self._show_moment()
        self._show_opinions()

    # -- what is shown ---------------------------------------------------------------------------

    def _changed(self) -> None:
        self._pulse.wake()

    def _update(self) -> None:
        """Bring the screen up to date; in the pulse's thread."""
        with self._lock:
            session = self.session
            run, state = session.run, session.state
            if run is not None and (not self.curves.lines or self.curves.lines[-1].run is not run):
                self._begin(run)
            self.curves.publish()
            changed = (id(run), state) != self._shown
            if changed:  # before the status: who reads "ready" finds Train unlocked, and who reads
                self._show_buttons()  # "stopped" finds the code of the whole run
                self._show_runs(state)
            if changed or state not in BUSY or time.monotonic() >= self._next_calm:
                self._next_calm = time.monotonic() + CALM
                self._show_status(state)
                self._show_lookback()
                self.curves.describe()
            if self._show_samples() and self._tab == "inside":
                self._ask_inside()
            if changed:
                self._shown = (id(run), state)
                self._show_pending()
                self._show_ready(session.ready)
                if state in ("ready", "paused", "stopped", "finished"):
                    self._look()

    # -- looking inside --------------------------------------------------------------------------

    def _look(self) -> None:
        if self._tab == "inside":
            self._ask_inside()
            if self.session.state != "training":
                self.session.look_at_views(self._show_views)

    def _ask_inside(self) -> None:
        """Ask the model about the chosen clip, as filmed and as changed."""
        ready, samples, index = self.session.ready, self._samples(), self.clips.selected
        if ready is None or samples is None or not 0 <= index < len(samples.frames):
            return
        name = self.changes.value or next(iter(ready.changes))
        clip, change = samples.frames[index], ready.changes[name]
        title = titles_of(samples)[index]

        def answer(inside: Inside) -> None:
            opinions = {} if inside.opinion is None else {name: inside.opinion}
            first = next(iter(ready.changes))
            if name != first and ready.predict is not None:
                plain = np.asarray(ready.predict(np.ascontiguousarray(clip)[None]))[0]
                opinions = {first: plain, **opinions}
            self.inside.show_clips(inside.clip[None], [f"{title}, {name}"], samples.fps)
            self.inside.show_tracks(inside.tracks)
            self.inside_bars.value = views.bars(opinions, samples.class_names) if opinions else ""

        self.session.look_inside(lambda _: change(clip), answer)

    def _ask_drawn(self) -> None:
        """Ask the model about what was drawn; while it thinks, only the last path waits."""
        if self._asking:
            self._ask_again = True
            return
        path, ready = np.asarray(self.paper.path, float), self.session.ready
        if ready is None or ready.draw is None or len(path) < 2:
            text = "Draw a longer path." if ready and ready.draw else "Build the model: Reset."
            self.paper_bars.value = f'<p class="vidlab-note">{text}</p>'
            return
        draw = ready.draw
        self._asking = True

        def answer(inside: Inside) -> None:
            self.paper.show_clips(inside.clip[None])
            self.paper.show_tracks(inside.tracks)
            names = ready.samples.class_names if ready.samples else ()
            if inside.opinion is not None:
                self.paper_bars.value = views.bars({"the model says": inside.opinion}, names)
                self.paper.show_opinions(inside.opinion[None], names)

        def done() -> None:
            self._asking = False
            if self._ask_again:
                self._ask_again = False
                self._ask_drawn()

        self.session.look_inside(lambda _: draw(path), answer, done)

    def __repr__(self) -> str:
        return f"Playground panel of {self.recipe.name}. Run the cell for the live panel."


def show(recipe: Recipe, examples: Mapping[str, Run]) -> None:
    """Show a recipe's panel and its poster; see ``Recipe.show``."""
    display(Panel(recipe))
    show_png(draw_poster(recipe, examples), f"{ALT} {recipe.title}. Run the cell for the live one.")
