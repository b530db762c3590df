"""What the judges of both rooms share: which clips they take, and how logits become opinions."""

import numpy as np

from vidlab.metrics import Judged, softmax

CLIP = (16, 32, 32, 3)


def check_judged_clips(frames: np.ndarray) -> np.ndarray:
    """Return the clips that a judge is to see.

    Raises:
        ValueError: anything but ``uint8 (N, 16, 32, 32, 3)``, or no clips.
    """
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.shape[1:] != CLIP or len(frames) == 0:
        raise ValueError(
            "frames: the judge knows clips of the easy world, uint8 (N, 16, 32, 32, 3); got "
            f"{frames.dtype} {frames.shape}"
        )
    return frames


def judged(logits: np.ndarray, features: np.ndarray, parts: tuple[int, ...]) -> Judged:
    """A judge's outputs as probabilities.

    Args:
        logits: ``(N, 17)``, those of the action, the colour and the shape beside each other.
        features: ``(N, F)``.
        parts: how many logits each of the three has.
    """
    action, color, shape = np.split(logits, np.cumsum(parts)[:-1], axis=1)
    return Judged(softmax(action), softmax(color), softmax(shape), features)
