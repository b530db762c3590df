"""Each rule of a chapter finds the breach that it is there for, and nothing in a good chapter."""

import dataclasses
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from course_sample import SOURCE, built_sample, write_sample
from nbformat.v4 import new_output

from vidlab.course.rulebook import Built, all_rules, exemptions, load
from vidlab.course.rules import POSTER
from vidlab.course.source import Cell, read_cells
from vidlab.course.usage import uses_of_answers
from vidlab.playground.poster import ALT

RULES = all_rules()

# What the sample lacks on purpose: it is as small as the tests of the machinery allow.
LACKING = {
    "section-pytorch",
    "section-keras",
    "section-same-weights",
    "section-control",
    "section-playground",
    "panel",
    "closing",
    "repair-exercise",
}


@pytest.fixture
def built() -> Built:
    """The built sample, free to be changed in memory."""
    return deepcopy(load(built_sample()))


@pytest.mark.parametrize("name", RULES)
def test_sample_keeps_what_it_has(built: Built, name: str) -> None:
    assert bool(RULES[name](built)) == (name in LACKING)
    assert (RULES[name].__doc__ or "").endswith(".")


def with_text(tmp_path: Path, built: Built, text: str, source: str = SOURCE) -> Built:
    """The sample with more cells at its end."""
    chapter = write_sample(tmp_path, f"{source}\n{text}")
    return dataclasses.replace(built, chapter=chapter, cells=read_cells(chapter))


def markdown(*paragraphs: str) -> str:
    lines = "\n\n".join(paragraphs).splitlines()
    return "# %% [markdown]\n" + "\n".join(f"# {line}".rstrip() for line in lines) + "\n"


FULL = markdown(
    "## 3 PyTorch: doubling",
    "### 3.1 The model",
    "## 4 Keras: doubling",
    "### 4.1 The model",
    "## 5 Same weights, same answer",
    "## 6 A control that could prove us wrong",
    "## 7 Playground",
    "## 8 Repair this snippet",
    "## 9 What you learned",
    "## 10 What can go wrong in practice",
    "## 11 Papers",
    "## 12 Where to go next",
)


def test_full_chapter_keeps_the_rules_on_its_text(tmp_path: Path, built: Built) -> None:
    full = with_text(tmp_path, built, FULL)
    for name in (LACKING - {"panel"}) | {"same-subheadings", "heading-levels"}:
        assert RULES[name](full) == [], name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("same-subheadings", FULL.replace("### 4.1 The model", "### 4.1 A model")),
        ("closing", FULL.replace("## 11 Papers", "## 11 More")),
        ("short-paragraphs", markdown("word " * 101)),
        ("alt-text", markdown("![](dot.png)")),
        ("alt-text", markdown('<img src="dot.png">')),
        ("links", markdown("![A dot](missing.png)")),
        ("links", markdown("[next](99_missing.ipynb)")),
        ("heading-levels", markdown("# Another title")),
        ("heading-levels", markdown("#### Deep")),
        ("answers-unused", "# %%\nprint(count)\n"),
    ],
)
def test_rules_on_the_source(tmp_path: Path, built: Built, name: str, text: str) -> None:
    assert RULES[name](with_text(tmp_path, built, text))


@pytest.mark.parametrize("old", ["98 · Sample", "After this chapter", "Builds on", "{{run_time}}"])
def test_opening_is_complete(tmp_path: Path, built: Built, old: str) -> None:
    assert len(RULES["opening"](with_text(tmp_path, built, "", SOURCE.replace(old, "")))) == 1


def change_cell(built: Built, fragment: str, **changes: object) -> None:
    for notebook in (built.solution, built.learner):
        cell = next(cell for cell in notebook.cells if fragment in cell.source)
        cell.update(changes)


def add_output(built: Built, **data: str) -> None:
    bundle = {key.replace("_", "/"): value for key, value in data.items()}
    change_cell(built, "object()", outputs=[new_output("display_data", data=bundle)])


def lengthen(built: Built) -> None:
    for cell in built.solution.cells:
        cell.source = "\n".join([cell.source, *["x = 1"] * 10])


def drop_last_exercise(built: Built) -> None:
    built.cells[:] = [cell for cell in built.cells if cell.exercise != "98.sorted"]


def drop_roles(built: Built, **role: object) -> None:
    built.cells[:] = [dataclasses.replace(cell, **role) for cell in built.cells]  # type: ignore[arg-type]


