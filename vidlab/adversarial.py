"""Adversarial training before a framework is asked: its options, batches, noise and records.

The letters: N items, B items of a batch. Both rooms, ``vidlab.torch`` and ``vidlab.keras``, stand
on this; no framework is imported here.
"""

import inspect
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from vidlab.batches import batch_indices
from vidlab.clips import Clips
from vidlab.history import TrainingError
from vidlab.input_checks import check_inputs
from vidlab.plan import SCHEDULES, LearningRate, scheduled

LOSSES = ("minimax", "non_saturating", "hinge", "relativistic")
PLAYERS = ("both", "generator", "discriminator")

GameData = np.ndarray | Clips | tuple[np.ndarray, np.ndarray]
Who = str | Callable[[int], str]


@dataclass(frozen=True)
class GameRecord:
    """What one step of adversarial training gave.

    Attributes:
        step: the number of the step, from 1.
        who: which player moved: "both", "generator" or "discriminator".
        generator_loss: the generator's loss before its move; None where it did not move.
        discriminator_loss: likewise, without the penalty.
        penalty: what the gradient penalty added to the discriminator's loss; 0 without one.
        real: the discriminator's mean opinion on the real items of the batch: its probability that
            they are real. With the relativistic losses: that of a pair the real one is real.
        generated: the same on generated items.
        generator_rate, discriminator_rate: the learning rates of this step.
        seconds: time since training began, pauses between steps not counted.
    """

    step: int
    who: str
    generator_loss: float | None
    discriminator_loss: float | None
    penalty: float
    real: float
    generated: float
    generator_rate: float
    discriminator_rate: float
    seconds: float


@dataclass(repr=False)
class GameHistory:
    """The records of one ``fit_adversarial``.

    Attributes:
        records: one per step that was taken.
        stopped: "finished", "callback" (a callback returned True) or "interrupted".
    """

    records: list[GameRecord] = field(default_factory=list)
    stopped: Literal["finished", "callback", "interrupted"] = "finished"

    def curve(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one attribute of the records, where it has a value."""
        found = [(r.step, getattr(r, name)) for r in self.records if getattr(r, name) is not None]
        return [step for step, _ in found], [value for _, value in found]

    @property
    def seconds(self) -> float:
        """The time that training took."""
        return self.records[-1].seconds if self.records else 0.0

    def __repr__(self) -> str:
        if not self.records:
            return f"no steps, {self.stopped}"
        last = self.records[-20:]
        real, generated = (np.mean([getattr(r, n) for r in last]) for n in ("real", "generated"))
        text = (
            f"{len(self.records)} steps in {self.seconds:.1f} s; in the last {len(last)} the "
            f"discriminator gave real ones {real:.2f}, generated ones {generated:.2f}"
        )
        return text if self.stopped == "finished" else f"{text} ({self.stopped})"


class GameSteps(Iterator[GameRecord]):
    """What ``train_adversarial_steps`` returns: an iterator over the records of the steps.

    Args:
        records: yields a record after each step.
        num_steps: how many there will be; also an attribute.
        compile: gets the first step ready, without changing anything.
    """

    def __init__(
        self,
        records: Generator[GameRecord],
        num_steps: int,
        compile: Callable[[], object] = lambda: None,
    ) -> None:
        self.num_steps = num_steps
        self._records, self._compile = records, compile

    def compile(self) -> None:
        """Compile the steps' graphs now, where the framework has graphs; nothing else changes."""
        self._compile()

    def close(self) -> None:
        """End the training."""
        self._records.close()

    def __next__(self) -> GameRecord:
        return next(self._records)


@dataclass(frozen=True)
class GamePlan:
    """A game of generator and discriminator, checked.

    Attributes:
        x: what is real, (N, ...).
        labels: int64 (N,), or None where the game knows no classes.
        noise_shape: the shape of one item's noise.
        num_steps and so on: as given.
    """

    x: np.ndarray
    labels: np.ndarray | None
    noise_shape: tuple[int, ...]
    num_steps: int
    batch_size: int
    losses: str
    penalty: float
    generator_rate: LearningRate
    discriminator_rate: LearningRate
    schedule: str
    betas: tuple[float, float]
    decay: float
    who: Who
    seed: int

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray | None, np.ndarray]]:
        """For each step: real items (B, ...), their labels, and noise (2, B, *noise_shape).

        The first noise is for the discriminator's move, the second for the generator's. Both
        frameworks get the same numbers.
        """
        rng = np.random.default_rng([self.seed, 1])
        for indices in batch_indices(len(self.x), self.batch_size, self.num_steps, self.seed):
            noise = rng.standard_normal((2, len(indices), *self.noise_shape), np.float32)
            labels = None if self.labels is None else self.labels[indices]
            yield self.x[indices], labels, noise

    def player(self, step: int) -> str:
        """Who moves at a step.

        Raises:
            ValueError: the function ``who`` gave something else than a player.
        """
        player = self.who(step) if callable(self.who) else self.who
        if player not in PLAYERS:
            raise ValueError(f"who: expected one of {PLAYERS}, got {player!r} at step {step}")
        return player

    def rates(self, step: int) -> tuple[float, float]:
        """The learning rates of generator and discriminator at a step.

        Raises:
            ValueError: a function gave no number from 0.
        """
        share = scheduled(self.schedule, step, self.num_steps)
        return (
            self._rate("generator_rate", step, share),
            self._rate("discriminator_rate", step, share),
        )

    def _rate(self, name: str, step: int, share: float) -> float:
        rate = getattr(self, name)
        if not callable(rate):
            return rate * share
        given = float(rate(step))
        if not _is_rate(given):
            raise ValueError(f"{name}: expected a number from 0, got {given} at step {step}")
        return given


