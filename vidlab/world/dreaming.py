"""A steerable world without its rules: a model makes each frame from its last ones and a key."""

from collections.abc import Callable

import numpy as np

from vidlab.world.steering import key_number, planes

Predict = Callable[[np.ndarray], np.ndarray]  # planes (N, H, W, P) -> a score per colour


class Dream:
    """A world that a network makes up as it goes.

    It knows its own last frames and the key, nothing else: what has left these frames is gone.

    Args:
        predict: what ``planes`` makes, (1, H, W, P) -> a score for each colour, (1, H, W, K);
            each pixel takes the colour with the highest one.
        frames: the first frames, palette numbers (history, H, W).
    """

    def __init__(self, predict: Predict, frames: np.ndarray) -> None:
        self.predict, self._recent = predict, np.array(frames, np.uint8)

    @property
    def frame(self) -> np.ndarray:
        """The last frame, uint8 (H, W)."""
        return self._recent[-1]

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
        actions: numbers in ``KEYS``, (N, T).

    Returns:
        uint8 (N, T, H, W): the frame after each key.
    """
    recent, made = np.asarray(frames), []
    for t in range(actions.shape[1]):
        scores = predict(planes(recent, actions[:, t]))
        made.append(scores.argmax(axis=-1).astype(np.uint8))
        recent = np.concatenate([recent[:, 1:], made[-1][:, None]], axis=1)
    return np.stack(made, axis=1)
