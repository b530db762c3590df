"""Recipes, knobs, sessions and panels, on recipes without a framework."""

import math
import threading
import time
from typing import Literal

import numpy as np
import pytest

from vidlab.history import StepRecord
from vidlab.playground import (
    Choice,
    Confusion,
    OverTime,
    PredictFirst,
    Preset,
    Range,
    Ready,
    Record,
    Run,
    Samples,
    playground,
)
from vidlab.playground.curves import MAX_POINTS, Line, Series
from vidlab.playground.knobs import knobs_of
from vidlab.playground.panel import Panel
from vidlab.playground.poster import draw_poster
from vidlab.playground.session import Session

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 4, 16, 16, 3), np.uint8)
NAMES = ("left", "right")


def falling(
    framework: Choice("torch", "keras") = "torch",
    rate: Range(1e-3, 1.0, log=True, live=True) = 0.1,
    num_steps: Range(1, 500) = 20,
    seed: Range(0, 9) = 0,
    wait: float = 0.0,
):
    """Gradient descent on x ** 2, from a random start."""
    x = np.random.default_rng(seed).normal() + 2
    yield Ready(
        num_steps=num_steps,
        num_parameters=1,
        samples=Samples(FRAMES, np.array([0, 1, 0]), NAMES),
        predict=lambda frames: np.full((len(frames), 2), 0.5),
        inspect=lambda clip: {"brightness": OverTime(clip.mean(axis=(1, 2, 3)))},
        views={"confusion": lambda: Confusion.of([0, 1], [0, 0], NAMES)},
        draw=lambda path: FRAMES[0],
    )
    for step in range(1, num_steps + 1):
        loss = x**2
        x -= rate() * 2 * x
        time.sleep(wait)
        yield Record(step, {"loss": loss}, {"accuracy": 0.5} if step % 5 == 0 else {})


recipe = playground(
    title="Falling",
    presets=[Preset("too fast", "The loss grows.", {"rate": 1.0})],
    predict_first=PredictFirst("Which loss?", ("low", "high"), lambda run: "low"),
)(falling)


def wait_for(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def session():
    made = Session(recipe)
    yield made
    made.stop()
    wait_for(lambda: made.state not in ("training", "paused", "building"))


SLOW = recipe.settings({"num_steps": 500, "wait": 0.01})


# -- knobs ---------------------------------------------------------------------------------------


def test_knobs_come_from_the_signature() -> None:
    knobs = recipe.knobs
    assert list(knobs) == ["framework", "rate", "num_steps", "seed", "wait"]
    assert knobs["rate"].live
    assert not knobs["seed"].live
    assert knobs["num_steps"].whole
    assert not knobs["rate"].whole


def test_plain_types_and_literals_are_knobs() -> None:
    def plain(
        on: bool = True, name: Literal["a", "b"] = "b", text: str = "x", n=3, framework="keras"
    ):
        yield

    knobs = knobs_of(plain)
    assert isinstance(knobs["name"].kind, Choice)
    assert isinstance(knobs["framework"].kind, Choice)
    assert knobs["on"].kind is bool
    assert knobs["n"].whole


def no_default(rate):
    yield


def no_control(data=()):
    yield


def catch_all(**knobs):
    yield


def no_yield(rate=0.1):
    return rate


def outside(rate: Range(1, 2) = 5):
    yield


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (no_default, TypeError, "rate: this knob has no default"),
        (no_control, TypeError, "no control for the default"),
        (catch_all, TypeError, "cannot have"),
        (no_yield, TypeError, "no generator function"),
        (outside, ValueError, "outside 1 to 2"),
    ],
)
def test_a_wrong_recipe_fails_at_decoration(function, error, words: str) -> None:
    with pytest.raises(error, match=words):
        playground()(function)


