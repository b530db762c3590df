"""Worked and wrong answers to the exercises: the proof that every check tells them apart.

A chapter's answers stand in ``tests/answers/chNN.py`` as a dict ``ANSWERS`` from the exercise's
name to a ``Case``; ``tests/test_notebooks.py`` runs them all on several seeds.

    from answers import Case

    ANSWERS = {
        "01.to_rgb": Case(
            right=[lambda frame: frame[..., ::-1]],
            wrong=[
                (lambda frame: frame, "the last axis"),
                (lambda frame: frame[::-1], "turns the picture upside down"),
            ],
        ),
    }

The text beside a wrong answer is a part of the hint that is meant for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lazy:
    """An answer that is made only when its test runs, such as a model of a framework."""

    make: Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """Answers to one exercise.

    right: one or more answers that pass. wrong: at least two plausible mistakes, each with a part
    of the hint that a learner must then read. seeds: how many random inputs each is tried on.
    """

    right: Sequence[Any]
    wrong: Sequence[tuple[Any, str]]
    seeds: int = 5


def made(answer: Any) -> Any:
    """The answer itself; a Lazy one is made now."""
    return answer.make() if isinstance(answer, Lazy) else answer
