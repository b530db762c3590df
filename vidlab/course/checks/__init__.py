"""The checks of all chapters: one module ``chNN.py`` per chapter, imported when it is needed.

``VIDLAB_CHECKS_PATH`` may list more folders with ``chNN.py`` files (a teacher's own chapters);
they are searched after this one.
"""

import os
from importlib import import_module
from pathlib import Path

__path__ += [
    folder for folder in os.environ.get("VIDLAB_CHECKS_PATH", "").split(os.pathsep) if folder
]


def load(chapter: str) -> bool:
    """Import the checks of a chapter ("01"); False when there is no such module."""
    name = f"{__name__}.ch{chapter}"
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return False
    return True


def find_file(chapter: str) -> Path | None:
    """The file that holds the checks of a chapter, without importing it."""
    for folder in __path__:
        path = Path(folder) / f"ch{chapter}.py"
        if path.is_file():
            return path
    return None
