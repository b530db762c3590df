"""Pretrained models of Hugging Face as feature extractors, without torchvision.

The letters: N items, T frames, H height, W width, D features.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from vidlab.backbones import FRAMENET_INSTEAD
from vidlab.downloads import PretrainedError, fetch

# Repository and commit, so that the same name means the same weights next year.
MODELS = {
    "resnet50": ("microsoft/resnet-50", "34c2154c194f829b11125337b98c8f5f9965ff19"),
    "vit": ("google/vit-base-patch16-224", "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3"),
    "videomae": (
        "MCG-NJU/videomae-base-finetuned-kinetics",
        "488eb9a0565f257b32866000305c8178965eb9f6",
    ),
}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DEFAULT_SIZE = 224  # pixels, where a model's configuration does not say
# Parts of a file that only serve the task the model was trained on, not its features.
OTHER_TASKS = ("classifier.", "decoder.", "encoder_to_decoder.", "mask_token", "fc_norm.")


class Backbone(nn.Module):
    """A model of ``transformers`` that takes pictures or clips as vidlab's own models do.

    It takes ``float32 (N, 3, H, W)``, or (N, T, 3, H, W) where ``takes`` is "clips", in [0, 1],
    of any size: they are resized to the size that the model learned on (which stretches pictures
    that are not square) and scaled by its mean and standard deviation. Clips are sampled to the
    number of frames that it learned on.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.model = model
        config: Any = model.config
        self.num_frames = getattr(config, "num_frames", None)
        self.takes = "frames" if self.num_frames is None else "clips"
        size = getattr(config, "image_size", DEFAULT_SIZE)
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W), or clips (N, T, 3, H, W) -> (N, D)."""
        if self.num_frames is not None:
            chosen = torch.linspace(0, x.shape[1] - 1, self.num_frames, device=x.device)
            x = x[:, chosen.round().long()]
        pictures = functional.interpolate(
            x.flatten(0, -4), self.size, mode="bilinear", antialias=True, align_corners=False
        )
        x = ((pictures - self.mean) / self.std).reshape(*x.shape[:-2], *self.size)
        outputs = self.model(pixel_values=x)
        pooled = getattr(outputs, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        hidden = outputs.last_hidden_state
        if hidden.ndim == 4:  # (N, D, H', W')
            return hidden.mean(dim=(2, 3))
        # Transformers, (N, tokens, D): the class token stands for a picture, the mean for a clip.
        return hidden[:, 0] if self.num_frames is None else hidden.mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x)


def load_backbone(
    name: str, path: str | os.PathLike[str] | None = None, revision: str | None = None
) -> Backbone:
    """Load a model by a short name, by a repository of Hugging Face, or from a folder.

    Raises:
        PretrainedError: there is no such model or folder, no network, or the weights in it are
            not exactly those of the model.
    """
    if path is not None:
        folder = Path(path)
        if not (folder / "config.json").is_file():
            raise PretrainedError(
                f"{folder}: expected a folder with config.json and model.safetensors, as "
                "model.save_pretrained(folder) writes it"
            )
    else:
        if name not in MODELS and "/" not in name:
            known = ", ".join(["framenet", *MODELS])
            raise PretrainedError(
                f"no model is called {name!r}; known are {known}, and repositories of Hugging "
                'Face by their full name, such as "microsoft/resnet-18"'
            )
        repository, pinned = MODELS.get(name, (name, None))
        folder = fetch(name, repository, revision or pinned, FRAMENET_INSTEAD)
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    if (folder / "preprocessor_config.json").is_file():
        settings = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        mean, std = settings.get("image_mean", mean), settings.get("image_std", std)
    return Backbone(load_model(folder), list(mean), list(std))


def load_model(folder: Path) -> nn.Module:
    """The model in a folder, if the file holds all of its weights and nothing unknown."""
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        with quiet():
            model, found = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise PretrainedError(f"{folder}: no model could be loaded: {error}") from error
    missing = {key for key in found["missing_keys"] if not key.endswith("num_batches_tracked")}
    if missing and all(key.startswith("pooler.") for key in missing):
        # A classifier was saved without the pooler: the class token is its feature.
        model.pooler = None
        missing = set()
    unknown = {key for key in found["unexpected_keys"] if not key.startswith(OTHER_TASKS)}
    for what, keys in (
        ("lacks", missing),
        ("has unknown", unknown),
        ("has other shapes of", {str(entry[0]) for entry in found["mismatched_keys"]}),
    ):
        if keys:
            listed = ", ".join(sorted(keys)[:5]) + (", ..." if len(keys) > 5 else "")
            raise PretrainedError(
                f"{folder}: the file {what} {len(keys)} weights of a {type(model).__name__} "
                f"({listed}); its features would be noise. Download it again, or load it as the "
                "model that it was saved from."
            )
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bars and reports of ``transformers``: what they tell is checked here."""
    from transformers.utils import logging as reports

    level, bars = reports.get_verbosity(), reports.is_progress_bar_enabled()
    reports.set_verbosity(logging.CRITICAL)
    reports.disable_progress_bar()
    try:
        yield
    finally:
        reports.set_verbosity(level)
        if bars:
            reports.enable_progress_bar()
