"""Every chapter as a learner meets it: opened in JupyterLab, run from top to bottom, looked at."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator

from .lab_harness import Lab, write_notebook
from .panel_checks import PANEL_CHECKS

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
CHAPTERS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
RUN_TIMEOUT = 900.0  # seconds; chapters take up to 180 on a quiet machine
WITH_INSPECTOR = ("01_frames.ipynb",)
INSPECTOR = """\
import numpy as np
from vidlab import display
clip = np.zeros((6, 32, 32, 3), np.uint8)
for t in range(6):
    clip[t, 8:16, 4 * t : 4 * t + 8] = 255
display.inspect(clip, fps=8)"""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_shows_no_error_and_its_videos_play(lab: Lab, chapter: str):
    lab.open(chapter)
    lab.run_all(RUN_TIMEOUT)
    assert lab.errors() == []
    videos = lab.notebook.locator(".jp-OutputArea video")
    for index in range(videos.count()):
        lab.play(videos.nth(index))
    inspectors = lab.notebook.locator(".vidlab-inspector")
    assert inspectors.count() > 0 or chapter not in WITH_INSPECTOR
    for index in range(inspectors.count()):
        scrub(lab, inspectors.nth(index))
    lab.screenshot(f"chapter-{chapter.removesuffix('.ipynb')}")
    if chapter in PANEL_CHECKS:
        PANEL_CHECKS[chapter](lab, chapter)
    assert lab.console_errors == []


def test_the_scrubber_changes_the_picture(lab: Lab, server):
    lab.open(write_notebook(server.notebooks / "inspector.ipynb", INSPECTOR))
    lab.run_all()
    assert lab.errors() == []
    inspector = lab.notebook.locator(".vidlab-inspector")
    scrub(lab, inspector)
    lab.screenshot("inspector-light")
    lab.set_theme("dark")
    lab.screenshot("inspector-dark")
    assert lab.console_errors == []


def scrub(lab: Lab, inspector: Locator) -> None:
    """Move an inspector's slider there and back; the picture must follow it both times."""
    inspector.scroll_into_view_if_needed()
    slider = inspector.locator(".vidlab-frame-slider")
    image = inspector.locator("img").first
    first = lab.picture(image)
    lab.move(slider, +2)
    second = lab.picture(image, other_than=first)
    lab.move(slider, -2)
    lab.picture(image, other_than=second)
