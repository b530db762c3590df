"""nbval for chapters: the verdict of an exercise is what its original check says now.

nbval alone takes a student's word for it: saved outputs are its reference, and a marker typed into
a cell switches it off. For a chapter, the check cells that ``vidlab build`` recorded in the
notebook's metadata are run as they were written, whatever the notebook now holds in their place.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from vidlab.course.verdict import MODE_VARIABLE

# Seconds. A learner's endless loop must not take nbval's half hour.
CELL_TIMEOUT, ANSWER_TIMEOUT, CHECK_TIMEOUT = 600.0, 120.0, 60.0

# An exercise cell may have redefined the name.
_PRELUDE = "from vidlab.course import check\n"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ChapterFile(IPyNbFile):
    """A chapter's notebook: its check cells run as recorded, its other cells as nbval runs them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What libraries write to stderr is no result.
        self.skip_compare = (*self.skip_compare, "stderr")  # type: ignore[has-type]

    def setup(self) -> None:
        """Start a kernel of this Python in which a failed check raises.

        A kernel that the user has installed under the notebook's name may lack this package.
        """
        before = os.environ.get(MODE_VARIABLE)
        os.environ[MODE_VARIABLE] = "raise"
        options = self.config.option
        current = options.nbval_current_env
        options.nbval_current_env = options.nbval_kernel_name is None
        try:
            super().setup()
        finally:
            options.nbval_current_env = current
            if before is None:
                del os.environ[MODE_VARIABLE]
            else:
                os.environ[MODE_VARIABLE] = before

    def collect(self) -> Iterator[pytest.Item]:
        items = list(super().collect())
        records = self.nb.metadata["vidlab"]["checks"]
        found = {record["name"]: _find(record, items) for record in records}
        of_item = {id(item): record for record in records if (item := found[record["name"]])}
        for item in items:
            record = of_item.get(id(item))
            if record is not None:
                note = "" if _same(item.cell.source, record["source"]) else _CHANGED
                yield self._check(record, item.cell_num, item.cell, note)
                continue
            yield self._cell(item)
        for record in records:
            if found[record["name"]] is None:
                yield self._check(record, len(items), new_code_cell(), _MISSING)

    def _cell(self, item: IPyNbCell) -> "ChapterCell":
        """The same cell with our limits; set-up and answers, which checks need, are not skipped."""
        cell, options = item.cell, item.options
        is_answer = cell.metadata.get("nbgrader", {}).get("solution", False)
        if is_answer or "setup" in cell.metadata.get("tags", []):
            options["skip"] = False
        if cell.execution_count is None:
            cell.outputs = []  # a cell saved while it ran; nbval would call it an error
        made = ChapterCell.from_parent(
            self, name=item.name, cell_num=item.cell_num, cell=cell, options=options
        )
        made.limit = ANSWER_TIMEOUT if is_answer else CELL_TIMEOUT
        return made

    def _check(
        self, record: dict[str, str], number: int, cell: NotebookNode, note: str
    ) -> "ChapterCheck":
        cell.source = record["source"]
        cell.outputs, cell.execution_count = [], None
        options = {"check": False, "check_exception": False, "skip": False}
        made = ChapterCheck.from_parent(
            self, name=f"Cell {number}", cell_num=number, cell=cell, options=options
        )
        made.exercise, made.note, made.limit = record["name"], note, CHECK_TIMEOUT
        return made


_CHANGED = "The check cell was changed; what counts is the original one, shown here:"
_MISSING = "The check cell is missing; the original one was run at the end:"


class ChapterCell(IPyNbCell):
    """A cell with a time limit of its own."""

    limit = CELL_TIMEOUT

    def setup(self) -> None:
        """Judge this cell also when an earlier one ran out of time (nbval would expect failure)."""
        self.parent.timed_out = False

    def runtest(self) -> None:
        options = self.config.option
        before = options.nbval_cell_timeout
        options.nbval_cell_timeout = min(before, self.limit)
        try:
            super().runtest()
        finally:
            options.nbval_cell_timeout = before


class ChapterCheck(ChapterCell):
    """The check of one exercise, in its original words."""

    exercise = ""
    note = ""

    def runtest(self) -> None:
        source = self.cell.source
        self.cell.source = _PRELUDE + source
        try:
            super().runtest()
        finally:
            self.cell.source = source

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """The verdict's text instead of a traceback through the machinery."""
        error = excinfo.value
        if not isinstance(error, NbCellError):
            return super().repr_failure(excinfo)
        lines = _ANSI.sub("", error.inner_traceback or str(error)).strip().splitlines()
        if lines and lines[-1].startswith("NameError"):
            lines = [f"{self.exercise}: not solved yet ({lines[-1]})."]
        elif not error.inner_traceback or str(error).startswith("Timeout"):
            lines = [f"{self.exercise}: {error}"]
        elif not lines[0].startswith(self.exercise):
            lines = [f"{self.exercise}: the check could not run: {lines[-1]}"]
        note = [self.note, f"    {self.cell.source}"] if self.note else []
        return "\n".join([*note, *lines])


def _find(record: dict[str, str], items: list[Any]) -> Any | None:
    """The item of a recorded check: the cell of that id, else the first that calls this check."""
    for item in items:
        if item.cell.get("id") == record["id"]:
            return item
    call = re.compile(rf"""check\(\s*["']{re.escape(record["name"])}["']""")
    return next((item for item in items if call.search(item.cell.source)), None)


def _same(source: str, original: str) -> bool:
    """Equal but for white space, comments and the hint that a learner may ask for."""
    plain = re.sub(r"#.*|,\s*(hint|seed)\s*=\s*\w+", "", source)
    return "".join(plain.split()) == "".join(original.split())
