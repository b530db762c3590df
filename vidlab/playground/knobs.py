"""Knobs: what a recipe's arguments may be, read from its signature."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import numpy as np

from vidlab.plan import scheduled

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}


class Range:
    """The annotation of a number that gets a slider.

    Args:
        low, high: the ends of the slider, both included.
        step: the distance of its positions; by default 1 for whole numbers, and a hundredth of
            the way for others.
        unit: shown behind the number, such as "frames".
        log: a logarithmic slider, for numbers that span powers of ten.
        live: the knob may be turned while the recipe runs. The recipe then gets a ``LiveValue``
            and calls it whenever it needs the present number.

    Raises:
        ValueError: low is not below high, or a logarithmic range does not begin above 0.
    """

    def __init__(
        self,
        low: float,
        high: float,
        *,
        step: float | None = None,
        unit: str = "",
        log: bool = False,
        live: bool = False,
    ) -> None:
        if not low < high:
            raise ValueError(f"Range: low must be below high, got {low} and {high}")
        if log and low <= 0:
            raise ValueError(f"Range: a logarithmic range begins above 0, got {low}")
        self.low, self.high, self.step = low, high, step
        self.unit, self.log, self.live = unit, log, live


class Choice:
    """The annotation of a knob that is one of several values.

    Args:
        *options: at least two strings, numbers or booleans; None is one, too.
        labels: option -> what the learner reads; by default the option itself.

    Raises:
        ValueError: fewer than two options, or the same one twice.
    """

    def __init__(self, *options: Any, labels: Mapping[Any, str] | None = None) -> None:
        if len(options) < 2 or len(set(options)) < len(options):
            raise ValueError(f"Choice: expected two or more different options, got {options}")
        self.options = options
        self.labels = {option: str(option) for option in options} | dict(labels or {})


class LiveValue:
    """A number that may be turned while a recipe runs: call it for the present value.

    It takes the step as an argument and ignores it, so that it can stand where a function of the
    step is asked for, such as ``learning_rate`` of ``train_steps``.
    """

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, step: int | None = None) -> float:
        return self.value

    def scheduled(self, schedule: str, num_steps: int) -> Callable[[int], float]:
        """The present value times what a schedule of ``train_steps`` makes of each step.

        Args:
            schedule: "cosine", "constant" or "one_cycle".
            num_steps: how many steps the schedule covers.
        """
        return lambda step: self.value * scheduled(schedule, step, num_steps)

    def __repr__(self) -> str:
        return f"LiveValue({self.value!r})"


@dataclass(frozen=True)
class Knob:
    """One knob of a recipe.

    Attributes:
        name: the argument.
        default: its value in the signature.
        kind: a Range, a Choice, or the type bool, int, float or str.
    """

    name: str
    default: Any
    kind: Range | Choice | type

    @property
    def live(self) -> bool:
        """Whether it may be turned while the recipe runs."""
        return isinstance(self.kind, Range) and self.kind.live

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return isinstance(self.default, int) and not isinstance(self.default, bool)

    def check(self, value: Any) -> Any:
        """Return the value as the recipe gets it.

        Raises:
            ValueError: it is not of the knob's type, not finite, or none of its options. A number
                outside a slider's ends is allowed: the slider is for the panel.
        """
        if isinstance(self.kind, Choice):
            if value not in self.kind.options:
                raise ValueError(f"{self.name}: expected one of {self.kind.options}, got {value!r}")
            return value
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{self.name}: expected True or False, got {value!r}")
            return value
        if isinstance(self.default, str):
            if not isinstance(value, str):
                raise ValueError(f"{self.name}: expected a string, got {value!r}")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise ValueError(f"{self.name}: expected a number, got {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"{self.name}: expected a finite number, got {value!r}")
        if self.whole and value != int(value):
            raise ValueError(f"{self.name}: expected a whole number, got {value!r}")
        return int(value) if self.whole else float(value)


def knobs_of(function: Callable[..., Any]) -> dict[str, Knob]:
    """Read the knobs from a function's signature.

    Raises:
        TypeError: an argument without a default, one that is not named, or an annotation that no
            control belongs to.
        ValueError: a default that does not fit its annotation.
    """
    knobs = {}
    for name, argument in inspect.signature(function, eval_str=True).parameters.items():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise TypeError(f"{name}: a recipe's knobs are named arguments; it cannot have *{name}")
        if argument.default is argument.empty:
            raise TypeError(
                f"{name}: this knob has no default. Give it one, such as `{name}: Range(1, 10) = 5`"
            )
        kind = _kind_of(name, argument.annotation, argument.default)
        knob = Knob(name, argument.default, kind)
        knob.check(argument.default)
        knobs[name] = knob
    return knobs


def _kind_of(name: str, annotation: Any, default: Any) -> Range | Choice | type:
    if isinstance(annotation, Choice):
        return annotation
    if isinstance(annotation, Range):
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise TypeError(f"{name}: a Range needs a number as default, got {default!r}")
        if not annotation.low <= default <= annotation.high:
            raise ValueError(
                f"{name}: the default {default} lies outside {annotation.low} to {annotation.high}"
            )
        return annotation
    if get_origin(annotation) is Literal:
        return Choice(*get_args(annotation))
    if name == "framework":
        return Choice(*FRAMEWORKS)
    if type(default) in (bool, int, float, str):
        return type(default)
    raise TypeError(
        f"{name}: no control for the default {default!r}. "
        "Annotate the knob with Range(low, high) or Choice(first, second, ...)"
    )
