"""What check functions are written with: properties in words, tested on fresh inputs.

Each ``expect`` function names one property. When it does not hold, the check ends and the learner
reads the property, the input, what was expected, what came, and the hint for exactly this failure.
When all hold, the properties are listed as what was tested.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import numpy as np

from vidlab.course.describe import as_array, describe, is_array

_ABSENT: Any = object()


class PropertyFailed(Exception):
    """One property of an answer does not hold."""

    def __init__(self, what: str, details: dict[str, str], hint: str | None) -> None:
        super().__init__(what)
        self.what = what
        self.details = details
        self.hint = hint


class AnswerMissing(Exception):
    """The answer is still the empty one that the chapter came with."""


# What has been tested so far in the running check; judge() sets a fresh list.
tested: ContextVar[list[str]] = ContextVar("tested")


def expect(
    condition: Any,
    what: str,
    *,
    given: Any = _ABSENT,
    expected: Any = _ABSENT,
    got: Any = _ABSENT,
    hint: str | None = None,
) -> None:
    """Demand that ``condition`` is true.

    what: the property in words, as it should be ("red comes first"). given: the input, or a dict
    of argument names and values. expected, got: shown as they are if strings, else described.
    hint: what to tell a learner whose answer fails here; without it the exercise's first hint.
    """
    properties = tested.get([])
    if condition:
        if what not in properties:
            properties.append(what)
        return
    labels = {"Given": given, "Expected": expected, "Got": got}
    details = {label: _words(value) for label, value in labels.items() if value is not _ABSENT}
    if got is None:
        hint = "The answer gave None. Is a return missing, or a value that was never set?"
    raise PropertyFailed(what, details, hint)


def expect_callable(answer: Any, *, hint: str | None = None) -> None:
    """Demand a function (or anything that can be called)."""
    hint = hint or "Give check the function itself, without parentheses."
    expect(callable(answer), "the answer is a function", got=answer, hint=hint)


def expect_type(
    got: Any,
    types: type | tuple[type, ...],
    what: str,
    *,
    given: Any = _ABSENT,
    hint: str | None = None,
) -> None:
    """Demand an instance of ``types``."""
    names = " or ".join(t.__name__ for t in (types if isinstance(types, tuple) else (types,)))
    shown = None if got is None else f"{type(got).__name__}: {describe(got)}"
    expect(isinstance(got, types), what, given=given, expected=names, got=shown, hint=hint)


def expect_shape(
    got: Any,
    shape: tuple[int, ...],
    what: str,
    *,
    given: Any = _ABSENT,
    hint: str | None = None,
) -> None:
    """Demand an array (or tensor) of that shape."""
    came = _shape(got)
    shown = None if got is None else describe(got) if came is None else f"shape {came}"
    if isinstance(got, list | tuple) and hint is None:
        hint = "Return one array: np.stack or np.array makes one of a list."
    expect(
        came == tuple(shape),
        what,
        given=given,
        expected=f"shape {tuple(shape)}",
        got=shown,
        hint=hint,
    )


def expect_dtype(
    got: Any, dtype: Any, what: str, *, given: Any = _ABSENT, hint: str | None = None
) -> None:
    """Demand an array (or tensor) of that dtype ("uint8", np.float32, ...)."""
    wanted = np.dtype(dtype)
    came = as_array(got).dtype if is_array(got) else None
    shown = None if got is None else describe(got) if came is None else f"dtype {came}"
    expect(came == wanted, what, given=given, expected=f"dtype {wanted}", got=shown, hint=hint)


def expect_range(
    got: Any, low: float, high: float, what: str, *, given: Any = _ABSENT, hint: str | None = None
) -> None:
    """Demand that all values are finite and lie in [low, high]."""
    array = _numbers(got)
    inside = array is not None and bool(np.all((array >= low) & (array <= high)))
    expect(inside, what, given=given, expected=f"values from {low} to {high}", got=got, hint=hint)


def expect_equal(
    got: Any, expected: Any, what: str, *, given: Any = _ABSENT, hint: str | None = None
) -> None:
    """Demand equality: of arrays shape by shape and element by element, of the rest with ``==``."""
    if is_array(expected) or is_array(got):
        expect_close(got, expected, what, rtol=0.0, given=given, hint=hint)
        return
    same = bool(got == expected)
    expect(same, what, given=given, expected=expected, got=got, hint=hint)


def expect_close(
    got: Any,
    expected: Any,
    what: str,
    *,
    atol: float = 0.0,
    rtol: float = 1e-5,
    given: Any = _ABSENT,
    hint: str | None = None,
) -> None:
    """Demand numbers or arrays of equal shape with |got - expected| <= atol + rtol |expected|.

    NaN equals NaN. The failure names the place of the largest difference.
    """
    truth = as_array(expected)
    came = _numbers(got)
    if came is None or came.shape != truth.shape:
        expect(False, what, given=given, expected=expected, got=got, hint=hint)
        return
    wide, true = came.astype(np.float64), truth.astype(np.float64)
    if np.allclose(wide, true, atol=atol, rtol=rtol, equal_nan=True):
        expect(True, what)
        return
    if truth.ndim == 0:
        expect(False, what, given=given, expected=expected, got=got, hint=hint)
    difference = np.nan_to_num(np.abs(wide - true), nan=np.inf)
    worst = tuple(int(i) for i in np.unravel_index(np.argmax(difference), truth.shape))
    place = f"at index {worst}: {describe(truth[worst])}; whole: {describe(expected)}"
    shown = f"at index {worst}: {describe(came[worst])}; whole: {describe(got)}"
    expect(False, what, given=given, expected=place, got=shown, hint=hint)


def expect_unlike(
    got: Any,
    right: Any,
    mistakes: Iterable[tuple[Any, str]],
    what: str,
    *,
    atol: float = 1e-6,
    given: Any = _ABSENT,
) -> None:
    """Demand that an answer is none of the mistakes that people make, each with its own hint.

    right: the right answer; a mistake that happens to give the same is no mistake here. mistakes:
    what each would give, and the hint for it.
    """
    came, truth = _numbers(got), as_array(right)
    for mistake, hint in mistakes:
        wrong = as_array(mistake)
        if came is None or came.shape != wrong.shape or _alike(wrong, truth, atol):
            continue
        expect(not _alike(came, wrong, atol), what, given=given, got=got, hint=hint)


def _alike(one: np.ndarray, other: np.ndarray, atol: float) -> bool:
    if one.shape != other.shape:
        return False
    pair = one.astype(np.float64), other.astype(np.float64)
    return bool(np.allclose(*pair, atol=atol, rtol=1e-5, equal_nan=True))


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a learner's function or model on copies of the arguments.

    A plain function given as the answer is called like this anyway; use ``call`` for methods,
    models and functions inside an answer. What it raises becomes a failure that shows the
    learner's line and the inputs; NotImplementedError means "not solved yet".
    """
    try:
        return function(*copied(arguments), **copied(named))
    except NotImplementedError as error:
        raise AnswerMissing from error
    except (PropertyFailed, AnswerMissing):
        raise
    except Exception as error:
        raise CallFailed(error, arguments, named) from error


class CallFailed(Exception):
    """The learner's code raised ``error`` when it was called with these arguments."""

    def __init__(self, error: Exception, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error
        parts = [describe(value) for value in arguments]
        parts += [f"{key} = {describe(value)}" for key, value in named.items()]
        self.given = ", ".join(parts) or "no arguments"


def copied(value: Any) -> Any:
    """The same value with its arrays, tensors and containers copied, so that no input can change.

    Models, open files and other objects are passed as they are: copying them costs or fails.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple, set):
        return type(value)(copied(item) for item in value)
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    if hasattr(value, "clone") and hasattr(value, "detach"):  # a PyTorch tensor
        return value.clone()
    return value


def _words(value: Any) -> str:
    return value if isinstance(value, str) else describe(value)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(int(n) for n in value.shape) if hasattr(value, "shape") else None


def _numbers(value: Any) -> np.ndarray | None:
    """The value as an array of numbers, or None if it is none."""
    try:
        array = as_array(value)
    except Exception:  # a learner's answer can be anything, and some things refuse
        return None
    return array if np.issubdtype(array.dtype, np.number) or array.dtype == bool else None
