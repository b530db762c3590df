"""``vidlab check``: judge the exercises of a learner's notebook in seconds.

Only the set-up, exercise and check cells are run, in a fresh kernel; the chapter's training is not.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from vidlab.course.kernel import CellError, Kernel, fresh_kernel
from vidlab.course.registry import find_exercise
from vidlab.course.source import SourceError, find_chapter, find_root

CELL_TIMEOUT = 60.0  # seconds
_VERDICT = {"correct": "correct", "wrong": "not right yet", "unsolved": "not solved yet"}


class NotebookError(Exception):
    """The notebook cannot be checked; the message names it and says what to do."""


@dataclass(frozen=True)
class Result:
    """The verdict on one exercise. text: all that there is to say, in lines."""

    name: str
    status: Literal["correct", "wrong", "unsolved"]
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``vidlab check`` to argparse."""
    parser.add_argument("chapter", metavar="NN", help="a chapter (01, frames) or a notebook file")
    parser.add_argument("path", nargs="?", type=Path, help="the notebook, if it lies elsewhere")
    parser.add_argument("--hints", action="store_true", help="show all hints of what fails")
    parser.add_argument("--root", type=Path, help="the folder that holds notebooks/source")
    parser.add_argument(
        "--timeout", type=float, default=CELL_TIMEOUT, help="seconds for one cell (%(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Check a notebook; 0 if all exercises hold, 1 if not, 2 if there is nothing to check."""
    try:
        path = _find_notebook(args.chapter, args.path, args.root)
        notebook = _read(path)
    except (NotebookError, SourceError) as error:
        print(f"vidlab check: {error}", file=sys.stderr)
        return 2
    try:
        results = check_notebook(notebook, path.parent, args.timeout)
    except CellError as error:
        print(f"vidlab check: {path}: a set-up cell failed: {error}", file=sys.stderr)
        return 1
    print(report(path, results, args.hints))
    return int(any(result.status != "correct" for result in results))


def check_notebook(
    notebook: NotebookNode, folder: Path, timeout: float = CELL_TIMEOUT
) -> list[Result]:
    """Judge all exercises of a chapter's notebook, with ``folder`` as the working directory.

    Checks run in the words that the notebook's metadata records. Raises CellError if a set-up cell
    fails.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # Some editors drop the ids of cells; the metadata that nbgrader reads holds them too.
    answers = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in code}
    answers |= {cell.id: cell for cell in code}
    with fresh_kernel(folder, timeout) as kernel:
        for cell in code:
            if "setup" in cell.metadata.get("tags", []):
                kernel.run(new_code_cell(cell.source))
        return [
            _judge(kernel, record, answers.get(record["exercise"]))
            for record in notebook.metadata["vidlab"]["checks"]
        ]


def report(path: Path, results: list[Result], with_hints: bool) -> str:
    """The results as a table, one exercise after the other, details indented."""
    width = max((len(result.name) for result in results), default=0)
    lines = []
    for result in results:
        first, *rest = result.text.splitlines() or [""]
        lines.append(f"{result.name:{width}}  {_VERDICT[result.status]:14}  {first}".rstrip())
        lines += [f"{'':{width + 18}}{line}" for line in rest]
        if with_hints and result.status != "correct":
            hints = find_exercise(result.name).hints
            lines += [f"{'':{width + 18}}Hint {n}: {hint}" for n, hint in enumerate(hints, 1)]
    done = sum(result.status == "correct" for result in results)
    lines.append(f"{path.name}: {done} of {len(results)} exercises hold.")
    return "\n".join(lines)


def _judge(kernel: Kernel, record: dict[str, Any], answer: NotebookNode | None) -> Result:
    """Run one exercise cell and its check."""
    name = record["name"]
    if answer is None:
        return Result(name, "unsolved", "The notebook has lost the cell for the answer.")
    try:
        kernel.run(new_code_cell(answer.source))
    except CellError as error:
        return Result(name, "wrong", f"The cell with the answer raised {error}{_advice(error)}")
    try:
        kernel.run(new_code_cell(f"from vidlab.course import check\n{record['source']}"))
    except CellError as error:
        if error.kind == "NameError":
            return Result(name, "unsolved", f"The answer is missing: {error.text}.{_advice(error)}")
        status: Literal["wrong", "unsolved"] = "unsolved" if error.kind == "NotSolved" else "wrong"
        if error.kind not in ("NotSolved", "CheckFailed"):
            return Result(name, status, str(error))
        return Result(name, status, _without_name(error.text, name))
    return Result(name, "correct", "")


def _without_name(text: str, name: str) -> str:
    """The verdict's text without the words that the table says already."""
    first, *rest = text.splitlines()
    remainder = first.removeprefix(f"{name}: ")
    for known in _VERDICT.values():
        remainder = remainder.removeprefix(f"{known}.").strip()
    return "\n".join([remainder, *rest] if remainder else rest)


def _advice(error: CellError) -> str:
    if error.kind != "NameError":
        return ""
    return (
        "\nOnly set-up and exercise cells are run here: define all you need in the answer's cell."
    )


def _find_notebook(chapter: str, path: Path | None, root: Path | None) -> Path:
    """The learner's notebook that the arguments mean."""
    if path is None and chapter.endswith(".ipynb"):
        path = Path(chapter)
    if path is None:
        path = find_chapter(root.resolve() if root else find_root(Path.cwd()), chapter).learner
    if not path.is_file():
        raise NotebookError(f"{path}: no such notebook (vidlab build writes the course's own)")
    return path.resolve()


def _read(path: Path) -> NotebookNode:
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds for a broken file
        raise NotebookError(f"{path}: not a notebook ({error})") from error
    checks = notebook.metadata.get("vidlab", {}).get("checks")
    if not checks or any({"name", "exercise", "source"} - set(check) for check in checks):
        raise NotebookError(f"{path}: not a chapter of this course, or one without exercises")
    return notebook
