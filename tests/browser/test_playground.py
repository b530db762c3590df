"""A panel whose recipe fails; panel_checks.py drives those of the chapters."""

import pytest

from .lab_harness import Lab, write_notebook
from .panel_driver import PanelDriver

pytestmark = pytest.mark.browser

BROKEN = """
from vidlab.playground import Record, playground

@playground(title="Broken")
def broken(rate: float = 0.1):
    yield Record(1, {"loss": 1.0})
    raise ZeroDivisionError("on purpose")

broken.show()
"""


def test_an_exception_stands_in_the_panel(lab: Lab, server) -> None:
    lab.open(write_notebook(server.notebooks / "broken.ipynb", BROKEN))
    lab.run_all()
    panel = PanelDriver(lab, lab.output(0))
    panel.click("train")
    panel.wait_state("failed")
    assert "ZeroDivisionError: on purpose" in panel.root.locator(".vidlab-error").inner_text()
    panel.root.locator(".vidlab-error summary").click()
    assert "Traceback" in panel.root.locator(".vidlab-error pre").inner_text()
    assert lab.console_errors == []
