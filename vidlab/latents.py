"""Codes of whole clips: what a generator of the second stage learns to make.

A frame autoencoder (``vidlab.torch.FrameAutoencoder`` and its twin) says of each frame what is
there, its look, and where, its place. A clip's **code** is one row of numbers: its look, and its
path written as waves. Codes are **standardised**: each number less its mean over the training
clips, divided by its spread.

The letters: N clips, T frames, L numbers of a look, P of a place, K waves, D = L + K P.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NUM_WAVES = 8
SHIPPED_CODES = Path(__file__).parent / "data" / "clip_codes.npz"

Draw = Callable[[np.random.Generator], tuple[np.ndarray, ...]]


def cosine_waves(num_frames: int, num_waves: int = NUM_WAVES) -> np.ndarray:
    """The slowest waves of the discrete cosine transform (DCT-II, orthonormal).

    Wave k has the value c_k cos(pi k (t + 1/2) / T) at frame t. Ahmed, Natarajan and Rao (1974),
    "Discrete cosine transform".

    Args:
        num_frames: T.
        num_waves: K, at most T.

    Returns:
        float32 (T, K). Its columns have length 1 and are at right angles.

    Raises:
        ValueError: K is not from 1 to T.
    """
    if not 1 <= num_waves <= num_frames:
        raise ValueError(f"num_waves: expected 1 to {num_frames}, the frames, got {num_waves}")
    time = np.arange(num_frames)[:, None] + 0.5
    waves = np.cos(np.pi * np.arange(num_waves) * time / num_frames)
    return (waves / np.linalg.norm(waves, axis=0)).astype(np.float32)


def join_codes(look: np.ndarray, place: np.ndarray, num_waves: int = NUM_WAVES) -> np.ndarray:
    """Codes, not standardised, of clips.

    Args:
        look: (N, T, L), of each frame; their mean counts.
        place: (N, T, P).
        num_waves: K.

    Returns:
        float32 (N, L + K P).
    """
    waves = cosine_waves(place.shape[1], num_waves)
    path = np.einsum("ntp,tk->nkp", place, waves)
    return np.concatenate([look.mean(axis=1), path.reshape(len(path), -1)], 1).astype(np.float32)


def split_codes(
    codes: np.ndarray, look_dim: int, num_frames: int, place_dim: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Looks (N, L) and places (N, T, P) of codes that are not standardised: ``join_codes`` back.

    The waves that the code leaves out are zero.
    """
    path = codes[:, look_dim:].reshape(len(codes), -1, place_dim)
    waves = cosine_waves(num_frames, path.shape[1])
    return codes[:, :look_dim], np.einsum("nkp,tk->ntp", path, waves)


@dataclass(frozen=True)
class ClipCodes:
    """Standardised codes of labelled clips.

    Attributes:
        codes: float32 (N, D).
        labels: int (N,), the action of each clip.
        mean, spread: float32 (D,): of the codes before they were standardised.
        num_frames: T.
        attributes: name -> (N,) of what else is known of each clip, such as its colour.
    """

    codes: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    num_frames: int
    attributes: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.codes)


def standardise(
    raw: np.ndarray, labels: np.ndarray, num_frames: int, attributes: dict[str, Any] | None = None
) -> ClipCodes:
    """Standardise codes (N, D) as ``join_codes`` gives them.

    Raises:
        ValueError: labels of another number than codes; a number of the code never changes.
    """
    if len(raw) != len(labels):
        raise ValueError(f"labels: expected {len(raw)}, one per code, got {len(labels)}")
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    if not (spread > 0).all():
        still = np.flatnonzero(spread == 0).tolist()
        raise ValueError(f"codes: the numbers {still} are the same in all {len(raw)} clips")
    kept = {name: np.asarray(values) for name, values in (attributes or {}).items()}
    codes = ((raw - mean) / spread).astype(np.float32)
    return ClipCodes(codes, np.asarray(labels), mean, spread, num_frames, kept)


def save_codes(codes: ClipCodes, path: str | os.PathLike) -> None:
    """Write codes to an .npz file, complete or not at all."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    parts: dict[str, Any] = {
        "codes": codes.codes.astype(np.float16),
        "labels": codes.labels.astype(np.int16),
        "mean": codes.mean,
        "spread": codes.spread,
        "num_frames": codes.num_frames,
        **codes.attributes,
    }
    with partial.open("wb") as stream:
        np.savez_compressed(stream, **parts)
    os.replace(partial, path)


def load_codes(path: str | os.PathLike = SHIPPED_CODES) -> ClipCodes:
    """Read codes that ``save_codes`` wrote; by default the ones that vidlab ships.

    The shipped ones are those of training clips of the simple world under
    ``load_frame_autoencoder()``; their card is ``vidlab/data/frame_autoencoder.md``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one of ``save_codes``.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; write one with vidlab.latents.save_codes")
    try:
        with np.load(path, allow_pickle=False) as stored:
            parts = {name: stored[name] for name in stored.files}
        return ClipCodes(
            parts.pop("codes").astype(np.float32), parts.pop("labels").astype(np.int64),
            parts.pop("mean"), parts.pop("spread"), int(parts.pop("num_frames")), parts,
        )  # fmt: skip
    except (KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected a file of vidlab.latents.save_codes") from error


def pairs_of_frames(frames: np.ndarray, batch_size: int = 32) -> Draw:
    """Batches for ``FrameAutoencoder``: two random frames of each of some random clips.

    Args:
        frames: uint8 (N, T, H, W, 3).
        batch_size: clips per batch.

    Returns:
        A function of a random generator that gives a tuple of one array, (B, 2, H, W, 3).
    """

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        clips = rng.integers(0, len(frames), (batch_size, 1))
        return (frames[clips, rng.integers(0, frames.shape[1], (batch_size, 2))],)

    return draw


def items(model: Any, x: np.ndarray, conditions: np.ndarray, batch_size: int = 64) -> Draw:
    """Batches for a generator: random items, their conditions, and the model's random numbers.

    Args:
        model: has ``draws(rng, n)``: the random numbers that its loss needs for n items.
        x: (N, ...): codes or clips.
        conditions: (N, ...): labels, or whatever the model is given beside x.
        batch_size: items per batch.

    Returns:
        A function of a random generator that gives the tuple (x, conditions, *draws).

    Raises:
        ValueError: other numbers of items and conditions.
    """
    x, conditions = np.asarray(x), np.asarray(conditions)
    if len(x) != len(conditions):
        raise ValueError(f"conditions: expected {len(x)}, one per item, got {len(conditions)}")

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        chosen = rng.integers(0, len(x), batch_size)
        return (x[chosen], conditions[chosen], *model.draws(rng, batch_size))

    return draw


def check_conditions(labels: np.ndarray) -> np.ndarray:
    """What generators are asked for, as int64 (N, ...).

    Raises:
        ValueError: they are none, or no whole numbers.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim == 0 or len(labels) == 0:
        raise ValueError(
            "labels: expected whole numbers, one row per clip to generate, such as "
            f"np.arange(8); got {labels.dtype} of shape {labels.shape}"
        )
    return labels.astype(np.int64)


def check_clips(frames: np.ndarray) -> None:
    """Raise ValueError where ``frames`` are no uint8 clips (N, T, H, W, 3)."""
    shape, kind = np.shape(frames), getattr(frames, "dtype", type(frames).__name__)
    if kind != np.uint8 or len(shape) != 5 or shape[-1] != 3 or 0 in shape:
        raise ValueError(f"frames: expected clips, uint8 (N, T, H, W, 3), got {kind} {shape}")
