"""Whether notebooks reach their kernel and widgets reach the browser, from files on disk."""

import json
import os
import sys
from pathlib import Path

from vidlab.packages import installed_version

EXTENSION = "@jupyter-widgets/jupyterlab-manager"
# The major version of ipywidgets' protocol -> the JavaScript package that speaks it.
CONTROLS = {1: 4, 2: 5}
REINSTALL = (
    "python -m pip install --force-reinstall -c constraints.txt ipywidgets jupyterlab_widgets"
)


def widget_versions() -> str:
    """Return the versions on both sides, for a person to read."""
    return (
        f"ipywidgets {installed_version('ipywidgets')} in Python, "
        f"jupyterlab_widgets {installed_version('jupyterlab_widgets')} in JupyterLab "
        f"{installed_version('jupyterlab')}"
    )


def widget_problem() -> tuple[str, str] | None:
    """Return what keeps widgets from being shown and what to do about it, or None.

    Looks for the extension in the folders that JupyterLab searches, at its files, its version,
    and whether it is switched off.
    """
    from jupyter_core.paths import jupyter_path

    places = [Path(folder) / EXTENSION for folder in jupyter_path("labextensions")]
    found = next((place for place in places if (place / "package.json").is_file()), None)
    if found is None:
        return f"JupyterLab's extension {EXTENSION} is in none of its folders.", REINSTALL
    package = json.loads((found / "package.json").read_text(encoding="utf-8"))
    entry = found / package["jupyterlab"]["_build"]["load"]
    if not entry.is_file():
        return f"{entry} is missing.", REINSTALL
    spoken = _major(package["dependencies"]["@jupyter-widgets/controls"])
    protocol = _python_protocol()
    if spoken < CONTROLS.get(protocol, spoken):
        text = f"{found} is too old for ipywidgets {installed_version('ipywidgets')}."
        return text, REINSTALL
    if _switched_off():
        return f"{EXTENSION} is disabled.", f"jupyter labextension enable {EXTENSION}"
    return None


def _python_protocol() -> int:
    """Return the major version of the protocol that ipywidgets speaks for its controls."""
    from ipywidgets._version import __jupyter_widgets_controls_version__ as version

    return _major(version)


def _major(version: str) -> int:
    return int(version.lstrip("^~>=").split(".")[0])


def _switched_off() -> bool:
    """Return whether a page_config.json in one of Jupyter's folders disables the extension."""
    from jupyter_core.paths import jupyter_config_path

    for folder in jupyter_config_path():
        path = Path(folder) / "labconfig" / "page_config.json"
        if path.is_file():
            disabled = json.loads(path.read_text(encoding="utf-8")).get("disabledExtensions", {})
            if disabled.get(EXTENSION) if isinstance(disabled, dict) else EXTENSION in disabled:
                return True
    return False


def kernel_problem() -> tuple[str, str] | None:
    """Return why the kernel "python3" would not be this Python and what to do, or None."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    repair = "python -m ipykernel install --sys-prefix"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return "JupyterLab has no kernel named python3.", repair
    program = spec.argv[0]
    # A bare name stands for the Python that runs JupyterLab.
    if os.path.dirname(program) and not _same(program, sys.executable):
        return f"Notebooks run in another Python: {program}, from {spec.resource_dir}.", repair
    return None


def _same(first: str, second: str) -> bool:
    """Return whether two programs are the same Python of the same environment."""
    # Environments share one interpreter through links, so the links are compared, not their ends.
    folders = {os.path.realpath(os.path.dirname(path)) for path in (first, second)}
    return len(folders) == 1
