"""The files that install the course agree with each other, and the two commands work."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from vidlab.packages import normalise, parse_constraints

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
ENVIRONMENT = (ROOT / "environment.yml").read_text()
LEARNERS_EXTRAS = ("torch", "keras", "lab")


def names(lines: list[str]) -> set[str]:
    return {normalise(re.split(r"[^\w.-]", line)[0]) for line in lines} - {"vidlab"}


def load_lock():
    spec = importlib.util.spec_from_file_location("lock", ROOT / "data_scripts" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- pyproject.toml, constraints.txt, environment.yml


def test_all_is_every_other_extra():
    extras = dict(PROJECT["optional-dependencies"])
    assert extras.pop("all") == [f"vidlab[{','.join(extras)}]"]


def test_constraints_are_plain_sorted_versions():
    lines = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    keys = [normalise(line.split("==")[0]) for line in lines]
    assert keys == sorted(set(keys))
    assert not {"vidlab", "pip", "setuptools", "wheel"} & set(keys)
    assert "make lock" in CONSTRAINTS
    assert "Python 3.11" in CONSTRAINTS


def test_constraints_hold_everything_that_is_asked_for():
    wanted = names(PROJECT["dependencies"])
    for lines in PROJECT["optional-dependencies"].values():
        wanted |= names(lines)
    assert wanted - set(parse_constraints(CONSTRAINTS)) == set()


def test_environment_has_what_a_learner_needs_and_nothing_else():
    pip = yaml.safe_load(ENVIRONMENT)["dependencies"][-1]["pip"]
    versions = parse_constraints("\n".join(pip))
    wanted = names(PROJECT["dependencies"])
    for extra in LEARNERS_EXTRAS:
        wanted |= names(PROJECT["optional-dependencies"][extra])
    assert set(versions) == wanted
    tested = parse_constraints(CONSTRAINTS)
    assert versions == {name: tested[name] for name in wanted}
    # Binder and conda install this checkout itself last.
    assert [line for line in pip if "==" not in line][-1] == pip[-1] == "-e ."


def test_environment_takes_python_and_pip_from_conda_forge():
    environment = yaml.safe_load(ENVIRONMENT)
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert environment["dependencies"][:-1] == ["python=3.11", "pip"]


def test_environment_says_on_every_line_which_chapter_needs_it():
    lines = [line for line in ENVIRONMENT.splitlines() if re.match(r"\s+- (?!pip:|--)", line)]
    assert len(lines) > 20
    for line in lines:
        assert re.search(r"# (all chapters|none|\d\d)", line), line


# --- data_scripts/lock.py


def test_lock_writes_sorted_versions_without_local_builds():
    frozen = "b_b==2\ntorch==2.13.0+cpu\n-e /somewhere\nAlpha==1.0\n# a comment\n"
    lock = load_lock()
    text = lock.as_constraints(frozen)
    assert [line for line in text.splitlines() if "==" in line] == [
        "Alpha==1.0",
        "b_b==2",
        "torch==2.13.0",
    ]
    assert text.startswith("#")


def test_lock_refuses_an_empty_list():
    with pytest.raises(SystemExit, match="stays as it is"):
        load_lock().as_constraints("")


def test_lock_asks_for_all_extras_and_holds_torch():
    wanted = load_lock().wanted()
    assert "torch==2.13.0" in wanted
    assert names(PROJECT["dependencies"]) <= names(wanted)
    assert "ruff" in wanted
    assert not [line for line in wanted if line.startswith("vidlab")]


# --- Makefile and .ci/run, with programs that only write down how they were called

FAKE_PYTHON = """\
#!/bin/sh
echo "python $*" >> "$CALLS"
case "$*" in
  *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  *"pip install"*) test ! -e fail;;
