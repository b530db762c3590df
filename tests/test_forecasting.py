"""Clips as lessons in what comes next, and the errors of a forecast."""

import numpy as np
import pytest

from vidlab.batches import as_source
from vidlab.forecasting import NextFrames, copy_last, errors_by_step

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 6, 8, 8, 3), np.uint8)


def test_each_frame_is_paired_with_the_next() -> None:
    source = as_source(NextFrames(FRAMES, length=4), loss=lambda a, b: 0)
    assert len(source) == 3 * 2
    x, y = source.get(np.arange(6))
    for index in range(3):
        for first in range(2):
            item = 2 * index + first
            assert np.array_equal(x[item], FRAMES[index, first : first + 4])
            assert np.allclose(255 * y[item], FRAMES[index, first + 1 : first + 5])
    assert (x.dtype, y.dtype) == (np.uint8, np.float32)


def test_the_whole_clip_by_default() -> None:
    x, y = NextFrames(FRAMES).get(np.array([2]))
    assert np.array_equal(x[0], FRAMES[2, :-1])
    assert np.allclose(255 * y[0], FRAMES[2, 1:])


@pytest.mark.parametrize("length", [0, 6, 2.0])
def test_a_length_without_a_next_frame_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length: expected 1 to 5"):
        NextFrames(FRAMES, length)


def test_other_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        NextFrames(FRAMES / 255)
    with pytest.raises(ValueError, match=r"at least two frames per clip.* got \(3, 1, 8, 8, 3\)"):
        NextFrames(FRAMES[:, :1])
    with pytest.raises(ValueError, match="one shape"):
        errors_by_step(FRAMES, FRAMES[:, :2])


def test_errors_are_in_grey_levels_step_by_step() -> None:
    truth = np.full((2, 3, 4, 4, 3), 100, np.uint8)
    forecast = truth.copy()
    forecast[:, 1] += 6
    forecast[0, 2] += 8  # one clip of two
    assert np.allclose(errors_by_step(forecast, truth), [0, 6, np.sqrt(32)])


@pytest.mark.parametrize("which", [0, 1])
def test_what_has_no_grey_levels_step_by_step_is_refused(which: int) -> None:
    for other in (FRAMES[0], (FRAMES / 255).astype(np.float32), FRAMES[:0], FRAMES[..., :1]):
        pair = [FRAMES, FRAMES]
        pair[which] = other
        name = ("forecast", "truth")[which]
        with pytest.raises(ValueError, match=rf"{name}: expected uint8 \(N, S, H, W, 3\)"):
            errors_by_step(*pair)


def test_copying_repeats_the_last_frame() -> None:
    copied = copy_last(FRAMES, 4)
    assert copied.shape == (3, 4, 8, 8, 3)
    assert (copied == FRAMES[:, -1:]).all()
