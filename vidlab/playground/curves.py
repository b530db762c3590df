"""The live curves: an anywidget that draws points as they come, and what is kept of each run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from vidlab.playground.records import Record
from vidlab.playground.running import Run

STATIC = Path(__file__).parent / "static"
MAX_POINTS = 1000  # of one curve of one run; beyond, every second one is dropped


@dataclass(frozen=True)
class Series:
    """A curve: the plot it stands in, its name, and whether it was measured on validation data."""

    group: str
    name: str
    validation: bool


def series_of(record: Record) -> Iterable[tuple[Series, float]]:
    """The curves that a record adds a point to."""
    for name, value in record.losses.items():
        yield Series("loss", name, False), float(value)
    for name, value in record.metrics.items():
        yield Series("loss" if "loss" in name else name, name, True), float(value)


@dataclass
class Line:
    """What the panel keeps of one run: settings, results and thinned curves.

    Attributes:
        number: from 1.
        run: the Run; its records are dropped when the next run begins.
        results: the last value of each loss and metric.
        state: how it ended.
    """

    number: int
    run: Run
    results: dict[str, float] = field(default_factory=dict)
    state: str = ""
    points: dict[Series, list[tuple[int, float]]] = field(default_factory=dict)
    taken: int = 0  # records that are in ``points``
    steps: int = 0

    def take(self) -> tuple[dict[Series, list[tuple[int, float]]], bool]:
        """Take the new records in; returns the new points, and whether old ones were thinned."""
        records = self.run.records[self.taken :]
        self.taken += len(records)
        self.steps = max(self.steps, self.taken)
        fresh: dict[Series, list[tuple[int, float]]] = {}
        for record in records:
            for series, value in series_of(record):
                fresh.setdefault(series, []).append((record.step, value))
        thinned = False
        for series, points in fresh.items():
            kept = self.points.setdefault(series, [])
            kept.extend(points)
            while len(kept) > MAX_POINTS:
                kept = self.points[series] = [*kept[:-1:2], kept[-1]]
                thinned = True
        if records:
            self.results = self.run.last()
        return fresh, thinned

    def at(self, step: int) -> dict[str, float]:
        """The last value of each curve at a step or before it."""
        values = {}
        for series, points in self.points.items():
            earlier = [value for when, value in points if when <= step]
            if earlier:
                name = f"val {series.name}" if series.validation else series.name
                values[name] = earlier[-1]
        return values


class Curves(anywidget.AnyWidget):
    """Curves of several runs; the points go to the browser as they come, each only once.

    Attributes:
        lines: all runs, oldest first.
        cursor: the step at which the learner looks back, -1 for none.
    """

    _esm = STATIC / "curves.js"
    _css = STATIC / "playground.css"
    runs: traitlets.List = traitlets.List().tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    cursor = traitlets.Int(-1).tag(sync=True)
    log_scale = traitlets.Bool(False).tag(sync=True)
    caption = traitlets.Unicode("Training curves, empty so far").tag(sync=True)
    xlabel = traitlets.Unicode("step").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.lines: list[Line] = []
        self.chosen: tuple[int, ...] = ()
        self.on_msg(self._asked)

    def begin(self, run: Run) -> Line:
        """A new run, the current one from now on."""
        for line in self.lines:
            line.run.records, line.run.ready = [], None
        line = Line(len(self.lines) + 1, run)
        self.lines.append(line)
        self.cursor = -1
        self.relabel()
        return line

    def relabel(self) -> None:
        """Tell the browser which runs there are."""
        self.runs = [
            {
                "id": line.number,
                "label": f"run {line.number}",
                "current": line is self.lines[-1],
                "chosen": line.number in self.chosen,
            }
            for line in self.lines
        ]

    def publish(self) -> None:
        """Send the new points of the current run."""
        if not self.lines:
            return
        line = self.lines[-1]
        fresh, thinned = line.take()
        for series, points in (line.points if thinned else fresh).items():
            self._transmit(line, series, points, "replace" if thinned else "points")

    def describe(self) -> None:
        """Say in words where the current run stands."""
        if self.lines and self.lines[-1].results:
            line = self.lines[-1]
            results = ", ".join(f"{name} {value:.3g}" for name, value in line.results.items())
            self.caption = f"Training curves. Run {line.number}, step {line.taken}: {results}"

    def _transmit(
        self, line: Line, series: Series, points: list[tuple[int, float]], kind: str
    ) -> None:
        content = {
            "type": kind,
            "run": line.number,
            "series": series.name,
            "group": series.group,
            "validation": series.validation,
        }
        self.send(content, [np.asarray(points, "<f4").tobytes()])

    def _asked(self, _widget: object, content: Any, _buffers: object) -> None:
        """A browser that has just opened the page asks for everything."""
        if content.get("type") != "ask":
            return
        self.send({"type": "clear"})
        for line in self.lines:
            for series, points in line.points.items():
                self._transmit(line, series, points, "points")

    def __repr__(self) -> str:
        return f"Curves({len(self.lines)} runs)"
