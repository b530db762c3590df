"""What ``fit`` and ``train_steps`` are asked to do, checked and filled in: alike in both rooms."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.batches import Arrays, Augment, Batches, Checked, Data, as_source, steps_per_epoch
from vidlab.input_checks import IGNORED, check_fit, check_takes

ADAM_EPSILON = 1e-7  # of both rooms
DEFAULT_EPOCHS = 10
SCHEDULES = ("cosine", "constant", "one_cycle")
WARM_UP = 0.25  # of all steps, in "one_cycle"

LearningRate = float | Callable[[int], float]
ClassWeights = Sequence[float] | np.ndarray | str | None
Loss = str | Callable


@dataclass(frozen=True)
class Plan:
    """A training run, before a framework is asked.

    Attributes:
        batches: x and y of each step.
        train, val: the sets; val may be None.
        num_steps: how many steps in all.
        per_epoch: steps of one epoch.
        eval_every: steps between two evaluations of val.
        batch_size and so on: as given.
    """

    batches: Batches
    train: Arrays | Checked
    val: Arrays | Checked | None
    num_steps: int
    per_epoch: int
    eval_every: int
    batch_size: int
    learning_rate: LearningRate
    schedule: str
    weight_decay: float
    clip_norm: float | None
    class_weights: ClassWeights
    loss: Loss
    num_workers: int
    seed: int

    def epoch(self, step: int) -> int:
        """The epoch, from 1, of a step, from 1."""
        return (step - 1) // self.per_epoch + 1

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return rate_at(self.learning_rate, self.schedule, step, self.num_steps)

    def evaluates(self, step: int) -> bool:
        """Whether val is measured after this step; it always is after the last one."""
        if self.val is None:
            return False
        return step % self.eval_every == 0 or step == self.num_steps


def make_plan(
    train: Data,
    val: Data | None,
    *,
    num_steps: int | None,
    num_epochs: int | None,
    batch_size: int,
    learning_rate: LearningRate,
    schedule: str,
    weight_decay: float,
    clip_norm: float | None,
    class_weights: ClassWeights,
    loss: Loss,
    augment: Augment | None,
    eval_every: int | None,
    num_workers: int,
    seed: int,
) -> Plan:
    """Check the arguments of ``train_steps`` that no framework is needed for.

    Raises:
        ValueError: an argument that is out of its range, or a set that is not in order.
    """
    if num_steps is not None and num_epochs is not None:
        raise ValueError("give num_steps or num_epochs, not both")
    check_rate(learning_rate, schedule, clip_norm)
    for name, value, lowest in (
        ("num_steps", num_steps, 1),
        ("num_epochs", num_epochs, 1),
        ("batch_size", batch_size, 1),
        ("eval_every", eval_every, 1),
        ("num_workers", num_workers, 0),
        ("seed", seed, 0),
    ):
        if value is not None and not (isinstance(value, int | np.integer) and value >= lowest):
            raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")
    if weight_decay < 0:
        raise ValueError(f"weight_decay: expected a number from 0, got {weight_decay}")
    source = as_source(train, loss, "train")
    per_epoch = steps_per_epoch(len(source), batch_size)
    if num_steps is None:
        num_steps = per_epoch * (DEFAULT_EPOCHS if num_epochs is None else num_epochs)
    return Plan(
        batches=Batches(source, batch_size, num_steps, seed, augment),
        train=source,
        val=None if val is None else as_source(val, loss, "val"),
        num_steps=num_steps,
        per_epoch=per_epoch,
        eval_every=eval_every or per_epoch,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        class_weights=class_weights,
        loss=loss,
        num_workers=num_workers,
        seed=seed,
    )


def check_rate(learning_rate: LearningRate, schedule: str, clip_norm: float | None) -> None:
    """Raise ValueError where one of these is out of its range."""
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule: expected one of {SCHEDULES}, got {schedule!r}")
    if not callable(learning_rate) and not (
        isinstance(learning_rate, int | float | np.number) and 0 < learning_rate < math.inf
    ):
        raise ValueError(
            "learning_rate: expected a number above 0 or a function of the step, "
            f"got {learning_rate!r}"
        )
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm: expected a number above 0, or None, got {clip_norm}")


def check_run(
    num_steps: int,
    learning_rate: LearningRate,
    schedule: str,
    clip_norm: float | None,
    seed: int,
) -> None:
    """Check the arguments of ``loss_steps``.

    Raises:
        ValueError: an argument that is out of its range.
    """
    check_rate(learning_rate, schedule, clip_norm)
    for name, value, lowest in (("num_steps", num_steps, 1), ("seed", seed, 0)):
        if not (isinstance(value, int | np.integer) and value >= lowest):
            raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")


def rate_at(learning_rate: LearningRate, schedule: str, step: int, num_steps: int) -> float:
    """The learning rate of a step, from 1."""
    if callable(learning_rate):
        return float(learning_rate(step))
    return learning_rate * scheduled(schedule, step, num_steps)


def running_share(step: int, decay: float) -> float:
    """The share of a running mean of weights that stays at a step, from 1: little at first."""
    return min(decay, (1 + step) / (10 + step))


def scheduled(schedule: str, step: int, num_steps: int) -> float:
    """The share of the learning rate that a step (from 1) gets.

    "cosine" falls from 1 to near 0. "one_cycle" rises linearly over the first quarter of the
    steps and then falls likewise. "constant" is 1.
    """
    if schedule == "constant":
        return 1.0
    rising = WARM_UP * num_steps if schedule == "one_cycle" else 0.0
    if step <= rising:
        return step / rising
    done = (step - 1 - rising) / (num_steps - rising)
    return 0.5 * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0)))


def check_model(
    model: object,
    source: Arrays | Checked,
    output_shape: Callable[[np.ndarray], tuple[int, ...] | None],
    loss: Loss,
    name: str,
) -> tuple[int, ...] | None:
    """Check that a set belongs to a model, and return the shape of its outputs for one item.

    Args:
        model: its ``takes`` is looked at, where it has one.
        source: the set.
        output_shape: runs the model on the x of one item; None where it gives no single array.
        loss: see ``vidlab.input_checks.check_targets``.
        name: what messages call the set.
    """
    x, y = source.get(np.arange(1))
    check_takes(model, x)
    shape = output_shape(x)
    if shape is not None:
        labels = source.labels if isinstance(source, Arrays) else y
        check_fit(labels, tuple(shape), loss, f"{name} y")
    return shape


def class_weight_array(
    class_weights: ClassWeights, source: Arrays | Checked, num_classes: int | None, loss: Loss
) -> np.ndarray | None:
    """class_weights as ``float32 (K,)``, or None.

    "balanced" gives class k the weight N / (K N_k): together the classes weigh the same.

    Raises:
        ValueError: another number of weights than classes, a negative one, or a loss without
            classes.
    """
    if class_weights is None:
        return None
    if loss != "cross_entropy" or num_classes is None:
        raise ValueError("class_weights belong to loss='cross_entropy'")
    if isinstance(class_weights, str):
        if class_weights != "balanced":
            raise ValueError(
                f"class_weights: expected numbers or 'balanced', got {class_weights!r}"
            )
        if source.labels is None:
            raise ValueError("class_weights='balanced' needs a set with labels; give K numbers")
        labels = source.labels[source.labels != IGNORED]
        counts = np.bincount(labels.ravel(), minlength=num_classes)
        return (len(labels) / (num_classes * np.maximum(counts, 1))).astype(np.float32)
    weights = np.asarray(class_weights, np.float32)
    if weights.shape != (num_classes,) or not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"class_weights: expected {num_classes} numbers from 0, one per class of the model, "
            f"got {class_weights!r}"
        )
    return weights


def target_weight(y: np.ndarray, loss: Loss, weights: np.ndarray | None) -> float:
    """What a batch's mean loss counts in the mean over a whole set."""
    if loss != "cross_entropy":
        return float(len(y))
    labelled = y[y != IGNORED]
    return float(len(labelled) if weights is None else weights[labelled].sum())


def count_right(y: np.ndarray, outputs: np.ndarray) -> tuple[int, int] | None:
    """Right answers and labelled items of a batch; None where y holds no labels of classes."""
    if y.dtype.kind != "i" or outputs.shape[:-1] != y.shape:
        return None
    labelled = y != IGNORED
    return int((outputs.argmax(-1) == y)[labelled].sum()), int(labelled.sum())
