"""Train generators by a loss of their own, and let them generate, in PyTorch."""

import copy
import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from vidlab.history import Clock, History, Recorder, StepRecord, Steps, check_loss
from vidlab.input_checks import chunks
from vidlab.latents import Draw, check_clips, check_conditions, check_whole, to_pixels
from vidlab.plan import ADAM_EPSILON, LearningRate, check_run, rate_at, running_share
from vidlab.torch.devices import default_device
from vidlab.torch.evaluation import evaluating
from vidlab.torch.inputs import as_input

DECAY = 0.99  # of the running mean of weights: it forgets half in 70 steps


def loss_steps(
    model: nn.Module,
    batches: Draw,
    *,
    num_steps: int,
    learning_rate: LearningRate = 3e-3,
    schedule: str = "cosine",
    clip_norm: float | None = 1.0,
    averaged: bool = False,
    device: str | None = None,
    seed: int = 0,
) -> Steps:
    """Train a model that has a ``training_loss``, step by step.

    Between two steps the model may be used; training may be left at any step.

    Args:
        model: its ``training_loss`` takes a batch's arrays as tensors and gives a scalar.
        batches: a function of a random generator that gives the arrays of one batch, such as
            ``vidlab.latents.pairs_of_frames(frames)``. NumPy draws them, so that both frameworks
            see the same.
        num_steps: how many steps.
        learning_rate: a number that ``schedule`` scales, or a function of the step (from 1).
        schedule: "cosine" (falls to 0), "constant" or "one_cycle".
        clip_norm: gradients together are never longer than this; None leaves them as they are.
        averaged: at the end the weights become their running mean over the steps, which is
            smoother (Polyak and Juditsky, 1992, "Acceleration of stochastic approximation by
            averaging").
        device: by default ``default_device()``.
        seed: decides the batches.

    Returns:
        An iterator that yields a ``StepRecord`` after each step.

    Raises:
        ValueError: an argument out of its range, at once and not at the first step.
        TrainingError: the loss became NaN or infinite; that step does not move the weights.
    """
    check_run(num_steps, learning_rate, schedule, clip_norm, seed)
    chosen = torch.device(device or default_device())
    model.to(chosen)

    loss_of: Any = model.training_loss

    def loop() -> Generator[StepRecord]:
        rng = np.random.default_rng(seed)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(parameters, eps=ADAM_EPSILON)
        mean = copy.deepcopy(parameters) if averaged else []
        clock = Clock()
        try:
            for step in range(1, num_steps + 1):
                clock.start()
                rate = rate_at(learning_rate, schedule, step, num_steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                    # Keras adds epsilon before Adam's bias correction, PyTorch after it.
                    group["eps"] = ADAM_EPSILON / math.sqrt(1 - group["betas"][1] ** step)
                model.train()
                loss = loss_of(*(as_tensor(part, chosen) for part in batches(rng)))
                check_loss(loss.item(), step, rate)
                optimizer.zero_grad()
                loss.backward()
                if clip_norm is not None:
                    nn.utils.clip_grad_norm_(parameters, clip_norm)
                optimizer.step()
                with torch.no_grad():
                    for value, parameter in zip(mean, parameters, strict=averaged):
                        value.lerp_(parameter, 1 - running_share(step, DECAY))
                model.eval()
                yield StepRecord(step, 1, loss.item(), rate, clock.stop())
        finally:
            model.eval()
            with torch.no_grad():
                for value, parameter in zip(mean, parameters, strict=averaged):
                    parameter.copy_(value)

    return Steps(loop(), num_steps)


def fit_loss(
    model: nn.Module,
    batches: Draw,
    *,
    num_steps: int,
    learning_rate: LearningRate = 3e-3,
    schedule: str = "cosine",
    clip_norm: float | None = 1.0,
    averaged: bool = False,
    device: str | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[[StepRecord], object]] = (),
    progress: bool = True,
) -> History:
    """Train a model that has a ``training_loss``, and keep the history.

    An interruption (Ctrl+C, or Jupyter's stop button) ends the training cleanly.

    Args:
        model: its ``training_loss`` takes a batch's arrays as tensors and gives a scalar.
        batches: a function of a random generator that gives the arrays of one batch, such as
            ``vidlab.latents.pairs_of_frames(frames)``.
        num_steps: how many steps.
        learning_rate: a number that ``schedule`` scales, or a function of the step (from 1).
        schedule: "cosine" (falls to 0), "constant" or "one_cycle".
        clip_norm: gradients together are never longer than this; None leaves them as they are.
        averaged: at the end the weights become their running mean over the steps.
        device: by default ``default_device()``.
        seed: decides the batches.
        callbacks: called with each ``StepRecord``; one that returns True ends the training.
        progress: show a bar.

    Returns:
        The history: a record per step, and how training ended.

    Raises:
        ValueError, TrainingError: as ``loss_steps``.
    """
    steps = loss_steps(
        model, batches, num_steps=num_steps, learning_rate=learning_rate, schedule=schedule,
        clip_norm=clip_norm, averaged=averaged, device=device, seed=seed,
    )  # fmt: skip
    recorder = Recorder(tuple(callbacks), None, None)
    with closing(steps), tqdm(total=num_steps, disable=not progress, unit="step") as bar:
        try:
            for record in steps:
                bar.set_postfix_str(f"loss {record.loss:.3g}", refresh=False)
                bar.update()
                if recorder.add(record):
                    break
        except KeyboardInterrupt:
            recorder.history.stopped = "interrupted"
    return recorder.history


