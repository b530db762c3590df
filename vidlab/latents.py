"""Codes of whole clips: what a generator of the second stage learns to make.

A frame autoencoder (``vidlab.torch.FrameAutoencoder`` and its twin) says of each frame what is
there, its look, and where, its place. A clip's **code** is one row of numbers: its look, and its
path written as waves. Codes are **standardised**: each number less its mean over the training
clips, divided by its spread.

The letters: N clips, T frames, L numbers of a look, P of a place, K waves, D = L + K P.
"""

import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NUM_WAVES = 8
FIELDS = ("codes", "labels", "mean", "spread", "num_frames")
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

    Raises:
        ValueError: looks and places of other shapes, or too many waves.
    """
    if look.ndim != 3 or place.ndim != 3 or look.shape[:2] != place.shape[:2]:
        raise ValueError(
            "look and place: expected (N, T, L) and (N, T, P) of the same frames, got "
            f"{look.shape} and {place.shape}"
        )
    waves = cosine_waves(place.shape[1], num_waves)
    path = np.einsum("ntp,tk->nkp", place, waves)
    return np.concatenate([look.mean(axis=1), path.reshape(len(path), -1)], 1).astype(np.float32)


def split_codes(
    codes: np.ndarray, look_dim: int, num_frames: int, place_dim: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Looks (N, L) and places (N, T, P) of codes that are not standardised: ``join_codes`` back.

    The waves that the code leaves out are zero.

    Raises:
        ValueError: codes that are no such rows, or of more waves than frames.
    """
    if codes.ndim != 2 or not 0 <= look_dim < codes.shape[1]:
        raise ValueError(f"codes: expected (N, D) with D above {look_dim}, got {codes.shape}")
    if place_dim < 1 or (codes.shape[1] - look_dim) % place_dim:
        raise ValueError(
            f"codes: behind the look of {look_dim} numbers there are {codes.shape[1] - look_dim}, "
            f"no waves of {place_dim} numbers each; look at look_dim and place_dim"
        )
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
        ValueError: no codes, or NaN or infinity in them; labels of another number than codes; a
            number of the code never changes.
    """
    raw = np.asarray(raw, np.float32)
    if raw.ndim != 2 or raw.size == 0:
        raise ValueError(f"codes: expected numbers (N, D), got the shape {raw.shape}")
    if not np.isfinite(raw).all():
        raise ValueError("codes hold NaN or infinity; look at the encoder that made them")
    if len(raw) != len(labels):
        raise ValueError(f"labels: expected {len(raw)}, one per code, got {len(labels)}")
    still = np.flatnonzero(raw.max(axis=0) == raw.min(axis=0)).tolist()
    if still:
        raise ValueError(f"codes: the numbers {still} are the same in all {len(raw)} clips")
    mean = raw.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = raw.std(axis=0, dtype=np.float64).astype(np.float32)
    kept = {name: np.asarray(values) for name, values in (attributes or {}).items()}
    codes = ((raw - mean) / spread).astype(np.float32)
    return ClipCodes(codes, np.asarray(labels), mean, spread, num_frames, kept)


def save_codes(codes: ClipCodes, path: str | os.PathLike) -> None:
    """Write codes to an .npz file, complete or not at all.

    Codes are rounded to half precision, three digits, where none of them is too large for it.

    Raises:
        ValueError: an attribute with the name of another part of the file, or of Python objects.
    """
    for name, values in codes.attributes.items():
        if name in (*FIELDS, "file", "allow_pickle"):  # the last two are arguments of NumPy's
            raise ValueError(f"attributes: the name {name!r} is taken in the file, choose another")
        if np.asarray(values).dtype.hasobject:
            raise ValueError(
                f"attributes: {name!r} holds Python objects; make them numbers or text, "
                "such as with .astype(str)"
            )
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    fits = np.abs(codes.codes).max(initial=0) <= np.finfo(np.float16).max
    parts: dict[str, Any] = {
        "codes": codes.codes.astype(np.float16 if fits else np.float32),
        "labels": codes.labels.astype(np.int64),
        "mean": codes.mean,
        "spread": codes.spread,
        "num_frames": codes.num_frames,
        **codes.attributes,
    }
    try:
        with partial.open("wb") as stream:
            np.savez_compressed(stream, **parts)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
            parts.pop("mean").astype(np.float32), parts.pop("spread").astype(np.float32),
            int(parts.pop("num_frames")), parts,
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: expected a file of vidlab.latents.save_codes") from error


def pairs_of_frames(frames: np.ndarray, batch_size: int = 32) -> Draw:
    """Batches for ``FrameAutoencoder``: two random frames of each of some random clips.

    Args:
        frames: uint8 (N, T, H, W, 3).
        batch_size: clips per batch.

    Returns:
        A function of a random generator that gives a tuple of one array, (B, 2, H, W, 3).

    Raises:
        ValueError: frames are no clips, or the batch size is below 1.
    """
    check_clips(frames)
    check_whole("batch_size", batch_size)

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
        ValueError: no items, other numbers of items and conditions, or a batch size below 1.
    """
    check_whole("batch_size", batch_size)
    x, conditions = np.asarray(x), np.asarray(conditions)
    if len(x) != len(conditions):
        raise ValueError(f"conditions: expected {len(x)}, one per item, got {len(conditions)}")
    if len(x) == 0:
        raise ValueError(f"x: expected at least one item, got the shape {x.shape}")

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        chosen = rng.integers(0, len(x), batch_size)
        return (x[chosen], conditions[chosen], *model.draws(rng, batch_size))

    return draw


