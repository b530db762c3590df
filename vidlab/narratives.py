"""Short stories in the world's own words, for a language model to learn from.

A story is a few captions about one subject, each closed by a full stop:

    a red circle moves left . a red circle drifting to the right . one red circle grows .

Its order means something: the subject stays the same, and what happens next depends on what
happened before. A shape that went left comes back more often than not.
"""

import numpy as np

from vidlab import world

RETURNS = 0.5  # how often the action is undone next
GOES_ON = 0.2  # how often it goes on
END = "."


def narrative(rng: np.random.Generator, num_sentences: int = 5) -> str:
    """One story.

    Args:
        rng: decides everything.
        num_sentences: how many captions it has.
    """
    color = str(rng.choice(list(world.COLORS)))
    shape = str(rng.choice(list(world.SHAPES)))
    num_shapes = int(rng.integers(1, 3))
    actions = [a for a in world.ACTIONS if num_shapes == 2 or a not in ("meet", "part")]
    action = str(rng.choice(actions))
    words: list[str] = []
    for _ in range(num_sentences):
        sentences = world.captions_for(action, color, shape, num_shapes)
        words += [sentences[rng.integers(len(sentences))], END]
        draw = rng.random()
        if draw < RETURNS:
            action = world.partner(action)
        elif draw > RETURNS + GOES_ON:
            action = str(rng.choice(actions))
    return " ".join(words)


def shuffled(text: str, rng: np.random.Generator) -> str:
    """The same words in random order: what a control for language learns from."""
    return " ".join(rng.permutation(text.split()).tolist())
