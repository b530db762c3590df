"""Which packages the course needs, in which versions it was tested, and how to install them.

Everything here is read from files and metadata; no package is imported.
"""

import re
from importlib import metadata
from pathlib import Path

# Only names of imports that are not the package's own name with "-" written as "_".
IMPORT_NAMES = {
    "opencv-python-headless": "cv2",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}

_HERE = Path(__file__).resolve().parent
# A built wheel carries a copy of the file; a checkout has it beside the package.
_CONSTRAINTS = (_HERE / "constraints.txt", _HERE.parent / "constraints.txt")


def normalise(name: str) -> str:
    """Return a package's name as indexes compare it: lower case, runs of ``-_.`` as one ``-``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> dict[str, str]:
    """Return package name -> the extra of vidlab that brings it (``""`` for vidlab itself).

    A package that several extras bring stands under the first that is not "all". Raises
    ``importlib.metadata.PackageNotFoundError`` where vidlab is not installed.
    """
    found: dict[str, str] = {}
    for line in metadata.requires("vidlab") or []:
        name = normalise(re.split(r"[^\w.-]", line, maxsplit=1)[0])
        extra = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", line)
        brought_by = extra.group(1) if extra else ""
        if name != "vidlab" and brought_by != "all":
            found.setdefault(name, brought_by)
    return found


def tested_versions() -> dict[str, str]:
    """Return package name -> the version the course was tested with; empty if that is unknown."""
    for path in _CONSTRAINTS:
        if path.is_file():
            return parse_constraints(path.read_text(encoding="utf-8"))
    return {}


def parse_constraints(text: str) -> dict[str, str]:
    """Return package name -> version from the lines ``name==version`` of a constraints file."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    pairs = (line.split("==") for line in lines if "==" in line)
    return {normalise(name): version for name, version in pairs}


def installed_version(package: str) -> str | None:
    """Return the installed version without a local part (``2.13.0`` for ``2.13.0+cpu``)."""
    try:
        return metadata.version(package).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def extra_of(module: str) -> str | None:
    """Return the extra that brings the module, ``""`` for vidlab itself, None if none does."""
    top = module.split(".")[0]
    try:
        wanted = requirements()
    except metadata.PackageNotFoundError:
        return None
    for package, extra in wanted.items():
        if IMPORT_NAMES.get(package, package.replace("-", "_")) == top:
            return extra
    return None


def install_command(extra: str) -> str:
    """Return the command that installs an extra in its tested versions, in the course's folder."""
    target = f"'.[{extra}]'" if extra else "."
    return f"python -m pip install -c constraints.txt -e {target}"
