"""The panel over the widget protocol: a real kernel, no browser.

A message of a widget's button is sent as the browser would send it, and the panel is read from what
the kernel sends back.
"""

import queue
import time
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """
import time
from vidlab.playground import Range, Ready, Record, Samples, playground
import numpy as np

@playground(title="First")
def first(rate: Range(1e-3, 1.0, log=True, live=True) = 0.1, num_steps: Range(1, 2000) = 2000):
    x = 2.0
    yield Ready(num_steps=num_steps, num_parameters=1)
    for step in range(1, num_steps + 1):
        loss = x**2
        x -= rate() * 2 * x
        time.sleep(0.005)
        yield Record(step, {"loss": loss})

@playground(title="Second")
def second(num_steps: Range(1, 2000) = 2000):
    for step in range(1, num_steps + 1):
        time.sleep(0.005)
        yield Record(step, {"loss": 1.0})

from vidlab.playground.panel import Panel
one, two = Panel(first), Panel(second)
ids = {name: button.model_id for name, button in one.buttons.items()}
ids |= {"rate": one.controls["rate"].model_id, "status": one.status.model_id}
ids |= {"second train": two.buttons["train"].model_id, "second status": two.status.model_id}
ids |= {"code": one.code.model_id, "curves": one.curves.model_id}
"""


class Front:
    """What a browser would know: the state of every widget, kept from the kernel's messages."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.state: dict[str, dict[str, Any]] = {}
        self.points = 0
        self.ids: dict[str, str] = {}

    def listen(self, seconds: float = 0.02) -> None:
        """Take in what has come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = self.client.get_iopub_msg(timeout=left)
            except queue.Empty:
                return
            content = message["content"]
            if message["msg_type"] == "comm_open":
                self.state[content["comm_id"]] = dict(content["data"].get("state", {}))
            elif message["msg_type"] == "comm_msg":
                data = content["data"]
                if data.get("method") == "update":
                    self.state.setdefault(content["comm_id"], {}).update(data["state"])
                elif data.get("content", {}).get("type") == "points":
                    self.points += sum(len(part) for part in message["buffers"]) // 8

    def run(self, code: str, seconds: float = 60.0) -> Any:
        """Run a cell, and return the value of its last expression."""
        reply = self.client.execute(f"{code}", store_history=False, user_expressions={})
        answer = self.client.get_shell_msg(timeout=seconds)
        while answer["parent_header"].get("msg_id") != reply:
            answer = self.client.get_shell_msg(timeout=seconds)
        assert answer["content"]["status"] == "ok", answer["content"]
        return answer

    def value(self, expression: str) -> Any:
        """Ask the kernel for a value."""
        reply = self.client.execute("", silent=True, user_expressions={"v": f"repr({expression})"})
        answer = self.client.get_shell_msg(timeout=30)
        while answer["parent_header"].get("msg_id") != reply:
            answer = self.client.get_shell_msg(timeout=30)
        found = answer["content"]["user_expressions"]["v"]
        assert found["status"] == "ok", found
        return eval(eval(found["data"]["text/plain"]))

    def send(self, name: str, data: dict[str, Any]) -> None:
        """A message of the front end to a widget."""
        content = {"comm_id": self.ids[name], "data": data}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def click(self, name: str) -> None:
        self.send(name, {"method": "custom", "content": {"event": "click"}})

    def set(self, name: str, value: Any) -> None:
        state = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        self.send(name, state)

    def status(self, name: str = "status") -> str:
        return str(self.state.get(self.ids[name], {}).get("value", ""))

    def wait(self, condition: Any, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it did not happen in time: {self.status()}"
            self.listen()


@pytest.fixture
def front():
    manager, client = start_new_kernel()
    made = Front(client)
    made.run(SETUP)
    made.ids = made.value("ids")
    made.listen(0.5)
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_buttons_over_the_protocol(front: Front) -> None:
    start = time.perf_counter()
    front.click("train")
    front.wait(lambda: 'data-state="training"' in front.status())
    assert time.perf_counter() - start < 2
    front.wait(lambda: front.points >= 10)

    front.click("pause")
    front.wait(lambda: 'data-state="paused"' in front.status())
    steps = front.value("one.session.run.num_steps")
    front.click("step")
    front.wait(lambda: f"step {steps + 1} of" in front.status())
    assert front.value("one.session.run.num_steps") == steps + 1

    front.click("train")
    front.wait(lambda: 'data-state="training"' in front.status())
    front.set("rate", 0.01)
    front.wait(lambda: front.value("one.session.run.changes") != {})
    assert list(front.value("one.session.run.changes")["rate"].values()) == [0.01]

    front.click("stop")
    front.wait(lambda: 'data-state="stopped"' in front.status())
    losses = front.value("one.session.run.loss")
    # not just any code: that of the pause before may still stand there
    front.wait(lambda: f"max_steps={len(losses)}" in front.status("code"))
    front.run(front.status("code"))
    assert front.value("run.loss") == losses


def test_a_second_panel_stops_the_first(front: Front) -> None:
    front.click("train")
    front.wait(lambda: 'data-state="training"' in front.status())
    front.click("second train")
    front.wait(lambda: 'data-state="stopped"' in front.status())
    assert "Second began to train" in front.status()
    front.wait(lambda: 'data-state="training"' in front.status("second status"))


def test_training_goes_on_while_a_cell_is_busy(front: Front) -> None:
    front.click("train")
    front.wait(lambda: 'data-state="training"' in front.status())
    front.wait(lambda: front.points >= 5)
    before = front.points
    busy = front.client.execute("time.sleep(3)")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        front.listen()
    assert front.points > before + 20  # new points came while the cell was running
    front.click("stop")  # acts at once or when the cell has ended, and is never lost
    front.wait(lambda: 'data-state="stopped"' in front.status())
    answer = front.client.get_shell_msg(timeout=30)
    while answer["parent_header"].get("msg_id") != busy:
        answer = front.client.get_shell_msg(timeout=30)
    assert answer["content"]["status"] == "ok"


def test_a_click_while_a_cell_is_busy_is_not_lost(front: Front) -> None:
    front.client.execute("time.sleep(2)")
    front.click("train")
    front.wait(lambda: 'data-state="training"' in front.status())
    front.wait(lambda: front.points >= 3)


def test_a_browser_that_comes_later_gets_every_point(front: Front) -> None:
    front.set("rate", 0.5)
    front.click("step")
    front.wait(lambda: "step 1 of" in front.status())
    front.click("step")
    front.wait(lambda: "step 2 of" in front.status())
    front.listen(0.5)
    before = front.points
    front.send("curves", {"method": "custom", "content": {"type": "ask"}})
    front.wait(lambda: front.points == before + 2)
