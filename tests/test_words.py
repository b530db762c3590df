"""Vocabulary, narratives and thumbnails: the small neutral parts of chapters 05a and 05b."""

from itertools import pairwise

import numpy as np
import pytest

from vidlab import world
from vidlab.gpt2 import SHIPPED
from vidlab.narratives import END, narrative, shuffled
from vidlab.thumbnails import thumbnails
from vidlab.words import Vocabulary


def test_words_become_numbers_and_words_again() -> None:
    words = Vocabulary(["Red", "circle", "."])
    assert words.words == ("<pad>", "<unk>", "red", "circle", ".")
    assert len(words) == 5
    assert words.encode("RED circle .") == [2, 3, 4]
    assert words.encode("a red dragon") == [1, 2, 1]
    assert words.decode([0, 2, 3, 0]) == "red circle"
    assert words.encode("") == []


def test_texts_of_different_length_are_filled() -> None:
    words = Vocabulary(["a", "b"])
    rows = words.encode_all(["a b a", "b"])
    assert rows.dtype == np.int64
    assert rows.tolist() == [[2, 3, 2], [3, 0, 0]]
    assert words.encode_all(["a"], length=4).tolist() == [[2, 0, 0, 0]]
    with pytest.raises(ValueError, match="expected at least 2, for 'a b'"):
        words.encode_all(["a", "a b"], length=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [(["a", "A"], "got a twice"), (["two words"], "got 'two words'"), ([""], "got ''")],
)
def test_wrong_vocabularies(given: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(given)


def test_a_story_stays_with_its_subject_and_knows_its_past() -> None:
    words = Vocabulary([END, *world.VOCABULARY])
    counts = {"back": 0, "sentences": 0}
    partners = {name: world.partner(name) for name in world.ACTIONS}
    caption_of = {
        sentence: action
        for action in world.ACTIONS
        for color in world.COLORS
        for shape in world.SHAPES
        for number in (1, 2)
        if number == 2 or action not in ("meet", "part")
        for sentence in world.captions_for(action, color, shape, number)
    }
    for seed in range(200):
        story = narrative(np.random.default_rng(seed), num_sentences=4)
        assert story == narrative(np.random.default_rng(seed), num_sentences=4)
        assert 1 not in words.encode(story)
        sentences = [part.strip() for part in story.split(f" {END}") if part.strip()]
        assert len(sentences) == 4
        assert len({tuple(c for c in world.COLORS if c in s.split()) for s in sentences}) == 1
        actions = [caption_of[sentence] for sentence in sentences]
        counts["sentences"] += 3
        counts["back"] += sum(partners[a] == b for a, b in pairwise(actions))
    share = counts["back"] / counts["sentences"]
    assert 0.42 < share < 0.65  # half of the time, and now and then by chance


def test_shuffled_has_the_same_words() -> None:
    story = narrative(np.random.default_rng(0))
    mixed = shuffled(story, np.random.default_rng(1))
    assert sorted(mixed.split()) == sorted(story.split())
    assert mixed != story


@pytest.mark.parametrize("name", ["minigpt", "minigpt-shuffled"])
def test_the_shipped_models_know_the_worlds_words(name: str) -> None:
    written = (SHIPPED[name] / "words.txt").read_text(encoding="utf-8").split()
    assert tuple(written) == Vocabulary([END, *world.VOCABULARY]).words


def test_a_thumbnail_is_a_mean_of_squares() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 32, 3), np.uint8)
    small = thumbnails(frames, size=4)
    assert small.shape == (2, 3, 4 * 4 * 3)
    assert small.dtype == np.float32
    corner = frames[1, 2, 4:8, 8:16].mean(axis=(0, 1)) / 255  # second row, second column
    np.testing.assert_allclose(small[1, 2].reshape(4, 4, 3)[1, 1], corner, atol=1e-6)
    np.testing.assert_array_equal(thumbnails(frames[0], size=4), small[0])


def test_wrong_frames_for_thumbnails() -> None:
    frames = np.zeros((2, 32, 32, 3), np.uint8)
    with pytest.raises(ValueError, match="expected a divisor of the height and width, got 5"):
        thumbnails(frames, size=5)
    with pytest.raises(ValueError, match="got float64"):
        thumbnails(frames.astype(float))
    with pytest.raises(ValueError, match=r"got uint8 \(32, 32, 3\)"):
        thumbnails(frames[0])
