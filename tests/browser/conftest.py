"""A JupyterLab started by ``vidlab lab`` on a copy of the notebooks, and a Chromium to drive it.

Without a Chromium the tests are skipped; with VIDLAB_REQUIRE_BROWSER=1 they fail instead.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vidlab.doctor import find_browser

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
SERVER_TIMEOUT = 120.0  # seconds
WINDOW = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address and token, the folders of notebooks and of settings."""

    url: str
    token: str
    notebooks: Path
    settings: Path


# The fixtures end with the last browser test of the run: Playwright keeps an event loop running in
# this thread, and tests of other folders start kernels that want one of their own.
@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start ``vidlab lab`` with private folders for everything that Jupyter writes."""
    folder = tmp_path_factory.mktemp("lab")
    notebooks = folder / "notebooks"
    ignore = shutil.ignore_patterns(".ipynb_checkpoints", "output")
    shutil.copytree(ROOT / "notebooks", notebooks, ignore=ignore)
    names = ("config", "data", "runtime")
    private = {f"JUPYTER_{name.upper()}_DIR": str(folder / name) for name in names}
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "vidlab", "lab", "--notebooks", str(notebooks), "--no-browser"]
    command += ["--ServerApp.port=0", f"--IdentityProvider.token={token}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **private},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        url = _address(process, folder / "runtime", log)
        yield Server(url, token, notebooks, settings=folder / "data" / "vidlab" / "settings")
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait for the file in which a Jupyter server says that it listens, and where."""
    deadline = time.monotonic() + SERVER_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(path.read_text())["url"])
            except json.JSONDecodeError:
                pass  # it is being written
        time.sleep(0.05)
    pytest.fail(f"vidlab lab did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="package")
def chromium() -> Iterator[object]:
    """Start Chromium, or skip where there is none."""
    program = find_browser()
    if program is None:
        reason = (
            "no Chromium: apt-get install chromium (Debian), or set VIDLAB_BROWSER to the program"
        )
        if os.environ.get("VIDLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def lab(chromium, server: Server, request: pytest.FixtureRequest):
    """A fresh page with JupyterLab; a failed test leaves a screenshot named after it."""
    from .lab_harness import Lab

    shutil.rmtree(server.settings, ignore_errors=True)  # what an earlier test changed
    context = chromium.new_context(viewport=WINDOW)
    page = context.new_page()
    driver = Lab(page, server.url, server.token, workspace=secrets.token_hex(4))
    yield driver
    if getattr(request.node, "vidlab_failed", False):
        print("screenshot:", driver.screenshot(f"failed-{request.node.name}"))
    driver.close()
    context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Note on the test whether it failed, for the fixture above."""
    report = (yield).get_result()
    if report.when == "call":
        item.vidlab_failed = report.failed
