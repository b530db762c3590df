"""Panels of chapters as a learner uses them, in both frameworks.

``test_chapters.py`` calls these once it has run a chapter, which takes a minute or two.
"""

import re
import statistics
from pathlib import Path

import nbformat

from .game_driver import MIN_RATE, GameDriver
from .lab_harness import Lab
from .panel_driver import POINTS, STATE, PanelDriver, run_new_cell

ROOT = Path(__file__).resolve().parents[2]
FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}
REPEATS = 3


def panel_cell(chapter: str) -> int:
    """The index of a chapter's cell that shows its panel, among all cells."""
    notebook = nbformat.read(ROOT / "notebooks" / chapter, as_version=4)
    text = "recipe.show(examples=runs)"
    (found,) = [i for i, cell in enumerate(notebook.cells) if text in cell.source]
    return found


def every_knob_of_a_panel(lab: Lab, chapter: str) -> None:
    """All that a panel can do. It ends with a restarted kernel."""
    place = panel_cell(chapter)
    panel = PanelDriver(lab, lab.output(place))
    assert panel.state == "idle"
    assert lab.output(place).locator(".vidlab-poster-hidden").count() == 1

    for framework, name in FRAMEWORKS.items():
        panel.choose_framework(name)
        panel.slide("num_steps", "End")
        first_points_and_stops(panel, framework)
        pause_and_step(panel)
        turn_and_repeat(lab, panel, place)
        lab.screenshot(f"panel-{framework}-light")
    look_inside(lab, panel)
    draw(lab, panel)
    restore_from_share(panel)
    themes(lab, panel)
    second_panel(lab, panel, place)

    lab.restart_kernel()
    lab.cell(place)
    lab.wait_for("() => document.querySelector('.vidlab-playground .vidlab-dead') !== null")
    assert "Run this cell again" in panel.root.locator(".vidlab-dead").inner_text()
    lab.screenshot("panel-dead")


def attention_at_the_scrubbed_frame(lab: Lab, chapter: str) -> None:
    """Both frameworks: the strip of the frame that is scrubbed to, and where that frame looks."""
    panel = PanelDriver(lab, lab.output(panel_cell(chapter)))
    for framework, name in FRAMEWORKS.items():
        panel.choose_framework(name)
        panel.click("reset")
        panel.wait_state("ready", timeout=120)
        panel.click("step")
        panel.wait_state("paused", timeout=120)
        panel.open_tab("Look inside")
        slider = panel.root.locator("input[aria-label='frame']:visible").first
        slider.scroll_into_view_if_needed()  # what is out of sight is not drawn
        text = "root.querySelector('.vidlab-track-highest').innerText"
        panel.wait(f"root.querySelector('.vidlab-track-highest') && {text}.includes('frame')")
        slider.press("Home")
        panel.wait(f"{text}.startsWith('at frame 0:')")
        first = panel.root.locator(".vidlab-track-cursor").first.bounding_box()
        for _ in range(6):
            slider.press("ArrowRight")
        panel.wait(f"{text}.startsWith('at frame 6: frame ')")
        moved = panel.root.locator(".vidlab-track-cursor").first.bounding_box()
        assert moved["x"] - first["x"] > 3 * first["width"]
        weights = re.findall(r"frame (\d+) ([\d.e-]+)", panel.root.locator(
            ".vidlab-track-highest").first.inner_text().split(":")[1])  # fmt: skip
        assert len(weights) == 3
        assert sum(float(weight) for _, weight in weights) <= 1.001
        if chapter.startswith("05b"):  # a GPT-2 looks back only
            assert max(int(frame) for frame, _ in weights) <= 6
        lab.screenshot(f"attention-{chapter[:3]}-{framework}")
        panel.click("stop")
        panel.wait_state("stopped")


