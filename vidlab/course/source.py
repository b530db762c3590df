"""Read a chapter's source (jupytext py:percent) into cells, and empty its exercises.

A cell has an id that stays when cells are added, moved or extended: exercise, check and question
cells are named after their exercise; every other id is a hash of the chapter and the first line.
"""

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

BEGIN, LEARNER, END = "### BEGIN SOLUTION", "### LEARNER GETS", "### END SOLUTION"
TODO = "# your code here"
QUESTION_TODO = "*Write your answer here. A person reads it.*"
RUN_TIME = "{{run_time}}"
METADATA_KEYS = {"tags", "id", "exercise", "question", "points"}

_FILE_NAME = re.compile(r"(\d\d[a-z]?)_([a-z0-9_]+)\.py")
_NAME = re.compile(r"\d\d[a-z]?\.[a-z][a-z0-9_]*")


class SourceError(Exception):
    """A chapter's source breaks a rule of its format; the message names file, cell and remedy."""


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter.

    exercise, check, question: the exercise's name ("01.to_rgb") in a cell that holds its answer,
    its check, or the written answer to its open question; None in all other cells.
    """

    kind: Literal["code", "markdown"]
    source: str
    id: str
    tags: tuple[str, ...] = ()
    exercise: str | None = None
    check: str | None = None
    question: str | None = None
    points: int = 1

    @property
    def is_setup(self) -> bool:
        return "setup" in self.tags

    def learner_source(self) -> str:
        """The cell as a learner gets it: exercises and questions emptied."""
        if self.question:
            return QUESTION_TODO
        return emptied(self.source) if self.exercise else self.source


@dataclass(frozen=True)
class Chapter:
    """A chapter of the course: its number "01", its topic "frames", and where its files lie."""

    number: str
    topic: str
    root: Path

    @property
    def name(self) -> str:
        return f"{self.number}_{self.topic}"

    @property
    def source(self) -> Path:
        return self.root / "notebooks" / "source" / f"{self.name}.py"

    @property
    def learner(self) -> Path:
        return self.root / "notebooks" / f"{self.name}.ipynb"

    @property
    def solution(self) -> Path:
        return self.root / "notebooks" / "solutions" / f"{self.name}.ipynb"


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds notebooks/source; SourceError if none."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "notebooks" / "source").is_dir():
            return folder
    raise SourceError(
        f"no folder at or above {start} holds notebooks/source: "
        "go to the course's folder or name it with --root"
    )


def chapters(root: Path) -> list[Chapter]:
    """All chapters that have a source, in order."""
    found = []
    for path in sorted((root / "notebooks" / "source").glob("*.py")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SourceError(f"{path}: expected a name like 01_frames.py")
        found.append(Chapter(match[1], match[2], root))
    return found


def find_chapter(root: Path, which: str) -> Chapter:
    """The chapter of that number ("01", "1"), topic ("frames") or name ("01_frames")."""
    known = chapters(root)
    wanted = which.zfill(2) if which.isdigit() else which
    for chapter in known:
        if wanted in (chapter.number, chapter.topic, chapter.name):
            return chapter
    names = ", ".join(chapter.name for chapter in known) or "none"
    raise SourceError(
        f"no chapter {which!r} in {root / 'notebooks' / 'source'}; there are: {names}"
    )


def read_cells(chapter: Chapter) -> list[Cell]:
    """The cells of a chapter's source; SourceError says what breaks the format, and where."""
    import jupytext

    try:
        text = chapter.source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{chapter.source}: cannot be read: {error}") from error
    cells: list[Cell] = []
    for number, raw in enumerate(jupytext.reads(text, fmt="py:percent").cells):
        where = f"{chapter.source.name}, cell {number} ({_first_line(raw.source)!r})"
        cells.append(_read_cell(chapter, raw, where, {cell.id for cell in cells}))
    _require_checks(chapter, cells)
    return cells


def emptied(source: str) -> str:
    """A code cell without its solution regions.

    An indented region becomes ``raise NotImplementedError``, one at the margin a comment. Lines
    after LEARNER GETS, which the author writes as comments, take the region's place uncommented.
    Raises SourceError for marks that do not pair.
    """
    kept: list[str] = []
    indent: str | None = None  # of the open region
    given: list[str] | None = None  # what the learner gets instead, once LEARNER GETS was seen
    for line in source.splitlines():
        mark = line.strip()
        if mark == BEGIN and indent is None:
            indent, given = line[: len(line) - len(line.lstrip())], None
        elif mark == LEARNER and indent is not None and given is None:
            given = []
        elif mark == END and indent is not None:
            empty = f"{indent}raise NotImplementedError  {TODO}" if indent else TODO
            kept += [empty] if given is None else given
            indent = None
        elif mark in (BEGIN, LEARNER, END):
            raise SourceError(f"{mark!r} does not pair: expected {BEGIN} ... {END}")
        elif indent is None:
            kept.append(line)
        elif given is not None:
            given.append(_uncommented(line))
    if indent is not None:
        raise SourceError(f"{BEGIN!r} without {END!r}")
    return "\n".join(kept)


