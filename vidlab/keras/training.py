"""Train a Keras model: ``train_steps`` is the loop, ``fit`` keeps its history.

The step is Keras's own compiled one, reached by ``train_on_batch``. ``model.fit`` takes the same
step, but cannot be left between two steps and gone on with, as a live panel must. What either
costs is measured in ``benchmarks/training.py``.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from vidlab.batches import Augment, Data, prefetch, to_unit
from vidlab.history import Clock, History, Recorder, StepRecord, Steps, check_loss
from vidlab.keras.compiling import compiled, is_mixed, unchanged
from vidlab.keras.devices import on_device
from vidlab.keras.evaluation import measure, probe
from vidlab.plan import ClassWeights, LearningRate, Plan, make_plan


def fit(
    model: keras.Model,
    train: Data,
    val: Data | None = None,
    *,
    num_steps: int | None = None,
    num_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: LearningRate = 3e-3,
    schedule: str = "cosine",
    weight_decay: float = 0.0,
    clip_norm: float | None = 1.0,
    class_weights: ClassWeights = None,
    loss: str | Callable[[Any, Any], Any] = "cross_entropy",
    augment: Augment | None = None,
    eval_every: int | None = None,
    num_workers: int = 0,
    device: str | None = None,
    mixed_precision: bool | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[[StepRecord], object]] = (),
    patience: int | None = None,
    keep_best: bool = True,
    progress: bool = True,
) -> History:
    """Train a model and keep its history.

    An interruption (Ctrl+C, or Jupyter's stop button) ends the training cleanly.

    Args:
        model: a Keras model; it is trained in place, and compiled anew.
        train: ``Clips``, ``(x, y)`` or a source of batches (``vidlab.batches.BatchSource``).
        val: a set of the same kinds, measured while training; or None.
        num_steps: how many steps; or
        num_epochs: how often to go through the set. With neither, 10 epochs.
        batch_size: items per step.
        learning_rate: a number that ``schedule`` scales; or a function of the step (from 1) that
            is asked at every step, which may turn it while training runs.
        schedule: "cosine" (falls to 0), "constant", or "one_cycle" (rises over the first quarter
            of the steps, then falls to 0).
        weight_decay: above 0, AdamW takes the place of Adam.
        clip_norm: gradients together are never longer than this; None leaves them as they are.
        class_weights: a weight per class, or "balanced" (a rare class counts more); None for
            equal ones.
        loss: "cross_entropy" (labels (N,) for logits (N, K), or (N, T) for (N, T, K); -1 means "no
            label here"), "mse", "smooth_l1", or a function (outputs, targets) -> scalar tensor.
        augment: function (x, rng) -> x that changes a uint8 batch before it is trained on.
        eval_every: steps between two evaluations of val; by default one epoch's. The last step is
            always followed by one.
        num_workers: threads that make batches ahead.
        device: by default where Keras computes (``default_device()``).
        mixed_precision: compute in float16 where that is safe; by default where the device is
            a CUDA GPU, the only one that can.
        seed: decides the order of the batches, the augmentation and dropout.
        callbacks: called with each ``StepRecord``; one that returns True ends the training.
        patience: how many evaluations in a row may bring no lower val loss; then training ends.
        keep_best: put the weights with the lowest val loss back at the end.
        progress: show a bar.

    Returns:
        The history: a record per step, and how training ended.

    Raises:
        ValueError: an argument out of its range, or a set that is not in order or does not belong
            to the model.
        TrainingError: the loss became NaN or infinite.
    """
    plan = make_plan(
        train, val,
        num_steps=num_steps, num_epochs=num_epochs, batch_size=batch_size,
        learning_rate=learning_rate, schedule=schedule, weight_decay=weight_decay,
        clip_norm=clip_norm, class_weights=class_weights, loss=loss, augment=augment,
        eval_every=eval_every, num_workers=num_workers, seed=seed,
    )  # fmt: skip
    best: list[np.ndarray] = []

    def save_weights() -> None:
        best[:] = model.get_weights()

    keeps = keep_best and val is not None
    recorder = Recorder(tuple(callbacks), patience, save_weights if keeps else None)
    steps = _steps(model, plan, device, mixed_precision)
    with closing(steps), tqdm(total=plan.num_steps, disable=not progress, unit="step") as bar:
        try:
            for record in steps:
                bar.set_postfix_str(f"loss {record.loss:.3g}", refresh=False)
                bar.update()
                if recorder.add(record):
                    break
        except KeyboardInterrupt:
            recorder.history.stopped = "interrupted"
        finally:
            if best:
                model.set_weights(best)
    return recorder.history


def train_steps(
    model: keras.Model,
    train: Data,
    val: Data | None = None,
    *,
    num_steps: int | None = None,
    num_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: LearningRate = 3e-3,
    schedule: str = "cosine",
    weight_decay: float = 0.0,
    clip_norm: float | None = 1.0,
    class_weights: ClassWeights = None,
    loss: str | Callable[[Any, Any], Any] = "cross_entropy",
    augment: Augment | None = None,
    eval_every: int | None = None,
    num_workers: int = 0,
    device: str | None = None,
    mixed_precision: bool | None = None,
    seed: int = 0,
) -> Steps:
    """Train a model step by step: what ``fit`` and the live panels stand on.

    Between two steps the model may be used; training may be left at any step
    (``close`` the iterator, or drop it). The arguments are those of ``fit``.

    Returns:
        An iterator that yields a ``StepRecord`` after each step.

    Raises:
        ValueError: as ``fit``, at once and not at the first step.
        TrainingError: the loss became NaN or infinite.
    """
    plan = make_plan(
        train, val,
        num_steps=num_steps, num_epochs=num_epochs, batch_size=batch_size,
        learning_rate=learning_rate, schedule=schedule, weight_decay=weight_decay,
        clip_norm=clip_norm, class_weights=class_weights, loss=loss, augment=augment,
        eval_every=eval_every, num_workers=num_workers, seed=seed,
    )  # fmt: skip
    return _steps(model, plan, device, mixed_precision)


def _steps(
    model: keras.Model, plan: Plan, device: str | None, mixed_precision: bool | None
) -> Steps:
    """Get everything ready, and return the loop."""
    mixed = is_mixed(mixed_precision, device)
    weights = _check(model, plan, device)
    clock, stack = Clock(), ExitStack()
    optimizers: list[keras.optimizers.Optimizer] = []  # one, from the first use on

    def optimizer() -> keras.optimizers.Optimizer:
        if not optimizers:
            optimizers.append(stack.enter_context(compiled(model, plan, weights, mixed)))
        return optimizers[0]

    def compile_step() -> None:
        clock.start()
        with on_device(device), unchanged(model, optimizer()):
            x, y = plan.batches[0]
            model.train_on_batch(to_unit(x), y)
        clock.stop()

    def loop() -> Generator[StepRecord]:
        with stack:
            clock.start()
            for step, (x, y) in enumerate(prefetch(plan.batches, plan.num_workers), start=1):
                with on_device(device):
                    rate = plan.rate(step)
                    optimizer().learning_rate = rate
                    logs = model.train_on_batch(to_unit(x), y, return_dict=True)
                    record = _record(model, plan, weights, step, float(logs["loss"]), rate, clock)
                yield record
                clock.start()

    return Steps(loop(), plan.num_steps, compile_step, stack.close)


def _record(
    model: keras.Model,
    plan: Plan,
    weights: np.ndarray | None,
    step: int,
    loss: float,
    rate: float,
    clock: Clock,
) -> StepRecord:
    """Check a step's loss, evaluate where it is due, and stop the clock."""
    check_loss(loss, step, rate)
    measured: dict[str, float] = {}
    if plan.evaluates(step) and plan.val is not None:
        measured = measure(model, plan.val, plan.batch_size, plan.loss, weights)
    return StepRecord(
        step=step,
        epoch=plan.epoch(step),
        loss=loss,
        learning_rate=rate,
        seconds=clock.stop(),
        val_loss=measured.get("loss"),
        val_accuracy=measured.get("accuracy"),
    )


def _check(model: keras.Model, plan: Plan, device: str | None) -> np.ndarray | None:
    """Check that the sets belong to the model, and return the class weights."""
    with on_device(device):
        weights = probe(model, plan.train, plan.loss, plan.class_weights, "train")
        if plan.val is not None:
            probe(model, plan.val, plan.loss, None, "val")
    return weights