def first_points_and_stops(panel: PanelDriver, framework: str) -> None:
    """How fast the panel answers. The bounds leave room for a slow machine."""
    status, first, stop = [], [], []
    for _ in range(REPEATS):
        panel.click("reset")
        panel.wait_state("ready", timeout=120)
        status.append(panel.measure("train", f"{STATE} !== 'ready'"))
        panel.wait(f"{POINTS} >= 8")
        stop.append(panel.measure("stop", f"{STATE} === 'stopped'"))
        panel.click("reset")
        panel.wait_state("ready", timeout=120)
        first.append(panel.measure("train", f"{POINTS} >= 1 && {STATE} === 'training'"))
        panel.click("stop")
        panel.wait_state("stopped")
    compiled = re.search(r"compiled in ([\d.]+) s", panel.status)
    numbers = {
        name: round(statistics.median(values))
        for name, values in (("status", status), ("first point", first), ("stop", stop))
    }
    print(f"{framework}, medians in ms: {numbers}, compiled in {compiled and compiled[1]} s")
    assert numbers["status"] < 1000
    assert numbers["first point"] < 1500
    assert numbers["stop"] < 1500
    assert (compiled is not None) == (framework == "keras")


def pause_and_step(panel: PanelDriver) -> None:
    """Pause, one step exactly, and on."""
    panel.click("train")
    panel.wait(f"{POINTS} >= 5", timeout=120)
    panel.click("pause")
    panel.wait_state("paused")
    steps = int(re.search(r"step (\d+)", panel.status)[1])
    panel.click("step")
    panel.wait(f"root.querySelector('.vidlab-status').innerText.includes('step {steps + 1} of')")
    panel.lab.page.wait_for_timeout(600)
    assert f"step {steps + 1} of" in panel.status
    assert panel.points == steps + 1
    assert panel.root.locator("button.vidlab-train").inner_text() == "Continue"
    panel.click("train")
    panel.wait(f"{POINTS} > {steps + 4}")


def turn_and_repeat(lab: Lab, panel: PanelDriver, place: int) -> None:
    """Turn the learning rate while it trains; the shown code then gives the same losses."""
    panel.slide("learning_rate", "ArrowLeft", times=6)
    points = panel.points
    panel.wait(f"{POINTS} > {points + 5}")
    panel.click("stop")
    panel.wait_state("stopped")
    panel.open_tab("Code")
    code = panel.code()
    assert "learning_rate={1: " in code
    panel.open_tab("Runs")
    header = panel.root.locator(".vidlab-table th").all_inner_texts()
    loss = panel.root.locator(".vidlab-table tbody tr").first.locator("td").all_inner_texts()
    shown = loss[header.index("loss")]
    index = run_new_cell(lab, place, f"{code}\nprint(f'{{run.loss[-1]:.4g}} {{run.num_steps}}')")
    (text,) = [o["text"] for o in lab.outputs()[index] if o.get("name") == "stdout"]
    assert text.split() == [shown, str(panel.points)]
    lab.cell(place)


def look_inside(lab: Lab, panel: PanelDriver) -> None:
    """One clip, backwards: the opinion on it, the states, the confusion matrix."""
    panel.open_tab("Look inside")
    panel.wait("root.querySelector('.vidlab-confusion td') !== null")
    panel.root.locator(".vidlab-changes button", has_text="reversed").click()
    panel.wait("[...root.querySelectorAll('.vidlab-bars b')].length === 2")
    lab.screenshot("panel-inside")


def draw(lab: Lab, panel: PanelDriver) -> None:
    """A path drawn with the mouse is filmed, and the model says what it sees."""
    panel.open_tab("Draw")
    canvas = panel.root.locator(".vidlab-stage[data-drawn] canvas:visible").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    mouse = lab.page.mouse
    mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    mouse.down()
    for share in (0.7, 0.6, 0.5, 0.4, 0.3, 0.2):
        mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        lab.page.wait_for_timeout(60)
    mouse.up()
    panel.wait(
        "[...root.querySelectorAll('.vidlab-bars b')].some(b => b.innerText === 'the model says')"
    )
    lab.screenshot("panel-draw")


