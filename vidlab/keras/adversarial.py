"""Train a generator against a discriminator in Keras: losses, penalty, steps of either player."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from vidlab.adversarial import (
    GameData,
    GameHistory,
    GamePlan,
    GameRecord,
    GameSteps,
    Who,
    check_average,
    check_conditional,
    check_losses,
    check_measured,
    check_pairs,
    check_shapes,
    collect,
    make_game_plan,
    make_record,
)
from vidlab.batches import to_unit
from vidlab.history import Clock
from vidlab.keras.compiling import unchanged
from vidlab.keras.devices import on_device
from vidlab.keras.gradients import apply_finite, compiled_function, gradients_of, input_gradient
from vidlab.plan import ADAM_EPSILON, LearningRate, running_share


def discriminator_loss(real: Any, generated: Any, losses: str = "non_saturating") -> Any:
    """What the discriminator makes small.

    Args:
        real: its logits for real items, (B,).
        generated: its logits for generated items, (B,).
        losses: "minimax" and "non_saturating" (both: cross-entropy), "hinge", or "relativistic"
            (cross-entropy of the differences, item by item).

    Returns:
        A scalar: the mean over the batch.

    Raises:
        ValueError: unknown losses, or logits of two shapes.
    """
    check_losses(losses)
    check_pairs(real.shape, generated.shape)
    if losses == "hinge":
        return ops.mean(ops.relu(1 - real) + ops.relu(1 + generated))
    if losses == "relativistic":
        return ops.mean(ops.softplus(generated - real))
    return ops.mean(ops.softplus(-real) + ops.softplus(generated))


def generator_loss(real: Any, generated: Any, losses: str = "non_saturating") -> Any:
    """What the generator makes small.

    Args:
        real: the discriminator's logits for real items, (B,); only "relativistic" needs them.
        generated: its logits for generated items, (B,).
        losses: "minimax" (log(1 - D)), "non_saturating" (-log D), "hinge" (-logit), or
            "relativistic".

    Returns:
        A scalar: the mean over the batch.

    Raises:
        ValueError: unknown losses, or with "relativistic" logits of two shapes.
    """
    check_losses(losses)
    if losses == "minimax":
        return -ops.mean(ops.softplus(generated))
    if losses == "hinge":
        return -ops.mean(generated)
    if losses == "relativistic":
        check_pairs(real.shape, generated.shape)
        return ops.mean(ops.softplus(real - generated))
    return ops.mean(ops.softplus(-generated))


def gradient_penalty(discriminator: keras.Model, x: Any, *labels: Any) -> Any:
    """The squared length of the discriminator's gradient with respect to what it sees.

    Of real items this is R1, of generated ones R2 (Mescheder, Geiger and Nowozin, 2018, "Which
    training methods for GANs do actually converge?"), each without its weight.

    Args:
        discriminator: gives logits (B,).
        x: items (B, ...) as it takes them.
        labels: their classes (B,), where it asks for them.

    Returns:
        A scalar: the mean over the batch. It can be differentiated again.
    """
    x = ops.convert_to_tensor(x)
    return _squared(input_gradient(lambda x: discriminator(x, *labels), x)[1])


def train_adversarial_steps(
    generator: keras.Model,
    discriminator: keras.Model,
    train: GameData,
    *,
    num_steps: int,
    batch_size: int = 64,
    losses: str = "non_saturating",
    penalty: float = 0.0,
    generator_rate: LearningRate = 2e-4,
    discriminator_rate: LearningRate = 2e-4,
    schedule: str = "constant",
    betas: tuple[float, float] = (0.5, 0.999),
    average: keras.Model | None = None,
    decay: float = 0.999,
    who: Who = "both",
    device: str | None = None,
    seed: int = 0,
) -> GameSteps:
    """Train a generator and a discriminator step by step.

    In a step the discriminator moves first, then the generator. Noise and order of the batches
    come from NumPy, so that both frameworks see the same. Between two steps both models may be
    used.

    Args:
        generator: takes noise (B, *noise_shape) and, where there are labels, labels (B,); makes
            items like the real ones. It has ``noise_shape``.
        discriminator: takes items and, where there are labels, labels; gives logits (B,): above
            0 for "real".
        train: real items, as floats (N, ...) or uint8 clips (N, T, H, W, 3), or ``Clips``; or a
            pair of items and labels (N,). Generated items get the labels of the real ones. The
            labels of ``Clips`` do not count: for them give ``(clips.frames, clips.labels)``.
        num_steps: how many steps.
        batch_size: real items per step, and as many generated ones.
        losses: "minimax", "non_saturating", "hinge" or "relativistic"; see ``discriminator_loss``
            and ``generator_loss``.
        penalty: weight of the gradient penalty: half of it times the squared gradient, on real
            items (R1); with the relativistic losses on generated items too (R1 + R2).
        generator_rate: learning rate of the generator: a number that ``schedule`` scales, or a
            function of the step (from 1), which may turn it while training runs.
        discriminator_rate: the same of the discriminator.
        schedule: "constant", "cosine" (falls to 0) or "one_cycle".
        betas: Adam's two decay rates, for both players.
        average: a second generator of the same kind; it becomes the running mean of the first.
        decay: how much of the running mean stays at each step; less in the first steps.
        who: "both", "generator" or "discriminator": who moves. Or a function of the step that
            says so.
        device: by default where Keras computes (``default_device()``).
        seed: decides the order of the batches and the noise.

    Returns:
        An iterator that yields a ``GameRecord`` after each step.

    Raises:
        ValueError: an argument out of its range, or models and data that do not fit together; at
            once and not at the first step.
        TrainingError: a loss became NaN or infinite. The player whose loss it is did not move, and
            the running mean holds what it held after the step before; what a far too high rate
            made of the other player stays.
    """
    plan = make_game_plan(
        generator, train,
        num_steps=num_steps, batch_size=batch_size, losses=losses, penalty=penalty,
        generator_rate=generator_rate, discriminator_rate=discriminator_rate, schedule=schedule,
        betas=betas, decay=decay, who=who, seed=seed,
    )  # fmt: skip
    with on_device(device):
        _probe(generator, discriminator, average, plan)
    game = _Game(generator, discriminator, average, plan)

    def compile_steps() -> None:
        with on_device(device):
            game.compile()

    return GameSteps(_loop(game, plan, device), num_steps, compile_steps)


def fit_adversarial(
    generator: keras.Model,
    discriminator: keras.Model,
    train: GameData,
    *,
    num_steps: int,
    batch_size: int = 64,
    losses: str = "non_saturating",
    penalty: float = 0.0,
    generator_rate: LearningRate = 2e-4,
    discriminator_rate: LearningRate = 2e-4,
    schedule: str = "constant",
    betas: tuple[float, float] = (0.5, 0.999),
    average: keras.Model | None = None,
    decay: float = 0.999,
    who: Who = "both",
    device: str | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[[GameRecord], object]] = (),
    progress: bool = True,
) -> GameHistory:
    """Train a generator against a discriminator, and keep the history.

    An interruption (Ctrl+C, or Jupyter's stop button) ends the training cleanly.

    Args:
        generator: takes noise (B, *noise_shape) and, where there are labels, labels (B,); makes
            items like the real ones. It has ``noise_shape``.
        discriminator: takes items and, where there are labels, labels; gives logits (B,): above
            0 for "real".
        train: real items, as floats (N, ...) or uint8 clips (N, T, H, W, 3), or ``Clips``; or a
            pair of items and labels (N,). Generated items get the labels of the real ones. The
            labels of ``Clips`` do not count: for them give ``(clips.frames, clips.labels)``.
        num_steps: how many steps.
        batch_size: real items per step, and as many generated ones.
        losses: "minimax", "non_saturating", "hinge" or "relativistic"; see ``discriminator_loss``
            and ``generator_loss``.
        penalty: weight of the gradient penalty: half of it times the squared gradient, on real
            items (R1); with the relativistic losses on generated items too (R1 + R2).
        generator_rate: learning rate of the generator: a number that ``schedule`` scales, or a
            function of the step (from 1), which may turn it while training runs.
        discriminator_rate: the same of the discriminator.
        schedule: "constant", "cosine" (falls to 0) or "one_cycle".
        betas: Adam's two decay rates, for both players.
        average: a second generator of the same kind; it becomes the running mean of the first.
        decay: how much of the running mean stays at each step; less in the first steps.
        who: "both", "generator" or "discriminator": who moves. Or a function of the step that
            says so.
        device: by default where Keras computes (``default_device()``).
        seed: decides the order of the batches and the noise.
        callbacks: called with each ``GameRecord``; one that returns True ends the training.
        progress: show a bar with the discriminator's opinions.

    Returns:
        The history: a record per step, and how training ended.

    Raises:
        ValueError, TrainingError: as ``train_adversarial_steps``.
    """
    steps = train_adversarial_steps(
        generator, discriminator, train,
        num_steps=num_steps, batch_size=batch_size, losses=losses, penalty=penalty,
        generator_rate=generator_rate, discriminator_rate=discriminator_rate, schedule=schedule,
        betas=betas, average=average, decay=decay, who=who, device=device, seed=seed,
    )  # fmt: skip
    return collect(steps, tuple(callbacks), progress)


def _squared(gradient: Any) -> Any:
    """The mean over the batch of the squared length."""
    axes = tuple(range(1, len(gradient.shape)))
    return ops.mean(ops.sum(ops.square(gradient), axis=axes))


def _opinions(real: Any, generated: Any, losses: str) -> list[Any]:
    """The mean probability of "real" that real and generated items get."""
    if losses == "relativistic":
        share = ops.mean(ops.sigmoid(real - generated))
        return [share, 1 - share]
    return [ops.mean(ops.sigmoid(real)), ops.mean(ops.sigmoid(generated))]


def _probe(
    generator: keras.Model,
    discriminator: keras.Model,
    average: keras.Model | None,
    plan: GamePlan,
) -> None:
    x, labels, noise = next(plan.batches())
    for model in (generator, discriminator):
        check_conditional(model, model.call, labels)
    real = ops.convert_to_tensor(to_unit(x[:2]))
    classes = [] if labels is None else [ops.convert_to_tensor(labels[:2].astype(np.int32))]
    draws = ops.convert_to_tensor(noise[0, :2])
    made = generator(draws, *classes)
    opinion = discriminator(real, *classes)
    check_shapes(tuple(made.shape), tuple(real.shape), tuple(opinion.shape))
    if average is not None:
        if not average.built:
            average(draws, *classes)
        check_average(_shapes(average), _shapes(generator))


def _shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Numbered: Keras gives the layers of a second model other names."""
    return {str(number): tuple(weight.shape) for number, weight in enumerate(model.weights)}


class _Game:
    """Both players, their optimisers, and their moves as compiled functions."""

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        average: keras.Model | None,
        plan: GamePlan,
    ) -> None:
        self.generator, self.discriminator, self.average = generator, discriminator, average
        self.plan = plan
        self.optimizers = []
        for model in (generator, discriminator):
            optimizer = keras.optimizers.Adam(
                beta_1=plan.betas[0], beta_2=plan.betas[1], epsilon=ADAM_EPSILON
            )
            optimizer.build(model.trainable_variables)
            self.optimizers.append(optimizer)
        self._discriminate = compiled_function(self._discriminator_move)
        self._generate = compiled_function(self._generator_move)
        self._follow = compiled_function(self._average_move)

    def discriminate(self, real: Any, noise: Any, classes: list[Any], rate: float) -> np.ndarray:
        """One move of the discriminator: loss, penalty, opinions before it."""
        self.optimizers[1].learning_rate = rate
        return ops.convert_to_numpy(self._discriminate(real, noise, *classes))

    def generate(self, real: Any, noise: Any, classes: list[Any], rate: float) -> np.ndarray:
        """One move of the generator: loss and opinions before it."""
        self.optimizers[0].learning_rate = rate
        return ops.convert_to_numpy(self._generate(real, noise, *classes))

    def follow(self, moves: int) -> None:
        """Let the running mean follow the generator after so many moves of it."""
        if self.average is not None:
            share = running_share(moves, self.plan.decay)
            self._follow(ops.convert_to_tensor(share, "float32"))

    def compile(self) -> None:
        """Trace all moves, and put everything back."""
        average = [] if self.average is None else [self.average]
        x, labels, noise = next(self.plan.batches())
        real, classes, draws = _tensors(x, labels, noise)
        with unchanged(
            self.generator, self.optimizers[0], self.discriminator, self.optimizers[1], *average
        ):
            self.discriminate(real, draws[0], classes, 0.0)
            self.generate(real, draws[1], classes, 0.0)
            self.follow(1)

    def _discriminator_move(self, real: Any, noise: Any, *classes: Any) -> Any:
        plan = self.plan
        fake = ops.stop_gradient(self.generator(noise, *classes, training=True))

        def opinion(x: Any) -> Any:
            return self.discriminator(x, *classes, training=True)

        def measure() -> tuple[Any, Any]:
            extra = ops.zeros(())
            logits = []
            for x, punished in ((real, True), (fake, plan.losses == "relativistic")):
                if plan.penalty and punished:
                    values, gradient = input_gradient(opinion, x)
                    extra = extra + 0.5 * plan.penalty * _squared(gradient)
                else:
                    values = opinion(x)
                logits.append(values)
            loss = discriminator_loss(logits[0], logits[1], plan.losses)
            opinions = _opinions(logits[0], logits[1], plan.losses)
            return loss + extra, ops.stack([loss, extra, *opinions])

        variables = self.discriminator.trainable_variables
        numbers, gradients = gradients_of(measure, variables)
        apply_finite(self.optimizers[1], gradients, variables, numbers)
        return ops.stop_gradient(numbers)

    def _generator_move(self, real: Any, noise: Any, *classes: Any) -> Any:
        losses = self.plan.losses

        def measure() -> tuple[Any, Any]:
            real_logits = ops.stop_gradient(self.discriminator(real, *classes, training=True))
            fake = self.generator(noise, *classes, training=True)
            logits = self.discriminator(fake, *classes, training=True)
            loss = generator_loss(real_logits, logits, losses)
            return loss, ops.stack([loss, *_opinions(real_logits, logits, losses)])

        variables = self.generator.trainable_variables
        numbers, gradients = gradients_of(measure, variables)
        apply_finite(self.optimizers[0], gradients, variables, numbers)
        return ops.stop_gradient(numbers)

    def _average_move(self, kept: Any) -> None:
        """Move the running mean a little towards the generator; statistics are copied."""
        assert self.average is not None
        for mean, value in zip(self.average.variables, self.generator.variables, strict=True):
            if value.trainable:
                mean.assign(kept * mean + (1 - kept) * value)
            else:
                mean.assign(value)


def _tensors(x: np.ndarray, labels: np.ndarray | None, noise: np.ndarray) -> tuple[Any, list, Any]:
    """A batch as tensors: real items, a list with the labels or an empty one, the noise."""
    classes = [] if labels is None else [ops.convert_to_tensor(labels.astype(np.int32))]
    return ops.convert_to_tensor(to_unit(x)), classes, ops.convert_to_tensor(noise)


def _loop(game: _Game, plan: GamePlan, device: str | None) -> Generator[GameRecord]:
    """The training loop."""
    if game.average is not None:
        game.average.set_weights(game.generator.get_weights())
    clock, moves = Clock(), 0
    for step, (x, labels, noise) in enumerate(plan.batches(), start=1):
        clock.start()
        with on_device(device):
            who, rates = plan.player(step), plan.rates(step)
            real, classes, draws = _tensors(x, labels, noise)
            judged = made = None
            if who != "generator":
                judged = game.discriminate(real, draws[0], classes, rates[1])
                check_measured(judged, step, rates)
            if who != "discriminator":
                made = game.generate(real, draws[1], classes, rates[0])
                check_measured(made, step, rates)
                moves += 1
                game.follow(moves)
        yield make_record(step, who, judged, made, rates, clock.stop())
