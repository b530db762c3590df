"""What nbval says of a chapter: exactly the unsolved exercises fail, whatever a student saved."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from course_sample import built_sample
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

CHECKS = ("98.double", "98.count", "98.repair", "98.sorted")
RIGHT = {
    "98.double": "def double(numbers):\n    return numbers + numbers",
    "98.count": "count = 6",
    "98.repair": "def last_axis(array):\n    return array.shape[-1]",
    "98.sorted": "def in_order(numbers):\n    return np.sort(numbers)",
}


def identity(kind: str, name: str) -> str:
    return f"{kind}-{name.replace('.', '-')}"


def cell_of(notebook: NotebookNode, kind: str, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == identity(kind, name))


def solved(notebook: NotebookNode, *names: str) -> None:
    for name in names:
        cell_of(notebook, "exercise", name).source = RIGHT[name]


def untouched(notebook: NotebookNode) -> None:
    """As built: nothing solved."""


def solved_but_never_run(notebook: NotebookNode) -> None:
    solved(notebook, *CHECKS)


def run_and_saved(notebook: NotebookNode) -> None:
    """Two solved, one wrong, one left; run in the browser and saved, errors and all."""
    solved(notebook, "98.double", "98.count")
    cell_of(notebook, "exercise", "98.sorted").source = "def in_order(numbers):\n    return numbers"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.execution_count = number + 10
    for name in CHECKS:
        text = f"{name}: correct."
        cell_of(notebook, "check", name).outputs = [
            new_output("display_data", data={"text/plain": text, "text/html": f"<b>{text}</b>"})
        ]
    cell_of(notebook, "check", "98.count").outputs = [
        new_output("error", ename="NameError", evalue="name 'count' is not defined", traceback=[])
    ]


def switched_off(notebook: NotebookNode) -> None:
    """Markers and tags that nbval obeys, in check and exercise cells; nothing solved."""
    markers = ("# NBVAL_IGNORE_OUTPUT", "# NBVAL_SKIP", "# NBVAL_RAISES_EXCEPTION")
    for name, marker in zip(CHECKS, markers, strict=False):
        cell = cell_of(notebook, "check", name)
        cell.source = f"{marker}\n{cell.source}"
    cell_of(notebook, "check", "98.sorted").metadata["tags"] = ["raises-exception", "nbval-skip"]
    notebook.cells[1].metadata["tags"] = ["setup", "nbval-skip"]


def tampered(notebook: NotebookNode) -> None:
    """Check cells deleted, changed, copied with a new id, and silenced by the answer."""
    solved(notebook, "98.count", "98.repair")
    notebook.cells.remove(cell_of(notebook, "check", "98.double"))
    notebook.cells.remove(cell_of(notebook, "check", "98.count"))
    cell_of(notebook, "check", "98.repair").update(id="pasted")
    cell_of(notebook, "check", "98.sorted").source = 'print("98.sorted: correct.")'
    silence = "def check(*arguments):\n    pass"
    place = notebook.cells.index(cell_of(notebook, "exercise", "98.double"))
    notebook.cells.insert(place + 1, new_code_cell(silence, execution_count=99))


def hinted(notebook: NotebookNode) -> None:
    """A student asked for a hint, left an endless trail of comments, and saved while running."""
    solved(notebook, *CHECKS)
    cell = cell_of(notebook, "check", "98.double")
    cell.source = 'check("98.double", double, hint=2)  # how?'
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="half")]
    notebook.cells[1].execution_count = None


def never_ends(notebook: NotebookNode) -> None:
    """An answer that loops for ever takes its time limit, and the next exercises are judged."""
    solved(notebook, *CHECKS)
    cell_of(
        notebook, "exercise", "98.double"
    ).source = "def double(numbers):\n    while True:\n        pass"


# Student -> the exercises whose check must fail, in the order of the report.
STUDENTS: dict[Callable[[NotebookNode], None], set[str]] = {
    untouched: set(CHECKS),
    solved_but_never_run: set(),
    run_and_saved: {"98.repair", "98.sorted"},
    switched_off: set(CHECKS),
    tampered: {"98.double", "98.sorted"},
    hinted: set(),
    never_ends: {"98.double"},
}


def nbval(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-rfE", "-c", "/dev/null"]
    command += ["-p", "no:cacheprovider", "--color=no", f"--rootdir={folder}"]
    command += ["--nbval-cell-timeout=5", "--continue-on-collection-errors", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> str:
    """nbval's words on a folder with all students' notebooks, the solution and foreign files."""
    folder = tmp_path_factory.mktemp("students")
    for student in STUDENTS:
        notebook = nbformat.read(built_sample().learner, 4)
        student(notebook)
        nbformat.write(notebook, folder / f"{student.__name__}.ipynb")
    (folder / "solution.ipynb").write_bytes(built_sample().solution.read_bytes())
    skips = nbformat.v4.new_notebook(cells=[new_code_cell("# NBVAL_SKIP\n1 / 0")])
    nbformat.write(skips, folder / "foreign.ipynb")
    (folder / "broken.ipynb").write_text("{")
    (folder / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    return nbval(folder)


def failures(reports: str, name: str) -> list[str]:
    start = f"FAILED {name}.ipynb::Cell "
    return [line for line in reports.splitlines() if line.startswith(start)]


@pytest.mark.parametrize("student", STUDENTS, ids=lambda student: student.__name__)
def test_exactly_the_unsolved_exercises_fail(reports: str, student: Callable) -> None:
    lines = failures(reports, student.__name__)
    failed = {name for name in CHECKS if any(f" - {name}:" in line for line in lines)}
    changed = sum(" - The check cell" in line for line in lines)
    expected = STUDENTS[student]
    assert len(lines) == len(expected), reports
    assert len(failed) + changed == len(expected)
    assert failed <= expected


def test_solution_passes(reports: str) -> None:
    assert "solution.ipynb ...." in reports
    assert failures(reports, "solution") == []


def test_report_shows_the_verdict_and_no_traceback(reports: str) -> None:
    assert "Traceback" not in reports
    assert "Hint: Which comes first?" in reports
    assert "Should hold: they are in order" in reports


def test_report_names_the_time_limit(reports: str) -> None:
    assert "98.double: Timeout of 5 seconds exceeded executing cell" in reports


def test_report_names_missing_and_changed_check_cells(reports: str) -> None:
    missing = "The check cell is missing; the original one was run at the end:"
    assert f'{missing}\n    check("98.double", double)\n98.double: not solved yet.' in reports
    changed = "The check cell was changed; what counts is the original one, shown here:"
    assert f'{changed}\n    check("98.sorted", in_order)\n98.sorted: not solved yet.' in reports


def test_other_notebooks_and_tests_are_left_alone(reports: str) -> None:
    assert "foreign.ipynb s " in reports
    assert "test_plain.py . " in reports
    assert "ERROR broken.ipynb - nbformat.reader.NotJSONError" in reports


def test_plugin_is_light() -> None:
    probe = "import sys, vidlab.course.plugin as p; print(sorted({'numpy', 'IPython', 'nbval', "
    probe += "'nbformat'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert loaded.stdout == "[]\n"
