"""Reading a chapter's source: cells, ids, emptied exercises, errors that name the place."""

from pathlib import Path

import pytest
from course_sample import SOURCE, write_sample

from vidlab.course.source import (
    SourceError,
    as_python,
    chapters,
    check_call,
    emptied,
    find_chapter,
    find_root,
    read_cells,
)


def test_cells_have_their_roles(tmp_path: Path) -> None:
    cells = read_cells(write_sample(tmp_path))
    assert [cell.exercise for cell in cells if cell.exercise] == [
        "98.double",
        "98.count",
        "98.repair",
        "98.sorted",
    ]
    assert [cell.check for cell in cells if cell.check] == [
        cell.exercise for cell in cells if cell.exercise
    ]
    assert [cell.question for cell in cells if cell.question] == ["98.why"]
    assert next(cell.id for cell in cells if cell.exercise) == "exercise-98-double"
    assert sum(cell.is_setup for cell in cells) == 1
    assert cells[0].source.startswith("# 98 · Sample")


def test_ids_stay_when_cells_are_added(tmp_path: Path) -> None:
    before = {cell.source: cell.id for cell in read_cells(write_sample(tmp_path))}
    more = SOURCE.replace(
        "# %% [markdown]\n# ## 1 Baseline first",
        "# %%\nx = 1\n\n# %% [markdown]\n# ## 1 Baseline first",
    )
    assert more != SOURCE
    after = {cell.source: cell.id for cell in read_cells(write_sample(tmp_path, more))}
    assert after.pop("x = 1") not in before.values()
    assert after == before


def test_ids_are_unique_and_valid(tmp_path: Path) -> None:
    twice = SOURCE + '\n# %%\nx = 1\n\n# %%\nx = 1\n\n# %% id="mine"\nx = 1\n'
    ids = [cell.id for cell in read_cells(write_sample(tmp_path, twice))]
    assert len(set(ids)) == len(ids)
    assert ids[-1] == "mine"
    assert ids[-2] == f"{ids[-3]}-2"
    assert all(len(one) <= 64 and one.replace("-", "").replace("_", "").isalnum() for one in ids)


@pytest.mark.parametrize(
    ("source", "learner"),
    [
        (
            "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION",
            "def f(x):\n    raise NotImplementedError  # your code here",
        ),
        (
            "n = ...\n### BEGIN SOLUTION\nn = 3\n### END SOLUTION",
            "n = ...\n# your code here",
        ),
        (
            "def f(x):\n    ### BEGIN SOLUTION\n    if x:\n        return 1\n    ### LEARNER GETS\n"
            "    # if not x:\n    #     return 1\n    ### END SOLUTION\n    return 2",
            "def f(x):\n    if not x:\n        return 1\n    return 2",
        ),
        (
            "def f():\n    ### BEGIN SOLUTION\n    a\n    ### END SOLUTION\n\ndef g():\n"
            "    ### BEGIN SOLUTION\n    b\n    ### END SOLUTION",
            "def f():\n    raise NotImplementedError  # your code here\n\ndef g():\n"
            "    raise NotImplementedError  # your code here",
        ),
        ("print('no region')", "print('no region')"),
    ],
)
def test_emptied(source: str, learner: str) -> None:
    assert emptied(source) == learner


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
        "### LEARNER GETS\n# x",
        "### BEGIN SOLUTION\nx\n### LEARNER GETS\nx = 2\n### END SOLUTION",
    ],
)
def test_marks_must_pair(source: str) -> None:
    with pytest.raises(SourceError, match=r"SOLUTION|LEARNER"):
        emptied(source)


EXERCISE = '# %% exercise="98.more"\nmore = ...\n### BEGIN SOLUTION\nmore = 1\n### END SOLUTION\n'


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ('# %% exercize="98.more"\nx = 1\n', "unknown option.*exercize"),
        ('# %% exercise="98.more"\nx = 1\n', "belong together"),
        ("# %%\nx = 0\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", "belong together"),
        (EXERCISE, "needs a cell check"),
        (EXERCISE + '\n# %%\nprint(1)\n\n# %%\ncheck("98.more", more)\n', "needs a cell check"),
        (EXERCISE + '\n# %%\nprint(check("98.more", more))\n', "needs a cell check"),
        (EXERCISE.replace("98", "97"), 'not a name like "98.to_rgb"'),
        ('# %%\ncheck("98.more", 1)\n', "has no exercise cell"),
        (SOURCE[SOURCE.index('# %% exercise="98.count"') :], "id 'exercise-98-count' came before"),
        ('# %% question="98.what"\nx = 1\n', "question is a markdown cell"),
        ('# %% [markdown] exercise="98.what"\n# x\n', "exercise is a code cell"),
    ],
)
def test_errors_name_file_and_remedy(tmp_path: Path, added: str, message: str) -> None:
    chapter = write_sample(tmp_path, f"{SOURCE}\n{added}")
    with pytest.raises(SourceError, match=message) as error:
        read_cells(chapter)
    assert "98_sample.py" in str(error.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ('check("98.a", a)', "98.a"),
        ('# a comment\ncheck("98.a", a, hint=1)', "98.a"),
        ('check("98.a")', None),
        ('x = check("98.a", a)', None),
        ('check("98.a", a)\nprint(1)', None),
        ("check(name, a)", None),
        ("check(", None),
    ],
)
def test_check_call(source: str, name: str | None) -> None:
    found = check_call(source)
    assert (found[0] if found else None) == name


def test_as_python_hides_magics() -> None:
    assert as_python("%matplotlib inline\nx = 1\n!ls") == "pass\nx = 1\npass"
    assert as_python("%%time\nx = (") == "pass"


def test_chapters_are_found_by_number_topic_and_name(tmp_path: Path) -> None:
    chapter = write_sample(tmp_path)
    assert chapters(tmp_path) == [chapter]
    for which in ("98", "sample", "98_sample"):
        assert find_chapter(tmp_path, which) == chapter
    assert find_root(chapter.source.parent) == tmp_path
    with pytest.raises(SourceError, match="there are: 98_sample"):
        find_chapter(tmp_path, "97")
    with pytest.raises(SourceError, match="--root"):
        find_root(tmp_path.parent)
    (chapter.source.parent / "notes.py").write_text("")
    with pytest.raises(SourceError, match=r"01_frames\.py"):
        chapters(tmp_path)
