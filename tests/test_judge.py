"""The judge of generated clips: the same in both rooms, right on new clips, no use out of order."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vidlab.keras as vk
import vidlab.torch as vt
from vidlab import metrics, weights, world
from vidlab.backbones import JUDGE
from vidlab.judging import judged
from vidlab.metrics import Judged

SCRIPT = Path(__file__).resolve().parents[1] / "data_scripts" / "pretrain_judge.py"


@pytest.fixture(scope="module")
def clips():
    """96 clips that the judge has not seen."""
    return world.generate(96, size=32, num_shapes=1, sound=False, split="test", seed=11)


@pytest.fixture(scope="module")
def judge():
    return vt.load_judge()


@pytest.fixture(scope="module")
def opinions(judge, clips):
    return vt.judge(judge, clips.frames)


def test_has_opinions_on_each_clip(opinions):
    assert isinstance(opinions, Judged)
    assert len(opinions) == 96
    assert opinions.action.shape == (96, 8)
    assert opinions.color.shape == (96, 6)
    assert opinions.shape.shape == (96, 3)
    assert opinions.features.shape == (96, 64)
    for part in (opinions.action, opinions.color, opinions.shape, opinions.features):
        assert part.dtype == np.float32
    for part in (opinions.action, opinions.color, opinions.shape):
        np.testing.assert_allclose(part.sum(axis=1), 1, atol=1e-5)


def test_both_rooms_have_the_same_opinions(opinions, clips):
    others = vk.judge(vk.load_judge(), clips.frames, batch_size=40)
    for name in ("action", "color", "shape", "features"):
        first, second = getattr(opinions, name), getattr(others, name)
        np.testing.assert_allclose(first, second, atol=1e-4, err_msg=name)
        assert second.dtype == np.float32


def test_weights_go_from_room_to_room(clips):
    first = vk.Judge()
    second = vt.Judge().eval()
    weights.copy_weights(first, second)
    few = clips.frames[:3]
    ours, theirs = vk.judge(first, few), vt.judge(second, few)
    np.testing.assert_allclose(ours.features, theirs.features, atol=1e-4)
    np.testing.assert_allclose(ours.action, theirs.action, atol=1e-4)


def test_is_right_on_new_clips(opinions, clips):
    asked = {name: clips.attributes[name] for name in ("action", "color", "shape")}
    shares = metrics.attribute_accuracy(opinions, **asked)
    assert min(shares.values()) > 0.97
    assert metrics.class_consistency(opinions, clips.labels) == shares["action"]


def test_is_right_on_clips_that_are_not_quite_perfect(judge, clips):
    noise = np.random.default_rng(0).normal(0, 6, clips.frames.shape)
    frames = np.clip(clips.frames * 0.95 + noise, 0, 255).astype(np.uint8)
    shares = metrics.attribute_accuracy(
        vt.judge(judge, frames), action=clips.labels, color=clips.attributes["color"]
    )
    assert min(shares.values()) > 0.95


def test_out_of_order_the_action_is_lost_and_the_rest_is_not(judge, clips):
    mixed = clips.frames[:, np.random.default_rng(1).permutation(16)]
    shares = metrics.attribute_accuracy(
        vt.judge(judge, mixed), action=clips.labels,
        color=clips.attributes["color"], shape=clips.attributes["shape"],
    )  # fmt: skip
    assert shares["action"] < 0.6
    assert min(shares["color"], shares["shape"]) > 0.95


def test_backwards_it_sees_the_partner(judge, clips):
    partners = [1, 0, 3, 2, 5, 4, 7, 6]
    backwards = vt.judge(judge, clips.frames[:, ::-1])
    assert metrics.class_consistency(backwards, np.array(partners)[clips.labels]) > 0.97


def test_the_distance_tells_real_clips_from_others(judge, opinions, clips):
    def distance(frames):
        return metrics.frechet_distance(opinions.features, vt.judge(judge, frames).features)

    real = distance(
        world.generate(96, size=32, num_shapes=1, sound=False, split="val", seed=12).frames
    )
    assert distance(clips.frames[:, np.random.default_rng(1).permutation(16)]) > 2 * real
    assert distance(np.repeat(clips.frames[:24], 4, axis=0)) > real  # a few clips again and again
    still = np.repeat(clips.frames[:, 7:8], 16, axis=1)
    assert distance(still) > 2 * real


def test_gives_its_former_mode_back(judge, clips):
    judge.train()
    vt.judge(judge, clips.frames[:2])
    assert judge.training
    judge.eval()


@pytest.mark.parametrize("room", [vt, vk])
@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 16, 32, 32, 3), np.float32), "frames: .*uint8.*float32"),
        (np.zeros((2, 8, 32, 32, 3), np.uint8), r"frames: .*\(2, 8, 32, 32, 3\)"),
        (np.zeros((16, 32, 32, 3), np.uint8), "frames"),
        (np.zeros((0, 16, 32, 32, 3), np.uint8), "frames"),
    ],
)
def test_errors_name_the_frames(room, frames, message):
    with pytest.raises(ValueError, match=message):
        room.judge(room.Judge(), frames)


@pytest.mark.parametrize("room", [vt, vk])
def test_errors_name_the_batch_size(room):
    with pytest.raises(ValueError, match="batch_size"):
        room.judge(room.Judge(), np.zeros((2, 16, 32, 32, 3), np.uint8), batch_size=0)


def test_logits_become_probabilities():
    logits = np.log(np.array([[1, 3, 1, 1]], np.float32))
    found = judged(logits, np.zeros((1, 2), np.float32), (2, 1, 1))
    np.testing.assert_allclose(found.action, [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(found.color, [[1.0]])


def test_file_is_small_and_has_a_card():
    assert JUDGE.stat().st_size < 1_000_000
    assert weights.load(vt.Judge(), JUDGE)["made_by"] == "data_scripts/pretrain_judge.py"
    assert "data_scripts/pretrain_judge.py" in JUDGE.with_suffix(".md").read_text(encoding="utf-8")


def test_the_script_runs_and_writes_nothing():
    before = JUDGE.read_bytes()
    result = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert "Frechet distance of 144 clips" in result.stdout
    assert JUDGE.read_bytes() == before