esac
"""
TOOLS = ("sh", "cat", "cp", "echo", "expand", "find", "grep", "mkdir", "rm", "sed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a bin/ that is all there is on the path."""
    folder = tmp_path / "a checkout"
    (folder / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for tool in TOOLS:
        program = shutil.which(tool)
        assert program is not None
        (folder / "bin" / tool).symlink_to(program)
    add_program(folder, "python3.11", FAKE_PYTHON)
    return folder


def add_program(folder: Path, name: str, text: str) -> None:
    path = folder / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


def make(folder: Path, *targets: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run make; return its result and the calls of Python that it made, checks left out."""
    calls = folder / "calls"
    calls.write_text("")
    program = shutil.which("make")
    if program is None:
        pytest.skip("needs make")
    done = subprocess.run(
        [program, *targets],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "CALLS": str(calls)},
        capture_output=True,
        text=True,
    )
    lines = calls.read_text().splitlines()
    return done, [line for line in lines if not line.startswith("python -c")]


INSTALL = "-c constraints.txt -e .[all]"


def test_make_lab_installs_once(checkout: Path):
    done, calls = make(checkout, "lab")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "python -m venv --clear .venv"
    assert calls[1].endswith(INSTALL)
    assert calls[2:] == ["python -m vidlab lab"]
    assert make(checkout, "lab")[1] == ["python -m vidlab lab"]


def test_make_installs_again_when_what_is_asked_for_changed(checkout: Path):
    make(checkout, "lab")
    stamp = (checkout / ".venv" / ".installed-for").stat().st_mtime
    os.utime(checkout / "constraints.txt", (stamp + 1, stamp + 1))
    calls = make(checkout, "lab")[1]
    assert calls[0].endswith(INSTALL)


def test_an_interrupted_installation_is_taken_up_again(checkout: Path):
    (checkout / "fail").touch()
    done, calls = make(checkout, "lab")
    assert done.returncode != 0
    assert calls[-1].endswith(INSTALL)
    (checkout / "fail").unlink()
    done, calls = make(checkout, "lab")
    assert done.returncode == 0
    assert len(calls) == 2


def test_a_copied_environment_is_installed_for_its_new_place(checkout: Path):
    make(checkout, "lab")
    copy = checkout.parent / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    calls = make(copy, "lab")[1]
    assert calls[0].endswith(INSTALL)
    assert make(copy, "lab")[1] == ["python -m vidlab lab"]


def test_make_takes_arguments_for_pip(checkout: Path):
    calls = make(checkout, "lab", "PIP_FLAGS=--no-cache-dir")[1]
    assert "--no-cache-dir -c constraints.txt" in calls[1]


def test_without_python_make_says_what_to_do(checkout: Path):
    (checkout / "bin" / "python3.11").unlink()
    add_program(checkout, "python3", "#!/bin/sh\nexit 1\n")  # too old
    done, _ = make(checkout, "lab")
    assert done.returncode != 0
    assert "No Python 3.11 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_make_test_ends_with_pytest(checkout: Path):
    calls = make(checkout, "test")[1]
    tools = [re.match(r"python -m (\S+)", line).group(1) for line in calls]
    assert tools == ["venv", "pip", "ruff", "ruff", "mypy", "pytest"]


def test_make_clean_keeps_what_the_learner_made(checkout: Path):
    kept = [checkout / "notebooks" / name for name in ("01_frames.ipynb", "output/mine.mp4")]
    kept[1].parent.mkdir(parents=True)
    for path in kept:
        path.touch()
    cache = checkout / "notebooks" / ".ipynb_checkpoints"
    cache.mkdir()
    for name in ("vidlab", "tests", "data_scripts", "benchmarks", ".venv"):
        (checkout / name).mkdir()
    assert make(checkout, "clean")[0].returncode == 0
    assert all(path.exists() for path in kept)
    assert not cache.exists()
    assert not (checkout / ".venv").exists()


def test_make_alone_is_help(checkout: Path):
    text = make(checkout)[0].stdout
    for target in ("lab", "test", "notebooks", "lint", "bench", "verify", "lock", "clean"):
        assert re.search(rf"^{target} ", text, re.MULTILINE)


def test_ci_runs_make_test_and_requires_the_browser(tmp_path: Path):
    script = tmp_path / ".ci" / "run"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci" / "run", script)
    assert script.stat().st_mode & stat.S_IXUSR
    (tmp_path / "bin").mkdir()
    add_program(tmp_path, "chromium", "#!/bin/sh\necho Chromium 1\n")
    add_program(tmp_path, "make", '#!/bin/sh\necho "make $* $VIDLAB_REQUIRE_BROWSER $(cat)"\n')
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", script],
        env={"PATH": path},
        input="typed",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].strip() == "make test 1"
