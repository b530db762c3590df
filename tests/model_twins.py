"""Every model of both rooms in small sizes, for the tests that compare the rooms.

``tests/test_models_torch_backend.py`` runs this file in a process of its own, with Keras on the
torch backend; it then prints what it measured.
"""

import contextlib
import json
import sys
import warnings
from typing import Any

import keras
import numpy as np
import torch
from layer_twins import TWINS, randomize
from torch import nn

import vidlab.keras as vk
import vidlab.keras.models as keras_models
import vidlab.torch as vt
import vidlab.torch.models as torch_models
from vidlab.history import TrainingError
from vidlab.keras import train_steps as keras_train_steps
from vidlab.latents import items, load_codes
from vidlab.torch import train_steps as torch_train_steps
from vidlab.weights import copy_weights

NUM_CLASSES = 5
OPTIONS: dict[str, dict[str, Any]] = {
    "ClassicCNN": {"size": 16},
    "VideoTransformer": {"size": 16},
    "FrameViT": {"size": 16, "patch": 4},
    "SpaceTimeTransformer": {"size": 16, "patch": 4},
}


def model_names(room: Any) -> list[str]:
    """The names of a room's models of frames and clips; what has no ``takes`` is a part of one."""
    kinds = ("frames", "clips")
    return [name for name in room.__all__ if getattr(getattr(room, name), "takes", "") in kinds]


MODELS = model_names(torch_models)


def make(name: str) -> tuple[nn.Module, Any]:
    """A model in PyTorch, in eval mode, and its twin in Keras, with weights of their own."""
    options = OPTIONS.get(name, {})
    first = getattr(torch_models, name)(NUM_CLASSES, **options)
    return first.eval(), getattr(keras_models, name)(NUM_CLASSES, **options)