def as_python(source: str) -> str:
    """A code cell as plain Python: lines with IPython magics and shell commands become ``pass``."""
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        return "pass"
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


def check_call(source: str) -> tuple[str, ast.expr] | None:
    """Name and answer expression of a cell whose only statement is ``check("NN.name", answer)``."""
    try:
        body = ast.parse(as_python(source)).body
    except SyntaxError:
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        return None
    node = body[0].value
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    if node.func.id != "check" or len(node.args) < 2:
        return None
    name = node.args[0]
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return None
    return name.value, node.args[1]


def _read_cell(chapter: Chapter, raw: Any, where: str, taken: set[str]) -> Cell:
    metadata = dict(raw.metadata)
    metadata.pop("lines_to_next_cell", None)  # jupytext's note on blank lines
    if unknown := set(metadata) - METADATA_KEYS:
        raise SourceError(f"{where}: unknown option {sorted(unknown)}; use {sorted(METADATA_KEYS)}")
    exercise, question = metadata.get("exercise"), metadata.get("question")
    found = check_call(raw.source) if raw.cell_type == "code" else None
    check = found[0] if found else None
    for name in filter(None, (exercise, question, check)):
        if not _NAME.fullmatch(name) or name.split(".")[0] != chapter.number:
            raise SourceError(f'{where}: {name!r} is not a name like "{chapter.number}.to_rgb"')
    if exercise and raw.cell_type != "code":
        raise SourceError(f"{where}: an exercise is a code cell; written answers are a question")
    if question and raw.cell_type != "markdown":
        raise SourceError(f"{where}: a question is a markdown cell")
    try:
        changes = raw.cell_type == "code" and emptied(raw.source) != raw.source
    except SourceError as error:
        raise SourceError(f"{where}: {error}") from error
    if bool(exercise) != changes:
        raise SourceError(f'{where}: {BEGIN} and the option exercise="..." belong together')
    roles = {"exercise": exercise, "check": check, "question": question}
    named = next((f"{role}-{name.replace('.', '-')}" for role, name in roles.items() if name), None)
    identity = metadata.get("id") or named or _hashed_id(chapter, raw, taken)
    if identity in taken:
        raise SourceError(f"{where}: a cell with the id {identity!r} came before")
    return Cell(
        kind=raw.cell_type,
        source=raw.source,
        id=identity,
        tags=tuple(metadata.get("tags", ())),
        exercise=exercise,
        check=check,
        question=question,
        points=int(metadata.get("points", 1)),
    )


def _require_checks(chapter: Chapter, cells: list[Cell]) -> None:
    """Every exercise is followed by its check, with nothing but prose between, and vice versa."""
    code = [cell for cell in cells if cell.kind == "code"]
    for cell, following in zip(code, [*code[1:], None], strict=True):
        if cell.exercise and (following is None or following.check != cell.exercise):
            raise SourceError(
                f"{chapter.source.name}: exercise {cell.exercise} needs a cell "
                f'check("{cell.exercise}", ...) as the next code cell, and nothing else in it'
            )
    exercises = {cell.exercise for cell in code if cell.exercise}
    for cell in code:
        if cell.check and cell.check not in exercises:
            raise SourceError(
                f'{chapter.source.name}: check("{cell.check}", ...) has no exercise cell: '
                f'mark it with # %% exercise="{cell.check}"'
            )


def _hashed_id(chapter: Chapter, raw: Any, taken: set[str]) -> str:
    """A hash of chapter, kind and first line; the same line again gets a number."""
    text = f"{chapter.number}\n{raw.cell_type}\n{_first_line(raw.source)}"
    identity = hashlib.sha256(text.encode()).hexdigest()[:8]
    repeats = sum(1 for other in taken if other.split("-")[0] == identity)
    return f"{identity}-{repeats + 1}" if repeats else identity


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def _uncommented(line: str) -> str:
    body = line.lstrip()
    if not body:
        return line
    if not body.startswith("#"):
        raise SourceError(f"after {LEARNER!r} every line is a comment; this one is not: {line!r}")
    indent = line[: len(line) - len(body)]
    return (indent + body[1:].removeprefix(" ")).rstrip()
