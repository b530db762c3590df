"""``vidlab doctor`` on simulated troubles: each is named, with what to do and the right status."""

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from vidlab import doctor, packages, probes, wiring


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Change what seems to be installed: package -> version, or None for not at all."""
    real = packages.installed_version

    def change(**versions: str | None) -> None:
        known = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(
            doctor,
            "installed_version",
            lambda name: known[name] if name in known else real(name) or "1.0",
        )

    return change


@pytest.fixture
def fake_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a module of this name before the real one, for the Pythons that doctor starts."""

    def put(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


def level(findings, words: str) -> str:
    """The level of the one finding with these words in it."""
    (found,) = [finding for finding in findings if words in finding.text]
    return found.level


# --- packages


def test_a_package_that_the_course_needs(installed):
    installed(av=None)
    findings = list(doctor.packages())
    assert level(findings, "Not installed: av (for the course)") == "fail"
    assert findings[0].advice.endswith("-e .")


def test_a_package_that_the_notebooks_need(installed):
    installed(ipywidgets=None)
    assert level(doctor.packages(), "ipywidgets (for the notebooks)") == "fail"


def test_one_framework_is_enough(installed):
    installed(tensorflow=None, keras=None)
    assert level(doctor.packages(), "keras, tensorflow (for the Keras track)") == "note"


def test_no_framework_is_not_enough(installed):
    installed(torch=None, tensorflow=None)
    findings = list(doctor.packages())
    assert level(findings, "Neither PyTorch nor Keras") == "fail"
    assert "'.[torch]'" in findings[0].advice
    assert "'.[keras]'" in findings[0].advice


def test_the_tests_packages_are_not_needed(installed):
    installed(playwright=None)
    assert level(doctor.packages(), "playwright (for the course's own tests)") == "note"


def test_a_differing_version(installed, monkeypatch):
    monkeypatch.setattr(doctor, "tested_versions", lambda: {"av": "18.1.0", "numpy": "2.4.6"})
    installed(av="9.0.0", numpy="2.4.6")
    (found,) = [finding for finding in doctor.packages() if "differ" in finding.text]
    assert found.level == "warn"
    assert "av 9.0.0 (tested: 18.1.0)" in found.text
    assert "numpy" not in found.text


def test_unknown_tested_versions(monkeypatch):
    monkeypatch.setattr(doctor, "tested_versions", dict)
    assert level(doctor.packages(), "no constraints.txt") == "note"


def test_torchvision_is_warned_of(installed):
    installed(torchvision="0.28.0")
    assert level(doctor.packages(), "torchvision") == "warn"
    installed(torchvision=None)
    assert not [finding for finding in doctor.packages() if "torchvision" in finding.text]


def test_vidlab_itself_not_installed(monkeypatch):
    def missing():
        raise metadata.PackageNotFoundError("vidlab")

    monkeypatch.setattr(doctor, "requirements", missing)
    assert level(doctor.packages(), "vidlab is not installed") == "fail"


def test_an_old_python():
    assert doctor.python((3, 10, 1)).level == "fail"
    assert doctor.python((3, 11, 0)).level == "ok"


def test_the_local_part_of_a_version_does_not_count(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0+cpu")
    assert packages.installed_version("torch") == "2.13.0"


# --- frameworks, each in a Python of its own


def test_a_framework_that_crashes(fake_module):
    fake_module("torch", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    found = doctor.framework("torch", "2.13.0", probes.probe("torch"))
    assert found.level == "fail"
    assert "PyTorch 2.13.0 does not work" in found.text
    assert "status -11" in found.text
    assert "'.[torch]'" in found.advice


def test_a_framework_that_cannot_be_imported(fake_module):
    fake_module("tensorflow", "print('noise'); raise ImportError('libcudart is missing')")
    found = doctor.framework("tensorflow", "2.21.0", probes.probe("tensorflow"))
    assert found.level == "fail"
    assert "ImportError: libcudart is missing" in found.text


def test_a_framework_that_hangs(fake_module):
    fake_module("torch", "import time; time.sleep(60)")
    assert probes.probe("torch", timeout=0.5) == {"error": "no answer after 0 s"}


def test_a_framework_that_calculates_wrong(fake_module):
    fake_module(
        "torch",
        "from types import SimpleNamespace as N\n"
        "cuda = N(is_available=lambda: False)\n"
        "backends = N(mps=N(is_available=lambda: True))\n"
        "ones = lambda n, device: N(sum=lambda: 3 if device == 'cpu' else 0)",
    )
    assert probes.probe("torch") == {"error": "RuntimeError: 1 + 1 + 1 is not 3 on mps"}


def test_a_gpu_is_named(fake_module):
    fake_module(
        "torch",
        "from types import SimpleNamespace as N\n"
        "cuda = N(is_available=lambda: True, device_count=lambda: 1,"
        " get_device_name=lambda i: 'RTX 9999')\n"
        "backends = N(mps=N(is_available=lambda: False))\n"
        "ones = lambda n, device: N(sum=lambda: 3)",
    )
    found = doctor.framework("torch", "2.13.0", probes.probe("torch"))
    assert found == doctor.Finding("ok", "PyTorch 2.13.0 sees CPU, RTX 9999")


@pytest.mark.parametrize(
    ("backend", "expected"), [("tensorflow", "ok"), ("torch", "note"), ("jax", "warn")]
)
def test_keras_backends(fake_module, backend: str, expected: str):
    fake_module("keras", f"class backend:\n    backend = staticmethod(lambda: {backend!r})")
    found = doctor.framework("keras", "3.15.1", probes.probe("keras"))
    assert found.level == expected
    assert backend in found.text


# --- video


def test_video_and_sound_as_installed():
    assert doctor.video(probes.probe("video")).level == "ok"


def test_no_encoder(fake_module):
    fake_module("av", "raise ImportError('libx264 is missing')")
    found = doctor.video(probes.probe("video"))
    assert found.level == "fail"
    assert "libx264 is missing" in found.text
    assert found.advice.endswith(" av")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codec": "mpeg4"}, "mpeg4"),
        ({"difference": 90.0}, "90 grey levels"),
        ({"loudness": 0.0}, "0.00 times as loud"),
    ],
)
def test_video_that_comes_back_wrong(change: dict, words: str):
    good = {"codec": "h264", "difference": 1.0, "loudness": 1.0}
    assert doctor.video(good).level == "ok"
    bad = doctor.video({**good, **change})
    assert bad.level == "fail"
    assert words in bad.text


# --- widgets and kernel


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what JupyterLab would load, in a folder of its own."""
    folder = tmp_path / "labextensions" / wiring.EXTENSION
    (folder / "static").mkdir(parents=True)
    (folder / "static" / "entry.js").write_text("")
    package = {
        "jupyterlab": {"_build": {"load": "static/entry.js"}},
        "dependencies": {"@jupyter-widgets/controls": "^5.0.13"},
    }
    (folder / "package.json").write_text(json.dumps(package))
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda sub: [str(tmp_path / sub)])
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(tmp_path)])
    return folder


def test_widgets_as_installed():
    assert wiring.widget_problem() is None


def test_widgets_that_are_wired_up(extension: Path):
    assert wiring.widget_problem() is None


def test_no_extension(extension: Path):
    (extension / "package.json").unlink()
    (found,) = doctor.widgets()
    assert found.level == "fail"
    assert "in none of its folders" in found.text
    assert "jupyterlab_widgets" in found.advice


def test_an_extension_without_its_files(extension: Path):
    (extension / "static" / "entry.js").unlink()
    assert "entry.js is missing" in wiring.widget_problem()[0]


def test_an_extension_of_another_protocol(extension: Path):
    package = json.loads((extension / "package.json").read_text())
    package["dependencies"]["@jupyter-widgets/controls"] = "^3.1.0"
    (extension / "package.json").write_text(json.dumps(package))
    assert "too old for ipywidgets" in wiring.widget_problem()[0]


def test_an_extension_that_is_switched_off(extension: Path, tmp_path: Path):
    (tmp_path / "labconfig").mkdir()
    config = {"disabledExtensions": {wiring.EXTENSION: True}}
    (tmp_path / "labconfig" / "page_config.json").write_text(json.dumps(config))
    assert wiring.widget_problem()[1] == f"jupyter labextension enable {wiring.EXTENSION}"


def test_a_kernel_of_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/opt/other/bin/python", "-m", "ipykernel"], "display_name": "Python 3"}
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (folder / "kernel.json").write_text(json.dumps(spec))
    (found,) = doctor.kernel()
    assert found.level == "warn"
    assert "/opt/other/bin/python" in found.text
    spec["argv"][0] = sys.executable
    (folder / "kernel.json").write_text(json.dumps(spec))
    (found,) = doctor.kernel()
    assert found.level == "ok"


# --- the machine, and the whole


def test_little_memory(monkeypatch):
    monkeypatch.setattr(doctor, "memory_gb", lambda: 2.0)
    assert doctor.machine().level == "warn"
    monkeypatch.setattr(doctor, "memory_gb", lambda: 16.0)
    assert doctor.machine().level == "ok"


def test_no_browser_is_only_a_note(monkeypatch):
    monkeypatch.delenv("VIDLAB_BROWSER", raising=False)
    monkeypatch.setenv("PATH", "")
    assert doctor.browser().level == "note"
    monkeypatch.setenv("VIDLAB_BROWSER", sys.executable)
    assert doctor.browser().level == "ok"


@pytest.mark.parametrize(("levels", "status"), [("ok note warn", 0), ("ok fail", 1)])
def test_the_exit_status(monkeypatch, capsys, levels: str, status: int):
    findings = [doctor.Finding(name, f"this is {name}", "do that") for name in levels.split()]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    assert doctor.run(argparse.Namespace()) == status
    text = capsys.readouterr().out
    assert all(f"this is {name}" in text for name in levels.split())
    assert text.count("-> do that") == len(findings)
    assert ("Everything that the course needs is here" in text) is (status == 0)


def test_advice_stays_on_one_line():
    command = "python -m pip install " + "x" * 200
    assert f"-> {command}" in doctor.as_text(doctor.Finding("fail", "word " * 60, command))