def restore_from_share(panel: PanelDriver) -> None:
    """A share string brings the knobs back."""
    panel.open_tab("Code")
    text, readout = panel.share(), panel.readout("num_steps")
    panel.slide("num_steps", "Home")
    assert panel.readout("num_steps") != readout
    field = panel.root.locator(".vidlab-share input")
    field.fill(text)
    field.press("Enter")
    panel.click("restore")
    panel.wait(
        f"root.querySelector('.vidlab-knob-num_steps .widget-readout').innerText === '{readout}'"
    )


def themes(lab: Lab, panel: PanelDriver) -> None:
    """For the eye: the panel in the dark theme."""
    panel.open_tab("Clips")
    lab.set_theme("dark")
    lab.screenshot("panel-dark")
    lab.set_theme("light")


def second_panel(lab: Lab, panel: PanelDriver, place: int) -> None:
    """Starting a second panel stops the first, which says so."""
    panel.choose_framework("PyTorch")
    panel.slide("num_steps", "End")
    index = run_new_cell(lab, place, "recipe.show()")
    other = PanelDriver(lab, lab.output(index))
    other.slide("num_steps", "End")
    lab.cell(place)
    panel.click("train")
    panel.wait(f"{POINTS} >= 2", timeout=120)
    lab.cell(index)
    other.click("train")
    other.wait_state("training", timeout=120)
    lab.cell(place)
    panel.wait_state("stopped")
    assert "began to train" in panel.status
    other.click("stop")
    other.wait_state("stopped")


def generated_clips(lab: Lab, chapter: str) -> None:
    """Both frameworks: clips on the stage before the first step; a step, more steps, the stop."""
    panel = PanelDriver(lab, lab.output(panel_cell(chapter)))
    for framework, name in FRAMEWORKS.items():
        panel.choose_framework(name)
        panel.click("reset")
        panel.wait_state("ready", timeout=120)
        panel.open_tab("Clips")
        panel.wait("root.querySelectorAll('.vidlab-stage canvas').length > 1", timeout=60)
        titles = "[...root.querySelectorAll('.vidlab-tile-title')]"
        panel.wait(f"{titles}.every((t) => t.scrollWidth <= t.clientWidth)")  # none is cut off
        panel.click("step")
        panel.wait_state("paused", timeout=120)
        assert panel.points == 1
        panel.click("train")
        panel.wait(f"{POINTS} >= 4", timeout=120)
        lab.screenshot(f"generated-{chapter[:3]}-{framework}")
        if panel.state == "training":
            panel.click("stop")
        panel.wait_state("stopped", "finished")


def learned_world_is_played(lab: Lab, chapter: str) -> None:
    """The panel; then the game, whose networks make frames as fast as a game needs them."""
    generated_clips(lab, chapter)
    notebook = nbformat.read(ROOT / "notebooks" / chapter, as_version=4)
    (place,) = [i for i, cell in enumerate(notebook.cells) if "playable.show(" in cell.source]
    game = GameDriver(lab, lab.output(place))
    game.board.focus()
    for step, key in enumerate(("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"), start=1):
        game.board.press(key)
        game.wait(f"data.frames === '{step}'")
    assert game.number("drift") == 0
    for name in ("Keras", "PyTorch"):
        game.choose(name)
        game.click("clock")
        game.wait("Number(data.frames) >= 40")
        rate = game.number("rate")
        print(f"{name}: {rate} frames per second")
        assert rate >= MIN_RATE
        lab.screenshot(f"game-09b-{name}")
        game.click("clock")
        game.wait("data.running === 'false'")


PANEL_CHECKS = {
    "03_lstm_sequences.ipynb": every_knob_of_a_panel,
    "05a_attention.ipynb": attention_at_the_scrubbed_frame,
    "05b_fine_tuning.ipynb": attention_at_the_scrubbed_frame,
    "07_vae.ipynb": generated_clips,
    "08_gan.ipynb": generated_clips,
    "09a_understand_to_generate.ipynb": generated_clips,
    "09b_next_frames.ipynb": learned_world_is_played,
}