BREACHES: list[tuple[str, Callable[[Built], object]]] = [
    ("agreement", lambda b: change_cell(b, "object()", source="x = 1")),
    ("agreement", lambda b: b.learner.cells.pop()),
    ("executed", lambda b: change_cell(b, "object()", execution_count=9)),
    (
        "executed",
        lambda b: change_cell(
            b, "object()", outputs=[new_output("error", ename="E", evalue="", traceback=[])]
        ),
    ),
    ("emptied", lambda b: change_cell(b, "count = ...", source="count = 6")),
    ("emptied", lambda b: change_cell(b, "object()", source="### END SOLUTION")),
    ("emptied", lambda b: change_cell(b, 'check("98.count"', execution_count=1)),
    ("size", lambda b: add_output(b, image_png="x" * 160_000)),
    ("short-cells", lengthen),
    ("short-lines", lambda b: change_cell(b, "object()", source="x" * 101)),
    ("no-semicolons", lambda b: change_cell(b, "object()", source="plot(1); ")),
    ("time-limit", lambda b: b.solution.metadata["vidlab"]["build"].update(seconds=91)),
    ("memory-limit", lambda b: b.solution.metadata["vidlab"]["build"].update(peak_memory_mb=2100)),
    ("no-widget-state", lambda b: b.learner.metadata.update(widgets={})),
    ("no-network", lambda b: add_output(b, text_html='<img alt="x" src="https://example.org/a">')),
    ("no-network", lambda b: add_output(b, text_html="<style>@import '//example.org/a'</style>")),
    ("alt-text", lambda b: add_output(b, text_html='<img src="data:image/png;base64,">')),
    ("setup", lambda b: drop_roles(b, tags=())),
    ("exercises", drop_last_exercise),
    ("open-exercise", lambda b: drop_roles(b, question=None)),
    ("opening-picture", lambda b: change_cell(b, "A dot", source="# 98 · Sample")),
]


@pytest.mark.parametrize(("name", "breach"), BREACHES, ids=[name for name, _ in BREACHES])
def test_rules_on_the_notebooks(built: Built, name: str, breach: Callable) -> None:
    assert RULES[name](built) == []
    breach(built)
    assert RULES[name](built)


def test_panel_wants_a_recipe_and_its_poster(built: Built) -> None:
    assert RULES["panel"](built) == ["no cell with @playground(presets=[Preset(...), ...])"]
    change_cell(built, "object()", source="@playground(presets=[Preset('a', 'b')])")
    assert RULES["panel"](built) == ["no cell shows a panel: call the recipe's show()"]
    alt = {"image/png": {"alt": f"{ALT} Sample."}}
    poster = new_output("display_data", data={"image/png": "eA=="}, metadata=alt)
    change_cell(built, "@playground(", outputs=[poster])
    assert RULES["panel"](built) == []
    assert ALT == POSTER


def test_size_counts_the_whole_file(built: Built, tmp_path: Path) -> None:
    chapter = write_sample(tmp_path)
    chapter.solution.parent.mkdir()
    chapter.learner.write_bytes(b" " * 999_999)
    chapter.solution.write_bytes(b" " * 1_000_000)
    assert RULES["size"](dataclasses.replace(built, chapter=chapter)) == [
        "solutions/98_sample.ipynb has 1,000,000 bytes"
    ]


def test_up_to_date_says_how_to_build(built: Built, tmp_path: Path) -> None:
    moved = dataclasses.replace(built, chapter=write_sample(tmp_path))
    assert RULES["up-to-date"](moved)[0].endswith("run vidlab build 98")


def uses(later: str) -> list[str]:
    answer = "import numpy as np\n\ndef f(x):\n    return np.sum(x)\n\nn = 3"
    cells = [
        Cell("code", answer, "a", exercise="98.f"),
        Cell("code", 'check("98.f", f)', "b", check="98.f"),
        Cell("code", later, "c"),
    ]
    return uses_of_answers(cells)


@pytest.mark.parametrize(
    "later",
    [
        "print(f(1))",
        "def g():\n    return n",
        "[n for _ in range(3)]",
        "n = n + 1",
        "n += 1",
        "%time f(2)\nf(3)",
    ],
)
def test_use_of_an_answer_is_found(later: str) -> None:
    assert len(uses(later)) == 1


@pytest.mark.parametrize(
    "later",
    [
        "print(np.ones(3))",
        "n = 1\nprint(n)",
        "def g(n):\n    return n",
        "for n in range(3):\n    print(n)",
        "def f(x):\n    return f(x - 1)",
        "clips.n",
        "g(n=1)",
    ],
)
def test_same_name_of_another_thing_is_no_use(later: str) -> None:
    assert uses(later) == []


def test_name_bound_anew_is_free_again() -> None:
    cells = [
        Cell("code", "n = 3", "a", exercise="98.n"),
        Cell("code", "n = 5", "b"),
        Cell("code", "print(n)", "c"),
    ]
    assert uses_of_answers(cells) == []


def test_exemptions_need_a_known_rule_and_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "exemptions.csv"
    path.write_text("chapter,rule,reason\n01,section-playground,panels come later\n")
    assert [(line.chapter, line.rule) for line in exemptions(path)] == [
        ("01", "section-playground")
    ]
    path.write_text("chapter,rule,reason\n01,section-plaground,panels come later\n")
    with pytest.raises(ValueError, match="no rule 'section-plaground'"):
        exemptions(path)
    path.write_text("chapter,rule,reason\n01,section-playground,\n")
    with pytest.raises(ValueError, match="give a reason"):
        exemptions(path)


def test_chapter_that_was_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"98_sample\.ipynb: not built yet; run vidlab"):
        load(write_sample(tmp_path))
