"""Augmentation of video: more clips from few, with whatever changes the same in all frames.

An augmentation is a function ``(x, rng) -> x`` of a batch of clips ``uint8 (N, T, H, W, 3)`` and
a random generator. Each clip draws its own numbers, all frames of a clip share them, and the
input is left as it is. ``compose`` joins several into one; ``fit`` and ``train_steps`` take it as
``augment=``:

    augment = compose(random_crop(4), brightness_contrast(0.2, 0.2), time_shift(2))
    history = fit(model, train, val, augment=augment)

**An augmentation must leave the label true.** A mirrored clip of "left" shows "right": see
``horizontal_flip``. Time run backwards turns "grow" into "shrink", so there is no such
augmentation here.

Pictures ``uint8 (N, H, W, 3)`` are taken as clips of one frame. The letters: N clips, T frames,
H height, W width.
"""

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]

# Words in class names that say that the clip has a side, or a sense of turning.
SIDED = {
    *("left", "leftward", "leftwards", "right", "rightward", "rightwards"),
    *("west", "westward", "east", "eastward"),
    *("clockwise", "anticlockwise", "counterclockwise"),
}


def compose(*augmentations: Augmentation) -> Augmentation:
    """One augmentation that does all of these, in this order."""

    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for one in augmentations:
            x = one(x, rng)
        return x

    return augment


def random_crop(margin: int) -> Augmentation:
    """Move each clip by up to ``margin`` pixels in each direction; the edge pixels fill the rest.

    The size stays. All frames of a clip move alike: a shift that changed from frame to frame
    would look like movement.

    Raises:
        ValueError: a margin below 1; when used, one that is not smaller than the picture.
    """
    _check(margin >= 1, f"random_crop: margin is 1 pixel or more, got {margin}")

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count, _, height, width, _ = x.shape
        _check(
            margin < min(height, width),
            f"random_crop: a margin of {margin} pixels leaves nothing of {height}x{width} pictures",
        )
        down, right = rng.integers(-margin, margin + 1, (2, count, 1))
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        moved = np.empty_like(x)
        for clip, row, column, out in zip(x, rows, columns, moved, strict=True):
            out[:] = clip[:, row][:, :, column]
        return moved

    return augment


def horizontal_flip(class_names: Sequence[str], probability: float = 0.5) -> Augmentation:
    """Mirror clips, all frames alike, for classes whose meaning a mirror does not change.

    Mirrored, "left" is "right" and "clockwise" is "anticlockwise", while the label stays: the
    model would be taught wrong. So the class names are asked for, and names with such words are
    refused. This is a guard, not a proof: think about your own classes (a left-handed throw,
    written text, a flag).

    Args:
        class_names: the names of all classes in the set, ``clips.class_names``. An empty list
            says that you have thought about it.
        probability: that a clip is mirrored.

    Raises:
        ValueError: a class name says that its clips have a side, or the probability is none.
    """
    _check(not isinstance(class_names, str), "horizontal_flip: class_names is a list of names")
    sided = [name for name in class_names if sided_words(name)]
    _check(
        not sided,
        f"horizontal_flip: mirrored clips of {sided} show another class, but keep their label. "
        "Leave this augmentation out.",
    )
    _check_probability("horizontal_flip: probability", probability)

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count = len(x)
        chosen = rng.random(count) < probability
        flipped = x.copy()
        flipped[chosen] = x[chosen][:, :, :, ::-1]
        return flipped

    return augment


def sided_words(name: str) -> set[str]:
    """The words of a class name that a mirror would make wrong."""
    words = "".join(letter if letter.isalpha() else " " for letter in name).lower().split()
    return SIDED & set(words)


def time_shift(frames: int) -> Augmentation:
    """Begin each clip up to ``frames`` earlier or later; the first or last frame stands meanwhile.

    Raises:
        ValueError: less than one frame; when used, not fewer than the clip has.
    """
    _check(frames >= 1, f"time_shift: expected 1 frame or more, got {frames}")

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count, num_frames, *_ = x.shape
        _check(frames < num_frames, f"time_shift: {frames} frames of clips with {num_frames}")
        shift = rng.integers(-frames, frames + 1, (count, 1))
        return _at_times(x, np.arange(num_frames) + shift)

    return augment


