"""A steerable world without its rules: a model makes each frame from its last ones and a key."""

from collections.abc import Callable

import numpy as np

from vidlab.world.steering import KEYS, PALETTE, key_number, planes

Predict = Callable[[np.ndarray], np.ndarray]  # planes (N, H, W, P) -> a score per colour


class Dream:
    """A world that a network makes up as it goes.

    It knows its own last frames and the key, nothing else: what has left these frames is gone.

    Args:
        predict: what ``planes`` makes, (1, H, W, P) -> a score for each colour, (1, H, W, K);
            each pixel takes the colour with the highest one.
        frames: the first frames, palette numbers (history, H, W).

    Raises:
        ValueError: not such frames.
    """

    def __init__(self, predict: Predict, frames: np.ndarray) -> None:
        frames = _checked(frames, 3, "(history, H, W)")
        self.predict, self._recent = predict, frames.astype(np.uint8)

    @property
    def frame(self) -> np.ndarray:
        """The last frame, uint8 (H, W), a copy."""
        return self._recent[-1].copy()

    def step(self, key: str | int) -> np.ndarray:
        """Press a key; returns the next frame, uint8 (H, W).

        Raises:
            ValueError: there is no such key.
        """
        made = dream(self.predict, self._recent[None], np.array([[key_number(key)]]))[0]
        self._recent = np.concatenate([self._recent[1:], made])
        return self.frame


def dream(predict: Predict, frames: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Let a network play many worlds at once, each from its own frames.

    Args:
        predict: see ``Dream``, for N worlds.
        frames: the first frames, palette numbers (N, history, H, W).
        actions: numbers in ``KEYS``, (N, T), at least one for each world.

    Returns:
        uint8 (N, T, H, W): the frame after each key.

    Raises:
        ValueError: not such frames, or not such actions.
    """
    recent, actions, made = _checked(frames, 4, "(N, history, H, W)"), np.asarray(actions), []
    if actions.ndim != 2 or len(actions) != len(recent) or actions.shape[1] < 1:
        raise ValueError(
            f"actions: expected (N, T), at least one key for each of {len(recent)} worlds, "
            f"got {actions.shape}"
        )
    _check_numbers("actions", actions, len(KEYS))
    for t in range(actions.shape[1]):
        scores = predict(planes(recent, actions[:, t]))
        made.append(scores.argmax(axis=-1).astype(np.uint8))
        recent = np.concatenate([recent[:, 1:], made[-1][:, None]], axis=1)
    return np.stack(made, axis=1)


def _checked(frames: np.ndarray, num_axes: int, axes: str) -> np.ndarray:
    """First frames; ``axes`` is what the message calls their axes."""
    frames = np.asarray(frames)
    if frames.ndim != num_axes or frames.size == 0:
        raise ValueError(f"frames: expected palette numbers {axes}, none empty, got {frames.shape}")
    _check_numbers("frames", frames, len(PALETTE))
    return frames


def _check_numbers(name: str, values: np.ndarray, count: int) -> None:
    """Check that all values are whole numbers from 0 to count - 1."""
    if values.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected whole numbers, got {values.dtype}")
    if values.min() < 0 or values.max() >= count:
        raise ValueError(
            f"{name}: expected numbers of 0 to {count - 1}, got {values.min()} to {values.max()}"
        )
