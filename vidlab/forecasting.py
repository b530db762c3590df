"""Next frames: clips as lessons in what comes next, and how a forecast is judged.

The letters: N clips, T frames, S forecast frames, H height, W width.
"""

import numpy as np


class NextFrames:
    """Clips as a set for ``fit``: some frames in a row, and for each of them the one after it.

    A source of batches (``vidlab.batches.BatchSource``): x is uint8 (B, length, H, W, 3), y the
    same frames one later, float32 in [0, 1].

    Args:
        frames: uint8 (N, T, H, W, 3), at least two frames per clip.
        length: frames in x; each clip gives T - length items. By default T - 1.

    Raises:
        ValueError: not such frames, or a length that leaves no frame to foretell.
    """

    def __init__(self, frames: np.ndarray, length: int | None = None) -> None:
        frames = _checked(frames, "frames", "(N, T, H, W, 3)")
        most = frames.shape[1] - 1
        if most < 1:
            raise ValueError(
                f"frames: expected at least two frames per clip, one to see and one to foretell, "
                f"got {frames.shape}"
            )
        length = most if length is None else length
        if not isinstance(length, int | np.integer) or not 1 <= length <= most:
            raise ValueError(f"length: expected 1 to {most} frames, a whole number, got {length!r}")
        self.frames, self.length = frames, int(length)
        self.per_clip = frames.shape[1] - self.length

    def __len__(self) -> int:
        return len(self.frames) * self.per_clip

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The items of these indices: x and y."""
        which, first = np.divmod(np.asarray(indices), self.per_clip)
        clips = self.frames[which[:, None], first[:, None] + np.arange(self.length + 1)]
        return clips[:, :-1], clips[:, 1:].astype(np.float32) / 255


def copy_last(frames: np.ndarray, num_frames: int) -> np.ndarray:
    """The forecast that nothing changes: the last frame of uint8 (N, T, H, W, 3), repeated."""
    return np.repeat(frames[:, -1:], num_frames, axis=1)


def errors_by_step(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How far forecasts are from what came, for each step ahead.

    Args:
        forecast, truth: uint8 (N, S, H, W, 3), at least one clip.

    Returns:
        The root of the mean squared error in grey levels (0 to 255), (S,).

    Raises:
        ValueError: not such clips, or the shapes differ.
    """
    forecast = _checked(forecast, "forecast", "(N, S, H, W, 3)")
    truth = _checked(truth, "truth", "(N, S, H, W, 3)")
    if forecast.shape != truth.shape:
        raise ValueError(f"expected two arrays of one shape, got {forecast.shape}, {truth.shape}")
    squared = (forecast.astype(np.float32) - truth.astype(np.float32)) ** 2
    return np.sqrt(squared.mean(axis=(0, *range(2, truth.ndim))))


def _checked(clips: np.ndarray, name: str, axes: str) -> np.ndarray:
    """Clips of grey levels; ``axes`` is what the message calls their axes."""
    clips = np.asarray(clips)
    is_clips = clips.ndim == 5 and clips.shape[-1] == 3 and clips.size > 0
    if clips.dtype != np.uint8 or not is_clips:
        raise ValueError(
            f"{name}: expected uint8 {axes}, none empty, got {clips.dtype} {clips.shape}"
        )
    return clips