def classes_of(generator: Any) -> int | None:
    """How many classes a generator knows: its ``num_classes``, or the rows of its embedding.

    None where it says neither, such as one that reads words.
    """
    condition = getattr(generator, "condition", None)
    for owner, name in (
        (generator, "num_classes"),
        (condition, "num_embeddings"),  # PyTorch's
        (condition, "input_dim"),  # Keras's
    ):
        if hasattr(owner, name):
            return getattr(owner, name)
    return None


def check_conditions(labels: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """What generators are asked for, as int64 (N, ...).

    Args:
        labels: whole numbers, one row per clip.
        num_classes: K, of a generator of classes; it takes (N,), from 0 to K - 1.

    Raises:
        ValueError: they are none, or no whole numbers, or beyond the classes.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim == 0 or len(labels) == 0:
        raise ValueError(
            "labels: expected whole numbers, one row per clip to generate, such as "
            f"np.arange(8); got {labels.dtype} of shape {labels.shape}"
        )
    if num_classes is not None and (
        labels.ndim != 1 or labels.min() < 0 or labels.max() >= num_classes
    ):
        raise ValueError(
            f"labels: the model knows {num_classes} classes, so expected (N,) from 0 to "
            f"{num_classes - 1}; got {labels.min()} to {labels.max()} of shape {labels.shape}"
        )
    return labels.astype(np.int64)


def check_whole(name: str, value: int, lowest: int = 1) -> None:
    """Raise ValueError where an argument is no whole number from ``lowest``."""
    if not isinstance(value, int | np.integer) or value < lowest:
        raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")


def to_pixels(frames: np.ndarray) -> np.ndarray:
    """Frames that a model made, about in [0, 1], as uint8.

    Raises:
        ValueError: NaN or infinity in them.
    """
    if not np.isfinite(frames).all():
        raise ValueError(
            "model: its frames hold NaN or infinity, so its weights are spoilt; "
            "train it anew, with a smaller learning rate"
        )
    return np.round(np.clip(frames, 0, 1) * 255).astype(np.uint8)


def check_clips(frames: np.ndarray) -> None:
    """Raise ValueError where ``frames`` are no uint8 clips (N, T, H, W, 3)."""
    shape, kind = np.shape(frames), getattr(frames, "dtype", type(frames).__name__)
    if kind != np.uint8 or len(shape) != 5 or shape[-1] != 3 or 0 in shape:
        raise ValueError(f"frames: expected clips, uint8 (N, T, H, W, 3), got {kind} {shape}")