def test_a_wrong_preset_fails_at_decoration() -> None:
    with pytest.raises(TypeError, match="no knob 'ratte'"):
        playground(presets=[Preset("typo", "", {"ratte": 1})])(falling)
    with pytest.raises(ValueError, match="expected one of"):
        playground(presets=[Preset("typo", "", {"framework": "jax"})])(falling)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"rate": "fast"}, "rate: expected a number"),
        ({"rate": math.nan}, "rate: expected a finite number"),
        ({"num_steps": 2.5}, "num_steps: expected a whole number"),
        ({"framework": "jax"}, "framework: expected one of"),
    ],
)
def test_a_wrong_value_is_refused(knobs, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        recipe.run(**knobs)


def test_ranges_and_choices_check_themselves() -> None:
    for wrong in (lambda: Range(2, 1), lambda: Range(0, 1, log=True), lambda: Choice("one")):
        with pytest.raises(ValueError, match=r"Range|Choice"):
            wrong()


# -- run, code, share ----------------------------------------------------------------------------


def test_run_is_plain_and_repeatable() -> None:
    first, second = recipe.run(seed=3), recipe.run(seed=3)
    assert first.num_steps == 20
    assert first.loss == second.loss
    assert first.loss != recipe.run(seed=4).loss
    assert first.curve("accuracy", metric=True)[0] == [5, 10, 15, 20]
    assert repr(first).startswith("20 steps, loss ")
    assert recipe.run(max_steps=7).num_steps == 7


def test_a_plain_call_is_the_plain_generator() -> None:
    ready, *records = recipe(num_steps=2)
    assert isinstance(ready, Ready)
    assert [record.step for record in records] == [1, 2]


def test_a_live_knob_can_be_scheduled_in_run() -> None:
    plain = recipe.run(num_steps=6)
    turned = recipe.run(num_steps=6, rate={1: 0.1, 4: 0.5})
    assert plain.loss[:4] == turned.loss[:4]
    assert plain.loss[4] != turned.loss[4]
    assert turned.changes == {"rate": {4: 0.5}}
    with pytest.raises(ValueError, match="at step 1"):
        recipe.run(rate={4: 0.5})


def test_the_shown_code_repeats_the_run() -> None:
    run = recipe.run(num_steps=8, seed=2, rate={1: 0.2, 5: 0.01})
    namespace = {"falling": recipe}
    exec(recipe.code(run), namespace)
    assert namespace["run"].loss == run.loss


def test_a_share_string_restores_the_knobs() -> None:
    settings = recipe.settings({"rate": 0.5, "framework": "keras", "num_steps": 33})
    text = recipe.share(settings)
    assert recipe.restore(f"  {text[:20]}\n{text[20:]} ") == settings
    other = playground()(no_share)
    for wrong, words in (
        ("hello", "no share string"),
        (text[:-6], "damaged"),
        (other.share({"rate": 0.2}), "belongs to 'no_share'"),
    ):
        with pytest.raises(ValueError, match=words):
            recipe.restore(wrong)


def no_share(rate: float = 0.1):
    yield Record(1, {"loss": rate})


# -- recipes that go wrong -----------------------------------------------------------------------


def raises(rate: float = 0.1):
    yield Record(1, {"loss": 1.0})
    raise ZeroDivisionError("on purpose")


def gives_nan(rate: float = 0.1):
    yield Record(1, {"loss": math.nan})


def never_yields(rate: float = 0.1):
    yield from ()


def only_ready(rate: float = 0.1):
    yield Ready()


def wrong_type(rate: float = 0.1):
    yield 0.5


def yields_none(rate: float = 0.1):
    yield


def wrong_loss(rate: float = 0.1):
    yield Record(1, {"loss": "low"})


def step_back(rate: float = 0.1):
    yield Record(2, {"loss": 1.0})
    yield Record(1, {"loss": 1.0})


WRONG = [
    (raises, ZeroDivisionError, "on purpose"),
    (gives_nan, ValueError, "is nan at step 1"),
    (never_yields, RuntimeError, "ended without a step"),
    (only_ready, RuntimeError, "ended without a step"),
    (wrong_type, TypeError, "it yielded float 0.5"),
    (yields_none, TypeError, "it yielded NoneType"),
    (wrong_loss, TypeError, "must be a number"),
    (step_back, ValueError, "steps must grow"),
]


@pytest.mark.parametrize(("function", "error", "words"), WRONG)
def test_a_recipe_that_goes_wrong_says_so_in_run(function, error, words: str) -> None:
    with pytest.raises(error, match=words):
        playground()(function).run()


@pytest.mark.parametrize(("function", "error", "words"), WRONG)
def test_a_recipe_that_goes_wrong_says_so_in_the_session(function, error, words: str) -> None:
    made = Session(playground()(function))
    made.train({"rate": 0.1})
    wait_for(lambda: made.state == "failed")
    assert words in made.reason
    assert made.reason.startswith(error.__name__)
    assert "Traceback" in made.trace


def test_step_records_are_understood() -> None:
    def steps(rate: float = 0.1):
        yield StepRecord(1, 1, 2.0, 0.1, 0.5)
        yield StepRecord(2, 1, 1.0, 0.1, 0.6, val_loss=1.5, val_accuracy=0.25)

    run = playground()(steps).run()
    assert run.last() == {"loss": 1.0, "val loss": 1.5, "val accuracy": 0.25}


# -- sessions ------------------------------------------------------------------------------------


def test_a_session_gives_the_losses_of_run(session: Session) -> None:
    session.train(recipe.settings({"seed": 5}))
    wait_for(lambda: session.state == "finished")
    assert session.run.loss == recipe.run(seed=5).loss


def test_pause_step_continue_stop(session: Session) -> None:
    session.train(SLOW)
    wait_for(lambda: session.run is not None and session.run.num_steps >= 3)
    session.pause()
    wait_for(lambda: session.state == "paused")
    steps = session.run.num_steps
    time.sleep(0.05)
    assert session.run.num_steps == steps
    for more in (1, 2):
        session.step(SLOW)
        wait_for(lambda more=more: session.run.num_steps == steps + more)
        time.sleep(0.03)
        assert session.run.num_steps == steps + more
        assert session.state == "paused"
    session.train(SLOW)
    wait_for(lambda: session.run.num_steps > steps + 4)
    start = time.perf_counter()
    session.stop()
    wait_for(lambda: session.state == "stopped")
    assert time.perf_counter() - start < 0.5


def test_step_from_the_start_takes_one_step(session: Session) -> None:
    session.step(SLOW)
    wait_for(lambda: session.state == "paused")
    assert session.run.num_steps == 1


def test_reset_builds_and_train_uses_what_was_built(session: Session) -> None:
    session.reset(SLOW)
    wait_for(lambda: session.state == "ready")
    built = session.run
    assert built.ready.num_parameters == 1
    assert built.num_steps == 0
    assert len(session.snapshots) == 1
    session.train(SLOW)
    wait_for(lambda: session.run.num_steps > 2)
    assert session.run is built


def test_turning_a_live_knob_is_written_down_and_can_be_repeated(session: Session) -> None:
    session.train(SLOW)
    wait_for(lambda: session.run is not None and session.run.num_steps >= 3)
    session.turn("rate", 0.3)
    wait_for(lambda: "rate" in session.run.changes)
    wait_for(lambda: session.run.num_steps >= 10)
    session.stop()
    wait_for(lambda: session.state == "stopped")
    namespace = {"falling": recipe}
    exec(recipe.code(session.run), namespace)
    assert namespace["run"].loss == session.run.loss


def test_one_training_at_a_time(session: Session) -> None:
    second = Session(recipe)
    session.train(SLOW)
    wait_for(lambda: session.state == "training")
    second.train(SLOW)
    wait_for(lambda: second.state == "training")
    assert session.state == "stopped"
    assert "Falling began to train" in session.reason
    recipe.run(num_steps=2)
    assert second.state == "stopped"
    assert "falling.run began" in second.reason


def test_everything_that_touches_the_model_runs_in_one_thread() -> None:
    threads = set()

    def note() -> str:
        threads.add(threading.current_thread().name)
        return threading.current_thread().name

    def noting(rate: float = 0.1):
        note()
        yield Ready(
            samples=Samples(FRAMES, None, NAMES),
            predict=lambda frames: (note(), np.full((len(frames), 2), 0.5))[1],
        )
        for step in range(1, 50):
            note()
            time.sleep(0.005)
            yield Record(step, {"loss": 1.0})

    made = Session(playground()(noting))
    made.train({"rate": 0.1})
    wait_for(lambda: made.run is not None and made.run.num_steps > 3)
    found = []
    made.look_inside(lambda ready: FRAMES[0], found.append)
    wait_for(lambda: found)
    made.stop()
    wait_for(lambda: made.state == "stopped")
    assert threads == {"vidlab-playground"}


def test_snapshots_are_kept_but_not_without_end() -> None:
    def generating(rate: float = 0.1):
        for step in range(1, 301):
            yield Record(step, {"loss": 1.0}, samples=Samples(FRAMES))

    made = Session(playground()(generating))
    made.train({"rate": 0.1})
    wait_for(lambda: made.state == "finished")
    assert 20 <= len(made.snapshots) <= 41
    assert made.snapshots[-1].step >= 299
    assert all(record.samples is None for record in made.run.records)


def test_the_estimate_of_the_time_left_is_about_right(session: Session) -> None:
    session.train(recipe.settings({"num_steps": 100, "wait": 0.01}))
    wait_for(lambda: session.run is not None and session.run.num_steps >= 20)
    left, start = session.seconds_left, time.perf_counter()
    wait_for(lambda: session.state == "finished")
    took = time.perf_counter() - start
    assert left == pytest.approx(took, rel=0.5)


def test_long_curves_are_thinned() -> None:
    run = Run("long", {}, records=[Record(s, {"loss": float(s)}) for s in range(1, 3 * MAX_POINTS)])
    line = Line(1, run)
    fresh, _ = line.take()
    assert sum(map(len, fresh.values())) == 3 * MAX_POINTS - 1
    run.records.append(Record(3 * MAX_POINTS, {"loss": 0.0}))
    line.take()
    (points,) = line.points.values()
    assert len(points) <= MAX_POINTS
    assert points[-1] == (3 * MAX_POINTS, 0.0)
    assert line.at(10)["loss"] <= 10


# -- panels ----------------------------------------------------------------------------------------


@pytest.fixture
def panel():
    made = Panel(recipe)
    yield made
    made.session.stop()
    wait_for(lambda: made.session.state not in ("training", "paused", "building"))


def wait_shown(panel: Panel, state: str) -> None:
    wait_for(lambda: f'data-state="{state}"' in panel.status.value)


def test_the_panel_has_a_control_for_each_knob(panel: Panel) -> None:
    assert panel.settings() == recipe.settings({})
    panel.controls["rate"].value = 0.5
    assert panel.settings()["rate"] == pytest.approx(0.5)
    assert repr(panel) == "Playground panel of falling. Run the cell for the live panel."


def test_the_panel_gives_the_losses_of_run(panel: Panel) -> None:
    panel.set({"seed": 7, "num_steps": 30})
    panel.buttons["train"].click()
    wait_shown(panel, "finished")
    run = recipe.run(seed=7, num_steps=30)
    assert panel.session.run.loss == run.loss
    (line,) = panel.curves.lines
    assert [value for _, value in line.points[Series("loss", "loss", False)]] == run.loss


def test_a_preset_turns_the_knobs_and_says_what_to_watch(panel: Panel) -> None:
    panel.controls["seed"].value = 4
    panel.preset.value = recipe.presets[0]
    assert panel.settings() == recipe.settings({"rate": 1.0})
    assert "The loss grows." in panel.watch.value


def test_predict_first_locks_train_until_there_is_an_answer(panel: Panel) -> None:
    panel.ask_first.value = True
    assert panel.buttons["train"].disabled
    panel.guess.value = "high"
    assert not panel.buttons["train"].disabled
    panel.buttons["train"].click()
    wait_for(lambda: "It was: <b>low</b>" in panel.verdict.value)
    assert "You said: <b>high</b>" in panel.verdict.value


def test_looking_back_shows_the_numbers_and_opinions_of_that_step(panel: Panel) -> None:
    panel.buttons["train"].click()
    wait_shown(panel, "finished")
    wait_for(lambda: panel.lookback.max == 20)
    panel.lookback.value = 7
    assert panel.curves.cursor == 7
    loss = panel.session.run.loss[6]
    assert panel.moment.value == f"step 7: loss {loss:.3g}, val accuracy 0.5"
    panel.curves.cursor = -1
    assert panel.lookback.value == 20


def test_what_waits_for_the_next_run_is_said(panel: Panel) -> None:
    panel.set(SLOW)
    panel.buttons["train"].click()
    wait_shown(panel, "training")
    panel.controls["seed"].value = 3
    assert panel.pending.value == "from the next run on: seed"
    panel.controls["rate"].value = 0.2
    wait_for(lambda: panel.session.run.changes)
    assert panel.pending.value == "from the next run on: seed"


def test_runs_are_compared(panel: Panel) -> None:
    for seed in (1, 2):
        panel.controls["seed"].value = seed
        panel.buttons["train"].click()
        wait_for(lambda seed=seed: len(panel.curves.lines) == seed)
        wait_shown(panel, "finished")
        wait_for(lambda seed=seed: len(panel.compared[0].options) == seed + 1)
    panel.compared[0].value, panel.compared[1].value = 1, 2
    assert "<th>seed</th><td>1</td><td>2</td>" in panel.difference.value
    assert [run["chosen"] for run in panel.curves.runs] == [True, True]


def test_looking_inside_a_clip_as_it_is_and_changed(panel: Panel) -> None:
    panel.buttons["reset"].click()
    wait_shown(panel, "ready")
    panel.tabs.selected_index = 1
    wait_for(lambda: panel.inside.tracks)
    first = panel.inside.tracks[0]["values"]
    panel.changes.value = "reversed"
    wait_for(lambda: panel.inside.tracks[0]["values"] != first)
    assert panel.inside.tracks[0]["values"][0] == first[0][::-1]
    wait_for(lambda: "50% right" in panel.views.value)


def test_a_drawn_path_is_filmed_and_judged(panel: Panel) -> None:
    panel.paper.path = [[0.1, 0.1], [0.9, 0.1]]
    assert "Build the model" in panel.paper_bars.value
    panel.buttons["reset"].click()
    wait_shown(panel, "ready")
    panel.paper.path = [[0.1, 0.1], [0.9, 0.2]]
    wait_for(lambda: "the model says" in panel.paper_bars.value)
    assert panel.paper.num_clips == 1


def test_clips_of_ready_are_shown_before_the_first_step() -> None:
    def generates(rate: float = 0.1):
        yield Ready(num_steps=1, samples=Samples(FRAMES))
        yield Record(1, {"loss": 1.0})

    made = Panel(playground()(generates))
    made.buttons["reset"].click()
    wait_shown(made, "ready")
    wait_for(lambda: made.clips.num_clips == len(FRAMES))


def test_a_failure_stands_in_the_panel() -> None:
    made = Panel(playground()(raises))
    made.buttons["train"].click()
    wait_shown(made, "failed")
    wait_for(lambda: "on purpose" in made.error.value)
    assert "Traceback" in made.error.value
    assert not made.buttons["train"].disabled


def test_a_recipe_that_does_not_yield_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleeps(rate: float = 0.1):
        time.sleep(1.0)
        yield Record(1, {"loss": 1.0})

    monkeypatch.setattr("vidlab.playground.screen.SLOW", 0.2)
    monkeypatch.setattr("vidlab.playground.panel.CALM", 0.1)
    made = Panel(playground()(sleeps))
    made.buttons["train"].click()
    wait_for(lambda: "has not yielded yet" in made.status.value)
    wait_shown(made, "finished")


def test_fifty_runs_leave_no_records_behind(panel: Panel) -> None:
    panel.set({"num_steps": 60})
    for number in range(1, 51):
        panel.buttons["train"].click()
        wait_for(lambda number=number: len(panel.curves.lines) == number)
        wait_shown(panel, "finished")
    *earlier, last = panel.curves.lines
    assert len(earlier) == 49
    assert all(line.run.records == [] and line.run.ready is None for line in earlier)
    assert last.run.num_steps == 60
    assert panel.runs.value.count("<tr>") == 51


def test_a_share_string_is_restored_in_the_panel(panel: Panel) -> None:
    panel.set({"num_steps": 33, "rate": 0.25})
    text = panel.share.value
    panel.set(recipe.settings({}))
    panel.share.value = text
    panel.restore.click()
    assert panel.settings()["num_steps"] == 33
    panel.share.value = "nonsense"
    panel.restore.click()
    assert "no share string" in panel.share_note.value


def test_the_poster_is_a_picture_of_the_knobs_and_curves() -> None:
    plain, with_runs = draw_poster(recipe, {}), draw_poster(recipe, {"short": recipe.run()})
    for png in (plain, with_runs):
        assert png.startswith(b"\x89PNG")
        assert len(png) < 60_000
    assert plain != with_runs


def test_a_whole_number_on_a_logarithmic_slider() -> None:
    """The slider's values are powers; the recipe gets whole numbers, also at the slider's end."""

    @playground()
    def counts(num_labels: Range(50, 1200, log=True) = 1200, width: Range(1, 8, log=True) = 3):
        yield Record(1, {"loss": float(num_labels)})

    panel = Panel(counts)
    assert panel.settings() == {"num_labels": 1200, "width": 3}
    panel.controls["num_labels"].value = 10**2.55
    assert panel.settings()["num_labels"] == 355
    with pytest.raises(ValueError, match="expected a whole number"):
        counts.run(num_labels=354.8)
