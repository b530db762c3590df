"""Rules about a chapter's cells, outputs, limits and exercises."""

import json
import re
from statistics import median

from vidlab.course import usage
from vidlab.course.freshness import inputs_agree, reason_to_build
from vidlab.course.notebook import WIDGET_VIEW
from vidlab.course.registry import exercises_of, find_exercise
from vidlab.course.rulebook import Built, code_cells, outputs, rule, title
from vidlab.course.source import BEGIN, END, LEARNER

MAX_SECONDS, MAX_SECONDS_GENERATION, GENERATION = 90, 180, ("07", "08", "09")
MAX_MEMORY_MB = 2048
MAX_NOTEBOOK_BYTES, MAX_OUTPUT_BYTES = 1_000_000, 150_000
MAX_MEDIAN_LINES, MAX_LINE = 10, 100
MIN_EXERCISES, MIN_HINTS = 4, 2
POSTER = "Poster of the playground"  # vidlab.playground.poster.ALT, without importing widgets


@rule
def up_to_date(built: Built) -> list[str]:
    """The notebooks were built from the present source, checks, package code and tables."""
    reason = reason_to_build(built.chapter)
    return [f"{reason}; run vidlab build {built.chapter.number}"] if reason else []


@rule
def agreement(built: Built) -> list[str]:
    """Both notebooks have the source's cells, input by input."""
    wrong = inputs_agree(built.chapter, built.cells, built.solution, built.learner)
    return [wrong] if wrong else []


@rule
def executed(built: Built) -> list[str]:
    """All code cells of the solution ran once, in order, without an error."""
    counts = [cell.execution_count for cell in code_cells(built.solution)]
    found = [] if counts == list(range(1, len(counts) + 1)) else [f"cells ran in order {counts}"]
    for cell, output in outputs(built.solution):
        if output.output_type == "error":
            found.append(f"the cell {title(cell.source)} has the output {output.ename}")
    return found


@rule
def emptied(built: Built) -> list[str]:
    """The learner's notebook holds no solution: no marks, no answers, none of their outputs."""
    found = []
    by_id = {cell.id: cell for cell in built.learner.cells}
    for cell in built.cells:
        node = by_id.get(cell.id)
        if node is None:
            continue
        if any(mark in node.source for mark in (BEGIN, LEARNER, END)):
            found.append(f"a solution mark is left in {title(node.source)}")
        if (cell.exercise or cell.question) and node.source != cell.learner_source():
            found.append(f"{cell.exercise or cell.question} is not emptied")
        if (cell.exercise or cell.check) and (node.outputs or node.execution_count):
            found.append(f"{cell.exercise or cell.check} has saved outputs")
    return found


@rule
def size(built: Built) -> list[str]:
    """Each notebook is under 1 MB and no output over 150 KB."""
    found = []
    for path in (built.chapter.solution, built.chapter.learner):
        if (count := path.stat().st_size) >= MAX_NOTEBOOK_BYTES:
            found.append(f"{path.parent.name}/{path.name} has {count:,} bytes")
    for cell, output in outputs(built.solution):
        if (count := len(json.dumps(output))) > MAX_OUTPUT_BYTES:
            found.append(f"an output of {title(cell.source)} has {count:,} bytes")
    return found


@rule
def short_cells(built: Built) -> list[str]:
    """The median code cell has at most 10 lines (blank ones not counted)."""
    counts = [
        sum(1 for line in cell.source.splitlines() if line.strip())
        for cell in code_cells(built.solution)
    ]
    middle = median(counts) if counts else 0
    return [f"the median code cell has {middle:g} lines"] if middle > MAX_MEDIAN_LINES else []


@rule
def short_lines(built: Built) -> list[str]:
    """No line of code is longer than 100 characters."""
    return [
        f"{len(line)} characters: {line.strip()[:60]!r}"
        for cell in code_cells(built.solution)
        for line in cell.source.splitlines()
        if len(line) > MAX_LINE
    ]


@rule
def no_semicolons(built: Built) -> list[str]:
    """No line of code ends in a semicolon: nbval and JupyterLab treat its value differently."""
    return [
        f"{line.strip()!r}"
        for cell in code_cells(built.solution)
        for line in cell.source.splitlines()
        if line.rstrip().endswith(";")
    ]


@rule
def time_limit(built: Built) -> list[str]:
    """The chapter runs in 90 s, one on generation (07 to 09) in 180 s."""
    generation = built.chapter.number[:2] in GENERATION
    limit = MAX_SECONDS_GENERATION if generation else MAX_SECONDS
    seconds = built.facts["seconds"]
    return [f"it took {seconds} s; the limit is {limit} s"] if seconds > limit else []


@rule
def memory_limit(built: Built) -> list[str]:
    """The chapter's process peaks under 2 GB."""
    peak = built.facts["peak_memory_mb"]
    return [f"it peaked at {peak} MB"] if peak > MAX_MEMORY_MB else []


@rule
def no_widget_state(built: Built) -> list[str]:
    """Neither notebook stores widgets: their state is not saved, so they would show as errors."""
    found = []
    for notebook in (built.solution, built.learner):
        kind = notebook.metadata["vidlab"]["kind"]
        if "widgets" in notebook.metadata:
            found.append(f"metadata.widgets in the {kind} notebook")
        for cell, output in outputs(notebook):
            if WIDGET_VIEW in output.get("data", {}):
                found.append(f"a widget in the {kind} notebook, output of {title(cell.source)}")
    return found


@rule
def no_network(built: Built) -> list[str]:
    """No output loads anything from the network."""
    loads = re.compile(
        r"""(src\s*=\s*["']?|url\(["']?|@import\s+["']?)(https?:)?//|<link\b""", re.I
    )
    return [
        f"an output of {title(cell.source)} loads from the network"
        for cell, output in outputs(built.solution)
        if loads.search(str(output.get("data", {}).get("text/html", "")))
    ]


@rule
def setup(built: Built) -> list[str]:
    """The first code cell is tagged setup."""
    code = [cell for cell in built.cells if cell.kind == "code"]
    return [] if code and code[0].is_setup else ["the first code cell is not tagged setup"]


@rule
def exercises(built: Built) -> list[str]:
    """At least four exercises, each with at least two hints; no registered check is left over."""
    names = [cell.exercise for cell in built.cells if cell.exercise]
    found = []
    if len(names) < MIN_EXERCISES:
        found.append(f"{len(names)} exercises")
    for name in names:
        if (count := len(find_exercise(name).hints)) < MIN_HINTS:
            found.append(f"{name} has {count} hint")
    unused = [known.name for known in exercises_of(built.chapter.number) if known.name not in names]
    return found + [f"the check {name} has no exercise" for name in unused]


@rule
def open_exercise(built: Built) -> list[str]:
    """One exercise is open-ended: it has a written part (a cell marked question=...)."""
    return [] if any(cell.question for cell in built.cells) else ["no cell marked question=..."]


@rule
def answers_unused(built: Built) -> list[str]:
    """No cell but its check uses a name that an exercise cell binds."""
    return usage.uses_of_answers(built.cells)


@rule
def panel(built: Built) -> list[str]:
    """A recipe of its own has a panel, with a static poster, and a preset that fails."""
    sources = [cell.source for cell in code_cells(built.solution)]
    if not any("@playground(" in source and "Preset(" in source for source in sources):
        return ["no cell with @playground(presets=[Preset(...), ...])"]
    posters = [
        output
        for _, output in outputs(built.solution)
        if POSTER in str(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
    ]
    return [] if posters else ["no cell shows a panel: call the recipe's show()"]
