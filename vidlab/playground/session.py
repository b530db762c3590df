"""One panel's training: what its buttons do, and what there is to show."""

import contextlib
import gc
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vidlab.playground.recipe import Recipe
from vidlab.playground.records import OverTime, Ready, Samples, View
from vidlab.playground.running import Driver, Run
from vidlab.playground.worker import worker
from vidlab.reuse import reusing

ACTIVE = ("building", "compiling", "ready", "training", "paused")
PEEK_SECONDS = 1.0  # at least so long between two looks at the samples
PEEK_SHARE = 0.02  # of the time, at most, goes into looking at samples
MAX_SNAPSHOTS = 40  # of one run; more are thinned
SETTLED = 3  # steps before their time says how long a run will take


@dataclass(frozen=True)
class Snapshot:
    """What there was to see at one step.

    Attributes:
        step: how many steps had been taken.
        opinions: float (N, K), the model's probabilities for the samples; or None.
        samples: clips that the recipe yielded at this step; or None for those of Ready.
    """

    step: int
    opinions: np.ndarray | None = None
    samples: Samples | None = None


@dataclass
class Inside:
    """A look inside at one clip.

    Attributes:
        clip: uint8 (T, H, W, 3), as the model saw it.
        opinion: float (K,), or None.
        tracks: title -> OverTime.
    """

    clip: np.ndarray
    opinion: np.ndarray | None = None
    tracks: Mapping[str, OverTime] = field(default_factory=dict)


