"""Judging answers: verdicts, messages, hints, seeds, and the two modes of check."""

from types import SimpleNamespace

import numpy as np
import pytest
from course_sample import use_checks

from vidlab.course import (
    CheckFailed,
    NotSolved,
    call,
    check,
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_range,
    expect_shape,
    expect_type,
    expect_unlike,
    judge,
)
from vidlab.course.describe import describe
from vidlab.course.registry import exercises_of, find_exercise

use_checks()


def judged(run, answer):
    """The verdict of a check function made for one test."""
    run.__qualname__ = "probe"  # the same name may register again: a cell that was run twice
    exercise("97.probe", title="probe", hints=("first hint", "second hint"))(run)
    return judge("97.probe", answer, seed=0)


def test_right_answer_lists_what_was_tested() -> None:
    verdict = judge("98.double", lambda numbers: 2 * numbers)
    assert verdict.status == "correct"
    assert verdict.text == "98.double: correct. Tested: the shape stays; all are doubled."


def test_wrong_answer_says_property_input_expected_got_and_hint() -> None:
    verdict = judge("98.double", lambda numbers: 3 * numbers, seed=5)
    assert verdict.status == "wrong"
    assert verdict.hint == "Use 2 *."
    for part in ("Should hold: all are doubled", "Given: float64", "Expected: at index", "Got: at"):
        assert part in verdict.text
    assert "seed=5" in verdict.text


def test_failure_without_hint_of_its_own_shows_the_first() -> None:
    assert judge("98.count", 5).hint == "More than five."


def test_inputs_are_fresh_and_can_be_repeated() -> None:
    texts = {judge("98.double", lambda n: n, seed).text for seed in (1, 1, None, None)}
    assert len(texts) == 3
    verdict = judge("98.double", lambda n: n)
    assert judge("98.double", lambda n: n, verdict.seed).text == verdict.text


def empty_function(numbers):
    raise NotImplementedError  # your code here


@pytest.mark.parametrize("answer", [..., None, (1, ...), empty_function])
def test_empty_answer_is_not_solved_yet(answer) -> None:
    verdict = judge("98.double", answer)
    assert verdict.status == "unsolved"
    assert verdict.text.startswith("98.double: not solved yet. Write your answer")
    assert "\n" not in verdict.text


def test_error_in_the_answer_shows_the_learners_line_and_the_input() -> None:
    def divides(numbers):
        return numbers / np.array([1, 2])

    text = judge("98.double", divides).text
    assert "Your code raised ValueError" in text
    assert "of divides: return numbers / np.array([1, 2])" in text
    assert "Given: float64 array (5,)" in text


def test_error_outside_a_plain_function_is_a_failure_too() -> None:
    def check_model(answer, rng):
        expect(answer.predict(1) == 2, "it adds one")

    def broken(value):
        raise RuntimeError("no weights")

    assert "RuntimeError: no weights" in judged(check_model, SimpleNamespace(predict=broken)).text
    unfit = judged(check_model, 3).text
    assert "The check cannot use an answer of type int (AttributeError" in unfit


def test_advice_for_common_errors() -> None:
    assert "typing error" in (judge("98.double", lambda n: numbres).hint or "")  # noqa: F821
    assert "other arguments" in (judge("98.double", lambda: 1).hint or "")


def test_answer_of_none_asks_for_a_return() -> None:
    verdict = judged(lambda answer, rng: expect_equal(answer(1), 2, "it adds"), lambda n: None)
    assert "return missing" in (verdict.hint or "")


def test_answer_cannot_change_the_inputs() -> None:
    def in_place(numbers):
        numbers *= 2
        return numbers

    assert judge("98.double", in_place).status == "correct"


def test_call_copies_containers_and_names_arguments() -> None:
    given = {"rows": [np.zeros(2)]}

    def spoil(given, factor):
        given["rows"][0] += factor
        given["rows"].append(None)
        raise ValueError("spoiled")

    def check_spoil(answer, rng):
        call(answer.method, given, factor=3)

    text = judged(check_spoil, SimpleNamespace(method=spoil)).text
    assert "factor = 3" in text
    assert len(given["rows"]) == 1
    assert given["rows"][0].sum() == 0


@pytest.mark.parametrize(
    ("run", "good", "bad", "got"),
    [
        (lambda a, _: expect_callable(a), len, 3, "Got: 3"),
        (lambda a, _: expect_type(a, (int, str), "w"), "x", 1.5, "Got: float: 1.5"),
        (lambda a, _: expect_shape(a, (2, 3), "w"), np.zeros((2, 3)), np.zeros(6), "shape (6,)"),
        (lambda a, _: expect_shape(a, (2,), "w"), np.zeros(2), [0, 0], "Got: [0, 0]"),
        (lambda a, _: expect_dtype(a, "uint8", "w"), np.uint8([1]), np.zeros(1), "float64"),
        (lambda a, _: expect_range(a, 0, 1, "w"), np.ones(2), [0, np.nan], "Got: [0, nan]"),
        (lambda a, _: expect_equal(a, {"k": 1}, "w"), {"k": 1}, {"k": 2}, "Got: k = 2"),
        (lambda a, _: expect_equal(a, np.arange(3), "w"), np.arange(3), np.arange(4), "(4,)"),
        (lambda a, _: expect_close(a, 0.5, "w", atol=0.1), 0.55, 0.7, "Got: 0.7"),
        (lambda a, _: expect_close(a, [0.0, np.nan], "w"), [0, np.nan], [0, 1], "at index (1,): 1"),
        (lambda a, _: expect_close(a, np.eye(2), "w"), np.eye(2), "text", "Got: text"),
    ],
)
def test_expectations(run, good, bad, got) -> None:
    assert judged(run, good).status == "correct"
    verdict = judged(run, bad)
    assert verdict.status == "wrong"
    assert got in verdict.text


