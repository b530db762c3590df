"""The error and the warning that everything in ``vidlab.video`` raises."""

import os
import warnings
from pathlib import Path


class VideoError(Exception):
    """Something cannot be done with a video; the text names the file, what is wrong, what to do.

    Attributes: ``path`` (str), ``problem`` (str), ``advice`` (str).
    """

    def __init__(self, path: str | os.PathLike[str], problem: str, advice: str) -> None:
        # All three go to Exception so that the error survives pickling between processes.
        super().__init__(os.fspath(path), problem, advice)
        self.path = os.fspath(path)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.problem}. {self.advice}"


class VideoWarning(UserWarning):
    """Part of a video is damaged; the rest was read."""


def warn_of_damage(path: str | os.PathLike[str], bad_packets: int) -> None:
    """Report a file's damaged packets, if any, as one VideoWarning to the caller's caller."""
    if bad_packets:
        are = "packet is" if bad_packets == 1 else "packets are"
        warnings.warn(
            f"{printable(path)}: {bad_packets} {are} damaged and what cannot be decoded was "
            "skipped; some frames may be missing or spoilt. Copy or download the file again.",
            VideoWarning,
            stacklevel=3,
        )


def printable(path: str | os.PathLike[str]) -> str:
    """The path as text that can be printed, also where its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def path_text(path: str | os.PathLike[str]) -> str:
    """``path`` as text; VideoError if it is no path."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise VideoError(
            str(path), f"a path is expected, got {type(path).__name__}", "Give a str or a Path."
        )
    return os.fspath(path)


def existing_file(path: str | os.PathLike[str]) -> Path:
    """``path`` as a Path; VideoError if it is not a readable file with something in it."""
    path_text(path)
    file = Path(path)
    try:
        if file.is_dir():
            raise VideoError(path, "this is a folder, not a video file", "Name a file inside it.")
        if not file.exists():
            folder = file.absolute().parent
            if not folder.is_dir():
                problem = f"there is no such file, nor the folder {printable(folder)}"
            else:
                problem = "there is no such file"
            raise VideoError(path, problem, f"Check the name; paths start from {Path.cwd()}.")
        if file.is_file() and file.stat().st_size == 0:
            raise VideoError(path, "the file is empty (0 bytes)", "Copy or download it again.")
        with file.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise VideoError(
            path, f"the file cannot be opened ({error})", "Check its name and your permissions."
        ) from error
    return file
