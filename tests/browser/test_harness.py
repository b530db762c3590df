"""The harness itself, on a notebook made here: run, look, move, play, restart, change the theme."""

import base64

import numpy as np
import pytest

from vidlab.video import encode_mp4

from .lab_harness import Lab, write_notebook

pytestmark = pytest.mark.browser

PNG = (  # one red pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
SLIDER = """\
import threading
import ipywidgets as widgets
slider = widgets.IntSlider(3, 0, 9)
label = widgets.Label("3 squared is 9")
def show(change):
    label.value = f"{change.new} squared is {change.new ** 2}"
    thread.value = "in " + threading.current_thread().name
thread = widgets.Label("nothing has moved")
slider.observe(show, names="value")
widgets.VBox([slider, label, thread])"""
PICTURES = """\
from IPython.display import HTML, display
display(HTML('<video controls loop src="data:video/mp4;base64,{video}"></video>'))
display(HTML('<img class="pixel" src="data:image/png;base64,{png}">'))"""


@pytest.fixture
def notebook(server) -> str:
    """A small notebook in the served folder."""
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    rows = np.stack([np.roll(ramp, 2 * t) for t in range(24)])
    clip = np.broadcast_to(rows[:, None, :, None], (24, 64, 64, 3))
    video = base64.b64encode(encode_mp4(clip, fps=8)).decode()
    pictures = PICTURES.format(video=video, png=PNG)
    cells = ["print('six times seven is', 6 * 7)", SLIDER, pictures]
    return write_notebook(server.notebooks / "harness.ipynb", *cells)


def test_a_notebook_runs_and_its_widgets_pictures_and_videos_work(lab: Lab, notebook: str):
    lab.open(notebook)
    lab.run_all()
    assert lab.errors() == []
    assert lab.outputs()[0][0]["text"] == "six times seven is 42\n"

    widgets = lab.output(1)
    widgets.get_by_text("3 squared is 9").wait_for()
    lab.move(widgets.locator(".widget-slider"), 2)
    widgets.get_by_text("5 squared is 25").wait_for()
    # `vidlab lab` turns sub-shells off, and with them callbacks on threads of their own.
    widgets.get_by_text("in MainThread").wait_for()

    lab.play(lab.output(2).locator("video"))
    lab.picture(lab.output(2).locator("img.pixel"))
    assert lab.screenshot("harness").stat().st_size > 0
    assert lab.console_errors == []


def test_errors_are_seen(lab: Lab, server):
    lab.open(write_notebook(server.notebooks / "raises.ipynb", "1 + 1", "{}['missing']"))
    lab.run_all()
    assert [(error.cell, error.name) for error in lab.errors()] == [(1, "KeyError")]
    lab.page.evaluate("console.error('a sign')")
    lab.wait_for("() => true")  # messages arrive in order with answers
    assert any("a sign" in text for text in lab.console_errors)


def test_restart_and_theme(lab: Lab, notebook: str):
    lab.open(notebook)
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    lab.restart_kernel()
    lab.set_theme("dark")
    assert lab.page.evaluate("document.body.dataset.jpThemeLight") == "false"
    lab.set_theme("light")
    assert lab.page.evaluate("document.body.dataset.jpThemeLight") == "true"
    lab.run_all()
    assert lab.errors() == []
