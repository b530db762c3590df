"""The flow of clip codes that vidlab ships: in both rooms, and as good as its card says."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402
from vidlab import metrics  # noqa: E402
from vidlab.backbones import LATENT_FLOW  # noqa: E402

LABELS = np.arange(80) % 8


def test_it_is_small_and_has_a_card() -> None:
    assert LATENT_FLOW.stat().st_size < 2_000_000
    card = LATENT_FLOW.with_suffix(".md").read_text(encoding="utf-8")
    assert "data_scripts/pretrain_latent_flow.py" in card


def test_both_rooms_make_the_same_clips() -> None:
    one = vt.generate(vt.load_latent_flow(), LABELS[:8], seed=3)
    other = vk.generate(vk.load_latent_flow(), LABELS[:8], seed=3)
    assert one.shape == (8, 16, 32, 32, 3)
    assert np.abs(one.astype(int) - other).max() <= 2


def test_it_shows_what_was_asked_for() -> None:
    judged = vt.judge(vt.load_judge(), vt.generate(vt.load_latent_flow(), LABELS, seed=1))
    assert metrics.class_consistency(judged, LABELS) >= 0.93
    assert metrics.diversity(judged.color) >= 5
    assert metrics.diversity(judged.shape) >= 2.5
