"""Judge an answer, and show the verdict in a notebook.

``judge`` runs the check of an exercise and returns a verdict. ``check``, which the chapters call,
prints it: a wrong answer does not stop "Run All". Where a machine wants to know (nbval,
``vidlab check``, ``vidlab build``), the environment variable ``VIDLAB_CHECKS=raise`` makes it
raise.
"""

import functools
import os
import secrets
import sysconfig
import traceback
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vidlab.course.expectations import AnswerMissing, CallFailed, PropertyFailed, call, tested
from vidlab.course.registry import Exercise, find_exercise
from vidlab.course.show import show_verdict

MODE_VARIABLE = "VIDLAB_CHECKS"

# Where code that no learner wrote lies: this package, Python's own library, generated code.
_LIBRARIES = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<")


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check. text: all that a learner reads; hint: the one for this failure."""

    name: str
    status: Literal["correct", "wrong", "unsolved"]
    text: str
    hint: str | None = None
    seed: int | None = None


class CheckFailed(AssertionError):
    """A check did not pass. Raised only where ``VIDLAB_CHECKS=raise`` asks for it."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the verdict is the whole message."""
        return str(self).splitlines()


class NotSolved(CheckFailed):
    """The exercise has not been answered yet."""


def check(name: str, answer: Any, hint: int | None = None, seed: int | None = None) -> None:
    """Test ``answer`` against exercise ``name`` and say what holds and what does not.

    hint: also show hint 1, 2, ... of the exercise. seed: repeat a failed check with the inputs that
    it had. Prints the verdict; raises CheckFailed (or its subclass NotSolved) only if the
    environment variable VIDLAB_CHECKS is "raise". Raises ValueError for an unknown name.
    """
    known = find_exercise(name)
    verdict = judge(name, answer, seed)
    if os.environ.get(MODE_VARIABLE, "").lower() == "raise" and verdict.status != "correct":
        raise (NotSolved if verdict.status == "unsolved" else CheckFailed)(verdict)
    show_verdict(known, verdict.status, verdict.text, hint)


def judge(name: str, answer: Any, seed: int | None = None) -> Verdict:
    """Run the check of exercise ``name`` on ``answer`` with inputs drawn from ``seed``.

    seed: None draws a new one. Never raises for a bad answer; ValueError for an unknown name.
    """
    known = find_exercise(name)
    if _is_empty(answer):
        return _unsolved(known)
    seed = secrets.randbits(32) if seed is None else seed
    properties: list[str] = []
    token = tested.set(properties)
    try:
        known.run(_guarded(answer), np.random.default_rng(seed))
    except AnswerMissing:
        return _unsolved(known)
    except PropertyFailed as failure:
        lines = [f"Should hold: {failure.what}"]
        lines += [f"{label}: {words}" for label, words in failure.details.items()]
        return _wrong(known, lines, failure.hint or known.hints[0], seed)
    except CallFailed as failure:
        lines = [*_raised(known, failure.error), f"Given: {failure.given}"]
        return _wrong(known, lines, _advice(failure.error) or known.hints[0], seed)
    except NotImplementedError:
        return _unsolved(known)
    except Exception as error:  # from a model or a generator in the answer, or an unfit type
        lines = _raised(known, error)
        if len(lines) == 1:  # no line of the learner's: the answer does not fit
            kind = f"{type(error).__name__}: {error}"
            what = f"an answer of type {type(answer).__name__}"
            if isinstance(answer, types.FunctionType):
                what = "what your function returned"
            lines = [f"The check cannot use {what} ({kind})"]
        return _wrong(known, lines, _advice(error) or known.hints[0], seed)
    finally:
        tested.reset(token)
    note = f" Tested: {'; '.join(properties)}." if properties else ""
    return Verdict(name, "correct", f"{name}: correct.{note}", seed=seed)


def _is_empty(answer: Any) -> bool:
    if isinstance(answer, tuple | list):
        return any(part is Ellipsis for part in answer)
    return answer is None or answer is Ellipsis


def _guarded(answer: Any) -> Any:
    """A plain function, so that it gets copies and its errors are told from the check's own."""
    if not isinstance(answer, types.FunctionType | types.BuiltinFunctionType | functools.partial):
        return answer

    def guarded(*arguments: Any, **named: Any) -> Any:
        return call(answer, *arguments, **named)

    return functools.update_wrapper(guarded, answer)


def _unsolved(known: Exercise) -> Verdict:
    text = (
        f"{known.name}: not solved yet. Write your answer in the cell above, at # your code here."
    )
    return Verdict(known.name, "unsolved", text)


def _wrong(known: Exercise, lines: list[str], hint: str, seed: int) -> Verdict:
    parts = [f"{known.name}: not right yet.", *lines, f"Hint: {hint}"]
    parts.append(f"The same inputs again: seed={seed} as a further argument of check.")
    return Verdict(known.name, "wrong", "\n".join(parts), hint, seed)


def _raised(known: Exercise, error: Exception) -> list[str]:
    """The error and the learner's line: the last that is neither a library's nor the check's."""
    lines = [f"Your code raised {type(error).__name__}: {error}"]
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    frames = traceback.extract_tb(error.__traceback__)
    for frame, code in reversed(list(zip(frames, codes, strict=True))):
        library = "site-packages" in frame.filename or frame.filename.startswith(_LIBRARIES)
        if not library and code is not known.run.__code__ and frame.line:
            where = "" if frame.name == "<module>" else f" of {frame.name}"
            return [*lines, f"In line {frame.lineno}{where}: {frame.line}"]
    return lines


def _advice(error: Exception) -> str | None:
    """A hint for errors that say nothing about the exercise itself."""
    if isinstance(error, NameError):
        return f"The name {error.name!r} is not defined where your function runs: a typing error?"
    if isinstance(error, TypeError) and "positional argument" in str(error):
        return "The function is called with other arguments than it takes. Look at its first line."
    return None
