"""Captions say what is true, in words of a closed vocabulary, and can be read back."""

import pytest

from vidlab import world

ALL_FACTS = [
    (action, color, shape, num_shapes)
    for action in world.ACTIONS
    for color in world.COLORS
    for shape in world.SHAPES
    for num_shapes in (1, 2)
    if num_shapes == 2 or action not in ("meet", "part")
]


def test_every_wording_is_in_the_vocabulary_and_can_be_read_back() -> None:
    words = set(world.VOCABULARY)
    seen: dict[str, tuple] = {}
    for action, color, shape, num_shapes in ALL_FACTS:
        sentences = world.captions_for(action, color, shape, num_shapes)
        assert len(sentences) >= 12
        for sentence in sentences:
            assert set(sentence.split()) <= words
            assert world.parse_caption(sentence) == {
                "action": action,
                "color": color,
                "shape": shape,
                "num_shapes": num_shapes,
            }
            assert seen.setdefault(sentence, (action, color, shape, num_shapes)) == (
                action,
                color,
                shape,
                num_shapes,
            )
    assert words == {word for sentence in seen for word in sentence.split()}
    assert len(words) <= 100


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (("left", "red", "circle", 2), "two red circles move left"),
        (("left", "red", "circle", 2), "a pair of red circles drifts to the left"),
        (("left", "red", "circle", 2), "there is a pair of red circles moving left"),
        (("left", "red", "circle", 2), "there are two red circles sliding to the left"),
        (("left", "red", "circle", 1), "a red circle moves left"),
        (("up", "orange", "square", 1), "there is an orange square rising"),
        (("up", "orange", "square", 1), "one orange square climbs"),
        (("meet", "blue", "triangle", 2), "two blue triangles come together"),
        (("grow", "green", "triangle", 2), "a pair of green triangles gets bigger"),
        (("clockwise", "purple", "circle", 2), "two purple circles go around clockwise"),
    ],
)
def test_grammar(facts: tuple[str, str, str, int], sentence: str) -> None:
    assert sentence in world.captions_for(*facts)


def test_articles() -> None:
    for facts in ALL_FACTS:
        for sentence in world.captions_for(*facts):
            assert " a orange" not in f" {sentence}"
            assert "an red" not in sentence


@pytest.mark.parametrize("num_shapes", [1, 2])
def test_captions_of_clips_are_true(num_shapes: int) -> None:
    clips = world.generate(200, size=16, num_frames=4, num_shapes=num_shapes, sound=False)
    assert clips.captions is not None
    for i, caption in enumerate(clips.captions):
        assert world.parse_caption(caption) == {
            "action": clips.attributes["action"][i],
            "color": clips.attributes["color"][i],
            "shape": clips.attributes["shape"][i],
            "num_shapes": num_shapes,
        }
    assert len(set(clips.captions)) > 150


def test_case_and_spaces_do_not_matter() -> None:
    assert world.parse_caption("  Two red  circles move left ")["action"] == "left"


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("two red hexagons move left", "'hexagons'"),
        ("left move circles red two", "order"),
        ("two red circles moves left", "order"),
        ("", "order"),
    ],
)
def test_other_sentences_are_refused(sentence: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        world.parse_caption(sentence)
