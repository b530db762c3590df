"""Runs of recipes: what one gave, and what takes it forward step by step."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vidlab.playground.records import Ready, Record, as_record

if TYPE_CHECKING:
    from vidlab.playground.recipe import Recipe

_END = object()  # of a generator


@dataclass(repr=False)
class Run:
    """What one run of a recipe gave.

    Attributes:
        recipe: its name.
        settings: every knob's value at the start.
        changes: live knob -> step -> value, for the changes that were made on the way.
        records: one per step.
        seconds: time inside the recipe: without pauses, with building.
        ready: what the recipe yielded before its first step; None if it did not.
    """

    recipe: str
    settings: dict[str, Any]
    changes: dict[str, dict[int, float]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    ready: Ready | None = None

    @property
    def num_steps(self) -> int:
        """How many steps were taken."""
        return len(self.records)

    @property
    def loss(self) -> list[float]:
        """The first loss of each step."""
        return [next(iter(record.losses.values())) for record in self.records if record.losses]

    def curve(self, name: str, *, metric: bool = False) -> tuple[list[int], list[float]]:
        """Steps and values of one loss or, with ``metric``, of one metric."""
        part = "metrics" if metric else "losses"
        found = [(r.step, getattr(r, part)[name]) for r in self.records if name in getattr(r, part)]
        return [step for step, _ in found], [float(value) for _, value in found]

    def last(self) -> dict[str, float]:
        """The last value of each loss and, named "val ...", of each metric."""
        values: dict[str, float] = {}
        for record in self.records:
            values.update({name: float(value) for name, value in record.losses.items()})
            values.update({f"val {name}": float(value) for name, value in record.metrics.items()})
        return values

    def __repr__(self) -> str:
        results = ", ".join(f"{name} {value:.3g}" for name, value in self.last().items())
        steps = f"{self.num_steps} step{'s' if self.num_steps != 1 else ''}"
        return f"{steps}{', ' if results else ''}{results}"


class Driver:
    """Takes a recipe's generator forward, step by step, and writes its Run.

    Args:
        recipe: the recipe.
        run: where the records go; its settings say how to start.
    """

    def __init__(self, recipe: "Recipe", run: Run) -> None:
        self.recipe, self.run = recipe, run
        self._generator, self._live = recipe.start(run.settings)
        self._held: Any = _END  # a first record that came where Ready was expected
        self._last_step = 0

    def prepare(self) -> Ready:
        """Run up to the first step: data, model. Returns an empty Ready if the recipe has none."""
        first = self._next()
        if isinstance(first, Ready):
            self.run.ready = first
            return first
        if first is _END:
            raise self._no_step()
        self._held = first
        self.run.ready = Ready()
        return self.run.ready

    def turn(self, name: str, value: float) -> None:
        """Give a live knob another value, from the next step on."""
        if self._live[name].value != value:
            self._live[name].value = value
            self.run.changes.setdefault(name, {})[self.run.num_steps + 1] = value

    def advance(self) -> bool:
        """Take one step; False where the recipe has ended."""
        if self.run.ready is None:
            self.prepare()
        value = self._next() if self._held is _END else self._held
        self._held = _END
        if value is _END:
            if not self.run.records:
                raise self._no_step()
            return False
        record = as_record(value, self._last_step)
        self._last_step = record.step
        self.run.records.append(record)
        return True

    def close(self) -> None:
        """End the generator, so that it can tidy up."""
        self._generator.close()  # type: ignore[attr-defined]

    def _next(self) -> Any:
        start = time.perf_counter()
        try:
            return next(self._generator, _END)
        finally:
            self.run.seconds += time.perf_counter() - start

    def _no_step(self) -> RuntimeError:
        return RuntimeError(
            f"{self.recipe.name} ended without a step: it must yield a record after each step. "
            "Is the loop over train_steps empty, or a `yield from` missing?"
        )
