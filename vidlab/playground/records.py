"""What a recipe yields: that it is ready, and then a record after each step."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from vidlab.history import StepRecord


@dataclass(frozen=True)
class Samples:
    """Clips that a panel shows beside the curves.

    Attributes:
        frames: uint8 (N, T, H, W, 3); single pictures are clips with T = 1.
        labels: (N,) the true classes, or None where there are none (generated clips).
        class_names: the name of each class.
        titles: what stands above each clip; by default its true class.
        fps: frames per second.
    """

    frames: np.ndarray
    labels: np.ndarray | None = None
    class_names: Sequence[str] = ()
    titles: Sequence[str] = ()
    fps: float = 8.0

    def __post_init__(self) -> None:
        if self.frames.ndim != 5 or self.frames.dtype != np.uint8 or self.frames.shape[-1] != 3:
            raise ValueError(
                "Samples: frames must be uint8 (N, T, H, W, 3), got "
                f"{self.frames.dtype} {self.frames.shape}"
            )


@dataclass(frozen=True)
class OverTime:
    """Something a model computes for every frame of one clip: a view of "look inside".

    Attributes:
        values: float (T,) or (T, K).
        names: what each of the K columns is called; may be empty.
        kind: "heat" draws a strip of colours for each column, "lines" a curve.
        low, high: the ends of the scale; by default those of the values.
    """

    values: np.ndarray
    names: Sequence[str] = ()
    kind: Literal["heat", "lines"] = "heat"
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix: a view of "look inside".

    Attributes:
        matrix: counts, int (K, K); rows are true classes, columns predicted ones.
        class_names: the K names.
    """

    matrix: np.ndarray
    class_names: Sequence[str]

    @classmethod
    def of(cls, y_true: np.ndarray, y_pred: np.ndarray, class_names: Sequence[str]) -> "Confusion":
        """Count the pairs of true and predicted classes, both (N,)."""
        matrix = np.zeros((len(class_names), len(class_names)), int)
        np.add.at(matrix, (np.asarray(y_true), np.asarray(y_pred)), 1)
        return cls(matrix, tuple(class_names))


@dataclass(frozen=True)
class Picture:
    """A picture for "look inside", uint8 (H, W, 3), with the text that says what it shows."""

    pixels: np.ndarray
    alt: str


View = Confusion | Picture


def _shuffled(clip: np.ndarray) -> np.ndarray:
    return clip[np.random.default_rng(0).permutation(len(clip))]


CHANGES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "as filmed": lambda clip: clip,
    "reversed": lambda clip: clip[::-1],
    "shuffled": _shuffled,
    "frozen": lambda clip: np.repeat(clip[len(clip) // 2][None], len(clip), axis=0),
}


@dataclass(frozen=True)
class Ready:
    """What a recipe yields first: data and model are there, nothing is trained yet.

    Everything here may be left out; the panel shows what it is given. The functions are called
    between steps, never during one, in the thread that trains.

    Attributes:
        num_steps: how many steps will come.
        compile: ``compile`` of the ``train_steps`` that the recipe goes on with: the panel calls
            it, and says that it compiles, so that the first step comes at once.
        num_parameters: trainable parameters of the model.
        data_bytes: memory of the training data.
        samples: clips that the panel shows with the model's opinion on them.
        predict: uint8 (N, T, H, W, 3) -> probabilities float (N, K), by the model as it is now.
        inspect: one clip, uint8 (T, H, W, 3) -> title -> OverTime: what happens inside the model.
        views: title -> a function that gives a Confusion or a Picture of the present model.
        draw: a path, float (P, 2) of x and y in [0, 1] -> a clip, uint8 (T, H, W, 3): lets the
            learner draw what the model is asked about.
        changes: name -> function of a clip, uint8 (T, H, W, 3): what the learner may do to a
            clip to watch the opinion move.
    """

    num_steps: int | None = None
    compile: Callable[[], object] | None = None
    num_parameters: int | None = None
    data_bytes: int | None = None
    samples: Samples | None = None
    predict: Callable[[np.ndarray], np.ndarray] | None = None
    inspect: Callable[[np.ndarray], Mapping[str, OverTime]] | None = None
    views: Mapping[str, Callable[[], View]] = field(default_factory=dict)
    draw: Callable[[np.ndarray], np.ndarray] | None = None
    changes: Mapping[str, Callable[[np.ndarray], np.ndarray]] = field(
        default_factory=lambda: CHANGES
    )


@dataclass(frozen=True)
class Record:
    """What a recipe yields after a step, where ``StepRecord`` of ``train_steps`` is not enough.

    Attributes:
        step: the number of the step, from 1.
        losses: name -> loss of this step; each is a curve.
        metrics: name -> what was measured on other data at this step, such as
            {"accuracy": 0.93}; a name with "loss" in it is drawn among the losses.
        samples: clips to show from now on, such as freshly generated ones.
        learning_rate: the rate of this step, where there is one.
    """

    step: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)
    samples: Samples | None = None
    learning_rate: float | None = None


def as_record(value: Any, last_step: int) -> Record:
    """Turn what a recipe yielded into a Record.

    Args:
        value: a Record or a StepRecord.
        last_step: the number of the step before, 0 for none.

    Raises:
        TypeError: it is neither, or a part of it has the wrong type.
        ValueError: its step does not follow, or a number in it is not finite.
    """
    if isinstance(value, StepRecord):
        value = Record(
            step=value.step,
            losses={"loss": value.loss},
            metrics={
                name: number
                for name, number in (("loss", value.val_loss), ("accuracy", value.val_accuracy))
                if number is not None
            },
            learning_rate=value.learning_rate,
        )
    if not isinstance(value, Record):
        raise TypeError(
            "a recipe must yield Ready(...) once, then a StepRecord (from train_steps) or a "
            f"Record(step=..., losses={{...}}) after each step; it yielded {_short(value)}"
        )
    if not isinstance(value.step, int | np.integer) or isinstance(value.step, bool):
        raise TypeError(f"Record: step must be a whole number, got {_short(value.step)}")
    if value.step <= last_step:
        raise ValueError(f"Record: step {value.step} came after step {last_step}; steps must grow")
    for part in ("losses", "metrics"):
        numbers = getattr(value, part)
        if not isinstance(numbers, Mapping):
            raise TypeError(f"Record: {part} must be a dict of numbers, got {_short(numbers)}")
        for name, number in numbers.items():
            if not isinstance(number, int | float | np.number):
                raise TypeError(
                    f"Record: {part}[{name!r}] must be a number, got {_short(number)}. "
                    "Use .item() for a tensor"
                )
            if not math.isfinite(number):
                raise ValueError(
                    f"{part}[{name!r}] is {number} at step {value.step}. A smaller learning rate "
                    "often helps; also look for log(0) and divisions by 0"
                )
    if value.samples is not None and not isinstance(value.samples, Samples):
        raise TypeError(f"Record: samples must be Samples(...), got {_short(value.samples)}")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
