"""Sentences that say what a clip shows, and the way back from a sentence to the facts.

A sentence is a subject and an action in one of three forms:

    two red circles move left           a red circle moves left
    there are two red circles moving left
    a pair of red circles drifting to the left

All words are in ``VOCABULARY``. ``parse_caption`` reads any of them.
"""

from functools import cache

from vidlab.world.scene import SHAPES

# base form, third person, participle
_VERBS = {
    verb: (verb, third, participle)
    for verb, third, participle in (
        ("become", "becomes", "becoming"),
        ("climb", "climbs", "climbing"),
        ("come", "comes", "coming"),
        ("drift", "drifts", "drifting"),
        ("fall", "falls", "falling"),
        ("get", "gets", "getting"),
        ("go", "goes", "going"),
        ("grow", "grows", "growing"),
        ("meet", "meets", "meeting"),
        ("move", "moves", "moving"),
        ("orbit", "orbits", "orbiting"),
        ("part", "parts", "parting"),
        ("rise", "rises", "rising"),
        ("shrink", "shrinks", "shrinking"),
        ("sink", "sinks", "sinking"),
        ("slide", "slides", "sliding"),
        ("travel", "travels", "travelling"),
    )
}

# Several ways to say each action; the first word is the verb.
PREDICATES = {
    "left": ("move left", "go left", "drift to the left", "slide to the left"),
    "right": ("move right", "go right", "drift to the right", "slide to the right"),
    "up": ("move up", "go up", "rise", "climb"),
    "down": ("move down", "go down", "sink", "fall"),
    "clockwise": ("orbit clockwise", "go around clockwise", "travel around clockwise"),
    "anticlockwise": (
        "orbit anticlockwise",
        "go around anticlockwise",
        "travel around anticlockwise",
    ),
    "grow": ("grow", "get bigger", "become larger"),
    "shrink": ("shrink", "get smaller", "become smaller"),
    "meet": ("meet", "come together", "move together"),
    "part": ("part", "come apart", "move apart"),
}
_SUBJECTS_OF_ONE = ("a {color} {shape}", "one {color} {shape}")
_SUBJECTS_OF_TWO = ("two {color} {shape}s", "a pair of {color} {shape}s")
_COLORS = ("red", "orange", "yellow", "green", "blue", "purple")


@cache
def captions_for(action: str, color: str, shape: str, num_shapes: int) -> tuple[str, ...]:
    """Every sentence of the world for these facts.

    Args:
        action: one of ``ACTIONS`` (with one shape, not meet or part).
        color: one of ``COLORS``.
        shape: one of ``SHAPES``.
        num_shapes: 1 or 2.
    """
    sentences: list[str] = []
    for pattern in _SUBJECTS_OF_ONE if num_shapes == 1 else _SUBJECTS_OF_TWO:
        subject = pattern.format(color=color, shape=shape)
        article = "an" if color[0] in "aeiou" else "a"
        subject = subject.replace(f"a {color}", f"{article} {color}")
        plural = subject.startswith("two")
        for predicate in PREDICATES[action]:
            verb, *rest = predicate.split()
            base, third, participle = _VERBS[verb]
            finite = " ".join([base if plural else third, *rest])
            ongoing = " ".join([participle, *rest])
            be = "are" if plural else "is"
            sentences += [
                f"{subject} {finite}",
                f"there {be} {subject} {ongoing}",
                f"{subject} {ongoing}",
            ]
    return tuple(sentences)


_FACTS = {
    sentence: {"action": action, "color": color, "shape": shape, "num_shapes": num_shapes}
    for num_shapes in (1, 2)
    for action in PREDICATES
    for color in _COLORS
    for shape in SHAPES
    if num_shapes == 2 or action not in ("meet", "part")
    for sentence in captions_for(action, color, shape, num_shapes)
}
VOCABULARY = tuple(sorted({word for sentence in _FACTS for word in sentence.split()}))


def parse_caption(caption: str) -> dict[str, str | int]:
    """The facts in a sentence of the world: action, color, shape, num_shapes.

    Raises:
        ValueError: where the sentence is not one that the world says.
    """
    facts = _FACTS.get(" ".join(caption.lower().split()))
    if facts is None:
        unknown = sorted(set(caption.lower().split()) - set(VOCABULARY))
        reason = (
            f"it knows no {', '.join(map(repr, unknown))}"
            if unknown
            else "the words do not stand in that order"
        )
        raise ValueError(
            f"parse_caption: {caption!r} is not a sentence of the world: {reason}. "
            "See world.captions_for(...) for the sentences"
        )
    return dict(facts)
