"""Pytest plugin: make nbval judge the exercises of a chapter instead of comparing saved outputs.

Every pytest run on a machine with vidlab loads this module, so it imports nothing heavy and acts
only on notebooks that ``vidlab build`` wrote, and only when nbval collects them.
"""

import json
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Replace nbval's collector of a course notebook by ours."""
    collectors = yield
    if file_path.suffix != ".ipynb" or not collectors or not _is_chapter(file_path):
        return collectors
    from nbval.plugin import IPyNbFile

    from vidlab.course.nbval import ChapterFile

    return [
        ChapterFile.from_parent(parent, path=file_path) if type(found) is IPyNbFile else found
        for found in collectors
    ]


def _is_chapter(path: Path) -> bool:
    """Whether the file is a notebook with this course's metadata; nbval reports broken files."""
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        return isinstance(metadata["vidlab"]["checks"], list)
    except (OSError, ValueError, KeyError, TypeError):
        return False
