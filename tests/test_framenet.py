"""The shipped backbone: what is in the file, that it is worth something, how it is made."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vidlab import weights, world
from vidlab.backbones import FRAMENET, framenet_shape

torch = pytest.importorskip("torch")

from vidlab.torch.features import extract_features, pretrained_features  # noqa: E402
from vidlab.torch.models import FrameCNN  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "data_scripts" / "pretrain_framenet.py"


@pytest.fixture(scope="module")
def frames():
    """Frames and colours of the easy world: 100 to learn from, 500 to be tested on."""

    def make(count, split):
        clips = world.generate(count, difficulty="easy", size=32, split=split, sound=False)
        return clips.frames[:, 7], clips.attributes["color"]

    return make(100, "train"), make(500, "test")


def probe(model, frames):
    (train, train_truth), (test, test_truth) = frames
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    classifier.fit(extract_features(model, train), train_truth)
    return classifier.score(extract_features(model, test), test_truth)


def test_is_small_and_tells_what_it_is():
    assert FRAMENET.stat().st_size < 2_000_000
    model = FrameCNN(*framenet_shape(FRAMENET))
    notes = weights.load(model, FRAMENET)
    assert json.loads(notes["classes"]) == list(world.PHOTOGRAPHS["train"])
    assert model.head.out_features == len(world.PHOTOGRAPHS["train"])
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_has_a_card():
    card = FRAMENET.with_suffix(".md").read_text(encoding="utf-8")
    assert "data_scripts/pretrain_framenet.py" in card
    assert "never" in card


def test_beats_random_weights(frames):
    torch.manual_seed(0)
    assert probe(pretrained_features(), frames) > probe(FrameCNN(10), frames) + 0.05


def test_features_vary_on_the_world(frames):
    found = extract_features(pretrained_features(), frames[1][0])
    assert (found.std(axis=0) > 1e-3).mean() > 0.9  # hardly a dead channel


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import pretrain_framenet

        return pretrain_framenet
    finally:
        sys.path.remove(str(SCRIPT.parent))


def test_sees_no_photograph_of_val_or_test(script):
    seen = set(script.PHOTOGRAPHS)
    assert not seen & set(world.PHOTOGRAPHS["val"] + world.PHOTOGRAPHS["test"])


def test_tasks_ask_for_no_shape_and_no_colour(script):
    assert set(script.TASKS) == {"photograph", "rotation", "first", "view"}


def test_batches_are_what_the_tasks_need(script):
    pictures = script.Pictures(0)
    rng = np.random.default_rng(0)
    crops, which, quarters = pictures.turned(6, rng)
    assert crops.shape == (6, 32, 32, 3)
    assert which.max() < len(script.PHOTOGRAPHS)
    assert set(quarters) <= {0, 1, 2, 3}
    first, second, swapped = pictures.pairs(6, rng)
    assert first.shape == second.shape == (6, 32, 32, 3)
    assert set(swapped) <= {0, 1}
    canvases = pictures.canvases(rng)
    views = script.view(canvases, rng)
    assert views.shape == (len(canvases), 32, 32, 3)
    assert views.min() >= 0
    assert views.max() <= 255
    # A group has two colours, whatever its blobs look like.
    group = script.noise_blobs(rng).reshape(-1, 3)
    assert np.linalg.matrix_rank(np.round(group - group[0], 6), tol=1e-3) == 1


def run_script(output, *arguments):
    result = subprocess.run(
        [sys.executable, SCRIPT, "--output", output, "--steps", "3", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_same_command_same_weights_also_in_parts(tmp_path):
    run_script(tmp_path / "whole.safetensors")
    parts = tmp_path / "parts.safetensors"
    assert "the same command goes on" in run_script(parts, "--max-seconds", "0.001")
    assert not parts.exists()
    run_script(parts)
    assert parts.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert [file.name for file in tmp_path.iterdir() if "checkpoint" in file.name] == []