def speed_change(factor: float) -> Augmentation:
    """Show a part of each clip slower, or the whole clip faster, by up to ``factor``.

    Each clip draws a speed from 1 / factor to factor (as likely twice as fast as half as fast)
    and, where it is slower, which part is shown; where it is faster, its last frame stands until
    the end. Frames are taken as they are, the nearest in time. Order and direction of time stay;
    do not use it where speed is the class.

    Raises:
        ValueError: a factor that is not above 1.
    """
    _check(factor > 1, f"speed_change: factor is above 1, got {factor}")

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count, num_frames, *_ = x.shape
        speed = factor ** rng.uniform(-1, 1, (count, 1))
        unseen = np.maximum(0, (num_frames - 1) * (1 - speed))  # frames left over when slower
        start = rng.random((count, 1)) * unseen
        return _at_times(x, np.rint(start + speed * np.arange(num_frames)).astype(np.intp))

    return augment


def brightness_contrast(brightness: float = 0.2, contrast: float = 0.2) -> Augmentation:
    """Make each clip brighter or darker, and its contrast stronger or weaker, all frames alike.

    Args:
        brightness: the most that is added or taken away, as a share of white.
        contrast: differences from the clip's mean are multiplied by 1 - contrast to 1 + contrast.

    Raises:
        ValueError: a number that is not from 0 to 1.
    """
    _check_probability("brightness_contrast: brightness", brightness)
    _check_probability("brightness_contrast: contrast", contrast)

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count = len(x)
        added = 255 * brightness * rng.uniform(-1, 1, count)
        stronger = 1 + contrast * rng.uniform(-1, 1, count)
        means = x.mean(axis=(1, 2, 3, 4))
        # One table of 256 values per clip instead of arithmetic on every pixel.
        values = np.arange(256)
        tables = means[:, None] + stronger[:, None] * (values - means[:, None]) + added[:, None]
        tables = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
        return np.stack([table[clip] for table, clip in zip(tables, x, strict=True)])

    return augment


def cutout(size: int, fill: int = 128) -> Augmentation:
    """Cover a square at a random place, the same in all frames of a clip (DeVries and Taylor, 2017,
    "Improved regularization of convolutional neural networks with cutout").

    Args:
        size: side of the square in pixels; at the edge a part of it may lie outside.
        fill: grey level of the square.

    Raises:
        ValueError: a size below 1, or a grey level out of 0 to 255.
    """
    _check(size >= 1, f"cutout: size is 1 pixel or more, got {size}")
    _check(0 <= fill <= 255, f"cutout: fill is 0 to 255, got {fill}")

    @_of_clips
    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        count, _, height, width, _ = x.shape
        covered = x.copy()
        corners = rng.integers(0, (height, width), (count, 2)) - size // 2
        for clip, (top, left) in zip(covered, corners, strict=True):
            clip[:, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = fill
        return covered

    return augment


def _at_times(x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Frames of each clip (N, T, ...) at integer times (N, T); the ends stand still."""
    times = np.clip(times, 0, x.shape[1] - 1)
    return x[np.arange(len(x))[:, None], times]


def _of_clips(augment: Augmentation) -> Augmentation:
    """The augmentation with its input checked, for pictures too."""

    @wraps(augment)
    def checked(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        _check(
            x.dtype == np.uint8 and x.ndim in (4, 5) and x.shape[-1] == 3,
            "augmentation: expected clips uint8 (N, T, H, W, 3) or pictures uint8 (N, H, W, 3), "
            f"got {x.dtype} {x.shape}",
        )
        return augment(x, rng) if x.ndim == 5 else augment(x[:, None], rng)[:, 0]

    return checked


def _check_probability(name: str, value: float) -> None:
    _check(0 <= value <= 1, f"{name}: expected a number from 0 to 1, got {value}")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
