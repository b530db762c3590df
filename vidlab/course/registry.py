"""The registry of exercises: a name such as "01.to_rgb", its hints and its check function."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vidlab.course import checks

if TYPE_CHECKING:
    import numpy as np

CheckFunction = Callable[[Any, "np.random.Generator"], None]

_NAME = re.compile(r"(\d\d[a-z]?)\.([a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Exercise:
    """What is known about one exercise.

    name: "01.to_rgb". title: a few words for tables. points: for a teacher. hints: from a nudge to
    nearly the answer. run: the check function, called with the answer and a random generator.
    """

    name: str
    title: str
    points: int
    hints: tuple[str, ...]
    run: CheckFunction

    @property
    def chapter(self) -> str:
        return self.name.split(".")[0]


_REGISTRY: dict[str, Exercise] = {}


def exercise(
    name: str, *, title: str, hints: tuple[str, ...], points: int = 1
) -> Callable[[CheckFunction], CheckFunction]:
    """Register the decorated function as the check of exercise ``name``.

    The function takes ``(answer, rng)`` and calls ``expect`` and its relatives; it passes when none
    of them fails. A plain function given as the answer gets copies of its arguments, and what it
    raises is reported to the learner with the inputs. Draw all inputs from ``rng``.

    Raises ValueError for a name that is not like "01.to_rgb" or already taken, and without hints.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f'exercise name {name!r}: expected chapter and name, like "01.to_rgb"')
    if isinstance(hints, str) or not hints:
        raise ValueError(f"exercise {name}: hints must be a tuple of strings, from nudge to answer")

    def register(function: CheckFunction) -> CheckFunction:
        old = _REGISTRY.get(name)
        # The same function again is a reloaded module or a cell that was run twice.
        if old is not None and (old.run.__module__, old.run.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise ValueError(
                f"exercise {name} is registered twice: by {old.run.__module__}."
                f"{old.run.__qualname__} and {function.__module__}.{function.__qualname__}"
            )
        _REGISTRY[name] = Exercise(name, title, points, tuple(hints), function)
        return function

    return register


def exercises_of(chapter: str) -> list[Exercise]:
    """All exercises of a chapter ("01") in the order of their definition."""
    checks.load(chapter)
    return [known for known in _REGISTRY.values() if known.chapter == chapter]


def find_exercise(name: str) -> Exercise:
    """The exercise of that name; ValueError says which names there are."""
    if name not in _REGISTRY and (match := _NAME.fullmatch(name)):
        checks.load(match[1])
    if name in _REGISTRY:
        return _REGISTRY[name]
    chapter = name.split(".")[0]
    known = ", ".join(found.name for found in exercises_of(chapter)) or "none"
    raise ValueError(f'no exercise "{name}"; chapter {chapter} has: {known}')
