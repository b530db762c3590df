"""The world and folders of videos as train, val and test clips."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from vidlab import datasets, video
from vidlab.datasets import DatasetError

DARK, LIGHT = (40, 40, 60), (220, 200, 180)


def write_clip(path: Path, color, num_frames=12, audio=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.full((num_frames, 32, 48, 3), color, np.uint8)
    frames[:, 8:24] += (np.arange(num_frames) * 2).astype(np.uint8)[:, None, None, None]
    video.write_video(
        path, frames, fps=6, audio=audio, audio_rate=8000 if audio is not None else None
    )


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two classes of four videos, each cut into two pieces."""
    root = tmp_path_factory.mktemp("my_videos")
    for name, color in (("dark", DARK), ("light", LIGHT)):
        for take in "abcd":
            for piece in (1, 2):
                write_clip(root / name / f"{name}_{take}_{piece:02d}.mp4", color)
    return root


@pytest.fixture
def copied(videos, tmp_path):
    return shutil.copytree(videos, tmp_path / "copied")


def load(root, tmp_path, **options):
    return datasets.folder(
        root, num_frames=4, size=16, cache=tmp_path / "cache", progress=False, **options
    )


def test_world_fills_three_disjoint_splits():
    data = datasets.load("world", num_clips=100, size=32, seed=3, fractions=(0.5, 0.25, 0.25))
    assert [len(part) for part in (data.train, data.val, data.test)] == [50, 25, 25]
    assert data.train.frames.shape == (50, 16, 32, 32, 3)
    assert len(data.class_names) == 10
    assert not set(data.train.sources) & set(data.test.sources)


def test_world_options_reach_the_generator():
    data = datasets.load(
        "world", num_clips=30, size=32, difficulty="hard", num_shapes=1,
        actions=["left", "right"], num_frames=8, sound=False,
    )  # fmt: skip
    assert data.class_names == ("left", "right")
    assert data.train.frames.shape[1] == 8
    assert data.train.audio is None
    assert data.name == "world, hard"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_clips": 20}, "too few for one of each"),
        ({"num_clips": 2}, "too few for three splits"),
        ({"fractions": (0.5, 0.5, 0.5)}, "sum 1"),
        ({"fractions": (0.9, 0.1, 0.0)}, "positive"),
    ],
)
def test_world_refuses(options, message):
    with pytest.raises(DatasetError, match=message):
        datasets.load("world", size=32, sound=False, **options)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(DatasetError, match=r"'wrld'.*'world'.*datasets\.folder"):
        datasets.load("wrld")


def test_folder_reads_classes_and_colours(videos, tmp_path):
    data = load(videos, tmp_path)
    assert data.class_names == ("dark", "light")
    assert len(data.train) + len(data.val) + len(data.test) == 16
    for part in (data.train, data.val, data.test):
        assert set(part.labels) == {0, 1}
        brightness = part.frames[:, 0, 0, 0].mean(axis=-1)
        assert (brightness[part.labels == 0] < 100).all()
        assert (brightness[part.labels == 1] > 150).all()
    assert data.train.frames.shape[1:] == (4, 16, 16, 3)
    assert data.train.fps == pytest.approx(2, rel=0.2)  # 4 frames over 2 seconds


def test_pieces_of_one_video_never_part(videos, tmp_path):
    for seed in range(5):
        data = load(videos, tmp_path, seed=seed)
        sets = [set(part.sources) for part in (data.train, data.val, data.test)]
        assert sum(map(len, sets)) == len(set.union(*sets))
        assert set.union(*sets) == {f"{n}_{t}" for n in ("dark", "light") for t in "abcd"}


def test_seed_decides_the_split(videos, tmp_path):
    same = [load(videos, tmp_path, seed=1).test.sources for _ in range(2)]
    assert same[0] == same[1]
    assert len({load(videos, tmp_path, seed=seed).test.sources for seed in range(8)}) > 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("segway_03", "segway"),
        ("v_Dance_g01_c04", "v_Dance_g01"),
        ("walk-2", "walk"),
        ("my clip 7", "my"),
        ("cat", "cat"),
        ("2024", "2024"),
        ("tea_part2", "tea"),
    ],
)
def test_default_source_drops_the_number_of_a_piece(name, source):
    assert datasets.default_source(Path(f"{name}.mp4")) == source


