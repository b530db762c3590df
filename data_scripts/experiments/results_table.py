"""A table of results that grows row by row, so that an interrupted experiment goes on."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


class ResultsTable:
    """A CSV file.

    A row counts once its line has ended: a process killed in the middle of one leaves half a row,
    which is measured again and goes with the next ``add``.

    Args:
        path: the file; it is made with the first row.
        fields: its columns.
        key: the columns that tell one row from another.
    """

    def __init__(self, path: Path, fields: tuple[str, ...], key: tuple[str, ...]) -> None:
        self.path, self.fields, self.key = path, fields, key

    def finished(self) -> set[tuple[str, ...]]:
        """The keys of the rows that are on disk, as they are written there."""
        text = _whole_lines(self._written()).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return {tuple(row[name] for name in self.key) for row in rows}

    def add(self, row: dict[str, Any]) -> None:
        """Write one row, and print it."""
        row = {
            key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()
        }
        written = self._written()
        whole = _whole_lines(written)
        if whole != written:
            os.truncate(self.path, len(whole))
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.fields, lineterminator="\n")
            if not whole:
                writer.writeheader()
            writer.writerow(row)
        shown = (name for name in self.fields if name not in ("machine", "command"))
        print(*(f"{name} {row[name]}" for name in shown), sep=", ", flush=True)

    def _written(self) -> bytes:
        return self.path.read_bytes() if self.path.is_file() else b""


def _whole_lines(written: bytes) -> bytes:
    """All but what comes after the last line's end."""
    return written[: written.rfind(b"\n") + 1]


def run_side_by_side(script: str, frameworks: Iterable[str], options: Iterable[str]) -> None:
    """Run a script once per framework, all at once, each in a process of its own on one core.

    Together in one process, or with more threads than cores, they slow each other down many times.
    """
    running = [
        subprocess.Popen(
            [sys.executable, script, "--framework", name, *options],
            env={**os.environ, **ONE_CORE},
        )
        for name in frameworks
    ]
    failed = [process.wait() for process in running]  # all of them, before the first is judged
    if any(failed):
        sys.exit("a framework's process failed; what it wrote is kept, run the command again")
