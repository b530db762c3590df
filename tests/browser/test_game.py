"""The playable game in the browser: keys, touch buttons, clock, speed, drift, errors."""

import pytest

from .game_driver import MIN_RATE, GameDriver
from .lab_harness import Lab, write_notebook

pytestmark = pytest.mark.browser

GAME = """
import time
import torch
import vidlab.torch as vt
from vidlab import world
from vidlab.playground.game import Game

class Copy:
    def __init__(self, seed):
        self.world = world.SteerableWorld(seed)
        self.world.step("stay")
    def step(self, key):
        return self.world.step(key)

model = vt.WorldModel()
def untrained(frames):
    return world.Dream(lambda x: vt.predict(model, x), frames)

def broken(frames):
    class Broken:
        def step(self, key):
            raise ZeroDivisionError("on purpose")
    return Broken()

def counting(frames):
    # Fails once "up" came five times.
    class Counting:
        num_ups = 0
        def step(self, key):
            self.num_ups += key == "up"
            if self.num_ups >= 5:
                raise ValueError("five times up")
            return frames[-1]
    return Counting()

def slow(frames):
    class Slow:
        def step(self, key):
            time.sleep(1.0)
            return frames[-1]
    return Slow()

networks = {
    "a right dream": lambda frames: Copy(2), "untrained": untrained, "broken": broken,
    "counting": counting, "slow": slow,
}
game = Game(networks, seed=2, fps=12)
game.show(["left", "up", "right", "down"] * 3)
"""


def test_the_game_is_played(lab: Lab, server) -> None:
    lab.open(write_notebook(server.notebooks / "game.ipynb", GAME))
    lab.run_all()
    assert lab.errors() == []
    game = GameDriver(lab, lab.output(0))
    assert lab.output(0).locator(".vidlab-game-poster-hidden").count() == 1
    assert game.number("frames") == 0

    # With the clock stopped, a key is a step.
    game.board.focus()
    for step, key in enumerate(("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"), start=1):
        game.board.press(key)
        game.wait(f"data.frames === '{step}'")
    assert game.number("drift") == 0
    assert "same place" in game.root.locator(".vidlab-game-status").inner_text()
    lab.screenshot("game-light")

    # The buttons for fingers do the same.
    for step, button in enumerate(("left", "stay", "down"), start=5):
        game.click(button)
        game.wait(f"Number(data.frames) >= {step}")

    # Begin again, and another world.
    game.click("reset")
    game.wait("data.frames === '0'")
    game.click("next")
    game.wait("data.frames === '0' && Number(data.turn) >= 9")

    # The clock, with a network in the loop: fast enough, and an untrained one drifts at once.
    game.choose("untrained")
    game.click("clock")
    game.wait("Number(data.frames) >= 40")
    assert game.number("rate") >= MIN_RATE
    assert game.number("drift") > 0
    assert "elsewhere" in game.root.locator(".vidlab-game-status").inner_text()
    lab.page.keyboard.press(" ")  # the clock's button gave the board the focus
    game.wait("data.running === 'false'")
    frames = game.number("frames")
    lab.page.wait_for_timeout(500)
    assert game.number("frames") <= frames + 1

    # A button that is held while the clock runs counts at each tick.
    game.choose("counting")
    game.click("clock")
    game.wait("Number(data.frames) >= 3")
    game.hold("up")
    game.wait_for_error("five times up")
    lab.page.mouse.up()
    game.click("clock")
    game.wait("data.running === 'false'")

    # A key takes no reset's place while the network thinks.
    game.choose("slow")
    turn = game.number("turn")
    game.board.press("ArrowLeft")
    game.click("reset")
    game.board.press("ArrowRight")
    game.wait(f"Number(data.turn) >= {turn + 2} && data.frames === '0'")

    # What a network raises stands in the game.
    game.choose("broken")
    game.board.press("ArrowLeft")
    game.wait_for_error("on purpose")
    lab.set_theme("dark")
    lab.screenshot("game-dark")
    assert lab.console_errors == []
