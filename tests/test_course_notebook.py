"""The two notebooks of a chapter, before they are executed."""

from pathlib import Path

from vidlab.course.notebook import learner_notebook, solution_notebook
from vidlab.course.source import Cell, Chapter


def test_pictures_are_found_from_both_folders():
    chapter = Chapter("98", "made_up", Path("."))
    text = "![A way.](images/way.png) and `images/way.png`"
    cells = [Cell("markdown", text, "a"), Cell("code", 'open("](images/x")', "b")]
    solution = solution_notebook(chapter, cells, "a while")
    assert solution.cells[0].source == "![A way.](../images/way.png) and `images/way.png`"
    assert solution.cells[1].source == cells[1].source
    assert learner_notebook(chapter, cells, solution).cells[0].source == text
