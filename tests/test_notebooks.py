"""Every chapter keeps the course's rules, and its checks tell right answers from wrong ones."""

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from answers import Case, made

from vidlab.course import judge
from vidlab.course.rulebook import Built, all_rules, exemptions, load
from vidlab.course.source import Chapter, chapters, read_cells

ROOT = Path(__file__).resolve().parents[1]
EXEMPTIONS = {
    (line.chapter, line.rule): line.reason
    for line in exemptions(ROOT / "notebooks" / "exemptions.csv")
}
CHAPTERS = chapters(ROOT)
EXERCISES = [
    (chapter.number, cell.exercise)
    for chapter in CHAPTERS
    for cell in read_cells(chapter)
    if cell.exercise
]

_load = cache(load)


def _built(chapter: Chapter) -> Built:
    try:
        return _load(chapter)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapter_is_built(chapter: Chapter) -> None:
    load(chapter)


@pytest.mark.parametrize("name", all_rules())
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapter_keeps_rule(chapter: Chapter, name: str) -> None:
    rule = all_rules()[name]
    problems = rule(_built(chapter))
    if (chapter.number, name) in EXEMPTIONS:
        assert problems, (
            f"chapter {chapter.number} keeps the rule {name} now: "
            "take its line out of notebooks/exemptions.csv"
        )
    else:
        assert not problems, f"{rule.__doc__}\n" + "\n".join(problems)


def test_exemptions_name_chapters() -> None:
    unknown = {number for number, _ in EXEMPTIONS} - {chapter.number for chapter in CHAPTERS}
    assert not unknown, f"notebooks/exemptions.csv names chapters that do not exist: {unknown}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_answers_name_exercises(chapter: Chapter) -> None:
    answered = set(import_module(f"answers.ch{chapter.number}").ANSWERS)
    assert answered == {name for number, name in EXERCISES if number == chapter.number}


@pytest.mark.parametrize(("number", "name"), EXERCISES, ids=lambda value: str(value))
def test_check_passes_right_answers(number: str, name: str) -> None:
    case: Case = import_module(f"answers.ch{number}").ANSWERS[name]
    assert case.right, f"{name} has no worked solution in tests/answers/ch{number}.py"
    for answer in map(made, case.right):
        for seed in range(case.seeds):
            verdict = judge(name, answer, seed)
            assert verdict.status == "correct", verdict.text


@pytest.mark.parametrize(("number", "name"), EXERCISES, ids=lambda value: str(value))
def test_check_explains_wrong_answers(number: str, name: str) -> None:
    case: Case = import_module(f"answers.ch{number}").ANSWERS[name]
    assert len(case.wrong) >= 2, f"{name} needs two wrong answers in tests/answers/ch{number}.py"
    for index, (answer, hint) in enumerate(case.wrong):
        wrong = made(answer)
        for seed in range(case.seeds):
            verdict = judge(name, wrong, seed)
            assert verdict.status == "wrong", f"wrong answer {index}: {verdict.text}"
            assert hint in (verdict.hint or ""), f"wrong answer {index} reads: {verdict.text}"
