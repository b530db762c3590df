"""Features instead of frames: a pretrained network says what is in each picture, in PyTorch."""

import os

import numpy as np
import torch
from torch import nn

from vidlab import weights
from vidlab.backbones import FRAMENET, extract, framenet_shape
from vidlab.batches import Inputs
from vidlab.downloads import PretrainedError
from vidlab.torch.devices import default_device
from vidlab.torch.evaluation import evaluating
from vidlab.torch.inputs import as_input
from vidlab.torch.models import FrameCNN
from vidlab.torch.models.initial import initialize


def extract_features(
    model: nn.Module,
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
        model: any module; its method ``features`` is called, or the model itself where it has
            none. It is given clips if its attribute ``takes`` is "clips", else pictures. It runs
            in eval mode and is in its former mode afterwards.
        x: pictures ``(N, H, W, 3)``, clips ``(N, T, H, W, 3)``, features ``(N, ...)``, ``Clips``
            or a source of batches.
        batch_size: pictures (for a model that takes clips: clips) per forward pass. On a CPU a
            smaller one is faster for pictures larger than 64 x 64.
        device: by default ``default_device()``.
        progress: show a bar.

    Returns:
        ``float32 (N, T, D)`` for clips through a model of pictures, else ``(N, D)``.

    Raises:
        ValueError: x is not in order, or not what this model takes.
    """
    chosen = torch.device(device or default_device())
    model.to(chosen)
    features = getattr(model, "features", model)

    def run(batch: np.ndarray) -> np.ndarray:
        return features(as_input(batch, chosen)).float().cpu().numpy()

    with evaluating(model):
        return extract(run, model, x, batch_size, progress)


def pretrained_features(
    name: str = "framenet",
    *,
    num_classes: int | None = None,
    path: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> nn.Module:
    """Load a pretrained network for ``extract_features``.

    "framenet" is a ``FrameCNN`` that vidlab brings along (vidlab/data/framenet.md says what it
    learned); its head names the photograph that a crop is from. ``num_classes`` gives it a new
    head instead, for fine-tuning. All other models come from Hugging Face and are kept in its
    cache; they resize the pictures to what they learned on.

    Args:
        name: "framenet"; "resnet50" or "vit" (pictures), "videomae" (clips); or the name of any
            repository of Hugging Face whose model ``transformers.AutoModel`` knows.
        num_classes: only for "framenet": the size of a new head with random weights.
        path: load from here, without a network: for "framenet" the safetensors file of a
            ``FrameCNN``, else a folder with config.json and model.safetensors.
        revision: the commit on Hugging Face; by default a fixed one for the names above, and the
            newest for others.
        device: where the model lives; by default ``default_device()``.

    Returns:
        A module in eval mode with the method ``features`` and the attribute ``takes``.

    Raises:
        PretrainedError: there is no such model or file, no network, or the file does not fit.
        vidlab.weights.WeightsError: the file of a FrameCNN is damaged or does not fit.
    """
    if name == "framenet":
        if revision is not None:
            raise PretrainedError("framenet comes with vidlab: revision= is for other names")
        model: nn.Module = _framenet(FRAMENET if path is None else path, num_classes)
    elif num_classes is not None:
        raise PretrainedError(f"num_classes is for framenet: {name!r} has no head, only features")
    else:
        from vidlab.torch.hub import load_backbone

        model = load_backbone(name, path, revision)
    return model.eval().to(device or default_device())


def _framenet(file: str | os.PathLike[str], num_classes: int | None) -> FrameCNN:
    """The FrameCNN in a file, with its own head or a new one."""
    old_classes, widths = framenet_shape(file)
    model = FrameCNN(old_classes, widths)
    weights.load(model, file)
    if num_classes is not None:
        model.head = nn.Linear(widths[-1], num_classes)
        initialize(model.head)
    return model
