"""Tell whether a built chapter is out of date, from hashes of what it was built from.

The hash of a Python file is that of its syntax tree without docstrings: comments, layout and
docstrings may change without a rebuild. What counts is the chapter's source, its checks, the
modules of vidlab that were imported when the chapter had run, and the tables it may read
(notebooks/results/NN_*.csv). The course machinery itself does not count, apart from FORMAT:
raise that number when the same source must give other notebooks.
"""

import ast
import hashlib
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

import vidlab
from vidlab.course import checks
from vidlab.course.notebook import learner_notebook, solution_notebook
from vidlab.course.source import Cell, Chapter, read_cells

FORMAT = 1

_PACKAGE = Path(vidlab.__file__).parent


def python_hash(path: Path) -> str:
    """Hash of a Python file's meaning: equal for equal code."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return _short(ast.dump(tree).encode())


def file_hash(path: Path) -> str:
    """Hash of a file's bytes, with line ends made equal."""
    return _short(path.read_bytes().replace(b"\r\n", b"\n"))


def inputs_of(chapter: Chapter, modules: list[str]) -> dict[str, str]:
    """Hashes of all that a chapter is built from, by name; a module that is gone has hash ""."""
    found = {"source": file_hash(chapter.source)}
    if (path := checks.find_file(chapter.number)) is not None:
        found["checks"] = python_hash(path)
    for name in sorted(modules):
        if name.startswith("vidlab.course"):
            continue
        file = _module_file(name)
        found[name] = python_hash(file) if file else ""
    for table in sorted(chapter.root.glob(f"notebooks/results/{chapter.number}_*.csv")):
        found[table.name] = file_hash(table)
    return found


def reason_to_build(chapter: Chapter) -> str | None:
    """Why the chapter's notebooks are out of date, in words, or None if they are not.

    Raises SourceError for a source that cannot be read.
    """
    cells = read_cells(chapter)
    for path in (chapter.solution, chapter.learner):
        if not path.is_file():
            return f"{path.name} is missing in {path.parent.name}/"
    try:
        solution, learner = (nbformat.read(p, 4) for p in (chapter.solution, chapter.learner))
        built: dict[str, Any] = solution.metadata["vidlab"]["build"]
        before = dict(built["inputs"])
    except (KeyError, ValueError, OSError, nbformat.ValidationError) as error:
        return f"a built notebook cannot be read ({type(error).__name__})"
    if built.get("format") != FORMAT:
        return "the format of built notebooks has changed"
    now = inputs_of(chapter, [name for name in before if name.split(".")[0] == "vidlab"])
    changed = sorted(name for name in before.keys() | now if before.get(name) != now.get(name))
    if changed:
        return f"changed since the last build: {', '.join(changed)}"
    return inputs_agree(chapter, cells, solution, learner)


def inputs_agree(
    chapter: Chapter, cells: list[Cell], solution: NotebookNode, learner: NotebookNode
) -> str | None:
    """None if both notebooks hold the source's inputs, cell by cell; else which cell differs."""
    fresh = solution_notebook(chapter, cells, solution.metadata["vidlab"]["build"]["run_time"])
    pairs = {
        "the solution notebook": (solution, fresh),
        "the learner's notebook": (learner, learner_notebook(chapter, cells, fresh)),
    }
    for name, (built, expected) in pairs.items():
        if len(built.cells) != len(expected.cells):
            return f"{name} has {len(built.cells)} cells, the source {len(expected.cells)}"
        for number, (one, other) in enumerate(zip(built.cells, expected.cells, strict=True)):
            if (one.id, one.cell_type, one.source) != (other.id, other.cell_type, other.source):
                return f"{name} differs from the source in cell {number} ({one.id})"
    return None


def _module_file(name: str) -> Path | None:
    """The file of a vidlab module, without importing it."""
    base = _PACKAGE.joinpath(*name.split(".")[1:])
    return next((p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()), None)


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
