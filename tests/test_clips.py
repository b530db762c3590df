"""Clips and Dataset: validation, choosing, and what they print."""

from typing import Any

import numpy as np
import pytest

from vidlab.clips import Clips, Dataset


def make_clips(num_clips: int = 4, prefix: str = "s", **changes: Any) -> Clips:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        "frames": rng.integers(0, 256, (num_clips, 3, 5, 6, 3), dtype=np.uint8),
        "labels": np.arange(num_clips, dtype=np.int64) % 2,
        "class_names": ("left", "right"),
        "sources": tuple(f"{prefix}{i}" for i in range(num_clips)),
        "fps": 8,
        "audio": rng.uniform(-1, 1, (num_clips, 30)).astype(np.float32),
        "audio_rate": 8000,
        "captions": tuple(f"caption {i}" for i in range(num_clips)),
        "boxes": np.zeros((num_clips, 3, 2, 4), np.float32),
        "attributes": {"color": np.array(["red", "blue", "red", "green"][:num_clips])},
    }
    values.update(changes)
    return Clips(**values)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([3, 0, 3], [3, 0, 3]),
        (np.array([-1, 0]), [3, 0]),
        (np.array([True, False, False, True]), [0, 3]),
        ([False, True, False, False], [1]),
        ([], []),
    ],
)
def test_indexing_takes_everything_along(index: Any, expected: list[int]) -> None:
    clips = make_clips()
    part = clips[index]
    assert len(part) == len(expected)
    assert part.class_names == clips.class_names
    assert part.fps == clips.fps
    assert part.audio_rate == clips.audio_rate
    assert part.sources == tuple(clips.sources[i] for i in expected)
    assert part.captions == tuple(clips.captions[i] for i in expected)
    for name in ("frames", "labels", "audio", "boxes"):
        np.testing.assert_array_equal(getattr(part, name), getattr(clips, name)[expected])
    np.testing.assert_array_equal(part.attributes["color"], clips.attributes["color"][expected])


def test_what_is_unknown_stays_none() -> None:
    clips = make_clips(audio=None, audio_rate=None, captions=None, boxes=None, attributes={})[:2]
    assert clips.audio is None
    assert clips.audio_rate is None
    assert clips.captions is None
    assert clips.boxes is None
    assert clips.attributes == {}


def test_an_integer_is_refused_and_told_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"clips\[2:2\+1\]"):
        make_clips()[2]  # type: ignore[index]
    with pytest.raises(TypeError, match="integer"):
        make_clips()[np.int64(2)]  # type: ignore[index]


@pytest.mark.parametrize("index", [[0, 4], [-5], [True, False], [0.5, 1.5], [[0, 1]]])
def test_bad_index(index: Any) -> None:
    with pytest.raises(IndexError):
        make_clips()[index]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((4, 3, 5, 6), np.uint8)}, "frames"),
        ({"frames": np.zeros((4, 3, 5, 6, 3), np.float32)}, "frames"),
        ({"frames": np.zeros((4, 3, 3, 5, 6), np.uint8)}, "frames"),
        ({"labels": np.zeros(3, np.int64)}, "labels"),
        ({"labels": np.zeros(4)}, "labels"),
        ({"labels": np.array([0, 1, 2, 0])}, "labels"),
        ({"labels": np.array([0, 1, -1, 0])}, "labels"),
        ({"class_names": ("left", "left")}, "class_names"),
        ({"sources": ("a", "b")}, "sources"),
        ({"sources": "abcd"}, "sources"),
        ({"fps": 0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"audio": np.zeros((4, 30))}, "audio"),
        ({"audio": np.zeros((3, 30), np.float32)}, "audio"),
        ({"audio_rate": None}, "audio_rate"),
        ({"audio": None}, "audio_rate"),
        ({"captions": ("a",)}, "captions"),
        ({"captions": "abcd"}, "captions"),
        ({"boxes": np.zeros((4, 3, 4), np.float32)}, "boxes"),
        ({"boxes": np.zeros((4, 2, 2, 4), np.float32)}, "boxes"),
        ({"attributes": {"size": np.zeros(3)}}, "size"),
        ({"attributes": {"size": np.float64(3)}}, "size"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_clips(**changes)


def test_other_integers_become_int64() -> None:
    assert make_clips(labels=np.array([0, 1, 1, 0], np.uint8)).labels.dtype == np.int64


def test_repr_is_one_line() -> None:
    text = repr(make_clips())
    assert "\n" not in text
    assert "4 clips of 3 frames at 5x6, 8 fps, 2 classes, with audio, captions, boxes" in text


def test_dataset() -> None:
    dataset = Dataset("toy", make_clips(4, "a"), make_clips(2, "b"), make_clips(3, "c"))
    assert dataset.class_names == ("left", "right")
    lines = repr(dataset).splitlines()
    assert len(lines) == 5
    assert "'toy'" in lines[0]
    assert lines[2].split() == ["train", "4", "3", "5x6", "8", "4"]


def test_dataset_refuses_a_shared_source() -> None:
    with pytest.raises(ValueError, match=r"train and in test.*'a0'"):
        Dataset("toy", make_clips(4, "a"), make_clips(2, "b"), make_clips(1, "a"))


def test_dataset_refuses_other_classes() -> None:
    with pytest.raises(ValueError, match="val"):
        Dataset(
            "toy",
            make_clips(4, "a"),
            make_clips(2, "b", class_names=("up", "down")),
            make_clips(1, "c"),
        )