def make_game_plan(generator: Any, train: GameData, **options: Any) -> GamePlan:
    """Check what ``train_adversarial_steps`` was asked for.

    Args:
        generator: has ``noise_shape``, and may have ``num_classes``.
        train: see there.
        **options: num_steps, batch_size and so on, as they came.

    Raises:
        ValueError: what is not in order, and what to do.
    """
    if isinstance(train, Clips):
        train = train.frames
    x, labels = train if isinstance(train, tuple) and len(train) == 2 else (train, None)
    x = np.asarray(x)
    check_inputs(x, "train x")
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (len(x),) or labels.dtype.kind not in "iu" or labels.min() < 0:
            raise ValueError(
                f"train labels: expected {len(x)} whole numbers from 0, one per item of x, got "
                f"{labels.dtype} {labels.shape}. Without classes give x alone."
            )
        num_classes = getattr(generator, "num_classes", None)
        if num_classes is not None and labels.max() >= num_classes:
            raise ValueError(
                f"train labels: {type(generator).__name__} knows {num_classes} classes, so labels "
                f"are 0 to {num_classes - 1}; got {labels.max()}"
            )
        labels = labels.astype(np.int64)
    noise_shape = getattr(generator, "noise_shape", None)
    if not isinstance(noise_shape, tuple):
        raise ValueError(
            f"{type(generator).__name__} has no noise_shape: set self.noise_shape = (noise_dim,), "
            "the shape of the noise that it takes for one item"
        )
    plan = GamePlan(x=x, labels=labels, noise_shape=noise_shape, **options)
    _check(plan)
    return plan


def _check(plan: GamePlan) -> None:
    for name, lowest in (("num_steps", 1), ("batch_size", 1), ("seed", 0)):
        value = getattr(plan, name)
        if not isinstance(value, int | np.integer) or value < lowest:
            raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")
    if plan.batch_size > len(plan.x):
        raise ValueError(f"batch_size: {plan.batch_size}, but train has only {len(plan.x)} items")
    check_losses(plan.losses)
    if not _is_rate(plan.penalty):
        raise ValueError(f"penalty: expected a weight from 0, got {plan.penalty!r}")
    for name in ("generator_rate", "discriminator_rate"):
        rate = getattr(plan, name)
        if not callable(rate) and not _is_rate(rate):
            raise ValueError(f"{name}: expected a number from 0 or a function, got {rate!r}")
    if plan.schedule not in SCHEDULES:
        raise ValueError(f"schedule: expected one of {SCHEDULES}, got {plan.schedule!r}")
    if np.shape(plan.betas) != (2,) or not all(_is_rate(b) and b < 1 for b in plan.betas):
        raise ValueError(f"betas: expected two numbers from 0 to below 1, got {plan.betas!r}")
    if not (_is_rate(plan.decay) and plan.decay < 1):
        raise ValueError(f"decay: expected a number from 0 to below 1, got {plan.decay!r}")
    if not callable(plan.who) and plan.who not in PLAYERS:
        raise ValueError(f"who: expected one of {PLAYERS} or a function, got {plan.who!r}")


def _is_rate(value: object) -> bool:
    """Whether a value is a finite number from 0."""
    return isinstance(value, int | float | np.number) and bool(0 <= value < math.inf)


def check_losses(losses: str) -> None:
    """Raise ValueError where ``losses`` is none of ``LOSSES``."""
    if losses not in LOSSES:
        raise ValueError(f"losses: expected one of {LOSSES}, got {losses!r}")