def generate(
    model: nn.Module, labels: np.ndarray, *, seed: int = 0, batch_size: int = 64
) -> np.ndarray:
    """Generate one clip per label.

    The noise comes from NumPy: with the same weights, both frameworks generate the same clips.

    Args:
        model: has ``noise_shape`` and ``generate(noise, labels)``, which gives frames in [0, 1].
            It runs in eval mode and is in its former mode afterwards.
        labels: (N,) classes, or (N, ...) of what else the model was trained with, such as words.
        seed: of the noise.
        batch_size: clips at once.

    Returns:
        uint8 (N, T, H, W, 3).

    Raises:
        ValueError: labels are no whole numbers, or beyond the classes that the model knows
            (``num_classes``); a batch size below 1, a seed below 0; NaN in the frames.
    """
    labels = check_conditions(labels, getattr(model, "num_classes", None))
    check_whole("seed", seed, 0)
    check_whole("batch_size", batch_size)
    noise_shape: Any = model.noise_shape
    generate_frames: Any = model.generate
    noise = np.random.default_rng(seed).standard_normal((len(labels), *noise_shape))
    device = next(model.parameters()).device
    made = []
    with evaluating(model):
        for part in chunks(len(labels), batch_size):
            frames = generate_frames(
                torch.as_tensor(noise[part].astype(np.float32), device=device),
                torch.as_tensor(labels[part], device=device),
            )
            made.append(to_pixels(frames.movedim(-3, -1).cpu().numpy()))
    return np.concatenate(made)


def encode_clips(
    painter: nn.Module, frames: np.ndarray, batch_size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """What a frame autoencoder says of all frames of clips.

    Args:
        painter: a ``FrameAutoencoder``. It runs in eval mode and is in its former mode afterwards.
        frames: uint8 (N, T, H, W, 3).
        batch_size: clips at once.

    Returns:
        Looks float32 (N, T, L) and places (N, T, P), as ``vidlab.latents.join_codes`` takes them.

    Raises:
        ValueError: frames are no clips, or the batch size is below 1.
    """
    check_clips(frames)
    check_whole("batch_size", batch_size)
    encode: Any = painter.encode
    device = next(painter.parameters()).device
    looks, places = [], []
    with evaluating(painter):
        for part in chunks(len(frames), batch_size):
            x = as_input(frames[part], device)
            look, place = encode(x.flatten(0, 1))
            looks.append(look.unflatten(0, x.shape[:2]).cpu().numpy())
            places.append(place.unflatten(0, x.shape[:2]).cpu().numpy())
    return np.concatenate(looks), np.concatenate(places)


def as_tensor(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Pictures in [0, 1] with channels first, whole numbers as labels, other floats as they are."""
    if array.dtype == np.uint8:
        return as_input(array, device)
    kind = np.float32 if array.dtype.kind == "f" else np.int64
    return torch.as_tensor(array.astype(kind), device=device)
