"""Features instead of frames: a pretrained network says what is in each picture, in Keras."""

import os
from contextlib import AbstractContextManager, nullcontext

import keras
import numpy as np
from keras import ops

from vidlab import weights
from vidlab.backbones import FRAMENET, extract, framenet_shape
from vidlab.batches import Inputs, to_unit
from vidlab.downloads import PretrainedError
from vidlab.keras.devices import on_device
from vidlab.keras.models import FrameCNN


def extract_features(
    model: keras.Model,
    x: Inputs,
    *,
    batch_size: int = 256,
    device: str | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Turn pictures or clips into features, many at a time.

    A model of pictures gets all frames of several clips in one batch, which is many times faster
    than one frame after the other.

    Args:
        model: any model; its method ``features`` is called, or the model itself where it has
            none. It is given clips if its attribute ``takes`` is "clips", else pictures. It runs
            as it does in inference.
        x: pictures ``(N, H, W, 3)``, clips ``(N, T, H, W, 3)``, features ``(N, ...)``, ``Clips``
            or a source of batches.
        batch_size: pictures (for a model that takes clips: clips) per forward pass. On a CPU a
            smaller one is faster for pictures larger than 64 x 64.
        device: by default where Keras computes (``default_device()``).
        progress: show a bar.

    Returns:
        ``float32 (N, T, D)`` for clips through a model of pictures, else ``(N, D)``.

    Raises:
        ValueError: x is not in order, or not what this model takes.
    """
    features = getattr(model, "features", model)

    def run(batch: np.ndarray) -> np.ndarray:
        outputs = features(ops.convert_to_tensor(to_unit(batch)))
        return ops.convert_to_numpy(outputs).astype(np.float32, copy=False)

    with on_device(device), without_gradients():
        return extract(run, model, x, batch_size, progress)


def pretrained_features(
    name: str = "framenet",
    *,
    num_classes: int | None = None,
    path: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> keras.Model:
    """Load a pretrained network for ``extract_features``.

    "framenet" is a ``FrameCNN`` that vidlab brings along (vidlab/data/framenet.md says what it
    learned); its head names the photograph that a crop is from. ``num_classes`` gives it a new
    head instead, for fine-tuning. All other models are those of ``keras.applications``, trained on
    ImageNet and kept in Keras's cache; they resize the pictures to what they learned on.

    Args:
        name: "framenet", "resnet50", "mobilenet_v2" or "efficientnet_b0" (all of pictures).
        num_classes: only for "framenet": the size of a new head with random weights.
        path: load from here, without a network: for "framenet" the safetensors file of a
            ``FrameCNN``, else a .weights.h5 of the application without its top, or a .keras file
            of a model that takes what the application takes.
        revision: not used here: Keras checks its files against fixed checksums.
        device: where the model lives; by default where Keras computes.

    Returns:
        A model with the method ``features`` and the attribute ``takes``.

    Raises:
        PretrainedError: there is no such model or file, no network, or the file does not fit.
        vidlab.weights.WeightsError: the file of a FrameCNN is damaged or does not fit.
    """
    if revision is not None:
        raise PretrainedError("the files of keras.applications have no revisions: leave it out")
    with on_device(device):
        if name == "framenet":
            return _framenet(FRAMENET if path is None else path, num_classes)
        if num_classes is not None:
            raise PretrainedError(
                f"num_classes is for framenet: {name!r} has no head, only features"
            )
        from vidlab.keras.applications import load_backbone

        return load_backbone(name, path)


def _framenet(file: str | os.PathLike[str], num_classes: int | None) -> FrameCNN:
    """The FrameCNN in a file, with its own head or a new one."""
    old_classes, widths = framenet_shape(file)
    model = FrameCNN(old_classes, widths)
    weights.load(model, file)
    if num_classes is None:
        return model
    # A built Keras model takes no new layer: the layers below the head go to a new model.
    fresh = FrameCNN(num_classes, widths)
    for layer, loaded in zip(fresh.layers, model.layers, strict=True):
        if layer is not fresh.head:
            layer.set_weights(loaded.get_weights())
    return fresh


def without_gradients() -> AbstractContextManager:
    """On the torch backend a call outside ``predict`` would keep all of its layers' outputs."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.no_grad()
    return nullcontext()
