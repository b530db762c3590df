"""Features instead of frames: a pretrained network says what is in each picture, in PyTorch."""

import os

import numpy as np
import torch
from torch import nn

from vidlab import weights
from vidlab.backbones import FRAMENET, PretrainedError, extract, framenet_shape
from vidlab.batches import Inputs
from vidlab.torch.devices import default_device
from vidlab.torch.evaluation import evaluating
from vidlab.torch.inputs import as_input
from vidlab.torch.models import FrameCNN


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
        batch_size: pictures (for a model that takes clips: clips) per forward pass.
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
    path: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> nn.Module:
    """Load a pretrained network for ``extract_features``.

    "framenet" is a ``FrameCNN`` that vidlab brings along (vidlab/data/framenet.md says what it
    learned); its head names the photograph that a crop is from. For another task give it another
    head: ``model.head = nn.Linear(model.head.in_features, num_classes)``. All other models come
    from Hugging Face and are kept in its cache; they resize the pictures to what they learned on.

    Args:
        name: "framenet"; "resnet50" or "vit" (pictures), "videomae" (clips); or the name of any
            repository of Hugging Face whose model ``transformers.AutoModel`` knows.
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
        file = FRAMENET if path is None else path
        model: nn.Module = FrameCNN(*framenet_shape(file))
        weights.load(model, file)
    else:
        from vidlab.torch.hub import load_backbone

        model = load_backbone(name, path, revision)
    return model.eval().to(device or default_device())
