"""Drive the course in a real JupyterLab, as a learner does: open, run, click, look.

JupyterLab is asked for facts through ``window.jupyterapp`` and everything waits for a condition,
never for a fixed time: a slow machine makes these tests slower, not red.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import ConsoleMessage, Error, Locator, Page

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
START_TIMEOUT = 120.0  # seconds: JupyterLab in the browser, or a kernel, on a busy machine
SHOW_TIMEOUT = 60.0  # seconds: a change on the screen after a click

# What JupyterLab or the browser itself logs as an error although nothing is wrong.
HARMLESS_ERRORS: tuple[re.Pattern[str], ...] = ()

# The notebook in front; `panel` in the scripts below.
PANEL = "const panel = window.jupyterapp.shell.currentWidget;"

# The SHA-256 of what an address holds; empty while a picture is being replaced.
DIGEST = """async address => {
    const answer = await fetch(address).catch(() => null);
    if (answer === null) return '';
    const hash = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
    return Array.from(new Uint8Array(hash)).join();
}"""


@dataclass(frozen=True)
class CellError:
    """An error output: the cell's index among all cells, and what was raised."""

    cell: int
    name: str
    message: str


def write_notebook(path: Path, *cells: str) -> str:
    """Write a notebook with these code cells and the course's kernel; return the file's name."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    # Without a kernel's name JupyterLab asks which one to start.
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=metadata), path)
    return path.name


class Lab:
    """One page with JupyterLab; the notebook in front is the one that methods speak of."""

    def __init__(self, page: Page, url: str, token: str, workspace: str) -> None:
        self.page = page
        self._messages: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._messages.append(f"uncaught: {error}"))
        page.set_default_timeout(SHOW_TIMEOUT * 1000)
        page.goto(f"{url}lab/workspaces/{workspace}?token={token}&reset")
        self.wait_for("() => window.jupyterapp !== undefined", START_TIMEOUT)
        page.evaluate("async () => { await window.jupyterapp.restored; }")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._messages.append(f"{message.text} ({message.location.get('url', '')})")

    @property
    def console_errors(self) -> list[str]:
        """What the browser's console shows as errors since the start, less HARMLESS_ERRORS."""
        return [
            text
            for text in self._messages
            if not any(pattern.search(text) for pattern in HARMLESS_ERRORS)
        ]

    def wait_for(self, condition: str, timeout: float = SHOW_TIMEOUT, arg: Any = None) -> None:
        """Wait until a JavaScript function returns something true; ``timeout`` in seconds."""
        self.page.wait_for_function(condition, arg=arg, timeout=timeout * 1000)

    def open(self, notebook: str) -> None:
        """Open a notebook (its path below notebooks/) and wait for its kernel."""
        self.page.evaluate(
            "path => { window.jupyterapp.commands.execute('docmanager:open', {path}); }", notebook
        )
        self.wait_for(
            f"path => {{ {PANEL} return panel?.context?.path === path && panel.context.isReady; }}",
            START_TIMEOUT,
            notebook,
        )
        self.wait_for_kernel()

    def wait_for_kernel(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until the kernel is connected and idle; the toolbar says "idle" too early."""
        self.wait_for(
            f"""() => {{
                {PANEL}
                const kernel = panel.sessionContext.session?.kernel;
                return panel.sessionContext.isReady && kernel?.connectionStatus === 'connected'
                    && kernel.status === 'idle';
            }}""",
            timeout,
        )

    def run_all(self, timeout: float = 300.0) -> None:
        """Run all cells and wait for the end; a cell that raises ends the run, see errors()."""
        self.page.evaluate(
            """() => {
                window.vidlabRun = 'running';
                window.jupyterapp.commands.execute('notebook:run-all-cells').then(
                    () => { window.vidlabRun = 'done'; },
                    error => { window.vidlabRun = `failed: ${error}`; });
            }"""
        )
        self.wait_for("() => window.vidlabRun !== 'running'", timeout)
        assert self.page.evaluate("window.vidlabRun") == "done"
        self.wait_for_kernel(timeout)

    def outputs(self) -> list[list[dict[str, Any]]]:
        """Return the outputs of every cell as notebook JSON; an empty list for a text cell."""
        found: list[list[dict[str, Any]]] = self.page.evaluate(
            f"() => {{ {PANEL} return panel.content.widgets.map("
            "cell => cell.model.type === 'code' ? cell.model.outputs.toJSON() : []); }"
        )
        return found

    def errors(self) -> list[CellError]:
        """Return the error outputs of all cells."""
        return [
            CellError(index, output["ename"], output["evalue"])
            for index, outputs in enumerate(self.outputs())
            for output in outputs
            if output["output_type"] == "error"
        ]

    @property
    def notebook(self) -> Locator:
        """The notebook in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")

    def cell(self, index: int) -> Locator:
        """Return a cell by its index among all cells, scrolled into view."""
        self.page.evaluate(
            f"async index => {{ {PANEL} await panel.content.scrollToItem(index, 'center'); }}",
            index,
        )
        return self.notebook.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def output(self, index: int) -> Locator:
        """Return what a cell shows under its code, scrolled into view."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def play(self, video: Locator) -> None:
        """Check that a video element has data and that its time moves when it plays."""
        video.scroll_into_view_if_needed()
        element = video.element_handle()
        self.wait_for("video => video.error || video.readyState >= 2", arg=element)
        problem = video.evaluate("video => video.error && video.error.message")
        assert problem is None, f"the browser cannot show the video: {problem}"
        video.evaluate(
            "video => { video.muted = true; video.vidlabTime = video.currentTime; video.play(); }"
        )
        self.wait_for("video => video.currentTime !== video.vidlabTime", arg=element)

    def picture(self, image: Locator, other_than: str = "") -> str:
        """Return a digest of an img element's file, once it is shown and another one than given."""
        script = f"""async ([image, old]) => {{
            if (!image.complete || image.naturalWidth === 0) return false;
            const digest = await ({DIGEST})(image.src);
            return digest !== old && digest;
        }}"""
        found = self.page.wait_for_function(script, arg=[image.element_handle(), other_than])
        return str(found.json_value())

    def move(self, slider: Locator, steps: int) -> None:
        """Move an ipywidgets slider by so many steps with the arrow keys."""
        handle = slider.locator(".noUi-handle").first
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def restart_kernel(self) -> None:
        """Restart the kernel and wait until it is ready again; outputs stay on the screen."""
        self.page.evaluate(f"async () => {{ {PANEL} await panel.sessionContext.restartKernel(); }}")
        self.wait_for_kernel()

    def set_theme(self, theme: str) -> None:
        """Switch JupyterLab to ``"light"`` or ``"dark"``."""
        name = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[theme]
        self.page.evaluate(
            "theme => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }",
            name,
        )
        self.wait_for(
            "name => document.body.dataset.jpThemeName === name && "
            "document.getElementById('jupyterlab-splash') === null",
            arg=name,
        )

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Save a picture of the page, or of a part, in screenshots/ or $VIDLAB_SCREENSHOTS."""
        folder = Path(os.environ.get("VIDLAB_SCREENSHOTS", SCREENSHOTS))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}.png"
        (self.page if of is None else of).screenshot(path=path)
        return path

    def close(self) -> None:
        """Shut down the kernel of the notebook in front and leave."""
        try:
            self.page.evaluate(
                f"async () => {{ {PANEL} await panel?.sessionContext?.shutdown(); }}"
            )
        except Error as error:
            print(f"the kernel could not be shut down: {error}")
        self.page.close()
