"""Write constraints.txt anew: the newest versions of everything the course installs.

    make lock

Installs what pyproject.toml asks for, all extras, into a fresh temporary environment and writes
down what came. Nothing is written when that fails. Needs only Python's standard library.
With --from-python PROGRAM it writes down what that Python has installed instead.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "constraints.txt"

# Held back by hand, each with its reason.
HELD = {
    # Another version may bring gigabytes of CUDA where this one comes as a small build for CPUs.
    "torch": "2.13.0",
}

HEADER = """\
# The versions the course is tested with: everything that '.[all]' installs.
# Made by `make lock` with Python {python} on {system}; do not edit.
# Use: python -m pip install -c constraints.txt -e '.[all]'
"""


def main() -> None:
    """Resolve, then replace constraints.txt in one step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from-python", metavar="PROGRAM", help="write down what this one has")
    program = parser.parse_args().from_python
    if program:
        text = as_constraints(freeze(program))
    else:
        with tempfile.TemporaryDirectory(prefix="vidlab-lock-") as folder:
            text = as_constraints(freeze(fresh_environment(Path(folder))))
    part = TARGET.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, TARGET)
    print(f"wrote {TARGET.name}; run `make test`, and see what changed with `git diff`")


def wanted(pyproject: Path = ROOT / "pyproject.toml") -> list[str]:
    """Return what the project and its extras ask for, vidlab itself left out."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = {*project["dependencies"], *(line for extra in extras for line in extra)}
    held = {f"{name}=={version}" for name, version in HELD.items()}
    return sorted({line for line in lines if not line.startswith("vidlab")} | held)


def fresh_environment(folder: Path) -> str:
    """Make an environment with all that is wanted; return its Python."""
    venv.create(folder, with_pip=True)
    program = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    subprocess.run([program, "-m", "pip", "install", *wanted()], check=True)
    return program


def freeze(program: str) -> str:
    """Return what ``pip freeze`` says of a Python."""
    command = [program, "-m", "pip", "freeze", "--exclude", "vidlab"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def as_constraints(frozen: str) -> str:
    """Return the file's text from pip's list: sorted, without the names of local builds."""
    lines = re.findall(r"^([\w.-]+)==([^\s+]+)", frozen, flags=re.MULTILINE)
    if not lines:
        raise SystemExit("pip listed no packages; constraints.txt stays as it is")
    ordered = sorted(lines, key=lambda line: re.sub(r"[-_.]+", "-", line[0]).lower())
    header = HEADER.format(
        python=".".join(platform.python_version_tuple()[:2]), system=platform.system()
    )
    return header + "".join(f"{name}=={version}\n" for name, version in ordered)


if __name__ == "__main__":
    main()
