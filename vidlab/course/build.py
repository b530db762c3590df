"""``vidlab build``: run a chapter's source and write its two notebooks."""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from tqdm import tqdm

from vidlab.course.freshness import FORMAT, inputs_of, reason_to_build
from vidlab.course.kernel import CellError, Kernel, fresh_kernel
from vidlab.course.notebook import (
    as_text,
    clean_outputs,
    learner_notebook,
    solution_notebook,
    write_together,
)
from vidlab.course.registry import find_exercise
from vidlab.course.source import (
    RUN_TIME,
    Cell,
    Chapter,
    SourceError,
    chapters,
    find_chapter,
    find_root,
    read_cells,
)

CELL_TIMEOUT = 600.0  # seconds

_PROBE = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
def _peak():
    try:
        for line in open("/proc/self/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
def _versions():
    for name, package in {packages}.items():
        if name in sys.modules:
            try:
                yield package, version(package)
            except PackageNotFoundError:
                pass
print(json.dumps(dict(
    modules=sorted(n for n in sys.modules if n == "vidlab" or n.startswith("vidlab.")),
    peak_memory_mb=round(_peak()),
    versions=dict(_versions()),
)))
"""

# Module -> distribution, for the versions that are recorded with a build.
_PACKAGES = {
    "av": "av",
    "cv2": "opencv-python-headless",
    "keras": "keras",
    "matplotlib": "matplotlib",
    "moviepy": "moviepy",
    "numpy": "numpy",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "transformers": "transformers",
}


class BuildError(Exception):
    """A chapter cannot be built; the message names chapter, cell and reason."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``vidlab build`` to argparse."""
    parser.add_argument("chapters", nargs="*", metavar="NN", help="chapters; all if none is named")
    parser.add_argument("--force", action="store_true", help="build also what is up to date")
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    parser.add_argument("--root", type=Path, help="the folder that holds notebooks/source")
    parser.add_argument(
        "--timeout", type=float, default=CELL_TIMEOUT, help="seconds for one cell (%(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Build (or check) chapters; 0 if all are well, 1 if one failed or is out of date, 2 if the
    command itself is wrong."""
    try:
        root = args.root.resolve() if args.root else find_root(Path.cwd())
        chosen = [find_chapter(root, name) for name in args.chapters] or chapters(root)
    except SourceError as error:
        print(f"vidlab build: {error}", file=sys.stderr)
        return 2
    failed = False
    for chapter in chosen:
        try:
            reason = reason_to_build(chapter)
            if args.check:
                failed |= reason is not None
                print(f"{chapter.name}: {reason or 'up to date'}")
            elif reason is None and not args.force:
                print(f"{chapter.name}: up to date")
            else:
                facts = build(chapter, args.timeout)
                print(
                    f"{chapter.name}: built in {facts['seconds']:.0f} s, "
                    f"peak {facts['peak_memory_mb']} MB"
                )
        except (BuildError, SourceError) as error:
            failed = True
            print(f"vidlab build: {error}", file=sys.stderr)
    return int(failed)


def build(chapter: Chapter, timeout: float = CELL_TIMEOUT) -> dict[str, Any]:
    """Execute a chapter and write both notebooks; the measured facts of the run.

    Raises BuildError or SourceError, and then leaves the old notebooks as they were.
    """
    cells = read_cells(chapter)
    _require_registered(chapter, cells)
    _try_exercises(chapter, cells, timeout)
    solution, facts = _execute(chapter, cells, timeout)
    solution.metadata["vidlab"]["build"] = facts
    learner = learner_notebook(chapter, cells, solution)
    write_together({chapter.solution: as_text(solution), chapter.learner: as_text(learner)})
    return facts


def run_time_in_words(seconds: float, cores: int) -> str:
    """What stands in a chapter's opening: 37 s on 2 cores becomes "about 40 s on 2 cores"."""
    if seconds < 5:
        rounded = "under 5 s"
    elif seconds < 20:
        rounded = f"about {5 * round(seconds / 5)} s"
    elif seconds < 95:
        rounded = f"about {10 * round(seconds / 10)} s"
    else:
        rounded = f"about {max(2, round(seconds / 60))} minutes"
    return f"{rounded} on {cores} core{'s' if cores != 1 else ''}"


def _execute(
    chapter: Chapter, cells: list[Cell], timeout: float
) -> tuple[NotebookNode, dict[str, Any]]:
    """The executed, cleaned solution notebook and what was measured."""
    draft = solution_notebook(chapter, cells, RUN_TIME)
    start = time.perf_counter()
    with fresh_kernel(_folder(chapter), timeout) as kernel:
        for cell in tqdm(draft.cells, desc=chapter.name, unit="cell", leave=False, disable=None):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            _run_cell(chapter, kernel, cell)
            if stderr := clean_outputs(cell, chapter.root):
                tqdm.write(f"{chapter.name}: {_title(cell.source)} wrote to stderr:\n{stderr}")
        seconds = time.perf_counter() - start
        facts = kernel.ask(_PROBE.replace("{packages}", repr(_PACKAGES)))
    modules = facts.pop("modules")
    cores = _cores()
    facts |= {
        "format": FORMAT,
        "inputs": inputs_of(chapter, modules),
        "seconds": round(seconds, 1),
        "cores": cores,
        "run_time": run_time_in_words(seconds, cores),
    }
    for cell in draft.cells:
        cell.source = cell.source.replace(RUN_TIME, facts["run_time"])
    return draft, facts


def _try_exercises(chapter: Chapter, cells: list[Cell], timeout: float) -> None:
    """Prove on set-up cells alone that empty exercises run and fail, and that solutions pass."""
    exercises = [cell for cell in cells if cell.exercise]
    if not exercises:
        return
    checks = {cell.check: cell.source for cell in cells if cell.check}
    with fresh_kernel(_folder(chapter), timeout) as kernel:
        for cell in cells:
            if cell.is_setup:
                _run_cell(chapter, kernel, new_code_cell(cell.source))
        for cell in exercises:
            name = str(cell.exercise)
            _run_cell(chapter, kernel, new_code_cell(cell.learner_source()), f"{name}, emptied, ")
            try:
                kernel.run(new_code_cell(checks[name]))
            except CellError as error:
                if error.kind in ("NotSolved", "CheckFailed"):
                    continue
                raise BuildError(
                    f"{chapter.name}: the check of {name} breaks on the emptied exercise: {error}\n"
                    'Is its name bound outside the solution region ("answer = ...")?'
                ) from error
            raise BuildError(f"{chapter.name}: the emptied exercise {name} passes its check")
        for cell in exercises:
            name = str(cell.exercise)
            alone = f"the solution of {name}, with the set-up cells alone, "
            _run_cell(chapter, kernel, new_code_cell(cell.source), alone)
            _run_cell(chapter, kernel, new_code_cell(checks[name]), alone)


def _run_cell(chapter: Chapter, kernel: Kernel, cell: NotebookNode, what: str = "") -> None:
    try:
        kernel.run(cell)
    except CellError as error:
        trace = re.sub(r"\x1b\[[0-9;]*m", "", error.trace).rstrip() or str(error)
        raise BuildError(f"{chapter.name}: {what}{_title(cell.source)} failed:\n{trace}") from error


def _require_registered(chapter: Chapter, cells: list[Cell]) -> None:
    for cell in cells:
        if cell.check:
            try:
                find_exercise(cell.check)
            except ValueError as error:
                raise BuildError(f"{chapter.name}: {error}") from error


def _folder(chapter: Chapter) -> Path:
    return chapter.root / "notebooks"


def _title(source: str) -> str:
    first = next((line for line in source.splitlines() if line.strip()), "")
    return f"the cell that begins {first!r}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