def test_expectations_take_tensors() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.ones(2, 3, requires_grad=True)
    assert judged(lambda a, _: expect_close(a, np.ones((2, 3)), "w"), tensor).status == "correct"
    assert judged(lambda a, _: expect_dtype(a, "float32", "w"), tensor).status == "correct"
    assert describe(tensor) == "float32 tensor (2, 3) [[1., 1., 1.], [1., 1., 1.]]"


def test_describe_is_short() -> None:
    assert describe(np.arange(100).reshape(10, 10)) == "int64 array (10, 10), values from 0 to 99"
    assert describe(np.zeros((0, 3))) == "empty float64 array (0, 3)"
    assert describe({"a": 1, "b": np.float32(0.25)}) == "a = 1, b = 0.25"
    assert len(describe("x" * 1000)) <= 240


def test_check_prints_and_does_not_raise(monkeypatch, capsys) -> None:
    monkeypatch.delenv("VIDLAB_CHECKS", raising=False)
    check("98.count", 5)
    out = capsys.readouterr().out
    assert out.startswith("98.count: not right yet.\nShould hold: there are six")
    assert "hint=1" in out
    check("98.count", 6, hint=1)
    assert capsys.readouterr().out == "98.count: correct. Tested: there are six.\n"


def test_hints_come_in_steps(monkeypatch, capsys) -> None:
    monkeypatch.delenv("VIDLAB_CHECKS", raising=False)
    check("98.count", ..., hint=1)
    assert "Hint 1 of 2: More than five." in capsys.readouterr().out
    check("98.count", ..., hint=2)
    assert "Hint 2 of 2: Fewer than seven." in capsys.readouterr().out
    check("98.count", ..., hint=3)
    assert "98.count has 2 hints: hint=1 to hint=2." in capsys.readouterr().out


def test_check_raises_where_a_machine_asks(monkeypatch) -> None:
    monkeypatch.setenv("VIDLAB_CHECKS", "raise")
    with pytest.raises(CheckFailed, match="there are six") as failed:
        check("98.count", 5, hint=1)
    assert not isinstance(failed.value, NotSolved)
    with pytest.raises(NotSolved, match="not solved yet"):
        check("98.count", ...)
    check("98.count", 6)


def test_unknown_exercise_says_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"chapter 98 has: .*98\.double"):
        check("98.dubble", 1)
    with pytest.raises(ValueError, match="chapter 96 has: none"):
        check("96.x", 1)


def test_registering_asks_for_a_name_hints_and_uniqueness() -> None:
    assert find_exercise("98.double").points == 2
    assert "98.sorted" in [known.name for known in exercises_of("98")]
    with pytest.raises(ValueError, match="like"):
        exercise("double", title="", hints=("a",))
    with pytest.raises(ValueError, match="hints"):
        exercise("98.x", title="", hints="a single string")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="registered twice"):
        exercise("98.double", title="", hints=("a",))(test_describe_is_short)  # type: ignore[arg-type]


def test_unlike_gives_the_hint_of_the_mistake_that_was_made() -> None:
    numbers = np.array([1.0, 2.0, 4.0])

    def check_mean(answer, rng):
        mistakes = ((numbers.sum(), "divide"), (np.median(numbers), "not the middle"))
        expect_unlike(answer, numbers.mean(), mistakes, "it is the mean")
        expect_close(answer, numbers.mean(), "it is the mean")

    assert judged(check_mean, 7 / 3).status == "correct"
    assert judged(check_mean, 7).hint == "divide"
    assert judged(check_mean, np.float32(2)).hint == "not the middle"
    assert judged(check_mean, "seven").status == "wrong"
    assert judged(check_mean, np.ones(3)).status == "wrong"


def test_a_mistake_that_gives_the_right_answer_is_none() -> None:
    def check_mean(answer, rng):
        expect_unlike(answer, 2.0, ((2.0, "the median"),), "it is the mean")

    assert judged(check_mean, 2.0).status == "correct"


def test_a_list_in_place_of_an_array_and_an_unfit_return() -> None:
    def check_rows(answer, rng):
        expect_shape(answer(2), (2, 3), "rows")

    assert "np.stack" in (judged(check_rows, lambda n: [np.ones(3)] * n).hint or "")

    def check_sum(answer, rng):
        expect(answer(2) + 1 == 3, "sum")

    text = judged(check_sum, lambda n: [n]).text
    assert "The check cannot use what your function returned (TypeError" in text
