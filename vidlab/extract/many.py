"""All videos of folders into a folder of arrays, doing only what is missing or changed."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from vidlab.extract.finding import Job, find_videos
from vidlab.extract.manifest import (
    MANIFEST,
    Record,
    Settings,
    holds,
    part,
    read_manifest,
    write_manifest,
)
from vidlab.extract.workers import Task, cores, run_tasks
from vidlab.video.errors import VideoError
from vidlab.video.picture import check_size
from vidlab.video.sampling import check_request

SAVE_EVERY = 2.0  # seconds between writings of the manifest while the work goes on


@dataclass(frozen=True)
class Report:
    """What a run of ``extract`` came to; prints as one line."""

    folder: Path  # OUT
    records: tuple[Record, ...]  # of all videos given, those done in earlier runs included
    extracted: int  # in this run
    newly_failed: int  # in this run

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """(source, reason) of all videos given that cannot be extracted."""
        return tuple((r.source, r.error) for r in self.records if r.error)

    @property
    def up_to_date(self) -> int:
        """Videos that were extracted in an earlier run and have not changed."""
        return len(self.records) - len(self.failures) - self.extracted

    def __str__(self) -> str:
        old_failures = len(self.failures) - self.newly_failed
        old = f"{self.up_to_date} up to date" + (
            f", {old_failures} failed before and have not changed (--force tries them again)"
            if old_failures
            else ""
        )
        if not self.extracted and not self.newly_failed:
            return f"Nothing to do: {old}."
        return f"{self.extracted} extracted, {self.newly_failed} failed; {old}."


def extract(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    size: int | tuple[int, int] = 64,
    num_frames: int = 16,
    sampling: str = "uniform",
    jobs: int | None = None,
    force: bool = False,
    progress: bool = True,
) -> Report:
    """Extract the frames of all videos in ``inputs`` (files and folders) into ``output``.

    ``size``, ``num_frames``, ``sampling``: as for ``read_frames``. ``jobs``: processes at once
    (None: one per core; 1: none but this one). ``force``: extract again what is up to date, and
    try again what failed. ``progress``: a bar on stderr.

    A video is up to date if its row in the manifest has the same settings and its file the same
    checksum (taken anew only if its size or time of change differ), and its ``.npz`` exists or
    the row says why the video cannot be read. A failure does not stop the rest.

    Raises VideoError for settings that make no sense, for a folder without videos and if
    ``output`` cannot be a folder. KeyboardInterrupt passes through, after the manifest was saved
    and unfinished files were removed. More than one process needs what multiprocessing always
    needs: a script must call this under ``if __name__ == "__main__":``.
    """
    folder = Path(output)
    check_size(os.fspath(folder), size)
    check_request(folder, num_frames, sampling=sampling)
    if size is None or num_frames is None or (jobs is not None and jobs < 1):
        raise VideoError(
            folder,
            f"size={size}, num_frames={num_frames} or jobs={jobs} makes no sense here",
            "Give whole numbers from 1 up.",
        )
    settings = Settings(size, num_frames, sampling)
    given = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    found = find_videos(given, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(
            folder, f"this cannot be the output folder ({error.strerror})", "Name another."
        ) from error

    manifest = folder / MANIFEST
    records = read_manifest(manifest)
    tasks = []
    for job in found:
        record = records.get(job.output)
        if not force and record is not None and _untouched(job, record, settings, folder):
            records[job.output] = replace(record, source=job.source.as_posix())
        else:
            tasks.append(Task(job, folder, settings, None if force else record))
    fresh: list[Record] = []
    saved = time.monotonic()
    _remove_parts(folder, found)  # of a run that was killed
    try:
        with tqdm(total=len(tasks), unit="video", disable=not progress or not tasks) as bar:
            for outcome in run_tasks(tasks, jobs or cores()):
                records[outcome.record.output] = outcome.record
                if outcome.fresh:
                    fresh.append(outcome.record)
                bar.update()
                if time.monotonic() - saved > SAVE_EVERY:
                    write_manifest(manifest, records)
                    saved = time.monotonic()
    finally:
        write_manifest(manifest, records)
        _remove_parts(folder, found)
    return Report(
        folder,
        records=tuple(records[job.output] for job in found),
        extracted=sum(not record.error for record in fresh),
        newly_failed=sum(bool(record.error) for record in fresh),
    )


def _untouched(job: Job, record: Record, settings: Settings, folder: Path) -> bool:
    """Whether the manifest's row still holds, as far as can be told without reading the video."""
    try:
        stat = job.source.stat()
    except OSError:
        return False
    same_file = record.source_bytes, record.source_mtime_ns
    return same_file == (str(stat.st_size), str(stat.st_mtime_ns)) and holds(
        record, settings, folder
    )


def _remove_parts(folder: Path, jobs: Iterable[Job]) -> None:
    for job in jobs:
        part(folder / job.output).unlink(missing_ok=True)
