"""What the feature extraction of both rooms shares: batches of frames, and framenet on disk.

The letters: N items, T frames, H height, W width, D features.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vidlab.batches import Inputs, input_batches
from vidlab.clips import Clips
from vidlab.downloads import PretrainedError
from vidlab.input_checks import check_takes, chunks

FRAMENET = Path(__file__).parent / "data" / "framenet.safetensors"
MASKED_FRAMES = Path(__file__).parent / "data" / "masked_frames.safetensors"
FRAME_AUTOENCODER = Path(__file__).parent / "data" / "frame_autoencoder.safetensors"
LATENT_FLOW = Path(__file__).parent / "data" / "latent_flow.safetensors"
LATENT_GAN = Path(__file__).parent / "data" / "latent_gan.safetensors"
JUDGE = Path(__file__).parent / "data" / "judge.safetensors"
FRAMENET_INSTEAD = (
    "take name='framenet', which vidlab brings along; or copy the model here and give path=..."
)


def extract(
    run: Callable[[np.ndarray], np.ndarray],
    model: object,
    x: Inputs,
    batch_size: int,
    progress: bool,
) -> np.ndarray:
    """Run a model over a set in batches, the frames of clips folded into the batch.

    Args:
        run: checked pictures, clips or features (B, ...) -> features (B, D).
        model: its ``takes`` decides: "clips", or else pictures.
        x: pictures, clips, features, ``Clips`` or a source of batches.
        batch_size: pictures (or clips, for a model that takes clips) per call of ``run``.
        progress: show a bar.

    Returns:
        ``float32 (N, T, D)`` for clips through a model of pictures, else ``(N, D)``.

    Raises:
        ValueError: x is not in order, or not what this model takes.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
    shape = _shape_of(x)
    is_clips = len(shape) == 5 and shape[-1] == 3
    fold = is_clips and getattr(model, "takes", "frames") != "clips"
    per_batch = max(1, batch_size // shape[1]) if fold else batch_size

    def parts(batch: np.ndarray) -> Iterator[np.ndarray]:
        if not fold:
            check_takes(model, batch)
            yield run(batch)
            return
        frames = batch.reshape(-1, *batch.shape[2:])
        for chunk in chunks(len(frames), batch_size):  # one long clip may be several batches
            yield run(frames[chunk])

    found = []
    total = -(-shape[0] // per_batch)
    batches = input_batches(x, per_batch)
    for batch in tqdm(batches, total=total, disable=not progress, unit="batch"):
        features = np.concatenate([part.reshape(len(part), -1) for part in parts(batch)])
        found.append(features.reshape(*batch.shape[:2], -1) if fold else features)
    return np.concatenate(found).astype(np.float32, copy=False)


def framenet_shape(path: str | os.PathLike[str]) -> tuple[int, tuple[int, int, int]]:
    """num_classes and widths of the FrameCNN whose weights a safetensors file holds.

    Raises:
        PretrainedError: there is no such file, or it holds something else.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise PretrainedError(
            f"{path}: there is no such file; give a FrameCNN saved as safetensors"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            names = ("conv1.weight", "conv2.weight", "conv3.weight", "head.weight")
            first, second, third, classes = (file.get_slice(name).get_shape()[0] for name in names)
    except SafetensorError as error:
        raise PretrainedError(
            f"{path}: holds no FrameCNN ({error}); save one with vidlab.weights.save"
        ) from error
    return classes, (first, second, third)


def _shape_of(x: Inputs) -> tuple[int, ...]:
    if isinstance(x, Clips):
        return x.frames.shape
    if hasattr(x, "get") and not isinstance(x, np.ndarray | dict):
        if len(x) == 0:
            raise ValueError("x is empty: expected at least one item")
        return (len(x), *np.shape(x.get(np.arange(1))[0])[1:])
    shape = np.shape(x)
    return shape if shape else (0,)
