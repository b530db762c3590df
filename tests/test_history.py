"""Records, histories, and when a training stops."""

import dataclasses
import math

import pytest

from vidlab.history import Clock, History, Recorder, StepRecord, TrainingError, check_loss


def record(step: int, val_loss: float | None = None, val_accuracy: float | None = None):
    return StepRecord(step, 1, 1 / step, 0.1, 0.5 * step, val_loss, val_accuracy)


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        record(1).loss = 0


def test_a_history_gives_its_columns():
    history = History(
        [record(1), record(2, 0.7, 0.5), record(3), record(4, 0.6, 0.75)], best_step=4
    )
    assert history.loss == [1, 1 / 2, 1 / 3, 1 / 4]
    assert history.learning_rate == [0.1] * 4
    assert history.val_steps == [2, 4]
    assert history.val_loss == [0.7, 0.6]
    assert history.val_accuracy == [0.5, 0.75]
    assert history.seconds == 2.0


def test_the_repr_says_the_most_important():
    history = History([record(1), record(2, 0.7, 0.5)], best_step=2)
    assert repr(history) == "2 steps in 1.0 s, loss 0.5, best val accuracy 0.50 at step 2"
    assert repr(History([record(1)], "interrupted")) == "1 step in 0.5 s, loss 1 (interrupted)"
    assert "best val loss 0.7 at step 2" in repr(History([record(2, 0.7)], best_step=2))
    assert repr(History()) == "no steps, finished"


def test_patience_counts_evaluations_without_improvement():
    saved = []
    recorder = Recorder((), 2, lambda: saved.append(1))
    losses = [0.9, None, 0.8, 0.85, None, 0.8]
    answers = [recorder.add(record(i + 1, loss)) for i, loss in enumerate(losses)]
    assert answers == [False] * 5 + [True]
    assert recorder.history.stopped == "early"
    assert recorder.history.best_step == 3
    assert len(saved) == 2


def test_only_true_from_a_callback_stops():
    seen = []
    recorder = Recorder((lambda r: "yes", lambda r: r.step == 2, seen.append), None, None)
    assert not recorder.add(record(1))
    assert recorder.add(record(2))
    assert recorder.history.stopped == "callback"
    assert [r.step for r in seen] == [1, 2]


def test_a_loss_that_is_no_number_names_step_and_rate():
    check_loss(3.0, 1, 0.1)
    for bad in (math.nan, math.inf):
        with pytest.raises(TrainingError, match=r"at step 7.*learning rate 0\.1.*0\.01"):
            check_loss(bad, 7, 0.1)


def test_a_clock_leaves_pauses_out(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    clock = Clock()
    for working, pause in ((2, 10), (3, 10)):
        clock.start()
        now[0] += working
        clock.stop()
        now[0] += pause
    assert clock.seconds == 5
