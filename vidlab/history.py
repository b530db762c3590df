"""What training leaves behind: one record per step, and the history of a whole run.

Both rooms, ``vidlab.torch`` and ``vidlab.keras``, give these. No framework is imported here.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Literal

Stopped = Literal["finished", "early", "callback", "interrupted"]


class TrainingError(RuntimeError):
    """Training cannot go on: the loss is no finite number."""


@dataclass(frozen=True)
class StepRecord:
    """What one training step gave.

    Attributes:
        step: the number of the step, from 1.
        epoch: the number of the epoch that the step is in, from 1.
        loss: the loss of this step's batch, before its update.
        learning_rate: the rate that this step used.
        seconds: time since training began, evaluations included, pauses between steps not.
        val_loss: loss on the whole validation set, at the steps where it was measured.
        val_accuracy: the share of right answers there; None for a regression.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    val_loss: float | None = None
    val_accuracy: float | None = None


@dataclass(repr=False)
class History:
    """The records of one ``fit``.

    Attributes:
        records: one per step that was taken.
        stopped: "finished"; "early" (no improvement for ``patience`` evaluations); "callback"
            (a callback returned True); or "interrupted" (Ctrl+C, or Jupyter's stop button).
        best_step: the step with the lowest validation loss; None without validation.
    """

    records: list[StepRecord] = field(default_factory=list)
    stopped: Stopped = "finished"
    best_step: int | None = None

    @property
    def loss(self) -> list[float]:
        """The loss of each step."""
        return [record.loss for record in self.records]

    @property
    def learning_rate(self) -> list[float]:
        """The learning rate of each step."""
        return [record.learning_rate for record in self.records]

    @property
    def val_steps(self) -> list[int]:
        """The steps after which the validation set was measured."""
        return [record.step for record in self.records if record.val_loss is not None]

    @property
    def val_loss(self) -> list[float]:
        """The validation loss at each of ``val_steps``."""
        return [record.val_loss for record in self.records if record.val_loss is not None]

    @property
    def val_accuracy(self) -> list[float]:
        """The validation accuracy at each of ``val_steps``; empty for a regression."""
        return [record.val_accuracy for record in self.records if record.val_accuracy is not None]

    @property
    def seconds(self) -> float:
        """The time that training took."""
        return self.records[-1].seconds if self.records else 0.0

    def __repr__(self) -> str:
        if not self.records:
            return f"no steps, {self.stopped}"
        count = len(self.records)
        text = f"{count} step{'s' if count > 1 else ''} in {self.seconds:.1f} s"
        text += f", loss {self.loss[-1]:.3g}"
        measured = {r.step: r for r in self.records if r.val_loss is not None}
        if self.best_step in measured:
            best = measured[self.best_step]
            value = f"loss {best.val_loss:.3g}"
            if best.val_accuracy is not None:
                value = f"accuracy {best.val_accuracy:.2f}"
            text += f", best val {value} at step {self.best_step}"
        return text if self.stopped == "finished" else f"{text} ({self.stopped})"


class Steps(Iterator[StepRecord]):
    """What ``train_steps`` returns: an iterator over the records of the steps.

    Args:
        records: yields a record after each step.
        num_steps: how many there will be; also an attribute.
        compile: gets the first step ready, without changing anything.
        close: called once at the end, also where no step was taken.
    """

    def __init__(
        self,
        records: Generator[StepRecord],
        num_steps: int,
        compile: Callable[[], object] = lambda: None,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.num_steps = num_steps
        self._records, self._compile, self._close = records, compile, close

    def compile(self) -> None:
        """Compile the step's graph now, not at the first step, where the framework has graphs.

        Keras needs seconds for that, PyTorch nothing. Weights, statistics and random numbers are
        afterwards what they were.
        """
        self._compile()

    def close(self) -> None:
        """End the training."""
        self._records.close()
        self._close()

    def __next__(self) -> StepRecord:
        return next(self._records)


class Recorder:
    """Collects the records of a ``fit`` and says when it should stop.

    ``add`` takes each record and returns True to stop. It calls ``save_weights`` where the
    validation loss is the lowest so far.
    """

    def __init__(
        self,
        callbacks: tuple[Callable[[StepRecord], object], ...],
        patience: int | None,
        save_weights: Callable[[], object] | None,
    ) -> None:
        self.history = History()
        self._callbacks = callbacks
        self._patience = patience
        self._save_weights = save_weights
        self._lowest = math.inf
        self._worse = 0  # evaluations since the lowest

    def add(self, record: StepRecord) -> bool:
        self.history.records.append(record)
        if record.val_loss is not None:
            if record.val_loss < self._lowest:
                self._lowest, self._worse = record.val_loss, 0
                self.history.best_step = record.step
                if self._save_weights:
                    self._save_weights()
            else:
                self._worse += 1
        # Every callback hears of every step, also of the last one.
        answers = [callback(record) for callback in self._callbacks]
        if any(answer is True for answer in answers):
            self.history.stopped = "callback"
        elif self._patience is not None and self._worse >= self._patience:
            self.history.stopped = "early"
        return self.history.stopped != "finished"


class Clock:
    """Counts the seconds between ``start`` and ``stop``, over several such times."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def start(self) -> None:
        self._since = time.perf_counter()

    def stop(self) -> float:
        """Stop, and return the seconds so far."""
        self.seconds += time.perf_counter() - self._since
        return self.seconds


def check_loss(loss: float, step: int, learning_rate: float) -> None:
    """Raise TrainingError where a step's loss is no finite number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss} at step {step}, with the learning rate {learning_rate:.3g}. "
            f"Try a smaller learning rate (such as {learning_rate / 10:.1g}), keep clip_norm at "
            "1.0, and look for logarithms of 0 or divisions by 0 in a loss of your own."
        )
