"""Which videos there are to extract, and where each one's arrays go."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vidlab.video.errors import VideoError, printable

# Files in folders are tried if their names end so; a file that is named itself is always tried.
VIDEO_SUFFIXES = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".m1v", ".m2ts"),
        *(".m2v", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"),
        *(".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv"),
    )
)


@dataclass(frozen=True)
class Job:
    """One video to extract."""

    source: Path
    output: str  # path of the .npz within OUT, with forward slashes


def find_videos(inputs: Iterable[str | os.PathLike[str]], output: Path) -> list[Job]:
    """The videos among ``inputs``, sorted by output.

    A folder gives all files in it and below whose suffix is in VIDEO_SUFFIXES, hidden ones and
    ``output`` itself left out; their outputs lie in the same sub-folders. A named file is always
    taken and its output lies at the top. ``.npz`` is added to the whole name, since a.mp4 and
    a.avi may lie side by side. VideoError if a folder has no video, or two would share an output.
    """
    jobs: dict[str, Job] = {}
    for given in inputs:
        root = Path(given)
        if root.is_dir():
            found = [(path, path.relative_to(root)) for path in _walk(root, output.resolve())]
            if not found:
                raise VideoError(
                    root,
                    "there is no video in this folder",
                    "Files in folders are known by their suffix; name a file itself to try it.",
                )
        else:
            found = [(root, Path(root.name))]
        for path, relative in found:
            job = Job(path, f"{relative.as_posix()}.npz")
            other = jobs.setdefault(job.output, job).source
            if os.path.abspath(other) != os.path.abspath(path):
                raise VideoError(
                    path,
                    f"its output {job.output} would also be that of {printable(other)}",
                    "Extract them into separate folders, or name the folder above both.",
                )
    return sorted(jobs.values(), key=lambda job: job.output)


def _walk(root: Path, output: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(
            n for n in names if not n.startswith(".") and (here / n).resolve() != output
        )
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield here / name
