"""The hint button in a real kernel: shown to people, not to machines, one hint per click."""

import time
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from course_sample import use_checks
from jupyter_client.manager import start_new_kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


class LiveKernel:
    """A kernel and what it said."""

    def __init__(self) -> None:
        use_checks()  # sets the variable that the kernel inherits
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.widgets: dict[str, dict[str, Any]] = {}

    def run(self, source: str, by_hand: bool = True) -> list[dict[str, Any]]:
        """The data of what was displayed. by_hand: as a front end sends it."""
        return self._displayed(self.client.execute(source, allow_stdin=by_hand))

    def click(self, identity: str) -> None:
        content = {
            "comm_id": identity,
            "data": {"method": "custom", "content": {"event": "click"}},
        }
        message = self.client.session.msg("comm_msg", content)
        self.client.shell_channel.send(message)
        self._displayed(message["header"]["msg_id"])

    def state(self, kind: str) -> dict[str, Any]:
        return next(state for state in self.widgets.values() if state.get("_model_name") == kind)

    def _displayed(self, identity: str) -> list[dict[str, Any]]:
        shown = []
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=30)
            except Empty:
                break
            content = message["content"]
            if message["msg_type"] in ("comm_open", "comm_msg"):
                update = content["data"].get("state", {})
                self.widgets.setdefault(content["comm_id"], {}).update(update)
            elif message["msg_type"] == "comm_close":
                self.widgets.pop(content["comm_id"], None)
            if message["parent_header"].get("msg_id") != identity:
                continue
            if message["msg_type"] == "display_data":
                shown.append(content["data"])
            if message["msg_type"] == "error":
                pytest.fail("\n".join(content["traceback"]))
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return shown
        raise TimeoutError("the kernel did not become idle")


@pytest.fixture(scope="module")
def kernel() -> Iterator[LiveKernel]:
    live = LiveKernel()
    live.run("from vidlab.course import check\n\ndef double(numbers):\n    return numbers")
    yield live
    live.client.stop_channels()
    live.manager.shutdown_kernel(now=True)


def test_verdict_is_text_and_html(kernel: LiveKernel) -> None:
    (shown,) = kernel.run('check("98.double", double)', by_hand=False)
    assert shown["text/plain"].startswith("98.double: not right yet.")
    assert "hint=1" in shown["text/plain"]
    assert "<b>98.double: not right yet.</b><br>Should hold" in shown["text/html"]
    assert not kernel.widgets


def test_button_shows_one_more_hint_with_each_click(kernel: LiveKernel) -> None:
    shown = kernel.run('check("98.double", double)')
    assert [WIDGET in data for data in shown] == [False, True]
    button = next(k for k, v in kernel.widgets.items() if v.get("_model_name") == "ButtonModel")
    assert kernel.widgets[button]["description"] == "Hint"
    kernel.click(button)
    assert "Hint 1 of 3: How often?" in kernel.state("HTMLModel")["value"]
    assert "Hint 2" not in kernel.state("HTMLModel")["value"]
    kernel.click(button)
    kernel.click(button)
    assert "Hint 3 of 3: 2 * numbers" in kernel.state("HTMLModel")["value"]
    assert kernel.widgets[button]["disabled"] is True


def test_new_verdict_replaces_the_button(kernel: LiveKernel) -> None:
    kernel.run('check("98.double", double)')
    kernel.run('check("98.double", double)')
    kinds = [state.get("_model_name") for state in kernel.widgets.values()]
    assert kinds.count("ButtonModel") == 1
    (shown,) = kernel.run('check("98.double", lambda numbers: 2 * numbers)')
    assert shown["text/plain"].startswith("98.double: correct.")
    assert "ButtonModel" not in [state.get("_model_name") for state in kernel.widgets.values()]
