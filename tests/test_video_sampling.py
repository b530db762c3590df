"""Which frames ``read_frames`` takes: its docstring's rules, on frames that show their number."""

from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
from video_making import make_numbered, numbers_in

from vidlab.video import frame_times, read_frames
from vidlab.video.sampling import SAMPLINGS


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames at 10 per second."""
    return make_numbered(tmp_path_factory.mktemp("clips") / "clip.mp4", 60)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 frames at 10 per second."""
    return make_numbered(tmp_path_factory.mktemp("clips") / "short.mp4", 3)


def taken(path: Path, *args: object, **options: object) -> list[int]:
    """Numbers of the frames that read_frames returns; frame_times must agree."""
    frames = read_frames(path, *args, **options)  # type: ignore[call-overload]
    times = frame_times(path, *args, **options)  # type: ignore[arg-type]
    assert frames.dtype == np.uint8
    assert frames.shape[1:] == (32, 32, 3)
    assert times.dtype == np.float64
    numbers = numbers_in(frames)
    np.testing.assert_allclose(times, np.array(numbers) / 10, atol=1e-9)
    return numbers


def test_all_frames_without_a_number(clip: Path) -> None:
    assert taken(clip) == list(range(60))


@pytest.mark.parametrize("count", [1, 2, 7, 16, 59, 60])
def test_uniform_takes_the_centre_of_each_part(clip: Path, count: int) -> None:
    expected = [int((i + 0.5) * 60 / count) for i in range(count)]
    assert taken(clip, count) == expected
    assert len(set(expected)) == count


def test_uniform_within_a_part(clip: Path) -> None:
    assert taken(clip, 4, start=2.0, stop=4.0) == [22, 27, 32, 37]
    assert taken(clip, 2, start=5.0) == [52, 57]
    assert taken(clip, 2, stop=1.0) == [2, 7]


def test_a_short_clip_repeats_frames_evenly(short: Path) -> None:
    assert taken(short, 6) == [0, 0, 1, 1, 2, 2]
    assert taken(short, 16) == [min(2, int((i + 0.5) * 3 / 16)) for i in range(16)]
    segments = taken(short, 6, sampling="segments", seed=0)
    assert segments == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("sampling", ["first", "stride", "random"])
def test_a_short_clip_holds_its_last_frame(short: Path, sampling: str) -> None:
    assert taken(short, 5, sampling=sampling, seed=1) == [0, 1, 2, 2, 2]


def test_first(clip: Path) -> None:
    assert taken(clip, 5, sampling="first") == [0, 1, 2, 3, 4]
    assert taken(clip, 3, start=2.0, sampling="first") == [20, 21, 22]
    assert taken(clip, 4, start=2.05, sampling="first") == [21, 22, 23, 24]


def test_stride(clip: Path) -> None:
    assert taken(clip, 4, sampling="stride", stride=8) == [0, 8, 16, 24]
    assert taken(clip, sampling="stride", stride=25) == [0, 25, 50]
    assert taken(clip, 3, start=1.0, stop=3.0, sampling="stride", stride=7) == [10, 17, 24]
    assert taken(clip, 4, stop=1.0, sampling="stride", stride=4) == [0, 4, 8, 8]


def test_random_is_one_run_that_can_begin_anywhere(clip: Path) -> None:
    begins = set()
    for seed in range(200):
        times = frame_times(clip, 50, sampling="random", seed=seed)
        np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-9)
        begins.add(round(times[0] * 10))
    assert begins == set(range(11))
    within = taken(clip, 4, start=1.0, stop=2.0, sampling="random", seed=3)
    assert within == list(range(within[0], within[0] + 4))
    assert within[0] >= 10
    assert within[-1] < 20
    assert taken(clip, 60, sampling="random", seed=5) == list(range(60))


def test_random_in_a_variable_rate_takes_the_last_run_if_it_began_too_late(tmp_path: Path) -> None:
    # Nine frames crowd into the beginning: by time, a run of 5 would mostly begin after them.
    ticks = [10 * i for i in range(9)] + [8000]
    path = make_numbered(tmp_path / "crowd.mkv", 10, ticks=ticks, fps=1)
    runs = {tuple(numbers_in(read_frames(path, 5, sampling="random", seed=s))) for s in range(8)}
    assert (5, 6, 7, 8, 9) in runs
    assert all(np.all(np.diff(run) == 1) for run in runs)


def test_segments_takes_one_frame_of_each_part(clip: Path) -> None:
    seen = set()
    for seed in range(100):
        numbers = np.round(frame_times(clip, 6, sampling="segments", seed=seed) * 10).astype(int)
        assert np.array_equal(numbers // 10, np.arange(6))
        seen.update(numbers.tolist())
    assert seen == set(range(60))


@pytest.mark.parametrize("sampling", ["random", "segments"])
def test_seeds_repeat_and_differ(clip: Path, sampling: str) -> None:
    def draw(seed: int | np.random.Generator | None) -> list[float]:
        return frame_times(clip, 8, sampling=sampling, seed=seed).tolist()

    assert draw(7) == draw(7)
    assert len({tuple(draw(seed)) for seed in range(8)}) > 4
    assert len({tuple(draw(None)) for _ in range(8)}) > 1
    generator = np.random.default_rng(0)
    assert draw(generator) != draw(generator)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_always_the_number_asked_for(clip: Path, short: Path, sampling: str) -> None:
    for path in (clip, short):
        for count in (1, 2, 61, 100):
            frames = read_frames(path, count, 8, sampling=sampling, stride=3, seed=0)
            assert frames.shape == (count, 8, 8, 3)


def test_a_part_between_two_frames_is_the_frame_shown(clip: Path) -> None:
    assert taken(clip, start=2.02, stop=2.08) == [20]
    assert taken(clip, 3, start=2.02, stop=2.08) == [20, 20, 20]
    assert taken(clip, 2, start=2.02, stop=2.08, sampling="first") == [20, 20]


def test_parts_that_touch_share_no_frame_and_miss_none(clip: Path) -> None:
    times = frame_times(clip)
    cuts = [0.0, 1.3, times[23], 4.444, 6.0]
    parts = [taken(clip, start=a, stop=b) for a, b in pairwise(cuts)]
    assert list(chain.from_iterable(parts)) == list(range(60))


def test_a_stop_just_beyond_the_end_is_the_end(clip: Path) -> None:
    assert taken(clip, start=5.5, stop=6.05) == [55, 56, 57, 58, 59]
