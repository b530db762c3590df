"""What is known about each video: one row of ``OUT/manifest.csv``."""

import csv
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from vidlab.video.errors import VideoError

MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Settings:
    """What decides the content of an ``.npz`` besides the video; every row repeats it."""

    size: int | tuple[int, int]
    num_frames: int
    sampling: str

    def row(self) -> dict[str, str]:
        """The settings as columns of the manifest."""
        size = self.size
        text = f"{size[0]}x{size[1]}" if isinstance(size, (tuple, list)) else str(size)
        return {"size": text, "num_frames": str(self.num_frames), "sampling": self.sampling}


@dataclass(frozen=True)
class Record:
    """One row of the manifest: text throughout, so that reading gives what was written."""

    source: str  # path of the video, as it was given
    output: str  # path of the .npz within OUT; the rows are sorted by it
    sha256: str = ""  # of the source; empty: try it again next time
    source_bytes: str = ""
    source_mtime_ns: str = ""  # saves taking the checksum of files that nobody touched
    width: str = ""  # pixels as seen
    height: str = ""
    fps: str = ""
    frames: str = ""  # in the file
    frames_exact: str = ""  # yes: so many were decoded; no: parts were skipped, an estimate
    extracted: str = ""  # frames in the .npz
    seconds: str = ""  # duration of the video
    bad_packets: str = ""  # damaged ones
    error: str = ""  # why there is no .npz
    size: str = ""
    num_frames: str = ""
    sampling: str = ""

    def settings(self) -> dict[str, str]:
        return {"size": self.size, "num_frames": self.num_frames, "sampling": self.sampling}


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Record]:
    """The rows of a manifest by their output; empty if there is none yet.

    VideoError for a file that is no manifest (columns missing).
    """
    path = Path(path)
    if not path.exists():
        return {}
    names = [field.name for field in fields(Record)]
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        if not set(names) <= set(reader.fieldnames or ()):
            raise VideoError(
                path,
                "this is not a manifest of this version (its columns differ)",
                "Give another output folder, or remove this file to extract everything again.",
            )
        return {
            row["output"]: Record(**{name: row[name] or "" for name in names}) for row in reader
        }


def write_manifest(path: Path, records: dict[str, Record]) -> None:
    temporary = part(path)
    with temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Record)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(records[output]) for output in sorted(records))
    os.replace(temporary, path)


def holds(record: Record, settings: Settings, folder: Path) -> bool:
    """Whether a row for the same video needs no work: same settings, and output or reason there."""
    there = bool(record.error) or (folder / record.output).is_file()
    return there and bool(record.sha256) and settings.row() == record.settings()


def part(path: Path) -> Path:
    """The name under which a file is written before it is complete."""
    return path.with_name(f".{path.name}.part")
