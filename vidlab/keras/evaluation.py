"""Measure a Keras model, and ask it for its outputs."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from vidlab.batches import (
    Arrays,
    Checked,
    Data,
    Inputs,
    as_source,
    input_batches,
    to_unit,
)
from vidlab.input_checks import IGNORED, check_takes, chunks
from vidlab.keras.devices import on_device
from vidlab.plan import (
    ClassWeights,
    Loss,
    check_model,
    class_weight_array,
    count_right,
    target_weight,
)


def evaluate(
    model: keras.Model,
    data: Data,
    *,
    batch_size: int = 64,
    loss: str | Callable[[Any, Any], Any] = "cross_entropy",
    class_weights: ClassWeights = None,
    device: str | None = None,
) -> dict[str, float]:
    """Measure the loss, and for labels the accuracy, on a whole set.

    Args:
        model: any model; it need not be compiled.
        data: ``Clips``, ``(x, y)`` or a source of batches (``vidlab.batches.BatchSource``).
        batch_size: items per forward pass.
        loss, class_weights: see ``fit``.
        device: by default where Keras computes (``default_device()``).

    Returns:
        {"loss": ..., "accuracy": ...}; no "accuracy" for a regression.

    Raises:
        ValueError: the set is not in order, or does not belong to this model.
    """
    source = as_source(data, loss, "data")
    with on_device(device):
        weights = probe(model, source, loss, class_weights, "data")
        return measure(model, source, batch_size, loss, weights)


def predict(
    model: keras.Model,
    x: Inputs,
    *,
    batch_size: int = 64,
    device: str | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Run a model over pictures, clips or features, in batches.

    Args:
        model: any model; it need not be compiled.
        x: pictures ``(N, H, W, 3)``, clips ``(N, T, H, W, 3)``, features ``(N, ...)``, ``Clips``
            or a source of batches.
        batch_size: items per forward pass.
        device: by default where Keras computes (``default_device()``).
        progress: show a bar.

    Returns:
        The model's raw outputs (logits, for a classifier), ``float32 (N, ...)``.

    Raises:
        ValueError: x is not in order, or not what this model takes.
    """
    outputs = []
    with on_device(device):
        for batch in tqdm(input_batches(x, batch_size), disable=not progress, unit="batch"):
            check_takes(model, batch)
            outputs.append(outputs_of(model, batch))
    return np.concatenate(outputs)


def count_parameters(model: keras.Model, trainable_only: bool = True) -> int:
    """Count the numbers that a model consists of.

    Args:
        model: any model that is built.
        trainable_only: leave out frozen parameters and the running statistics of normalisation.

    Raises:
        ValueError: the model has no weights yet.
    """
    if not model.built:
        raise ValueError(
            f"{type(model).__name__} has no weights yet: call it once, on model inputs such as "
            "to_input(x[:1])"
        )
    weights = model.trainable_weights if trainable_only else model.weights
    return sum(int(np.prod(weight.shape)) for weight in weights)


def outputs_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """The outputs for one checked batch, float32."""
    if not model.compiled:
        model.jit_compile = False  # else Keras compiles with XLA, which takes seconds to begin
    return np.asarray(model.predict_on_batch(to_unit(x)), np.float32)


def loss_of(outputs: Any, targets: Any, loss: Loss, weights: np.ndarray | None) -> Any:
    """The mean loss of a batch; labels of -1 do not count."""
    if callable(loss):
        return loss(outputs, targets)
    outputs = ops.cast(outputs, "float32")
    if loss == "mse":
        return ops.mean(ops.square(outputs - targets))
    if loss == "smooth_l1":
        return ops.mean(keras.losses.huber(targets, outputs, delta=1.0))
    labels = ops.maximum(targets, 0)
    each = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
    counted = ops.cast(ops.not_equal(targets, IGNORED), "float32")
    if weights is not None:
        counted = counted * ops.take(ops.convert_to_tensor(weights), labels)
    # 0 for a batch without labels
    return ops.sum(each * counted) / ops.maximum(ops.sum(counted), 1e-8)


def probe(
    model: keras.Model,
    source: Arrays | Checked,
    loss: Loss,
    class_weights: ClassWeights,
    name: str,
) -> np.ndarray | None:
    """Check with one item that a set belongs to a model, and return the class weights.

    This also builds a model that is not built yet.
    """

    def output_shape(x: np.ndarray) -> tuple[int, ...] | None:
        return getattr(model(to_unit(x), training=False), "shape", None)

    shape = check_model(model, source, output_shape, loss, name)
    return class_weight_array(class_weights, source, shape[-1] if shape else None, loss)


def measure(
    model: keras.Model,
    source: Arrays | Checked,
    batch_size: int,
    loss: Loss,
    weights: np.ndarray | None,
) -> dict[str, float]:
    """``evaluate`` for a set that is already checked."""
    total = total_weight = 0.0
    right = labelled = 0
    everything = np.arange(len(source))
    for chunk in chunks(len(source), batch_size):
        x, y = source.get(everything[chunk])
        weight = target_weight(y, loss, weights)
        if weight == 0:
            continue  # no labels in this batch
        outputs = outputs_of(model, x)
        batch_loss = loss_of(
            ops.convert_to_tensor(outputs), ops.convert_to_tensor(y), loss, weights
        )
        total += weight * float(ops.convert_to_numpy(batch_loss))
        total_weight += weight
        if counts := count_right(y, outputs):
            right, labelled = right + counts[0], labelled + counts[1]
    if total_weight == 0:
        raise ValueError("data: nothing here has a label (all are -1, or of classes of weight 0)")
    result = {"loss": total / total_weight}
    if labelled:
        result["accuracy"] = right / labelled
    return result
