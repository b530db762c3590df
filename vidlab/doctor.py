"""Say in plain words what is installed, what works, and what to do about each problem.

Each framework is tried in a Python of its own. The exit status is 1 when something is missing
that the course needs.
"""

import argparse
import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from vidlab import __version__
from vidlab.packages import install_command, installed_version, requirements, tested_versions
from vidlab.probes import probe

MIN_PYTHON = (3, 11)
MIN_MEMORY_GB = 4.0
MIN_DISK_GB = 2.0
FRAMEWORKS = ("torch", "keras")  # one of these extras is needed
NEEDED = ("", "lab")
USES = {
    "": "the course",
    "lab": "the notebooks",
    "torch": "the PyTorch track",
    "keras": "the Keras track",
    "test": "the course's own tests",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: "ok", "note", "warn" (may give trouble) or "fail" (needed)."""

    level: Literal["ok", "note", "warn", "fail"]
    text: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``vidlab doctor`` takes no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print what was found; return 1 when something is missing that the course needs."""
    print(f"vidlab {__version__} on {platform.platform(terse=True)}\n")
    failures = 0
    for finding in examine():
        print(as_text(finding), flush=True)
        failures += finding.level == "fail"
    if failures:
        things = "1 thing" if failures == 1 else f"{failures} things"
        print(f"\n{things} that the course needs: missing or broken. What to do stands beside it.")
        return 1
    print("\nEverything that the course needs is here. Open it with: vidlab lab")
    return 0


def as_text(finding: Finding) -> str:
    """Return a finding as lines of text, with its advice under it."""
    label = {"ok": "ok", "note": "note", "warn": "WARNING", "fail": "PROBLEM"}[finding.level]
    width = max(60, min(shutil.get_terminal_size().columns, 100))
    head = textwrap.fill(
        finding.text,
        width,
        initial_indent=f"  {label:<8}",
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # Advice holds commands, which must stay on one line to be copied.
    return "\n".join([head, *(f"          -> {line}" for line in finding.advice.splitlines())])


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; slow trials run meanwhile."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        present = {name: installed_version(name) for name in ("torch", "tensorflow", "keras")}
        trials = {name: pool.submit(probe, name) for name, version in present.items() if version}
        trials["video"] = pool.submit(probe, "video")
        yield python()
        yield from packages()
        yield from widgets()
        yield from kernel()
        yield video(trials["video"].result())
        for name, version in present.items():
            if version:
                yield framework(name, version, trials[name].result())
    yield machine()
    yield browser()


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Look at the Python that runs this."""
    text = f"Python {'.'.join(map(str, version))} in {sys.executable}"
    if version[:2] < MIN_PYTHON:
        return Finding(
            "fail", text, "The course needs Python 3.11 or newer: install it, then make lab"
        )
    return Finding("ok", text)


def packages() -> Iterator[Finding]:
    """Look for missing packages, versions that differ from the tested ones, and troublemakers."""
    try:
        wanted = requirements()
    except metadata.PackageNotFoundError:
        yield Finding("fail", "vidlab is not installed in this Python.", install_command("all"))
        return
    missing: dict[str, list[str]] = {}
    for name, extra in wanted.items():
        if installed_version(name) is None:
            missing.setdefault(extra, []).append(name)
    if all(extra in missing for extra in FRAMEWORKS):
        yield Finding(
            "fail",
            "Neither PyTorch nor Keras with TensorFlow is installed; the course needs one of them.",
            f"PyTorch: {install_command('torch')}\nKeras: {install_command('keras')}",
        )
        for extra in FRAMEWORKS:
            del missing[extra]
    for extra, names in missing.items():
        level: Literal["fail", "note"] = "fail" if extra in NEEDED else "note"
        text = f"Not installed: {', '.join(names)} (for {USES.get(extra, extra)})."
        yield Finding(level, text, install_command(extra))
    yield versions(wanted)
    if installed_version("torchvision"):
        yield Finding(
            "warn",
            "torchvision is installed. The course does not use it, and one that does not belong to "
            "the installed PyTorch breaks transformers too.",
            "python -m pip uninstall torchvision",
        )


def versions(wanted: dict[str, str]) -> Finding:
    """Compare the installed versions with the tested ones."""
    tested = tested_versions()
    if not tested:
        return Finding(
            "note", "Which versions the course was tested with is unknown: no constraints.txt."
        )
    found = {name: installed_version(name) for name in tested}
    different = [
        f"{name} {found[name]} (tested: {version})"
        for name, version in tested.items()
        if found[name] not in (None, version)
    ]
    here = sum(installed_version(name) is not None for name in wanted)
    if not different:
        text = f"{here} of {len(wanted)} packages are here, all in the tested versions."
        return Finding("ok", text)
    text = f"Versions that differ from the tested ones: {', '.join(different)}."
    return Finding("warn", text, f"If something fails: {install_command('all')}")


def framework(name: str, version: str, found: dict[str, Any]) -> Finding:
    """Say what a framework sees, from its probe."""
    title = {"torch": "PyTorch", "tensorflow": "TensorFlow", "keras": "Keras"}[name]
    extra = "torch" if name == "torch" else "keras"
    if "error" in found:
        again = install_command(extra).replace("install ", "install --force-reinstall ", 1)
        return Finding("fail", f"{title} {version} does not work. {found['error']}", again)
    if "devices" in found:
        return Finding("ok", f"{title} {version} sees {', '.join(found['devices'])}")
    backend = found["backend"]
    text = f"Keras {version} runs on {backend}"
    if backend == "tensorflow":
        return Finding("ok", text)
    advice = 'The course uses "tensorflow": unset KERAS_BACKEND, and look into ~/.keras/keras.json'
    # The torch backend is tested too, so the lessons run; texts and timings speak of TensorFlow.
    return Finding("note" if backend == "torch" else "warn", text, advice)


def video(found: dict[str, Any]) -> Finding:
    """Say whether H.264 and AAC can be written and read, from the probe."""
    again = "python -m pip install --force-reinstall -c constraints.txt av"
    if "error" in found:
        return Finding("fail", f"Video cannot be written and read. {found['error']}", again)
    if found["codec"] != "h264":
        text = f"Video is written as {found['codec']}, which browsers may not play, not as H.264."
        return Finding("fail", text, again)
    if found["difference"] > 8:
        text = f"A clip came back wrong by {found['difference']:.0f} grey levels on average."
        return Finding("fail", text, again)
    if not 0.7 < found["loudness"] < 1.4:
        text = f"Sound came back {found['loudness']:.2f} times as loud as it was written."
        return Finding("fail", text, again)
    return Finding("ok", "Video (H.264) and sound (AAC) are written and read back right.")


def widgets() -> Iterator[Finding]:
    """Look at the chain from ipywidgets to what JupyterLab loads in the browser."""
    from vidlab.wiring import widget_problem, widget_versions

    if not (installed_version("ipywidgets") and installed_version("jupyterlab")):
        return  # packages() has said so
    problem = widget_problem()
    if problem:
        yield Finding("fail", f"Widgets would be shown as text: {problem[0]}", problem[1])
    else:
        yield Finding("ok", f"Widgets are wired up: {widget_versions()}")


def kernel() -> Iterator[Finding]:
    """Look whether notebooks run in this Python."""
    from vidlab.wiring import kernel_problem

    if not (installed_version("ipykernel") and installed_version("jupyter-client")):
        return
    problem = kernel_problem()
    if problem:
        yield Finding("warn", problem[0], problem[1])
    else:
        yield Finding("ok", "Notebooks run in this Python.")


def machine() -> Finding:
    """Look at cores, memory and disk."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    disk = shutil.disk_usage(Path.cwd()).free / 1e9
    memory = memory_gb()
    parts = [f"{cores} cores", f"{disk:.0f} GB of disk free"]
    if memory is not None:
        parts.insert(1, f"{memory:.0f} GB of memory")
    text = f"This machine: {', '.join(parts)}"
    if memory is not None and memory < MIN_MEMORY_GB:
        advice = "Keep one chapter open at a time: Kernel > Shut Down All Kernels"
        return Finding("warn", text, advice)
    if disk < MIN_DISK_GB:
        return Finding("warn", text, "Make some room: chapters write videos and results")
    return Finding("ok", text)


def memory_gb() -> float | None:
    """Return the memory this process may use in 10^9 bytes, a container's limit included."""
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    total = float(psutil.virtual_memory().total)
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, float(text))
    return total / 1e9


def find_browser() -> str | None:
    """Return the program of a Chromium: $VIDLAB_BROWSER or one on the path; None without one."""
    given = os.environ.get("VIDLAB_BROWSER")
    return shutil.which(given) if given else next(filter(None, map(shutil.which, BROWSERS)), None)


def browser() -> Finding:
    """Look for the browser that drives the course's own tests."""
    found = find_browser()
    if found:
        return Finding("ok", f"Chromium for the course's own tests: {found}")
    return Finding(
        "note",
        "No Chromium for the course's own tests; to follow the course any browser will do.",
        "apt-get install chromium (Debian), or set VIDLAB_BROWSER to one",
    )
