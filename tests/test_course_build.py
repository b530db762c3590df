"""vidlab build: what the two notebooks hold, when they are rebuilt, and what an error leaves."""

import argparse
import json
from pathlib import Path

import nbformat
import pytest
from course_sample import CHECKS, SOURCE, built_sample, use_checks, write_sample
from nbformat.v4 import new_code_cell, new_output

from vidlab.course import build as build_module
from vidlab.course.build import BuildError, add_arguments, build, run, run_time_in_words
from vidlab.course.freshness import python_hash, reason_to_build
from vidlab.course.notebook import clean_outputs, write_together
from vidlab.course.source import Chapter


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, 4)


def cell_of(notebook: nbformat.NotebookNode, identity: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == identity)


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


@pytest.fixture
def copy(tmp_path: Path) -> Chapter:
    """The built sample in a folder of its own."""
    chapter = write_sample(tmp_path)
    for name in ("learner", "solution"):
        target: Path = getattr(chapter, name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(getattr(built_sample(), name).read_bytes())
    return chapter


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building fails: for tests in which nothing may be built."""

    def refuse(chapter: Chapter, timeout: float) -> None:
        raise AssertionError(f"{chapter.name} was built")

    monkeypatch.setattr(build_module, "build", refuse)


def test_solution_is_executed_in_order() -> None:
    code = [cell for cell in read(built_sample().solution).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    verdict = cell_of(read(built_sample().solution), "check-98-count").outputs[0]
    assert verdict.data["text/plain"] == "98.count: correct. Tested: there are six."


def test_learner_gets_empty_exercises_and_other_outputs() -> None:
    notebook = read(built_sample().learner)
    text = built_sample().learner.read_text()
    assert "SOLUTION" not in text
    assert "LEARNER GETS" not in text
    assert "every comparison costs" not in text
    assert cell_of(notebook, "exercise-98-count").source == "count = ...\n# your code here"
    for cell in notebook.cells:
        if cell.id.startswith(("exercise", "check")):
            assert cell.outputs == []
            assert cell.execution_count is None
        elif cell.cell_type == "code":
            assert cell.execution_count is not None
    printed = [cell.outputs for cell in notebook.cells if "object()" in cell.source]
    assert [[output.text for output in outputs] for outputs in printed] == [
        ["[0 1 2] <object object at 0x...>\n"]
    ]


def test_metadata_serves_nbgrader_and_names_no_machine() -> None:
    for path in (built_sample().learner, built_sample().solution):
        notebook = read(path)
        answer = cell_of(notebook, "exercise-98-double").metadata.nbgrader
        assert (answer.grade, answer.solution, answer.locked) == (False, True, False)
        graded = cell_of(notebook, "check-98-double").metadata.nbgrader
        assert (graded.grade, graded.solution, graded.locked) == (True, False, True)
        assert (graded.points, graded.schema_version) == (2, 3)
        written = cell_of(notebook, "question-98-why").metadata.nbgrader
        assert (written.grade, written.solution, written.task) == (True, True, False)
        assert notebook.metadata.kernelspec.display_name == "Python 3 (ipykernel)"
        assert "version" not in notebook.metadata.language_info
        assert "widgets" not in notebook.metadata
        assert str(built_sample().root) not in path.read_text()


def test_measured_facts_are_recorded_and_printed() -> None:
    notebook = read(built_sample().solution)
    facts = notebook.metadata.vidlab.build
    assert 0 < facts.seconds < 300
    assert 20 < facts.peak_memory_mb < 2000
    assert facts.versions["numpy"].count(".") == 2
    assert "vidlab" in facts.inputs
    assert f"Run time: {facts.run_time}." in notebook.cells[0].source
    assert read(built_sample().learner).cells[0].source == notebook.cells[0].source


def test_nothing_is_built_twice(copy: Chapter, no_kernel: None, capsys) -> None:
    assert command("--root", str(copy.root)) == 0
    assert command("--check", "98", "--root", str(copy.root)) == 0
    assert capsys.readouterr().out == "98_sample: up to date\n" * 2


def test_comments_of_checks_do_not_count_but_their_code_does(copy: Chapter) -> None:
    path = use_checks() / "ch98.py"
    try:
        path.write_text(f"# a comment\n{CHECKS}")
        assert reason_to_build(copy) is None
        path.write_text(CHECKS.replace("== 7", "== 8"))
        assert reason_to_build(copy) == "changed since the last build: checks"
    finally:
        path.write_text(CHECKS)


def test_what_makes_a_chapter_out_of_date(copy: Chapter, capsys) -> None:
    copy.source.write_text(SOURCE.replace("Baseline first", "The baseline"))
    assert reason_to_build(copy) == "changed since the last build: source"
    assert command("--check", "--root", str(copy.root)) == 1
    assert "changed since the last build: source" in capsys.readouterr().out
    copy.source.write_text(SOURCE)
    table = copy.root / "notebooks" / "results" / "98_runs.csv"
    table.parent.mkdir()
    table.write_text("seed\n1\n")
    assert reason_to_build(copy) == "changed since the last build: 98_runs.csv"
    table.unlink()
    learner = copy.learner.read_text()
    copy.learner.write_text(learner.replace("count = ...", "count = 6"))
    assert "the learner's notebook differs from the source" in (reason_to_build(copy) or "")
    copy.learner.unlink()
    assert "98_sample.ipynb is missing" in (reason_to_build(copy) or "")
    copy.learner.write_text("{}")
    assert "cannot be read" in (reason_to_build(copy) or "")


def test_hash_of_python_is_that_of_its_meaning(tmp_path: Path) -> None:
    def hashed(text: str) -> str:
        path = tmp_path / "module.py"
        path.write_text(text)
        return python_hash(path)

    plain = hashed("def f(x):\n    return x\n")
    assert hashed('"""Doc."""\ndef f(x):  # comment\n    """Doc."""\n    return (x)\n') == plain
    assert hashed("def f(x):\n    return -x\n") != plain


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("print(np.arange(3), object())", "print(1 / 0)", "98_sample: the cell that begins"),
        ("    return 2 * numbers", "    return 3 * numbers", "the solution of 98.double"),
        ("count = ...\n", "count = 6\n", "the emptied exercise 98.count passes"),
        ("count = ...\n", "pass\n", "breaks on the emptied exercise: NameError"),
        ('check("98.count"', 'check("98.total"', None),
    ],
)
def test_error_names_the_cell_and_leaves_the_old_files(
    copy: Chapter, capsys, old: str, new: str, message: str | None
) -> None:
    before = {path: path.read_bytes() for path in (copy.learner, copy.solution)}
    assert old in SOURCE
    source = SOURCE.replace(old, new)
    if message is None:
        source = source.replace('exercise="98.count"', 'exercise="98.total"')
        message = 'no exercise "98.total"'
    copy.source.write_text(source)
    assert command("98", "--root", str(copy.root)) == 1
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in copy.learner.parent.rglob(".*") if path.is_file()]


def test_error_shows_the_traceback(tmp_path: Path) -> None:
    chapter = write_sample(tmp_path, SOURCE.split("# %% [markdown]\n# ## 2")[0] + "\n1 / 0\n")
    with pytest.raises(BuildError, match="ZeroDivisionError"):
        build(chapter)
    assert not chapter.solution.exists()


def test_unknown_chapter_and_folder_are_errors_of_the_command(tmp_path: Path, capsys) -> None:
    write_sample(tmp_path)
    assert command("97", "--root", str(tmp_path)) == 2
    assert "there are: 98_sample" in capsys.readouterr().err


def test_outputs_lose_what_changes_between_runs(tmp_path: Path) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell = new_code_cell(
        "x",
        outputs=[
            new_output("stream", name="stdout", text=f"saved {tmp_path}/notebooks/output/a.mp4\n"),
            new_output("stream", name="stderr", text="3/10 [00:01]"),
            new_output("display_data", data={"text/plain": "<F at 0x7f00aa11bb22>", **widget}),
            new_output("display_data", data=dict(widget)),
            new_output("display_data", data={"image/png": "at0x7f00aa11bb22"}),
        ],
    )
    assert clean_outputs(cell, tmp_path) == "3/10 [00:01]"
    assert json.loads(json.dumps([out.get("text", out.get("data")) for out in cell.outputs])) == [
        "saved output/a.mp4\n",
        {"text/plain": "<F at 0x...>"},
        {"image/png": "at0x7f00aa11bb22"},
    ]
    cell = new_code_cell("x", metadata={"tags": ["keep-stderr"]})
    cell.outputs = [new_output("stream", name="stderr", text="a warning")]
    assert clean_outputs(cell, tmp_path) == ""
    assert len(cell.outputs) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2.0, "under 5 s on 2 cores"),
        (12.4, "about 10 s on 2 cores"),
        (37.0, "about 40 s on 2 cores"),
        (130.0, "about 2 minutes on 2 cores"),
    ],
)
def test_run_time_in_words(seconds: float, words: str) -> None:
    assert run_time_in_words(seconds, 2) == words


def test_files_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("old")
    with pytest.raises(TypeError):
        write_together({first: "new", second: None})  # type: ignore[dict-item]
    assert first.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    write_together({first: "new", second: "too"})
    assert (first.read_text(), second.read_text()) == ("new", "too")
