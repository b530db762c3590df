"""The one thread that trains, and one training at a time.

A click only puts a job into a queue. The worker takes jobs between two steps, so that a model is
never touched by two threads, and Keras, which keeps state for each thread, is used in one alone.
"""

import atexit
import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlab.playground.session import Session

CLOSE_SECONDS = 10.0  # how long the end of the process waits for a step


class Worker:
    """The thread that does everything that touches a model."""

    def __init__(self) -> None:
        self.active: Session | None = None
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="vidlab-playground", daemon=True)
        self._thread.start()
        # A thread that is cut off inside TensorFlow takes the process down with an abort.
        atexit.register(self.close)
        # Every run has a new model and so a new graph, which TensorFlow takes for a mistake.
        logging.getLogger("tensorflow").addFilter(
            lambda record: "triggered tf.function retracing" not in str(record.msg)
        )

    def close(self) -> None:
        """End the thread after the present step."""
        self._jobs.put(None)
        self._thread.join(CLOSE_SECONDS)

    def submit(self, job: Callable[[], object]) -> None:
        """Have a job done, between two steps."""
        self._jobs.put(job)

    def call(self, job: Callable[[], object]) -> None:
        """Have a job done and wait for it."""
        if threading.current_thread() is self._thread:
            job()
            return
        done = threading.Event()

        def job_and_tell() -> None:
            job()
            done.set()

        self.submit(job_and_tell)
        done.wait()

    def _work(self) -> None:
        while True:
            training = self.active is not None and self.active.state == "training"
            try:
                job = self._jobs.get(block=not training)
            except queue.Empty:
                assert self.active is not None
                job = self.active.advance
            if job is None:
                return
            job()


_worker: Worker | None = None
_lock = threading.Lock()


def worker() -> Worker:
    """The kernel's one worker, made when it is first needed."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = Worker()
        return _worker


def end_active(reason: str) -> None:
    """Stop whatever a panel of this kernel is training, and wait until it has stopped."""

    def job() -> None:
        active = worker().active
        if active is not None:
            active.end("stopped", reason)

    if _worker is not None:
        _worker.call(job)