def check_pairs(real: tuple, generated: tuple) -> None:
    """Raise ValueError where two shapes of logits differ; None is a size not known yet."""
    if len(real) != len(generated) or any(
        a != b and a is not None and b is not None for a, b in zip(real, generated, strict=True)
    ):
        raise ValueError(
            "real and generated: expected logits of one shape, (B,), got "
            f"{tuple(real)} and {tuple(generated)}"
        )


def check_conditional(model: object, call: Callable, labels: np.ndarray | None) -> None:
    """Check that a player that asks for labels gets some.

    Args:
        model: the player.
        call: its ``forward`` or ``call``.
        labels: of the training set, or None.

    Raises:
        ValueError: it asks for labels, and there are none.
    """
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    needed = [
        p.name
        for p in inspect.signature(call).parameters.values()
        if p.kind in kinds and p.default is p.empty and p.name not in ("training", "mask")
    ]
    if labels is None and len(needed) > 1:
        raise ValueError(
            f"train: {type(model).__name__} takes {needed[1]!r} beside its input, so give a pair "
            "(x, labels), such as (clips.frames, clips.labels)"
        )


def check_average(
    average: Mapping[str, tuple[int, ...]], generator: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ValueError where the weights of both, name -> shape, differ."""
    if average != generator:
        raise ValueError(
            "average: expected a generator of the same kind, with weights of the same shapes"
        )


def check_shapes(made: tuple[int, ...], real: tuple[int, ...], opinion: tuple[int, ...]) -> None:
    """Check what the players make of two items, before the first step.

    Args:
        made: the shape of what the generator makes.
        real: the shape of the real items.
        opinion: the shape of what the discriminator says of them.

    Raises:
        ValueError: generated and real items differ in shape, or there is not one logit per item.
    """
    if made != real:
        raise ValueError(
            f"the generator makes items {made[1:]}, the real ones are {real[1:]}: the "
            "discriminator could tell them apart by their shape"
        )
    if opinion != real[:1]:
        raise ValueError(
            f"the discriminator must give one logit per item, (N,), but gives {opinion} for "
            f"N = {real[0]}. A last axis of 1 goes with [:, 0]"
        )


def check_measured(numbers: np.ndarray, step: int, rates: tuple[float, float]) -> None:
    """Check what was measured before a move; the move itself and the running mean come after it.

    Raises:
        TrainingError: a loss is no finite number.
    """
    if not np.isfinite(numbers).all():
        raise TrainingError(
            f"a loss is no finite number at step {step}, with the learning rates {rates[0]:.3g} "
            f"(generator) and {rates[1]:.3g} (discriminator). Try smaller ones, a gradient "
            "penalty, or losses='non_saturating'."
        )


def make_record(
    step: int,
    who: str,
    discriminated: np.ndarray | None,
    generated: np.ndarray | None,
    rates: tuple[float, float],
    seconds: float,
) -> GameRecord:
    """A record of what the moves measured.

    Args:
        step, who, rates, seconds: of the step.
        discriminated: loss, penalty, opinion on real and on generated items, before the
            discriminator's move; None where it did not move.
        generated: loss and the two opinions before the generator's move; or None.
    """
    real, fake = discriminated[2:] if discriminated is not None else generated[1:]  # type: ignore[index]
    return GameRecord(
        step=step,
        who=who,
        generator_loss=None if generated is None else float(generated[0]),
        discriminator_loss=None if discriminated is None else float(discriminated[0]),
        penalty=0.0 if discriminated is None else float(discriminated[1]),
        real=float(real),
        generated=float(fake),
        generator_rate=rates[0],
        discriminator_rate=rates[1],
        seconds=seconds,
    )


def collect(
    steps: GameSteps, callbacks: tuple[Callable[[GameRecord], object], ...], progress: bool
) -> GameHistory:
    """Take all steps and keep their history; an interruption ends them cleanly."""
    from contextlib import closing

    from tqdm import tqdm

    history = GameHistory()
    with closing(steps), tqdm(total=steps.num_steps, disable=not progress, unit="step") as bar:
        try:
            for record in steps:
                bar.set_postfix_str(
                    f"real {record.real:.2f}, generated {record.generated:.2f}", refresh=False
                )
                bar.update()
                history.records.append(record)
                if any([callback(record) is True for callback in callbacks]):  # noqa: C419 (all)
                    history.stopped = "callback"
                    break
        except KeyboardInterrupt:
            history.stopped = "interrupted"
    return history
