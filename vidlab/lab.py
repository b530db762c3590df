"""Open the course in JupyterLab.

Starts JupyterLab in the course's notebooks with the settings that its live panels need. Your own
JupyterLab settings are neither used nor changed. Arguments that are not listed here go to
JupyterLab as they are: vidlab lab --port 9000
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSES_ON = True
FIRST_NOTEBOOK = "00_start_here.ipynb"

# Defaults for JupyterLab's own settings; a learner can change each one in the settings editor.
SETTINGS: dict[str, dict[str, Any]] = {
    # A click in a panel reaches the kernel on its main thread, after the running cell. With
    # sub-shells it depends on the versions of ipykernel and JupyterLab on which thread it runs.
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
    # No question about news at the first start, and no request to the network.
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


@dataclass(frozen=True)
class Launch:
    """What a JupyterLab for the course is started with."""

    arguments: list[str]
    environment: dict[str, str]  # what to add to, or to replace in, the environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``vidlab lab``."""
    parser.add_argument(
        "--notebooks",
        type=Path,
        metavar="FOLDER",
        help="the course's notebooks (default: notebooks/ here or in a folder above)",
    )


def run(args: argparse.Namespace) -> int:
    """Start JupyterLab and stay until it is stopped with Ctrl-C."""
    from jupyterlab.labapp import LabApp

    try:
        notebooks = find_notebooks(Path.cwd(), args.notebooks)
    except FileNotFoundError as error:
        print(f"vidlab lab: {error}", file=sys.stderr)
        return 1
    plan = launch(notebooks, private_folder())
    os.environ.update(plan.environment)
    arguments = [*without(plan.arguments, args.rest), *args.rest]
    if not has_display(os.environ, sys.platform):
        arguments += without(["--no-browser"], args.rest)
    server = LabApp.initialize_server(argv=arguments)
    everywhere = server.ip in ("", "0.0.0.0", "::")  # none of these is an address to go to
    url = server.local_url if everywhere else server.public_url
    # We say the address ourselves, once the server listens; it need not be in the log as well.
    server.identity_provider.token_generated = False
    text = f"The course is open in JupyterLab at\n\n    {url}\n\nCtrl-C here stops it."
    server.io_loop.add_callback(print, text, flush=True)
    server.start()
    return 0


def find_notebooks(start: Path, given: Path | None = None) -> Path:
    """Return the folder of the course's notebooks.

    This is ``given`` if there is one, else the folder with the first chapter that is nearest to
    ``start``: itself, its ``notebooks/``, or the same for a folder above. The worked solutions
    do not count. Raises FileNotFoundError with what to do.
    """
    if given is not None:
        if not given.is_dir():
            raise FileNotFoundError(f"--notebooks: {given} is not a folder")
        return given.resolve()
    for folder in (start.resolve(), *start.resolve().parents):
        for candidate in (folder, folder / "notebooks"):
            if candidate.name != "solutions" and (candidate / FIRST_NOTEBOOK).is_file():
                return candidate
    raise FileNotFoundError(
        f"no notebooks/{FIRST_NOTEBOOK} in {start} or in a folder above; go to the folder of the "
        "course first, or name its notebooks with --notebooks FOLDER"
    )


def launch(notebooks: Path, private: Path) -> Launch:
    """Return how to start JupyterLab on a folder of notebooks.

    Writes the course's settings into ``private``, which also keeps what the learner changes:
    the learner's own JupyterLab settings stay as they are.
    """
    first = f"/tree/{FIRST_NOTEBOOK}" if (notebooks / FIRST_NOTEBOOK).is_file() else ""
    arguments = [
        f"--ServerApp.root_dir={notebooks}",
        f"--LabApp.default_url=/lab{first}",
        f"--LabApp.user_settings_dir={private / 'settings'}",
        f"--LabApp.workspaces_dir={private / 'workspaces'}",
        # Ctrl-C stops at once: under `make` nobody could answer a question.
        "--ServerApp.answer_yes=True",
        "--Application.log_level=WARN",
    ]
    if getattr(os, "geteuid", lambda: -1)() == 0:
        arguments.append("--allow-root")  # in a container everyone is root
    _write_settings(private / "config" / "labconfig" / "default_setting_overrides.json")
    paths = [str(private / "config"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths)),
        # The kernel "python3" and the widgets of this environment come before the user's own.
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    return Launch(arguments, environment)


def _write_settings(path: Path) -> None:
    """Write SETTINGS; another start at the same time sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(SETTINGS, file, indent=2)
    os.replace(temporary, path)


def private_folder() -> Path:
    """Return a folder for the course's JupyterLab settings that can be written to.

    This is in the user's data folder, or a temporary one where that is read-only.
    """
    from jupyter_core.paths import jupyter_data_dir

    folder = Path(jupyter_data_dir()) / "vidlab"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        print(f"vidlab lab: {error}; settings will not be kept", file=sys.stderr)
        return Path(tempfile.mkdtemp(prefix="vidlab-"))


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser can be opened: not over SSH, nor on a Linux without a screen."""
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return True
    return platform in ("darwin", "win32") and "SSH_CONNECTION" not in environment


def without(arguments: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return the arguments less those that are given too: the server takes each only once."""
    names = {argument.split("=")[0] for argument in given}
    if "--debug" in names:
        names.add("--Application.log_level")
    return [argument for argument in arguments if argument.split("=")[0] not in names]
