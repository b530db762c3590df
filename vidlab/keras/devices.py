"""Where Keras computes, and from which seed."""

import os
from contextlib import AbstractContextManager, nullcontext

import keras


def default_device() -> str:
    """The device that is used where none is named: "cuda" where there is one, else "cpu".

    The environment variable VIDLAB_DEVICE overrides this. Apple's "mps" is used only when it asks
    for it: some of its operations are known to give wrong results without an error.
    """
    chosen = os.environ.get("VIDLAB_DEVICE")
    if chosen:
        return chosen
    return "cuda" if _has_gpu() else "cpu"


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and Keras with its backend: what they draw next can be repeated."""
    keras.utils.set_random_seed(seed)


def on_device(device: str | None) -> AbstractContextManager:
    """A context in which Keras computes on a device; with None, where it chooses."""
    device = device or os.environ.get("VIDLAB_DEVICE")
    if device is None:
        return nullcontext()
    kind, _, number = device.partition(":")
    kind = "gpu" if kind == "cuda" else kind  # Keras's word on every backend
    return keras.device(f"{kind}:{number or 0}")


def _has_gpu() -> bool:
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
