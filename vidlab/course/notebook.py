"""Turn the cells of a chapter into its two notebooks, and strip what changes from run to run."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vidlab.course.registry import find_exercise
from vidlab.course.source import RUN_TIME, Cell, Chapter

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
LANGUAGE = {
    "name": "python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
KEEP_STDERR = "keep-stderr"
IMAGES, DEEPER_IMAGES = "](images/", "](../images/"  # as seen from notebooks/ and solutions/
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# "at 0x7f..." with the words around it: base64 data holds 0x by chance.
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/tmp[a-z0-9_]{8}")
_KERNEL_FILE = re.compile(r"/\S*/ipykernel_\d+/\d+\.py")


def solution_notebook(chapter: Chapter, cells: list[Cell], run_time: str) -> NotebookNode:
    """The chapter worked through, not yet executed. run_time: what stands for the placeholder.

    The notebook lies one folder deeper than the learner's, so links to pictures are turned.
    """
    made = [_node(cell, _one_deeper(cell, run_time)) for cell in cells]
    return new_notebook(cells=made, metadata=_metadata(chapter, cells, "solution"))


def learner_notebook(chapter: Chapter, cells: list[Cell], solution: NotebookNode) -> NotebookNode:
    """The chapter with exercises emptied and all other outputs of the executed solution.

    Exercise and check cells have neither outputs nor numbers. Other cells keep the numbers of the
    executed solution: nbval takes outputs without a number for an error.
    """
    made = []
    for cell, executed in zip(cells, solution.cells, strict=True):
        source = executed.source
        if cell.exercise or cell.question:
            source = cell.learner_source()
        elif cell.kind == "markdown":
            source = source.replace(DEEPER_IMAGES, IMAGES)
        node = _node(cell, source)
        if cell.kind == "code" and not (cell.exercise or cell.check):
            node.outputs = executed.outputs
            node.execution_count = executed.execution_count
        made.append(node)
    return new_notebook(cells=made, metadata=_metadata(chapter, cells, "learner"))


def _one_deeper(cell: Cell, run_time: str) -> str:
    source = cell.source.replace(RUN_TIME, run_time)
    return source.replace(IMAGES, DEEPER_IMAGES) if cell.kind == "markdown" else source


def _metadata(chapter: Chapter, cells: list[Cell], kind: str) -> dict[str, Any]:
    # The pytest plugin and vidlab check run the checks as they are recorded here.
    exercises = {cell.exercise: cell.id for cell in cells if cell.exercise}
    checks = [
        {
            "name": cell.check,
            "id": cell.id,
            "exercise": exercises[cell.check],
            "source": cell.source,
        }
        for cell in cells
        if cell.check
    ]
    course = {"chapter": chapter.number, "topic": chapter.topic, "kind": kind, "checks": checks}
    return {"kernelspec": KERNEL, "language_info": LANGUAGE, "vidlab": course}


def _node(cell: Cell, source: str) -> NotebookNode:
    metadata: dict[str, Any] = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.exercise or cell.check or cell.question:
        metadata["nbgrader"] = _nbgrader(cell)
    if cell.check:
        metadata["deletable"] = False
    make = new_code_cell if cell.kind == "code" else new_markdown_cell
    return make(source, id=cell.id, metadata=metadata)


def _nbgrader(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata, schema 3: answers are filled in, checks graded, questions both."""
    grader: dict[str, Any] = {
        "grade": bool(cell.check or cell.question),
        "grade_id": cell.id,
        "locked": bool(cell.check),
        "schema_version": 3,
        "solution": bool(cell.exercise or cell.question),
        "task": False,
    }
    if cell.check:
        grader["points"] = find_exercise(cell.check).points
    if cell.question:
        grader["points"] = cell.points
    return grader


def clean_outputs(cell: NotebookNode, root: Path) -> str:
    """Strip from a code cell's outputs, in place, what differs between runs and machines.

    Addresses of objects, paths of this machine, widget views (their state is not saved, so they
    would show as errors) and, unless the cell is tagged keep-stderr, text on stderr, which is
    returned: libraries write progress and chatter there.
    """
    kept, stderr = [], ""
    for output in cell.outputs:
        if output.output_type == "stream":
            output.text = _clean(output.text, root)
            if output.name == "stderr" and KEEP_STDERR not in cell.metadata.get("tags", []):
                stderr += output.text
                continue
        elif output.output_type in ("display_data", "execute_result"):
            output.data.pop(WIDGET_VIEW, None)
            for kind, value in output.data.items():
                if kind.startswith("text/") and isinstance(value, str):
                    output.data[kind] = _clean(value, root)
            if not output.data:
                continue
        kept.append(output)
    cell.outputs = kept
    cell.metadata.pop("execution", None)
    return stderr


def _clean(text: str, root: Path) -> str:
    """Text without addresses and without the folders of this machine; cwd is root/notebooks."""
    text = _ADDRESS.sub("at 0x...", text)
    text = _KERNEL_FILE.sub("<cell>", text)
    text = _TEMPORARY.sub("/tmp/tmp...", text)
    packages = str(Path(nbformat.__file__).parents[1])
    for folder, short in (
        (f"{packages}/", ""),
        (f"{root}/notebooks/", ""),
        (f"{root}/", "../"),
        (str(root), ".."),
    ):
        text = text.replace(folder, short)
    home = str(Path.home())
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text


def write_together(files: dict[Path, str]) -> None:
    """Write several files so that a failure leaves the old ones: all written aside, then moved."""
    aside: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            aside[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(name, 0o644)  # mkstemp makes files that only their owner reads
        for path, temporary in aside.items():
            os.replace(temporary, path)
    finally:
        for temporary in aside.values():
            temporary.unlink(missing_ok=True)


def as_text(notebook: NotebookNode) -> str:
    """The notebook as JSON, validated; ValueError names what is not valid."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise ValueError(f"the built notebook is not valid: {error}") from error
    return nbformat.writes(notebook) + "\n"
