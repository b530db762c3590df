"""The plainest features of a frame: the frame itself, very small."""

import numpy as np


def thumbnails(frames: np.ndarray, size: int = 8) -> np.ndarray:
    """Shrink every frame to a few pixels, each the mean of a square, and write them in a row.

    Args:
        frames: pictures ``uint8 (N, H, W, 3)`` or clips ``uint8 (N, T, H, W, 3)``; H and W are
            multiples of ``size``.
        size: height and width of a thumbnail, in pixels.

    Returns:
        ``float32 (N, size * size * 3)``, or ``(N, T, size * size * 3)`` for clips, in [0, 1].

    Raises:
        ValueError: another shape or dtype, or a height or width that is no multiple of ``size``.
    """
    if frames.dtype != np.uint8 or frames.ndim not in (4, 5) or frames.shape[-1] != 3:
        raise ValueError(
            "frames: expected uint8 (N, H, W, 3) or (N, T, H, W, 3), got "
            f"{frames.dtype} {frames.shape}"
        )
    height, width = frames.shape[-3:-1]
    if size < 1 or height % size or width % size:
        raise ValueError(
            f"size: expected a divisor of the height and width, got {size} for {height} x {width}"
        )
    first = frames.shape[:-3]
    squares = frames.reshape(*first, size, height // size, size, width // size, 3)
    means = squares.mean(axis=(-4, -2), dtype=np.float32) / np.float32(255)
    return means.reshape(*first, size * size * 3)
