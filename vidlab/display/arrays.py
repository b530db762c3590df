"""Checks on the arrays that display functions are given."""

import numpy as np


def as_clip(frames: np.ndarray, name: str = "frames") -> np.ndarray:
    """Return ``frames`` as uint8 (T, H, W, 3).

    Floating-point clips in [0, 1] are scaled to [0, 255], since that is what models take and give.

    Raises:
        ValueError: the shape, the type or the range is another one.
    """
    clip = np.asarray(frames)
    if clip.ndim != 4 or clip.shape[-1] != 3 or 0 in clip.shape:
        hint = ""
        if clip.ndim == 4 and clip.shape[1] == 3:
            hint = "; this looks like PyTorch's (T, C, H, W): use clip.permute(0, 2, 3, 1)"
        elif clip.ndim == 3 and clip.shape[-1] == 3:
            hint = "; for one frame write frame[None]"
        elif clip.ndim == 5:
            hint = "; this looks like several clips: choose one, or use grid"
        raise ValueError(f"{name} must have the shape (T, H, W, 3), got {clip.shape}{hint}")
    if clip.dtype == np.uint8:
        return clip
    if np.issubdtype(clip.dtype, np.floating):
        low, high = float(clip.min()), float(clip.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # also true for NaN
            raise ValueError(
                f"{name} of type {clip.dtype} must lie in [0, 1], got [{low:.3g}, {high:.3g}]; "
                "clip or rescale it first"
            )
        return np.rint(np.clip(clip, 0, 1) * 255).astype(np.uint8)
    raise ValueError(f"{name} must be uint8 or floating point in [0, 1], got {clip.dtype}")


def enlarge(frames: np.ndarray, width: int) -> np.ndarray:
    """Repeat whole pixels of (..., H, W, 3) until it is about ``width`` wide; never shrink."""
    factor = max(1, round(width / frames.shape[-2]))
    return frames.repeat(factor, axis=-3).repeat(factor, axis=-2)