class Session:
    """One panel's training: what its buttons do, and what there is to show.

    The public methods may be called from any thread and return at once. The attributes are
    written by the worker; ``changed`` is called in its thread after each change of ``state``.

    Attributes:
        state: "idle", "building", "compiling", "ready", "training", "paused", "stopped",
            "finished" or "failed".
        reason: why it stopped or failed, in one line.
        trace: the traceback of a failure.
        since: when the state began, in seconds of ``time.monotonic``.
        run: the present or last Run.
        snapshots: of the present run, oldest first.
        compile_seconds: how long the graph took to compile.
    """

    def __init__(self, recipe: Recipe, changed: Callable[[], object] = lambda: None) -> None:
        self.recipe, self.changed = recipe, changed
        self.state, self.reason, self.trace = "idle", "", ""
        self.since = time.monotonic()
        self.run: Run | None = None
        self.snapshots: list[Snapshot] = []
        self.compile_seconds: float | None = None
        self._driver: Driver | None = None
        self._kept: dict[Any, Any] = {}  # the model of the last run, for Keras
        self._train_seconds: list[float] = []
        self._next_peek = 0.0

    # -- what the buttons do ---------------------------------------------------------------------

    def train(self, settings: Mapping[str, Any]) -> None:
        """Begin a run with these settings; where one is paused, go on with it."""
        worker().submit(lambda: self._guard(lambda: self._begin(settings)))

    def step(self, settings: Mapping[str, Any]) -> None:
        """Take exactly one step, and pause."""
        worker().submit(lambda: self._guard(lambda: self._one_step(settings)))

    def reset(self, settings: Mapping[str, Any]) -> None:
        """Build data and model anew, without training."""
        worker().submit(lambda: self._guard(lambda: self._build(settings)))

    def pause(self) -> None:
        """Hold after the present step."""

        def job() -> None:
            if self.state == "training":
                self._set("paused")

        worker().submit(job)

    def stop(self, reason: str = "") -> None:
        """End the run after the present step; the model stays as it is."""
        worker().submit(lambda: self.end("stopped", reason))

    def turn(self, name: str, value: float) -> None:
        """Turn a live knob of the present run."""

        def job() -> None:
            if self._driver is not None:
                self._driver.turn(name, value)

        worker().submit(lambda: self._guard(job))

    # -- questions to the model ------------------------------------------------------------------

    def look_inside(
        self,
        make_clip: Callable[[Ready], np.ndarray],
        answer: Callable[[Inside], object],
        done: Callable[[], object] = lambda: None,
    ) -> None:
        """Ask the present model about a clip; ``done`` is called afterwards in any case."""

        def ask() -> None:
            ready = self.ready
            if ready is None:
                return
            made = np.ascontiguousarray(make_clip(ready))
            opinion = None if ready.predict is None else np.asarray(ready.predict(made[None]))[0]
            tracks = {} if ready.inspect is None else ready.inspect(made)
            answer(Inside(made, opinion, tracks))

        def job() -> None:
            self._guard(ask)
            done()

        worker().submit(job)

    def look_at_views(self, answer: Callable[[dict[str, View]], object]) -> None:
        """Compute every view of Ready with the present model."""

        def job() -> None:
            if self.ready is not None:
                answer({title: view() for title, view in self.ready.views.items()})

        worker().submit(lambda: self._guard(job))

    # -- facts -----------------------------------------------------------------------------------

    @property
    def ready(self) -> Ready | None:
        """What the recipe yielded before its first step."""
        return None if self.run is None else self.run.ready

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the training time that is left, from the steps so far."""
        times, ready = self._train_seconds, self.ready
        if ready is None or ready.num_steps is None or len(times) <= SETTLED or self.run is None:
            return None
        settled = times[1:]  # the first step may have compiled
        return (ready.num_steps - self.run.num_steps) * sum(settled) / len(settled)

    # -- in the worker's thread ------------------------------------------------------------------

    def _set(self, state: str, reason: str = "", trace: str = "") -> None:
        self.reason, self.trace = reason, trace
        self.since = time.monotonic()
        self.state = state
        self.changed()

    def _guard(self, job: Callable[[], object]) -> None:
        """Do a job; what it raises ends the run and is kept for the panel."""
        try:
            job()
        except Exception as error:
            self.end("failed", f"{type(error).__name__}: {error}", traceback.format_exc())

    def _build(self, settings: Mapping[str, Any]) -> None:
        active = worker().active
        if active is not None and active is not self:
            active.end("stopped", f"stopped: {self.recipe.title} began to train")
        self.end("stopped", "")
        if self.run is not None:
            self.run.ready = None  # holds the model before this one
        gc.collect()  # Keras models hold cycles
        worker().active = self
        self.snapshots, self._train_seconds, self.compile_seconds = [], [], None
        self._next_peek = 0.0
        self.run = Run(self.recipe.name, dict(settings))
        self._set("building")
        self._driver = Driver(self.recipe, self.run)
        with reusing(self._kept):
            ready = self._driver.prepare()
        self._peek()
        if ready.compile is not None:
            self._set("compiling")
            start = time.perf_counter()
            ready.compile()
            self.compile_seconds = time.perf_counter() - start
        self._set("ready")

    def _open(self, settings: Mapping[str, Any]) -> None:
        """Get a run that can take a step: a paused one, one just built, or a new one."""
        built = self.state == "ready" and self.run is not None and self.run.settings == settings
        if not built and self.state not in ("paused", "training"):
            self._build(settings)

    def _begin(self, settings: Mapping[str, Any]) -> None:
        self._open(settings)
        self.advance("training")

    def _one_step(self, settings: Mapping[str, Any]) -> None:
        if self.state == "training":
            self._set("paused")
        else:
            self._open(settings)
            self.advance("paused")

    def advance(self, then: str = "training") -> None:
        """Take one step; in the worker's thread."""
        assert self._driver is not None
        assert self.run is not None
        compiles = self.run.settings.get("framework") == "keras" and self.compile_seconds is None
        if compiles and not self.run.num_steps:
            self._set("compiling")
        elif self.state not in ("training", then):
            self._set("training")
        start = time.perf_counter()
        try:
            more = self._driver.advance()
        except Exception as error:
            self.end("failed", f"{type(error).__name__}: {error}", traceback.format_exc())
            return
        if not more:
            self.end("finished", "")
            return
        now = time.perf_counter()
        if self.state == "compiling":
            self.compile_seconds = now - start
        self._train_seconds.append(now - start)
        record = self.run.records[-1]
        if record.samples is not None:
            self._keep(Snapshot(self.run.num_steps, samples=record.samples))
            self.run.records[-1] = replace(record, samples=None)
        if self.state != then or then == "paused":
            self._set(then)
        if now >= self._next_peek or then == "paused":
            self._guard(self._peek)

    def _peek(self) -> None:
        """Note what the model says of the samples; not more often than it is cheap."""
        ready, run = self.ready, self.run
        if ready is None or run is None or ready.samples is None or ready.predict is None:
            return
        start = time.perf_counter()
        opinions = np.asarray(ready.predict(ready.samples.frames), np.float32)
        cost = time.perf_counter() - start
        self._keep(Snapshot(run.num_steps, opinions))
        self._next_peek = time.perf_counter() + max(PEEK_SECONDS, cost / PEEK_SHARE)

    def _keep(self, snapshot: Snapshot) -> None:
        kept = [*self.snapshots, snapshot]
        if len(kept) > MAX_SNAPSHOTS:
            kept = kept[::2] if kept[::2][-1] is snapshot else [*kept[::2], snapshot]
        self.snapshots = kept

    def end(self, state: str, reason: str, trace: str = "") -> None:
        """Leave the run, if there is one, in the worker's thread; the model can still be asked."""
        if self._driver is None and state != "failed":
            return
        driver, self._driver = self._driver, None
        if driver is not None:
            # A recipe that raises while it tidies up has nothing to add to how it ended.
            with contextlib.suppress(Exception):
                driver.close()
        if worker().active is self:
            worker().active = None
        self._set(state, reason, trace)
        if state != "failed" and self.run is not None and self.run.num_steps:
            self._guard(self._peek)
            self.changed()
