"""Clips that stay on disk: the same data as in memory, read when asked for."""

import pickle
import sys

import numpy as np
import pytest
from video_making import make_numbered

from vidlab import datasets
from vidlab.batches import as_source
from vidlab.datasets import ClipFiles, DatasetError


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two classes of three videos in two pieces; frame i of every video shows the number i."""
    root = tmp_path_factory.mktemp("numbered")
    for name in ("even", "odd"):
        (root / name).mkdir()
        for take in "abc":
            for piece in (1, 2):
                make_numbered(root / name / f"{name}_{take}_{piece:02d}.mp4", 12)
    return root


@pytest.fixture
def load(videos, tmp_path):
    def load(**options):
        return datasets.folder(
            videos, num_frames=4, size=32, cache=tmp_path / "cache", progress=False, **options
        )

    return load


@pytest.mark.parametrize("clips_per_video", [1, 3])
def test_same_clips_as_in_memory(load, clips_per_video):
    memory = load(clips_per_video=clips_per_video, seed=1)
    disk = load(clips_per_video=clips_per_video, seed=1, in_memory=False)
    for name in ("train", "val", "test"):
        files, clips = getattr(disk, name), getattr(memory, name)
        assert isinstance(files, ClipFiles)
        assert len(files) == len(clips)
        assert files.shape == clips.frames.shape
        assert files.class_names == clips.class_names
        assert files.sources == clips.sources
        assert files.fps == clips.fps
        frames, labels = files.get(np.arange(len(files)))
        np.testing.assert_array_equal(frames, clips.frames)
        np.testing.assert_array_equal(labels, clips.labels)
        assert (frames.dtype, labels.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(files.files, clips.attributes["file"])
    assert repr(disk) == repr(memory)


def test_get_keeps_the_order_asked_for(load):
    files = load(clips_per_video=3, in_memory=False).train
    everything, all_labels = files.get(np.arange(len(files)))
    chosen = np.array([5, 0, 5, 3])
    frames, labels = files.get(chosen)
    np.testing.assert_array_equal(frames, everything[chosen])
    np.testing.assert_array_equal(labels, all_labels[chosen])


def test_load_gives_clips(load):
    files = load(in_memory=False).train
    clips = files.load([1, 0])
    assert len(clips) == 2
    np.testing.assert_array_equal(clips.frames, files.get([1, 0])[0])
    assert clips.sources == (files.sources[1], files.sources[0])
    assert len(files.load()) == len(files)


def test_nothing_is_decoded_after_the_first_call(load, monkeypatch):
    files = load(in_memory=False).train
    monkeypatch.setitem(sys.modules, "av", None)  # an import of the decoder would fail
    first, second = files.get([0, 1])[0], files.get([0, 1])[0]
    np.testing.assert_array_equal(first, second)


def test_holds_no_frames_and_pickles(load):
    files = load(clips_per_video=3, in_memory=False).train
    stored = pickle.dumps(files)
    assert len(stored) < files.get([0])[0].nbytes  # less than one clip
    copy = pickle.loads(stored)
    np.testing.assert_array_equal(copy.get([2])[0], files.get([2])[0])
    assert repr(copy) == repr(files)


def test_is_a_source_of_batches(load):
    source = as_source(load(in_memory=False).train)
    x, y = source.get(np.array([0, 2]))
    assert x.shape == (2, 4, 32, 32, 3)
    assert y.shape == (2,)


def test_passes_to_the_workers_of_a_data_loader(load):
    torch_data = pytest.importorskip("torch.utils.data")
    files = load(in_memory=False).train
    loader = torch_data.DataLoader(
        _Items(files), batch_size=None, num_workers=1, multiprocessing_context="spawn"
    )
    found = np.stack([np.asarray(frames[0]) for frames, _ in loader])
    np.testing.assert_array_equal(found, files.get(np.arange(len(files)))[0])


class _Items:
    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        return self.files.get([index])


def test_a_lost_or_damaged_cache_is_a_clear_error(load):
    files = load(in_memory=False).train
    content = files.paths[0].read_bytes()
    files.paths[0].write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match=r"\.npz.*call datasets\.folder again"):
        files.get([0])
    files.paths[0].unlink()
    with pytest.raises(DatasetError, match=r"cannot be read any more"):
        files.get([0])
    np.savez(files.paths[0], frames=np.zeros((4, 8, 8, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"found \(4, 8, 8, 3\)"):
        files.get([0])


def test_no_sound_without_memory(load):
    with pytest.raises(DatasetError, match="in_memory=True"):
        load(in_memory=False, audio_rate=8000)


def test_no_such_clip(load):
    files = load(in_memory=False).train
    with pytest.raises(IndexError):
        files.get([len(files)])
