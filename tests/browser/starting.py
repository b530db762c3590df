"""Start what a browser test needs: JupyterLab on a copy of the notebooks, and a Chromium."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@contextmanager
def start_server(folder: Path) -> Iterator[Server]:
    """Start ``vidlab lab`` with private folders for everything that Jupyter writes."""
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
    raise RuntimeError(f"vidlab lab did not start:\n{log.read_text(errors='replace')}")


@contextmanager
def start_chromium(program: str) -> Iterator[Any]:
    """Start a Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()