def batch(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 frames (8, 16, 16, 3) or clips (8, 4, 16, 16, 3), and labels (8,)."""
    rng = np.random.default_rng(seed)
    clips = getattr(torch_models, name).takes == "clips"
    shape = (8, 4, 16, 16, 3) if clips else (8, 16, 16, 3)
    return rng.integers(0, 256, shape, dtype=np.uint8), np.arange(8) % NUM_CLASSES


def set_random_weights(model: nn.Module, seed: int) -> None:
    """Random weights that keep the signal's size, and random normalisation statistics."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point() or "bias_hh" in name:
                continue
            if value.ndim > 1:
                array = rng.normal(0, 1.5 / np.sqrt(value[0].numel()), value.shape)
            elif "var" in name or name.endswith("weight"):
                array = rng.uniform(0.5, 1.5, value.shape)
            else:
                array = rng.normal(0, 0.3, value.shape)
            value.copy_(torch.from_numpy(array))


def twins(name: str, seed: int = 1) -> tuple[nn.Module, Any]:
    """The two models with the same random weights and statistics, copied from PyTorch."""
    first, second = make(name)
    set_random_weights(first, seed)
    copy_weights(first, second)
    return first, second


def torch_input(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).movedim(-1, -3).float() / 255


def keras_input(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / 255


def logits(first: nn.Module, second: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of both models in eval mode."""
    with torch.no_grad():
        from_torch = first.eval()(torch_input(x)).numpy()
    return from_torch, to_numpy(second(keras_input(x), training=False))


def to_numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def relative(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference of two outputs, relative to their spread."""
    return float(np.abs(first - second).max() / first.std())


def train_both(name: str, num_steps: int) -> tuple[nn.Module, Any]:
    """The twins after some steps of ``train_steps`` on one batch."""
    first, second = twins(name)
    data = batch(name)
    options: dict[str, Any] = {"num_steps": num_steps, "batch_size": 8, "schedule": "constant"}
    list(torch_train_steps(first, data, device="cpu", **options))
    list(keras_train_steps(second, data, **options))
    return first, second


def in_torch_layout(model: Any, name: str) -> dict[str, np.ndarray]:
    """A Keras model's weights under PyTorch's names."""
    copy = make(name)[0]
    copy_weights(model, copy)
    return {key: value.numpy() for key, value in copy.state_dict().items()}


def differences(first: nn.Module, second: Any, name: str) -> dict[str, float]:
    """The largest difference of each tensor's weights, relative to the largest weight in it."""
    other = in_torch_layout(second, name)
    found = {}
    for key, value in first.state_dict().items():
        if value.is_floating_point() and "bias_hh" not in key:
            found[key] = float(np.abs(value.numpy() - other[key]).max() / value.abs().max())
    return found


def generators() -> dict[str, float]:
    """Generators and forecasts beside PyTorch's: the largest differences, in grey levels."""
    frames = vt.generate(vt.load_latent_flow(), np.arange(4))
    gan = vt.generate(vt.load_latent_gan(), np.arange(4))
    painters = vt.load_frame_autoencoder(), vk.load_frame_autoencoder()
    codes = vt.encode_clips(painters[0], frames), vk.encode_clips(painters[1], frames)
    first, second = torch_models.NextFramePredictor(8), keras_models.NextFramePredictor(8)
    copy_weights(first, second)
    ahead = vt.forecast(first, frames, 2), vk.forecast(second, frames, 2)
    return {
        "flow": grey_levels(frames, vk.generate(vk.load_latent_flow(), np.arange(4))),
        "gan": grey_levels(gan, vk.generate(vk.load_latent_gan(), np.arange(4))),
        "codes": 255 * max(float(np.abs(a - b).max()) for a, b in zip(*codes, strict=True)),
        "forecast": grey_levels(*ahead),
    }


def grey_levels(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second).max())


def train_generators() -> dict[str, Any]:
    """Losses of two steps in both rooms, warnings about them, and what NaN leaves of weights."""
    first, second = torch_models.LatentVAE(8), keras_models.LatentVAE(8)
    copy_weights(first, second)
    codes = load_codes()
    batches = items(first, codes.codes, codes.labels, 8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        losses = [
            room.fit_loss(model, batches, num_steps=2, progress=False).loss
            for room, model in ((vt, first), (vk, second))
        ]
    before = second.get_weights()
    with contextlib.suppress(TrainingError):
        spoilt = items(first, codes.codes * np.nan, codes.labels, 8)
        vk.fit_loss(second, spoilt, num_steps=2, progress=False)
    same = [np.array_equal(a, b) for a, b in zip(before, second.get_weights(), strict=True)]
    return {
        "difference": float(np.abs(np.subtract(*losses) / losses[0]).max()),
        "warnings": [str(w.message) for w in caught if "requires_grad" in str(w.message)],
        "unspoilt": all(same),
    }


class Spare(keras.Model):
    """A discriminator with a weight that no loss uses."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = vk.LatentDiscriminator(8, 34)
        self.unused = self.add_weight(shape=(2,), name="unused")

    def call(self, x: Any, labels: Any) -> Any:
        return self.inner(x, labels)


def play_with_an_unused_weight() -> bool:
    """Whether a game with such a discriminator goes on."""
    codes = load_codes()
    history = vk.fit_adversarial(
        vk.LatentGenerator(8, 34), Spare(), (codes.codes, codes.labels),
        average=vk.LatentGenerator(8, 34), penalty=0.3, num_steps=2, progress=False,
    )  # fmt: skip
    return len(history.records) == 2


def main() -> None:
    """Measure all models and layers on the present backend; print JSON."""
    found: dict[str, Any] = {"backend": keras.backend.backend(), "models": {}, "layers": {}}
    found["generators"] = generators()
    found["trained generators"] = train_generators()
    found["plays"] = play_with_an_unused_weight()
    for name in MODELS:
        first, second = twins(name)
        there = logits(first, second, batch(name)[0])
        set_random_weights(first, seed=2)
        copy_weights(twins(name, seed=2)[1], first)
        again = twins(name, seed=2)[1]
        back = logits(first, again, batch(name)[0])
        trained, keras_trained = train_both(name, num_steps=1)
        found["models"][name] = {
            "spread": float(there[0].std()),
            "there": relative(*there),
            "back": relative(*back),
            "trained": max(
                value
                for key, value in differences(trained, keras_trained, name).items()
                if "running_var" not in key
            ),
            "moved": relative(logits(trained, keras_trained, batch(name)[0])[1], there[0]),
        }
    for name, twin in TWINS.items():
        first, second = twin.build()
        randomize(second, seed=1)
        copy_weights(second, first)
        found["layers"][name] = relative(*twin.outputs(first, second))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
