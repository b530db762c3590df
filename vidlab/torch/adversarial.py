"""Train a generator against a discriminator in PyTorch: losses, penalty, steps of either player."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.nn.parameter import is_lazy

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
from vidlab.history import Clock
from vidlab.plan import ADAM_EPSILON, LearningRate, running_share
from vidlab.torch.devices import default_device
from vidlab.torch.inputs import as_input


def discriminator_loss(real: Tensor, generated: Tensor, losses: str = "non_saturating") -> Tensor:
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
        return (relu(1 - real) + relu(1 + generated)).mean()
    if losses == "relativistic":
        return softplus(generated - real).mean()
    return (softplus(-real) + softplus(generated)).mean()


def generator_loss(real: Tensor, generated: Tensor, losses: str = "non_saturating") -> Tensor:
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
        return -softplus(generated).mean()
    if losses == "hinge":
        return -generated.mean()
    if losses == "relativistic":
        check_pairs(real.shape, generated.shape)
        return softplus(real - generated).mean()
    return softplus(-generated).mean()


def gradient_penalty(discriminator: nn.Module, x: Tensor, *labels: Tensor) -> Tensor:
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
    x = x.detach().requires_grad_(True)
    return _squared_gradient(discriminator(x, *labels), x)


def train_adversarial_steps(
    generator: nn.Module,
    discriminator: nn.Module,
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
    average: nn.Module | None = None,
    decay: float = 0.999,
    who: Who = "both",
    device: str | None = None,
    seed: int = 0,
) -> GameSteps:
    """Train a generator and a discriminator step by step.

    In a step the discriminator moves first, then the generator. Noise and order of the batches
    come from NumPy, so that both frameworks see the same. Between two steps both models are in
    eval mode and may be used.

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
        device: by default ``default_device()``.
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
    chosen = torch.device(device or default_device())
    models = [model for model in (generator, discriminator, average) if model is not None]
    for model in models:
        model.to(chosen).eval()
    _probe(generator, discriminator, average, plan, chosen)
    return GameSteps(_loop(generator, discriminator, average, plan, chosen), num_steps)


def fit_adversarial(
    generator: nn.Module,
    discriminator: nn.Module,
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
    average: nn.Module | None = None,
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
        device: by default ``default_device()``.
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


def _squared_gradient(logits: Tensor, x: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(dim=1).mean()


def _opinions(real: Tensor, generated: Tensor, losses: str) -> list[Tensor]:
    """The mean probability of "real" that real and generated items get."""
    if losses == "relativistic":
        share = torch.sigmoid(real - generated).mean()
        return [share, 1 - share]
    return [torch.sigmoid(real).mean(), torch.sigmoid(generated).mean()]


def _numbers(*values: Tensor | float) -> np.ndarray:
    return np.array([float(value) for value in values])


@contextmanager
def _training(*models: nn.Module) -> Iterator[None]:
    """Training mode inside, eval mode afterwards, also after an error."""
    try:
        for model in models:
            model.train()
        yield
    finally:
        for model in models:
            model.eval()


def _probe(
    generator: nn.Module,
    discriminator: nn.Module,
    average: nn.Module | None,
    plan: GamePlan,
    device: torch.device,
) -> None:
    x, labels, noise = next(plan.batches())
    for model in (generator, discriminator):
        check_conditional(model, model.forward, labels)
    real = as_input(x[:2], device)
    classes = [] if labels is None else [torch.as_tensor(labels[:2], device=device)]
    draws = torch.as_tensor(noise[0, :2], device=device)
    with torch.no_grad():
        made = generator(draws, *classes)
        opinion = discriminator(real, *classes)
        if average is not None and any(is_lazy(p) for p in average.parameters()):
            average(draws, *classes)
    check_shapes(tuple(made.shape), tuple(real.shape), tuple(opinion.shape))
    if average is not None:
        check_average(_shapes(average), _shapes(generator))


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


class _Player:
    """A model and its optimiser."""

    def __init__(self, model: nn.Module, betas: tuple[float, float]) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, betas=betas, eps=ADAM_EPSILON)
        self.moves = 0

    def move(self, loss: Tensor, rate: float) -> None:
        self.moves += 1
        for group in self.optimizer.param_groups:
            group["lr"] = rate
            # Keras adds epsilon before Adam's bias correction, PyTorch after it.
            group["eps"] = ADAM_EPSILON / math.sqrt(1 - group["betas"][1] ** self.moves)
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()


def _loop(
    generator: nn.Module,
    discriminator: nn.Module,
    average: nn.Module | None,
    plan: GamePlan,
    device: torch.device,
) -> Generator[GameRecord]:
    """The training loop."""
    forger, judge = _Player(generator, plan.betas), _Player(discriminator, plan.betas)
    if average is not None:
        average.load_state_dict(generator.state_dict())
    clock = Clock()
    for step, (x, y, noise) in enumerate(plan.batches(), start=1):
        clock.start()
        who, rates = plan.player(step), plan.rates(step)
        real = as_input(x, device)
        classes = [] if y is None else [torch.as_tensor(y, device=device)]
        draws = torch.as_tensor(noise, device=device)
        judged = made = None
        with _training(generator, discriminator):
            if who != "generator":
                with torch.no_grad():
                    fake = generator(draws[0], *classes)
                loss, judged = _discriminate(discriminator, real, fake, classes, plan)
                check_measured(judged, step, rates)
                judge.move(loss, rates[1])
            if who != "discriminator":
                fake = generator(draws[1], *classes)
                loss, made = _generate(discriminator, real, fake, classes, plan)
                check_measured(made, step, rates)
                forger.move(loss, rates[0])
        if average is not None and who != "discriminator":
            _follow(average, generator, running_share(forger.moves, plan.decay))
        yield make_record(step, who, judged, made, rates, clock.stop())


def _discriminate(
    discriminator: nn.Module, real: Tensor, fake: Tensor, classes: list[Tensor], plan: GamePlan
) -> tuple[Tensor, np.ndarray]:
    """The discriminator's loss with its penalty, and what it measured."""
    punished = [real] if plan.penalty else []
    if plan.penalty and plan.losses == "relativistic":
        punished.append(fake)
    for x in punished:
        x.requires_grad_(True)
    logits = discriminator(real, *classes), discriminator(fake, *classes)
    loss = discriminator_loss(*logits, plan.losses)
    extra = sum(
        (
            0.5 * plan.penalty * _squared_gradient(logit, x)
            for logit, x in zip(logits, punished, strict=False)
        ),
        torch.zeros((), device=real.device),
    )
    with torch.no_grad():
        numbers = _numbers(loss, extra, *_opinions(*logits, plan.losses))
    return loss + extra, numbers


def _generate(
    discriminator: nn.Module, real: Tensor, fake: Tensor, classes: list[Tensor], plan: GamePlan
) -> tuple[Tensor, np.ndarray]:
    """The generator's loss, and what it measured."""
    with torch.no_grad():  # what is real does not depend on the generator
        real_logits = discriminator(real.detach(), *classes)
    logits = discriminator(fake, *classes)
    loss = generator_loss(real_logits, logits, plan.losses)
    with torch.no_grad():
        numbers = _numbers(loss, *_opinions(real_logits, logits, plan.losses))
    return loss, numbers


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, kept: float) -> None:
    """Move the running mean a little towards the model; statistics are copied."""
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - kept)
    for statistic, present in zip(average.buffers(), model.buffers(), strict=True):
        statistic.copy_(present)
