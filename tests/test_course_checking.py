"""vidlab check: a table of verdicts from the set-up, exercise and check cells alone."""

import argparse
from pathlib import Path

import nbformat
import pytest
from course_sample import built_sample

from vidlab.course.checking import add_arguments, run


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


@pytest.fixture
def student(tmp_path: Path) -> tuple[nbformat.NotebookNode, Path]:
    """A learner's notebook whose other cells would all fail, and where to write it."""
    notebook = nbformat.read(built_sample().learner, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "object()" in cell.source:
            cell.source = "raise SystemError('the training was run')"
    return notebook, tmp_path / "mine.ipynb"


def answer(notebook: nbformat.NotebookNode, name: str, source: str) -> None:
    wanted = f"exercise-98-{name}"
    next(cell for cell in notebook.cells if cell.id == wanted).source = source


def test_table_of_verdicts(student, capsys) -> None:
    notebook, path = student
    answer(notebook, "double", "def double(numbers):\n    return helper(numbers)")
    answer(notebook, "count", "count = 6")
    next(cell for cell in notebook.cells if cell.id == "exercise-98-count").id = "lost"
    answer(notebook, "repair", "def last_axis(array)\n    return 7")
    nbformat.write(notebook, path)
    assert command(str(path), "--hints") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("98.double  not right yet   Your code raised NameError")
    assert any(line.strip() == "Hint 3: 2 * numbers" for line in lines)
    assert "98.count   correct" in lines
    assert any("The cell with the answer raised SyntaxError" in line for line in lines)
    assert any(line.startswith("98.sorted  not solved yet") for line in lines)
    assert lines[-1] == "mine.ipynb: 1 of 4 exercises hold."


def test_all_right_is_zero_also_after_a_time_out(student, capsys) -> None:
    notebook, path = student
    answer(notebook, "double", "while True:\n    pass")
    for cell in nbformat.read(built_sample().solution, 4).cells:
        if cell.id in ("exercise-98-count", "exercise-98-repair", "exercise-98-sorted"):
            answer(notebook, cell.id.split("-")[-1], cell.source)
    nbformat.write(notebook, path)
    assert command(str(path), "--timeout", "4") == 1
    out = capsys.readouterr().out
    assert "Timeout: the cell ran for over 4 s" in out
    assert "mine.ipynb: 3 of 4 exercises hold." in out
    assert command("sample", str(built_sample().solution), "--root", str(built_sample().root)) == 0
    assert "98_sample.ipynb: 4 of 4 exercises hold." in capsys.readouterr().out


def test_lost_cells_and_names_are_explained(student, capsys) -> None:
    notebook, path = student
    notebook.cells = [cell for cell in notebook.cells if cell.id != "exercise-98-double"]
    answer(notebook, "count", "cuont = 6")
    nbformat.write(notebook, path)
    assert command(str(path)) == 1
    out = capsys.readouterr().out
    assert "98.double  not solved yet  The notebook has lost the cell for the answer." in out
    assert "98.count   not solved yet  The answer is missing: name 'count' is not defined." in out
    assert "define all you need in the answer's cell" in out


def test_set_up_that_fails_is_named(student, capsys) -> None:
    notebook, path = student
    notebook.cells[1].source = "import no_such_module"
    nbformat.write(notebook, path)
    assert command(str(path)) == 1
    assert "a set-up cell failed: ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("97",), "no chapter '97'"),
        (("none.ipynb",), "none.ipynb: no such notebook"),
        (("text.ipynb",), "text.ipynb: not a notebook"),
        (("foreign.ipynb",), "foreign.ipynb: not a chapter of this course"),
    ],
)
def test_nothing_to_check_is_two(tmp_path, monkeypatch, capsys, words, message) -> None:
    (tmp_path / "text.ipynb").write_text("text")
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "foreign.ipynb")
    monkeypatch.chdir(tmp_path)
    assert command(*words, "--root", str(built_sample().root)) == 2
    assert message in capsys.readouterr().err