def test_second_call_reads_no_video(videos, tmp_path, monkeypatch):
    first = load(videos, tmp_path)
    monkeypatch.setattr("vidlab.extract.many.run_tasks", no_tasks)
    second = load(videos, tmp_path)
    assert np.array_equal(first.train.frames, second.train.frames)


def no_tasks(tasks, jobs):
    assert list(tasks) == []
    return []


def test_one_video_gives_several_clips_in_order(videos, tmp_path):
    data = load(videos, tmp_path, clips_per_video=3)
    assert len(data.train) + len(data.val) + len(data.test) == 48
    files = data.train.attributes["file"]
    rows = np.flatnonzero(files == files[0])
    level = data.train.frames[rows, :, 8].mean(axis=(1, 2, 3))
    assert len(rows) == 3
    assert (np.diff(level) > 0).all()  # the clips get lighter, as the video does


def test_sound_is_padded_with_silence(copied, tmp_path):
    tone = np.sin(np.arange(8000) / 5).astype(np.float32) * 0.5
    for name, color in (("dark", DARK), ("light", LIGHT)):
        for file in (copied / name).glob("*.mp4"):
            write_clip(file, color, audio=tone if "_a_" not in file.name else None)
    data = load(copied, tmp_path, audio_rate=4000)
    for part in (data.train, data.val, data.test):
        assert part.audio.dtype == np.float32
        loud = np.abs(part.audio).max(axis=1) > 0.2
        assert loud.tolist() == ["_a_" not in name for name in part.attributes["file"]]


def test_unreadable_files_are_reported_and_left_out(copied, tmp_path):
    (copied / "dark" / "broken_01.mp4").write_text("no video")
    with pytest.warns(video.VideoWarning, match=r"1 files could not be read[\s\S]*broken_01\.mp4"):
        data = load(copied, tmp_path)
    assert not any("broken" in name for name in data.train.sources + data.test.sources)


def test_class_without_readable_video(copied, tmp_path):
    for file in (copied / "dark").glob("*.mp4"):
        file.write_text("no video")
    warnings.simplefilter("ignore", video.VideoWarning)
    with pytest.raises(DatasetError, match="none of the 8 videos of class 'dark' can be read"):
        load(copied, tmp_path)


def test_folder_refuses_what_cannot_be_split(copied, tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        load(copied / "missing", tmp_path)
    with pytest.raises(DatasetError, match="is a file"):
        load(next(copied.rglob("*.mp4")), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="has no sub-folders"):
        load(tmp_path / "empty", tmp_path)
    with pytest.raises(DatasetError, match="clips_per_video=1"):
        load(copied, tmp_path, clips_per_video=2, audio_rate=8000)
    with pytest.raises(DatasetError, match="at least 1"):
        load(copied, tmp_path, clips_per_video=0)
    for take in "cd":
        for file in (copied / "dark").glob(f"*_{take}_*"):
            file.unlink()
    with pytest.raises(DatasetError, match=r"class 'dark' comes from 2 sources[\s\S]*source="):
        load(copied, tmp_path)
    (copied / "light" / "nothing").mkdir()
    shutil.rmtree(copied / "dark")
    with pytest.raises(DatasetError, match="one class only"):
        load(copied, tmp_path)
    (copied / "empty_class").mkdir()
    with pytest.raises(DatasetError, match=r"empty_class: has no video"):
        load(copied, tmp_path)


def test_real_clips_cut_into_pieces(shared_clips, tmp_path):
    """Real footage of two classes, three sources each, in pieces of a second."""
    classes = {
        "people": ("ucf101_soccer_juggling.avi", "kinetics_segway.mp4", "hmdb51_wave.avi"),
        "other": ("street_bikes.mp4", "cockatoo_720p.mp4", "no_duration.webm"),
    }
    for name, files in classes.items():
        for file in files:
            frames = video.read_frames(shared_clips / file, num_frames=24, size=48)
            for piece in range(3):
                path = tmp_path / "real" / name / f"{Path(file).stem}_{piece}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                video.write_video(path, frames[piece * 8 :][:8], fps=8)
    data = datasets.folder(
        tmp_path / "real", num_frames=8, size=32, cache=tmp_path / "cache", progress=False
    )
    assert [len(part) for part in (data.train, data.val, data.test)] == [6, 6, 6]
    assert data.class_names == ("other", "people")
