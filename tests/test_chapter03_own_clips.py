"""Chapter 03's recipe, as the chapter writes it, on a folder of real videos."""

from pathlib import Path

import numpy as np
import pytest

from vidlab import datasets, video, world
from vidlab.course.source import find_chapter, read_cells

ROOT = Path(__file__).resolve().parents[1]
VIDEOS = {
    "people": (
        "ucf101_soccer_juggling.avi",
        "kinetics_segway.mp4",
        "hmdb51_wave.avi",
        "hmdb51_cartwheel.avi",
    ),
    "other": ("street_bikes.mp4", "cockatoo_720p.mp4", "no_duration.webm"),
}
NUM_PIECES = 5


@pytest.fixture(scope="module")
def chapter():
    """The names of the chapter's cells that make its recipe."""
    import torch
    from keras import ops

    import vidlab.keras as vk
    import vidlab.torch as vt

    names = {"vt": vt, "vk": vk, "np": np, "torch": torch, "ops": ops, "world": world}
    names["rooms"] = {"torch": vt, "keras": vk}
    cells = read_cells(find_chapter(ROOT, "03"))
    wanted = [
        c.source for c in cells if "def look_inside(" in c.source or "def recipe(" in c.source
    ]
    assert len(wanted) == 2
    for source in wanted:
        exec(source, names)
    return names


@pytest.fixture(scope="module")
def real_videos(shared_clips: Path, tmp_path_factory) -> Path:
    """Two folders of 16-frame pieces, named after the video they are from."""
    folder = tmp_path_factory.mktemp("videos")
    for name, files in VIDEOS.items():
        (folder / name).mkdir()
        for file in files:
            frames = video.read_frames(shared_clips / file, num_frames=16 * NUM_PIECES, size=48)
            for piece in range(NUM_PIECES):
                path = folder / name / f"{Path(file).stem}_{piece}.mp4"
                video.write_video(path, frames[16 * piece : 16 * (piece + 1)], fps=8)
    return folder


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_recipe_on_real_clips(chapter, real_videos: Path, tmp_path, framework) -> None:
    data = datasets.folder(real_videos, num_frames=16, size=32, progress=False, cache=tmp_path)
    assert not set(data.train.sources) & set(data.test.sources)
    chapter["data_sets"] = {"my clips": data}
    options = {"framework": framework, "data": "my clips", "num_steps": 20, "batch_size": 8}
    run = chapter["recipe"].run(**options)
    assert run.num_steps == 20
    assert np.mean(run.loss[-4:]) < np.mean(run.loss[:4])
    assert 0 <= run.last()["val accuracy"] <= 1
    clip = data.test.frames[0]
    assert run.ready.predict(clip[None]).shape == (1, 2)
    inside = run.ready.inspect(clip)
    assert inside["opinion so far"].values.shape == (16, 2)
    assert inside["hidden state"].values.shape == (16, 64)
