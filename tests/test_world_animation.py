"""Clips along a path that somebody drew."""

import numpy as np
import pytest

from vidlab import world


def middles(frames: np.ndarray) -> np.ndarray:
    """The mean place (T, 2), x and y in [0, 1], of what is not background."""
    background = frames[0, 0, 0].astype(int)
    found = np.abs(frames.astype(int) - background).sum(axis=-1) > 90
    size = frames.shape[1]
    rows, columns = np.mgrid[:size, :size]
    return np.array([[columns[f].mean() / size, rows[f].mean() / size] for f in found])


@pytest.mark.parametrize("num_shapes", [1, 2])
@pytest.mark.parametrize("shape", world.SHAPES)
def test_the_shapes_follow_the_path(shape: str, num_shapes: int) -> None:
    path = np.array([[0.7, 0.3], [0.3, 0.7]])
    clip = world.animate(path, num_frames=9, shape=shape, num_shapes=num_shapes)
    assert clip.shape == (9, 64, 64, 3)
    assert clip.dtype == np.uint8
    expected = np.linspace(*path, 9)
    assert np.abs(middles(clip) - expected).max() < 0.03


def test_slow_points_are_walked_slowly() -> None:
    path = np.array([[0.3, 0.5]] * 8 + [[0.7, 0.5]])
    x = middles(world.animate(path, num_frames=9))[:, 0]
    assert np.ptp(x[:8]) < 0.02
    assert x[8] - x[7] > 0.3


def test_shapes_stay_in_the_picture() -> None:
    path = np.array([[-1.0, 0.0], [2.0, 1.0]])
    clip = world.animate(path, num_shapes=1)
    sizes = (np.abs(clip.astype(int) - clip[0, 0, 0]).sum(axis=-1) > 90).sum(axis=(1, 2))
    assert sizes.min() > 0.9 * sizes.max()  # nothing is cut off


def test_the_seed_decides_the_background() -> None:
    path = np.array([[0.5, 0.5]])
    for difficulty in world.DIFFICULTIES:
        options = {"difficulty": difficulty, "size": 32}
        first = world.animate(path, seed=1, **options)
        assert (first == world.animate(path, seed=1, **options)).all()
        assert (first != world.animate(path, seed=2, **options)).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": np.zeros((0, 2))}, "path: expected finite numbers"),
        ({"path": np.zeros((3, 3))}, "path: expected finite numbers"),
        ({"path": np.full((2, 2), np.nan)}, "path: expected finite numbers"),
        ({"shape": "star"}, "shape: expected one of"),
        ({"color": "pink"}, "color: expected one of"),
        ({"difficulty": "mad"}, "difficulty: expected one of"),
        ({"num_shapes": 3}, "num_shapes: expected one of"),
        ({"size": 8}, "size: expected a whole number from 16"),
        ({"num_frames": 0}, "num_frames: expected a whole number from 1"),
    ],
)
def test_bad_input_is_named(options, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        world.animate(**{"path": np.array([[0.5, 0.5]]), **options})
