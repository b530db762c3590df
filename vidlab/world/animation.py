"""A clip along a path that somebody drew."""

import numpy as np

from vidlab.world import scene, stage


def animate(
    path: np.ndarray,
    *,
    num_frames: int = 16,
    size: int = 64,
    num_shapes: int = 2,
    shape: str = "circle",
    color: str = "blue",
    difficulty: str = "easy",
    seed: int = 0,
) -> np.ndarray:
    """Film shapes whose midpoint follows a path.

    The path is walked in equal shares of its points, so that points drawn at even times give the
    speed of the drawing. Where the shapes would leave the picture, they stop at its edge.

    Args:
        path: float (P, 2), at least one point, x and y in [0, 1]; y points down.
        num_frames: T, at least 1.
        size: height and width in pixels, from 16.
        num_shapes: 1, or 2 for a pair side by side.
        shape: one of ``SHAPES``.
        color: one of ``COLORS``.
        difficulty: one of ``DIFFICULTIES``; the camera stands still in all of them.
        seed: of background and noise.

    Returns:
        ``uint8 (T, size, size, 3)``.

    Raises:
        ValueError: for an argument out of its range.
    """
    path = np.asarray(path, float)
    if path.ndim != 2 or path.shape[1] != 2 or not len(path) or not np.isfinite(path).all():
        raise ValueError(f"path: expected finite numbers (P, 2), P at least 1, got {path.shape}")
    for name, value, choices in (
        ("shape", shape, scene.SHAPES),
        ("color", color, stage.COLORS),
        ("difficulty", difficulty, stage.DIFFICULTIES),
        ("num_shapes", num_shapes, (1, 2)),
    ):
        if value not in choices:
            raise ValueError(f"{name}: expected one of {choices}, got {value!r}")
    for name, value, lowest in (("num_frames", num_frames, 1), ("size", size, 16)):
        if value < lowest:
            raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")

    rng = np.random.default_rng(seed)
    places = np.linspace(0, len(path) - 1, num_frames)
    states = np.zeros((1, num_frames, 6))
    states[..., scene.LOG_RADIUS] = np.mean(np.log(scene.RADIUS_RANGE))
    states[..., scene.GAP] = np.mean(scene.GAP_RANGE)
    kind = scene.SHAPES.index(shape)
    reach = scene.REACH[kind] * np.exp(states[0, 0, scene.LOG_RADIUS])  # left, right, up, down
    across = along = 0.0
    if num_shapes == 2:
        half_x, half_y = scene.half_offset(states[0, 0], np.array(kind))
        across, along = abs(float(half_x)), abs(float(half_y))
    for axis, index, half in ((scene.X, 0, across), (scene.Y, 1, along)):
        along_path = np.interp(places, np.arange(len(path)), path[:, index])
        low, high = reach[2 * index] + half, 1 - reach[2 * index + 1] - half
        states[..., axis] = np.clip(along_path, low, high)
    track = stage.tracks_from(states, np.array([kind]), num_shapes, size)[0]
    photograph = None
    if difficulty == "hard":
        photograph = stage.backgrounds.PHOTOGRAPHS["test"][0]
    return stage.shoot(track, color, difficulty, np.zeros((num_frames, 2)), photograph, size, rng)
