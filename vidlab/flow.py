"""Motion without learning: optical flow, and five numbers that sum it up.

Chapter 03 explains both; they are the baseline that a sequence model has to beat.
"""

from itertools import pairwise

import numpy as np

FEATURE_NAMES = ("right", "down", "turning", "spreading", "speed")


def optical_flow(clip: np.ndarray) -> np.ndarray:
    """How far each pixel moves from one frame to the next, by Farneback's method (OpenCV).

    Farneback (2003), "Two-frame motion estimation based on polynomial expansion": fits a quadratic
    to the neighbourhood of each pixel in both frames and reads the shift off its coefficients.

    Args:
        clip: ``uint8 (T, H, W, 3)``, RGB, at least 2 frames.

    Returns:
        ``float32 (T - 1, H, W, 2)``: pixels per frame to the right, and down.

    Raises:
        ValueError: for another shape or dtype.
    """
    import cv2

    if clip.dtype != np.uint8 or clip.ndim != 4 or clip.shape[3] != 3 or len(clip) < 2:
        raise ValueError(
            f"optical_flow: expected a clip uint8 (T, H, W, 3) with at least 2 frames, "
            f"got {clip.dtype} {clip.shape}"
        )
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    flows = [
        cv2.calcOpticalFlowFarneback(
            before, after, np.zeros((*before.shape, 2), np.float32), pyr_scale=0.5, levels=2,
            winsize=7, iterations=2, poly_n=5, poly_sigma=1.1, flags=0,
        )
        for before, after in pairwise(gray)
    ]  # fmt: skip
    return np.stack(flows).astype(np.float32)


def motion_features(clip: np.ndarray) -> np.ndarray:
    """Five numbers for a clip, named in ``FEATURE_NAMES``, from its optical flow.

    With v the flow of a pixel and p its position, measured from the middle of all motion: the mean
    of v to the right and down, of p x v (turning, clockwise on the screen), of p . v (spreading)
    and of |v|; every mean is over all pixels and frames.

    Args:
        clip: ``uint8 (T, H, W, 3)``, RGB, at least 2 frames.

    Returns:
        ``float32 (5,)``, from pixels per frame (right, down, speed) and pixels squared per frame
        (turning, spreading).

    Raises:
        ValueError: for another shape or dtype.
    """
    flow = optical_flow(clip)
    speed = np.linalg.norm(flow, axis=-1)  # (T - 1, H, W)
    rows, columns = np.mgrid[: flow.shape[1], : flow.shape[2]]
    weight = speed + 1e-9
    total = weight.sum(axis=(1, 2), keepdims=True)
    x = columns - (weight * columns).sum(axis=(1, 2), keepdims=True) / total
    y = rows - (weight * rows).sum(axis=(1, 2), keepdims=True) / total
    right, down = flow[..., 0], flow[..., 1]
    parts = (right, down, x * down - y * right, x * right + y * down, speed)
    return np.array([part.mean() for part in parts], dtype=np.float32)
