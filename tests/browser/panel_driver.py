"""A playground panel in the browser: its buttons, knobs, status and curves."""

from typing import Any

from playwright.sync_api import Locator

from .lab_harness import PANEL, Lab

# Click a button and return the milliseconds until a condition holds, both in the browser.
CLICK_AND_WAIT = """([root, button, condition]) => new Promise((resolve, reject) => {
    const holds = new Function('root', `return ${condition}`);
    const start = performance.now();
    const look = () => {
        if (holds(root)) resolve(performance.now() - start);
        else if (performance.now() - start > 60000) reject(new Error(`never: ${condition}`));
        else setTimeout(look, 5);
    };
    root.querySelector(`button.vidlab-${button}`).click();
    look();
})"""
STATE = "root.querySelector('.vidlab-state').dataset.state"
POINTS = "Number(root.querySelector('.vidlab-curves').dataset.points)"


class PanelDriver:
    """One panel: ``output`` is the output area of its cell."""

    def __init__(self, lab: Lab, output: Locator) -> None:
        self.lab = lab
        self.root = output.locator(".vidlab-playground").first
        self.root.wait_for()
        self.root.locator(".vidlab-curves").first.wait_for()

    # -- what it shows ---------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return str(self.root.locator(".vidlab-state").get_attribute("data-state"))

    @property
    def status(self) -> str:
        return self.root.locator(".vidlab-status").inner_text()

    @property
    def points(self) -> int:
        return int(self.root.locator(".vidlab-curves").get_attribute("data-points") or 0)

    def wait(self, condition: str, timeout: float = 60.0) -> None:
        """Wait for a JavaScript condition on ``root``."""
        self.lab.wait_for(f"root => {condition}", timeout, self.root.element_handle())

    def wait_state(self, *states: str, timeout: float = 60.0) -> None:
        self.wait(f"{list(states)}.includes({STATE})", timeout)

    # -- what the learner does -------------------------------------------------------------------

    def click(self, button: str) -> None:
        self.root.locator(f"button.vidlab-{button}").click()

    def measure(self, button: str, condition: str) -> float:
        """Click and return the milliseconds until a condition on ``root`` holds."""
        handle = self.root.element_handle()
        found: Any = self.lab.page.evaluate(CLICK_AND_WAIT, [handle, button, condition])
        return float(found)

    def choose_framework(self, name: str) -> None:
        self.root.locator(".vidlab-head button", has_text=name).click()

    def slide(self, knob: str, key: str, times: int = 1) -> None:
        """Move a knob's slider with a key, such as "ArrowLeft", "Home" or "End"."""
        handle = self.root.locator(f".vidlab-knob-{knob} .noUi-handle").first
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def readout(self, knob: str) -> str:
        return self.root.locator(f".vidlab-knob-{knob} .widget-readout").inner_text()

    def open_tab(self, title: str) -> None:
        self.root.locator(".lm-TabBar-tab", has_text=title).click()

    def code(self) -> str:
        return self.root.locator(".vidlab-code textarea").input_value()

    def share(self) -> str:
        return self.root.locator(".vidlab-share input").input_value()


def run_new_cell(lab: Lab, after: int, source: str) -> int:
    """Insert a cell after another one, run it, and return its index."""
    lab.page.evaluate(
        f"""async ([after, source]) => {{
            {PANEL}
            panel.content.activeCellIndex = after;
            await window.jupyterapp.commands.execute('notebook:insert-cell-below');
            panel.content.activeCell.model.sharedModel.setSource(source);
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }}""",
        [after, source],
    )
    lab.wait_for_kernel()
    return after + 1
