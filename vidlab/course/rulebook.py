"""The book of rules that every chapter keeps, and the chapters they are applied to.

A rule is a pure function over a built chapter: it returns its problems in words, an empty list when
it holds. What a chapter cannot keep yet stands in notebooks/exemptions.csv with a reason;
tests/test_notebooks.py applies both.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from vidlab.course.source import Cell, Chapter, read_cells


@dataclass(frozen=True)
class Built:
    """A chapter with its source cells and its two notebooks as they lie on disk."""

    chapter: Chapter
    cells: list[Cell]
    solution: NotebookNode
    learner: NotebookNode

    @property
    def facts(self) -> dict[str, Any]:
        """What the builder measured and recorded."""
        return dict(self.solution.metadata["vidlab"]["build"])


@dataclass(frozen=True)
class Exemption:
    """A rule that a chapter need not keep, and why."""

    chapter: str
    rule: str
    reason: str


Rule = Callable[[Built], list[str]]

_RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Add a rule to the book under its function's name, with hyphens."""
    return add_rule(function.__name__.replace("_", "-"), function)


def add_rule(name: str, function: Rule) -> Rule:
    """Add a rule to the book under a name of its own."""
    _RULES[name] = function
    return function


def all_rules() -> dict[str, Rule]:
    """The whole book, by name."""
    for module in ("rules", "text_rules"):
        import_module(f"vidlab.course.{module}")
    return dict(_RULES)


def load(chapter: Chapter) -> Built:
    """Read a built chapter; FileNotFoundError names a notebook that has not been built."""
    for path in (chapter.solution, chapter.learner):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: not built yet; run vidlab build {chapter.number}")
    solution, learner = (nbformat.read(p, 4) for p in (chapter.solution, chapter.learner))
    return Built(chapter, read_cells(chapter), solution, learner)


def exemptions(path: Path) -> list[Exemption]:
    """The list of exemptions; ValueError for a line without reason or with an unknown rule."""
    with path.open(newline="", encoding="utf-8") as stream:
        found = [Exemption(**row) for row in csv.DictReader(stream)]
    known = all_rules()
    for line in found:
        if line.rule not in known:
            raise ValueError(f"{path}: no rule {line.rule!r}; there are: {', '.join(known)}")
        if not line.reason:
            raise ValueError(f"{path}: chapter {line.chapter}, rule {line.rule}: give a reason")
    return found


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook that hold something."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """Every output of a notebook, with its cell."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def title(source: str) -> str:
    """How messages name a cell: by its first line."""
    return repr(next((line for line in source.splitlines() if line.strip()), ""))
