"""Train a PyTorch model: ``train_steps`` is the loop, ``fit`` keeps its history."""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from vidlab.batches import Augment, Batches, Data
from vidlab.history import Clock, History, Recorder, StepRecord, Steps, check_loss
from vidlab.plan import ADAM_EPSILON, ClassWeights, LearningRate, Plan, make_plan
from vidlab.torch.devices import default_device
from vidlab.torch.evaluation import loss_of, measure, probe
from vidlab.torch.inputs import as_input


def fit(
    model: nn.Module,
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
    loss: str | Callable[[Tensor, Tensor], Tensor] = "cross_entropy",
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
        model: a module; it is trained in place and is in eval mode afterwards.
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
        num_workers: processes that make batches ahead; 0 makes them in this one.
        device: by default ``default_device()``.
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
    best: dict[str, Tensor] = {}

    def save_weights() -> None:
        best.update({name: value.detach().clone() for name, value in model.state_dict().items()})

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
                model.load_state_dict(best)
    return recorder.history


def train_steps(
    model: nn.Module,
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
    loss: str | Callable[[Tensor, Tensor], Tensor] = "cross_entropy",
    augment: Augment | None = None,
    eval_every: int | None = None,
    num_workers: int = 0,
    device: str | None = None,
    mixed_precision: bool | None = None,
    seed: int = 0,
) -> Steps:
    """Train a model step by step: what ``fit`` and the live panels stand on.

    Between two steps the model is in eval mode and may be used; training may be left at any step
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
    return Steps(_steps(model, plan, device, mixed_precision), plan.num_steps)


def fresh(make: Callable[..., nn.Module], *args: Any, **options: Any) -> nn.Module:
    """A model with new weights: ``make(*args, **options)``.

    The Keras room's function of this name spares panels from compiling anew; PyTorch does not
    compile.

    Args:
        make: a class or function that makes a model; it draws the weights.
        args, options: what it takes.
    """
    return make(*args, **options)


def _steps(
    model: nn.Module, plan: Plan, device: str | None, mixed_precision: bool | None
) -> Generator[StepRecord]:
    """Get everything ready, and return the loop."""
    chosen = torch.device(device or default_device())
    if mixed_precision is None:
        mixed_precision = chosen.type == "cuda"
    if mixed_precision and chosen.type != "cuda":
        raise ValueError(f"mixed_precision needs a CUDA GPU; the device is {chosen}")
    model.to(chosen)
    weights = probe(model, plan.train, plan.loss, plan.class_weights, chosen, "train")
    if plan.val is not None:
        probe(model, plan.val, plan.loss, None, chosen, "val")
    return _loop(model, plan, weights, chosen, mixed_precision)


def _loop(
    model: nn.Module,
    plan: Plan,
    weights: np.ndarray | None,
    device: torch.device,
    mixed_precision: bool,
) -> Generator[StepRecord]:
    """The training loop."""
    torch.manual_seed(plan.seed)  # dropout
    parameters = [p for p in model.parameters() if p.requires_grad]
    kind = torch.optim.AdamW if plan.weight_decay else torch.optim.Adam
    optimizer = kind(parameters, eps=ADAM_EPSILON, weight_decay=plan.weight_decay)
    scaler = torch.amp.GradScaler(device.type, enabled=mixed_precision)
    weight_tensor = None if weights is None else torch.as_tensor(weights, device=device)
    clock = Clock()
    clock.start()
    try:
        for step, (x, y) in enumerate(_batches(plan.batches, plan.num_workers), start=1):
            rate = plan.rate(step)
            for group in optimizer.param_groups:
                group["lr"] = rate
                # Keras adds epsilon before Adam's bias correction, PyTorch after it.
                group["eps"] = ADAM_EPSILON / math.sqrt(1 - group["betas"][1] ** step)
            model.train()
            with torch.autocast(device.type, torch.float16, enabled=mixed_precision):
                outputs = model(as_input(x, device))
            targets = torch.as_tensor(y, device=device)
            loss = loss_of(outputs, targets, plan.loss, weight_tensor)
            loss_value = loss.item()
            check_loss(loss_value, step, rate)  # before the weights are spoilt

            optimizer.zero_grad()
            scaler.scale(loss).backward()
            if plan.clip_norm is not None:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(parameters, plan.clip_norm)
            scaler.step(optimizer)
            scaler.update()

            model.eval()
            measured: dict[str, float] = {}
            if plan.evaluates(step) and plan.val is not None:
                measured = measure(model, plan.val, plan.batch_size, plan.loss, weights, device)
            yield StepRecord(
                step=step,
                epoch=plan.epoch(step),
                loss=loss_value,
                learning_rate=rate,
                seconds=clock.stop(),
                val_loss=measured.get("loss"),
                val_accuracy=measured.get("accuracy"),
            )
            clock.start()
    finally:  # also where an interruption came within a step
        model.eval()


def _batches(batches: Batches, num_workers: int) -> Iterable[tuple]:
    """The batches in order, from this process or from workers."""
    if num_workers == 0:
        return (batches[i] for i in range(len(batches)))
    # A DataLoader takes whatever has a length and items; each item here is a whole batch.
    return DataLoader(batches, batch_size=None, num_workers=num_workers)  # type: ignore[arg-type]
