"""Many videos at once: worker processes that can be interrupted and may crash."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from vidlab.extract.finding import Job
from vidlab.extract.manifest import Record, Settings, holds
from vidlab.extract.single import extract_one, sha256
from vidlab.video.errors import VideoError


@dataclass(frozen=True)
class Task:
    """What a worker process is given."""

    job: Job
    folder: Path
    settings: Settings
    known: Record | None  # the manifest's row, to be kept if the checksum is the same


@dataclass(frozen=True)
class Outcome:
    record: Record
    fresh: bool  # whether the video was tried now; False: the known row still holds


def do(task: Task) -> Outcome:
    """Extract one video; whatever goes wrong becomes a row with an error."""
    job, settings = task.job, task.settings
    record = Record(job.source.as_posix(), job.output, **settings.row())
    try:
        checksum = sha256(job.source)
        stat = job.source.stat()
        record = replace(
            record,
            sha256=checksum,
            source_bytes=str(stat.st_size),
            source_mtime_ns=str(stat.st_mtime_ns),
        )
        known = task.known
        if known and known.sha256 == checksum and holds(known, settings, task.folder):
            touched = replace(known, source=record.source, source_mtime_ns=record.source_mtime_ns)
            return Outcome(touched, fresh=False)
        row = extract_one(
            job.source,
            task.folder / job.output,
            settings.size,
            settings.num_frames,
            settings.sampling,
            name=job.output.removesuffix(".npz"),
            checksum=checksum,
        )
        return Outcome(replace(row, output=job.output), fresh=True)
    except VideoError as error:
        reason = f"{error.problem}. {error.advice}"
        if error.path != os.fspath(job.source):  # the disk is full, say: no fault of the video
            record = replace(record, sha256="")
    except Exception as error:  # one strange file must not end the run of all others
        reason = f"unexpected {type(error).__name__}: {error}"
        record = replace(record, sha256="")
    with suppress(OSError):
        (task.folder / job.output).unlink(missing_ok=True)  # of an earlier, readable version
    return Outcome(replace(record, error=reason), fresh=True)


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def run_tasks(tasks: list[Task], workers: int) -> Iterator[Outcome]:
    """Do all tasks, in whatever order they end; survives videos that crash the decoder."""
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(do, tasks)
        return
    waiting = deque(tasks)
    while waiting:
        running: dict[Future[Outcome], Task] = {}
        with suppress(BrokenProcessPool), _pool(workers) as pool:
            while waiting or running:
                while waiting and len(running) < 2 * workers:
                    task = waiting.popleft()
                    running[_submit(pool, do, task)] = task
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    del running[future]
                    yield outcome
        for task in running.values():  # one of them ended its process: each on its own
            yield _do_alone(task)


def _do_alone(task: Task) -> Outcome:
    """Do a task in a process of its own, which may crash."""
    with suppress(BrokenProcessPool), _pool(1) as pool:
        _submit(pool, _nothing, None).result()
        try:
            return _submit(pool, do, task).result()
        except BrokenProcessPool:
            reason = "the decoder crashed on it. Copy or download it again, or convert it."
            row = Record(
                task.job.source.as_posix(), task.job.output, error=reason, **task.settings.row()
            )
            return Outcome(row, fresh=True)
    raise RuntimeError(
        "worker processes cannot start; call extract under `if __name__ == '__main__':`, "
        "or with jobs=1"
    )


def _nothing(_: None) -> None:
    """Shows that a process starts."""


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes; if anything is raised, they are ended at once, whatever they do."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_leave_interrupts)
    try:
        yield pool
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, function: Callable[..., Any], task: Any) -> Future[Any]:
    """Submit a task; a Ctrl-C goes to this process alone, not to workers that start now."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return pool.submit(function, task)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interrupts() -> None:
    """In a worker: leave Ctrl-C to the parent, which ends the workers in good order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
