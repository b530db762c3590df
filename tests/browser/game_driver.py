"""A playable game in the browser: its keys, buttons and what it counts."""

from playwright.sync_api import Locator

from .lab_harness import Lab

MIN_RATE = 8  # frames per second while the clock runs, with a network in the loop


class GameDriver:
    """One game on the page."""

    def __init__(self, lab: Lab, output: Locator) -> None:
        self.lab, self.root = lab, output.locator(".vidlab-game").first
        self.root.wait_for()
        self.root.scroll_into_view_if_needed()
        self.board = self.root.locator(".vidlab-game-board")

    def number(self, name: str) -> int:
        return int(self.root.get_attribute(f"data-{name}") or 0)

    def wait(self, condition: str, timeout: float = 30.0) -> None:
        """Wait for a JavaScript condition on ``data``, the game's data attributes."""
        script = f"root => {{ const data = root.dataset; return {condition}; }}"
        self.lab.wait_for(script, timeout, self.root.element_handle())

    def click(self, button: str) -> None:
        self.root.locator(f"button.vidlab-game-{button}").click()

    def hold(self, button: str) -> None:
        """Press a button of the pad, and keep it down until ``lab.page.mouse.up()``."""
        self.root.locator(f"button.vidlab-game-{button}").hover()
        self.lab.page.mouse.down()

    def wait_for_error(self, text: str) -> None:
        self.lab.wait_for(
            "([root, text]) => root.querySelector('.vidlab-game-error').innerText.includes(text)",
            arg=[self.root.element_handle(), text],
        )

    def choose(self, network: str) -> None:
        self.root.locator("select").select_option(network)
        self.wait(f"data.network === '{network}' && data.frames === '0'")
