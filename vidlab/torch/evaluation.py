"""Measure a PyTorch model, and ask it for its outputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from vidlab.batches import Arrays, Checked, Data, Inputs, as_source, input_batches
from vidlab.input_checks import IGNORED, check_takes, chunks
from vidlab.plan import (
    ClassWeights,
    Loss,
    check_model,
    class_weight_array,
    count_right,
    target_weight,
)
from vidlab.torch.devices import default_device
from vidlab.torch.inputs import as_input


def evaluate(
    model: nn.Module,
    data: Data,
    *,
    batch_size: int = 64,
    loss: str | Callable[[Tensor, Tensor], Tensor] = "cross_entropy",
    class_weights: ClassWeights = None,
    device: str | None = None,
) -> dict[str, float]:
    """Measure the loss, and for labels the accuracy, on a whole set.

    Args:
        model: any module; it runs in eval mode and is in its former mode afterwards.
        data: ``Clips``, ``(x, y)`` or a source of batches (``vidlab.batches.BatchSource``).
        batch_size: items per forward pass.
        loss, class_weights: see ``fit``.
        device: by default ``default_device()``.

    Returns:
        {"loss": ..., "accuracy": ...}; no "accuracy" for a regression.

    Raises:
        ValueError: the set is not in order, or does not belong to this model.
    """
    chosen = torch.device(device or default_device())
    source = as_source(data, loss, "data")
    model.to(chosen)
    weights = probe(model, source, loss, class_weights, chosen, "data")
    return measure(model, source, batch_size, loss, weights, chosen)


def predict(
    model: nn.Module,
    x: Inputs,
    *,
    batch_size: int = 64,
    device: str | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Run a model over pictures, clips or features, in batches.

    Args:
        model: any module; it runs in eval mode and is in its former mode afterwards.
        x: pictures ``(N, H, W, 3)``, clips ``(N, T, H, W, 3)``, features ``(N, ...)``, ``Clips``
            or a source of batches.
        batch_size: items per forward pass.
        device: by default ``default_device()``.
        progress: show a bar.

    Returns:
        The model's raw outputs (logits, for a classifier), ``float32 (N, ...)``.

    Raises:
        ValueError: x is not in order, or not what this model takes.
    """
    chosen = torch.device(device or default_device())
    model.to(chosen)
    outputs = []
    with evaluating(model):
        for batch in tqdm(input_batches(x, batch_size), disable=not progress, unit="batch"):
            check_takes(model, batch)
            outputs.append(model(as_input(batch, chosen)).float().cpu().numpy())
    return np.concatenate(outputs)


def count_parameters(model: nn.Module, trainable_only: bool = True) -> int:
    """Count the numbers that a model consists of.

    Args:
        model: any module.
        trainable_only: leave out frozen parameters and the running statistics of normalisation.
    """
    if trainable_only:
        return sum(p.numel() for p in model.parameters() if p.requires_grad)
    statistics = [b for b in model.buffers() if b.is_floating_point()]
    return sum(tensor.numel() for tensor in [*model.parameters(), *statistics])


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In eval mode and without gradients; then each module is in its former mode again."""
    training = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, former in training:
            module.training = former


def loss_of(outputs: Tensor, targets: Tensor, loss: Loss, weights: Tensor | None) -> Tensor:
    """The mean loss of a batch; labels of -1 do not count."""
    if callable(loss):
        return loss(outputs, targets)
    if loss == "mse":
        return F.mse_loss(outputs.float(), targets)
    if loss == "smooth_l1":
        return F.smooth_l1_loss(outputs.float(), targets)
    targets = targets.flatten()
    total = F.cross_entropy(
        outputs.float().flatten(0, -2), targets, weights, ignore_index=IGNORED, reduction="sum"
    )
    labelled = targets != IGNORED
    counted = labelled.sum() if weights is None else (weights[targets] * labelled).sum()
    return total / counted.clamp(min=1e-8)  # 0 for a batch without labels


def probe(
    model: nn.Module,
    source: Arrays | Checked,
    loss: Loss,
    class_weights: ClassWeights,
    device: torch.device,
    name: str,
) -> np.ndarray | None:
    """Check with one item that a set belongs to a model, and return the class weights."""

    def output_shape(x: np.ndarray) -> tuple[int, ...] | None:
        with evaluating(model):
            return getattr(model(as_input(x, device)), "shape", None)

    shape = check_model(model, source, output_shape, loss, name)
    return class_weight_array(class_weights, source, shape[-1] if shape else None, loss)


def measure(
    model: nn.Module,
    source: Arrays | Checked,
    batch_size: int,
    loss: Loss,
    weights: np.ndarray | None,
    device: torch.device,
) -> dict[str, float]:
    """``evaluate`` for a set that is already checked."""
    weight_tensor = None if weights is None else torch.as_tensor(weights, device=device)
    total = total_weight = 0.0
    right = labelled = 0
    everything = np.arange(len(source))
    with evaluating(model):
        for chunk in chunks(len(source), batch_size):
            x, y = source.get(everything[chunk])
            weight = target_weight(y, loss, weights)
            if weight == 0:
                continue  # no labels in this batch
            outputs = model(as_input(x, device))
            targets = torch.as_tensor(y, device=device)
            total += weight * loss_of(outputs, targets, loss, weight_tensor).item()
            total_weight += weight
            if isinstance(outputs, Tensor) and (
                counts := count_right(y, outputs.float().cpu().numpy())
            ):
                right, labelled = right + counts[0], labelled + counts[1]
    if total_weight == 0:
        raise ValueError("data: nothing here has a label (all are -1, or of classes of weight 0)")
    result = {"loss": total / total_weight}
    if labelled:
        result["accuracy"] = right / labelled
    return result
