"""Train generators by a loss of their own, and let them generate, in Keras."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from vidlab.batches import to_unit
from vidlab.history import Clock, History, Recorder, StepRecord, Steps, check_loss
from vidlab.input_checks import chunks
from vidlab.keras.compiling import unchanged
from vidlab.keras.devices import on_device
from vidlab.keras.features import without_gradients
from vidlab.keras.gradients import apply_finite, compiled_function, gradients_of
from vidlab.latents import Draw, check_clips, check_conditions, check_whole, to_pixels
from vidlab.plan import ADAM_EPSILON, LearningRate, check_run, rate_at, running_share

DECAY = 0.99  # of the running mean of weights: it forgets half in 70 steps


def loss_steps(
    model: keras.Model,
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
        model: its ``training_loss`` takes a batch's arrays as tensors and gives a scalar. It must
            itself give ``training=True`` to layers that need it, such as dropout.
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
        device: by default where Keras computes (``default_device()``).
        seed: decides the batches.

    Returns:
        An iterator that yields a ``StepRecord`` after each step.

    Raises:
        ValueError: an argument out of its range, at once and not at the first step.
        TrainingError: the loss became NaN or infinite; that step does not move the weights.
    """
    check_run(num_steps, learning_rate, schedule, clip_norm, seed)
    move: Callable[..., Any] | None = None  # one step as a graph, from the first use on
    optimizer = keras.optimizers.Adam(epsilon=ADAM_EPSILON, global_clipnorm=clip_norm)
    optimizer.build(model.trainable_variables)

    def compute(*batch: Any) -> Any:
        def measure() -> tuple[Any, Any]:
            loss = model.training_loss(*batch)
            return loss, loss

        variables = model.trainable_variables
        loss, gradients = gradients_of(measure, variables)
        apply_finite(optimizer, gradients, variables, loss)
        return ops.stop_gradient(loss)

    def compile_step() -> None:
        nonlocal move
        move = compiled_function(compute)
        with on_device(device), unchanged(model, optimizer):
            move(*map(as_tensor, batches(np.random.default_rng(seed))))

    def loop() -> Generator[StepRecord]:
        rng = np.random.default_rng(seed)
        step_of = move or compiled_function(compute)
        variables = model.trainable_variables
        mean = [ops.convert_to_numpy(v) for v in variables] if averaged else []
        clock = Clock()
        try:
            for step in range(1, num_steps + 1):
                clock.start()
                rate = rate_at(learning_rate, schedule, step, num_steps)
                optimizer.learning_rate = rate
                with on_device(device):
                    loss = float(step_of(*map(as_tensor, batches(rng))))
                check_loss(loss, step, rate)
                share = running_share(step, DECAY)
                for number, variable in enumerate(variables if averaged else []):
                    mean[number] = share * mean[number] + (1 - share) * ops.convert_to_numpy(
                        variable
                    )
                yield StepRecord(step, 1, loss, rate, clock.stop())
        finally:
            for variable, value in zip(variables if averaged else [], mean, strict=True):
                variable.assign(value)

    return Steps(loop(), num_steps, compile_step)


def fit_loss(
    model: keras.Model,
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
        model: its ``training_loss`` takes a batch's arrays as tensors and gives a scalar. It must
            itself give ``training=True`` to layers that need it, such as dropout.
        batches: a function of a random generator that gives the arrays of one batch, such as
            ``vidlab.latents.pairs_of_frames(frames)``.
        num_steps: how many steps.
        learning_rate: a number that ``schedule`` scales, or a function of the step (from 1).
        schedule: "cosine" (falls to 0), "constant" or "one_cycle".
        clip_norm: gradients together are never longer than this; None leaves them as they are.
        averaged: at the end the weights become their running mean over the steps.
        device: by default where Keras computes (``default_device()``).
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
    model: keras.Model, labels: np.ndarray, *, seed: int = 0, batch_size: int = 64
) -> np.ndarray:
    """Generate one clip per label.

    The noise comes from NumPy: with the same weights, both frameworks generate the same clips.

    Args:
        model: has ``noise_shape`` and ``generate(noise, labels)``, which gives frames in [0, 1].
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
    noise = np.random.default_rng(seed).standard_normal((len(labels), *model.noise_shape))
    made = []
    with without_gradients():
        for part in chunks(len(labels), batch_size):
            frames = model.generate(as_tensor(noise[part]), as_tensor(labels[part]))
            made.append(to_pixels(ops.convert_to_numpy(frames)))
    return np.concatenate(made)


def encode_clips(
    painter: keras.Model, frames: np.ndarray, batch_size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """What a frame autoencoder says of all frames of clips.

    Args:
        painter: a ``FrameAutoencoder``.
        frames: uint8 (N, T, H, W, 3).
        batch_size: clips at once.

    Returns:
        Looks float32 (N, T, L) and places (N, T, P), as ``vidlab.latents.join_codes`` takes them.

    Raises:
        ValueError: frames are no clips, or the batch size is below 1.
    """
    check_clips(frames)
    check_whole("batch_size", batch_size)
    looks, places = [], []
    with without_gradients():
        for part in chunks(len(frames), batch_size):
            x = to_unit(frames[part])
            look, place = painter.encode(ops.convert_to_tensor(x.reshape(-1, *x.shape[2:])))
            looks.append(ops.convert_to_numpy(look).reshape(*x.shape[:2], -1))
            places.append(ops.convert_to_numpy(place).reshape(*x.shape[:2], -1))
    return np.concatenate(looks), np.concatenate(places)


def as_tensor(array: np.ndarray) -> Any:
    """Pictures in [0, 1], whole numbers as labels, other floats as they are."""
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        return ops.convert_to_tensor(array.astype(np.int32))
    return ops.convert_to_tensor(to_unit(array))
