"""What a panel shows of its session: status, curves, clips, runs and code."""

import os
import time
from html import escape

from vidlab.playground import views
from vidlab.playground.curves import Line
from vidlab.playground.layout import TABS, Layout
from vidlab.playground.recipe import Recipe
from vidlab.playground.records import Confusion, Ready, Samples, View
from vidlab.playground.running import Run
from vidlab.playground.session import Session, Snapshot
from vidlab.playground.stage import titles_of

SLOW = 10.0  # seconds of building after which the panel says what may be wrong
BUSY = ("building", "compiling", "training")


class Screen(Layout):
    """A panel's widgets, brought up to date from its session; it changes nothing in the session."""

    session: Session

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._seen: object = None  # the last snapshot that was shown
        self._stretching = False  # while the slider's own range grows, which is no looking back
        self._clips_shown: Samples | None = None

    @property
    def _tab(self) -> str:
        return list(TABS)[self.tabs.selected_index or 0]

    def _begin(self, run: Run) -> None:
        self.curves.begin(run)
        self.curves.total = 0
        self._seen = None
        self.verdict.value = ""

    def _show_status(self, state: str) -> None:
        session, run = self.session, self.session.run
        passed = time.monotonic() - session.since
        steps = run.num_steps if run else 0
        total = session.ready.num_steps if session.ready else None
        detail = session.reason
        if state in ("building", "compiling"):
            detail = f"{passed:.1f} s"
            if state == "building" and passed > SLOW:
                detail += (
                    ": the recipe has not yielded yet. Either its data or model take long, or "
                    "it never yields; then restart the kernel"
                )
        elif state in ("training", "paused", "finished", "stopped") and run and steps:
            detail = f"step {steps}" + (f" of {total}" if total else "")
            left = session.seconds_left
            if state == "training" and left is not None:
                detail += f", about {left:.0f} s left"
            if state in ("finished", "stopped"):
                detail += f", {run.seconds:.1f} s"
            if session.compile_seconds and session.compile_seconds > 0.1:
                detail += f" (compiled in {session.compile_seconds:.1f} s)"
            if session.reason:
                detail += f". {session.reason}"
        self.status.value = views.status(state, detail)
        self.progress.value = steps / total if total else float(state == "finished")
        self.progress.bar_style = {"failed": "danger", "finished": "success"}.get(state, "")
        self.error.value = (
            views.error_box(session.reason, session.trace) if state == "failed" else ""
        )

    def _show_buttons(self) -> None:
        state = self.session.state
        ask = self.recipe.predict_first
        self.question.layout.display = "flex" if self.ask_first.value else "none"
        locked = ask is not None and self.ask_first.value and self.guess.value is None
        self.buttons["train"].description = "Continue" if state == "paused" else "Train"
        self.buttons["train"].disabled = state in BUSY or locked
        self.buttons["pause"].disabled = state != "training"
        self.buttons["step"].disabled = state in ("building", "compiling") or locked
        self.buttons["stop"].disabled = state not in (*BUSY, "paused")
        self.buttons["reset"].disabled = state in ("building", "compiling")
        if ask and self.ask_first.value and state == "finished" and self.session.run:
            self.verdict.value = (
                f"You said: <b>{escape(str(self.guess.value))}</b>. "
                f"It was: <b>{escape(ask.outcome(self.session.run))}</b>."
            )

    def _show_ready(self, ready: Ready | None) -> None:
        """Size of the model; which tabs have something to show."""
        if ready is None:
            return
        facts = []
        if ready.num_parameters is not None:
            weights = 4 * ready.num_parameters
            facts.append(
                f"{ready.num_parameters:,} parameters ({views.size(weights)}; with gradients and "
                f"Adam's two averages {views.size(4 * weights)})"
            )
        if ready.data_bytes is not None:
            facts.append(f"training data {views.size(ready.data_bytes)}")
        facts.append(f"this process {views.size(process_bytes())}")
        self.facts.value = f'<p class="vidlab-note">{"<br>".join(facts)}</p>'
        self.curves.total = ready.num_steps or 0
        if tuple(self.changes.options) != tuple(ready.changes):
            self.changes.options = tuple(ready.changes)
            self.changes.value = next(iter(ready.changes))

    def _show_samples(self) -> bool:
        """The clips and what the model says of them; False where there is nothing new."""
        snapshots = self.session.snapshots
        last = snapshots[-1].step if snapshots else -1
        key = (id(self.session.run), id(self.session.ready), len(snapshots), last)
        if key == self._seen:
            return False
        self._seen = key
        self._show_opinions()
        return True

    def _snapshot(self) -> Snapshot | None:
        """The snapshot that belongs to the cursor, the last one without a cursor."""
        snapshots, cursor = self.session.snapshots, self.curves.cursor
        if cursor < 0:
            return snapshots[-1] if snapshots else None
        earlier = [snapshot for snapshot in snapshots if snapshot.step <= cursor]
        return earlier[-1] if earlier else None

    def _samples(self) -> Samples | None:
        """The clips of the snapshot, or else those of Ready."""
        snapshot, ready = self._snapshot(), self.session.ready
        if snapshot is not None and snapshot.samples is not None:
            return snapshot.samples
        return None if ready is None else ready.samples

    def _show_opinions(self) -> None:
        snapshot, samples = self._snapshot(), self._samples()
        if samples is None:
            return
        if samples is not self._clips_shown:
            self._clips_shown = samples
            self.clips.show_clips(samples.frames, titles_of(samples), samples.fps)
        if snapshot is not None and snapshot.opinions is not None:
            self.clips.show_opinions(snapshot.opinions, samples.class_names, samples.labels)

    def _show_lookback(self) -> None:
        steps = self.session.run.num_steps if self.session.run else 0
        if self.lookback.max != steps:
            at_end, self._stretching = self.curves.cursor < 0, True
            try:
                with self.lookback.hold_sync():
                    self.lookback.max = steps
                    if at_end:
                        self.lookback.value = steps
            finally:
                self._stretching = False
        self.lookback.disabled = steps == 0
        self._show_moment()

    def _show_moment(self) -> None:
        if not self.curves.lines:
            return
        line, cursor = self.curves.lines[-1], self.curves.cursor
        step = line.steps if cursor < 0 else cursor
        values = line.results if cursor < 0 else line.at(cursor)
        text = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        self.moment.value = f"step {step}: {escape(text)}" if values else ""

    def _show_runs(self, state: str) -> None:
        lines = self.curves.lines
        if not lines:
            return
        lines[-1].state = views.STATES[state]
        self.runs.value = views.runs_table(lines)
        options = [("-", 0), *((f"run {line.number}", line.number) for line in lines)]
        for menu in self.compared:
            if len(menu.options) != len(options):
                kept = menu.value
                menu.options = options
                menu.value = kept
        self._compare()
        if self.session.run is not None:
            self.code.value = self.recipe.code(self.session.run)

    def _compare(self) -> None:
        lines = {line.number: line for line in self.curves.lines}
        chosen: list[Line] = [lines[menu.value] for menu in self.compared if menu.value in lines]
        self.curves.chosen = tuple(line.number for line in chosen)
        self.curves.relabel()
        self.difference.value = views.difference_table(*chosen) if len(chosen) == 2 else ""

    def _show_views(self, found: dict[str, View]) -> None:
        parts = []
        for title, view in found.items():
            parts.append(f"<b>{escape(title)}</b>")
            if isinstance(view, Confusion):
                parts.append(views.confusion_table(view))
            else:
                parts.append(views.picture(view))
        self.views.value = "".join(parts)


def process_bytes() -> int:
    """Memory of this process."""
    import psutil

    return int(psutil.Process(os.getpid()).memory_info().rss)
