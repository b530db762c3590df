"""``vidlab lab``: which folder, which settings, and that a real server has them."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from vidlab import lab

SCHEMAS = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A folder that looks like a checkout."""
    notebooks = tmp_path / "course" / "notebooks"
    (notebooks / "solutions").mkdir(parents=True)
    for folder in (notebooks, notebooks / "solutions"):
        cells = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / lab.FIRST_NOTEBOOK).write_text(json.dumps(cells))
    return notebooks.parent


@pytest.mark.parametrize("start", [".", "notebooks", "notebooks/solutions", "vidlab/world"])
def test_the_notebooks_are_found_from_anywhere_in_the_checkout(course: Path, start: str):
    (course / start).mkdir(parents=True, exist_ok=True)
    assert lab.find_notebooks(course / start) == course / "notebooks"


def test_outside_a_checkout_the_error_says_what_to_do(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="--notebooks FOLDER"):
        lab.find_notebooks(tmp_path)


def test_a_given_folder_is_taken_and_must_exist(tmp_path: Path):
    assert lab.find_notebooks(Path("/"), tmp_path) == tmp_path
    with pytest.raises(FileNotFoundError, match="missing"):
        lab.find_notebooks(Path("/"), tmp_path / "missing")


@pytest.mark.parametrize("plugin", lab.SETTINGS)
def test_the_installed_jupyterlab_knows_the_settings(plugin: str):
    package, name = plugin.split(":")
    schema = json.loads((SCHEMAS / package / f"{name}.json").read_text())
    for key, value in lab.SETTINGS[plugin].items():
        known = schema["properties"][key]
        if "oneOf" in known:
            assert value in [choice["const"] for choice in known["oneOf"]]
        else:
            assert known["type"] == "boolean"
            assert isinstance(value, bool)


def test_settings_are_added_to_the_users_path_and_leave_no_parts(course, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    plan = lab.launch(course / "notebooks", tmp_path / "private")
    first, last = plan.environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert last == "/mine"
    files = [path.name for path in Path(first).rglob("*") if path.is_file()]
    assert files == ["default_setting_overrides.json"]


def test_root_is_allowed_only_to_root(course, tmp_path, monkeypatch):
    for uid, allowed in ((0, True), (1000, False)):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid, raising=False)
        plan = lab.launch(course / "notebooks", tmp_path / "private")
        assert ("--allow-root" in plan.arguments) is allowed


def test_without_the_first_chapter_jupyterlab_opens_empty(tmp_path):
    plan = lab.launch(tmp_path, tmp_path / "private")
    assert "--LabApp.default_url=/lab" in plan.arguments


def test_what_the_user_gives_wins():
    ours = ["--LabApp.default_url=/lab", "--Application.log_level=WARN", "--allow-root"]
    assert lab.without(ours, ["--LabApp.default_url=/tree"]) == ours[1:]
    assert lab.without(ours, ["--debug", "--port", "1"]) == [ours[0], ours[2]]


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
    ],
)
def test_where_a_browser_can_be_opened(environment, platform, expected):
    assert lab.has_display(environment, platform) is expected


def test_a_data_folder_that_cannot_be_written_is_replaced(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "file"))
    folder = lab.private_folder()
    assert folder.is_dir()
    folder.rmdir()
    assert "settings will not be kept" in capsys.readouterr().err


def test_a_real_start(course: Path, tmp_path: Path):
    """The printed address answers, has the course's settings and leaves the user's own alone."""
    home = tmp_path / "home"
    own = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    own.mkdir(parents=True)
    settings = own / "kernels-settings.jupyterlab-settings"
    settings.write_text('{"commsOverSubshells": "perComm"}')
    names = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(("JUPYTER", "DISPLAY", "WAYLAND"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "vidlab", "lab", "--port", "0"],
        cwd=course,
        env={**inherited, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "log").open("w"),
        text=True,
    )
    try:
        printed = ""
        assert process.stdout is not None
        while not (match := re.search(r"(http://\S+?:\d+)/(\S*)\?token=(\w+)", printed)):
            line = process.stdout.readline()
            assert line, (tmp_path / "log").read_text()
            printed += line
        root, page, token = match.groups()
        assert page == f"lab/tree/{lab.FIRST_NOTEBOOK}"
        for plugin, expected in lab.SETTINGS.items():
            address = f"{root}/lab/api/settings/{plugin}?token={token}"
            with urllib.request.urlopen(address, timeout=60) as answer:
                found = json.load(answer)
            assert found["settings"] == {}
            for key, value in expected.items():
                assert found["schema"]["properties"][key]["default"] == value
        with urllib.request.urlopen(f"{root}/{page}?token={token}", timeout=60) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()
    assert settings.read_text() == '{"commsOverSubshells": "perComm"}'
    assert [path for path in own.rglob("*") if path.is_file()] == [settings]
