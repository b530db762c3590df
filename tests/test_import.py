"""``import vidlab`` and ``vidlab --help`` load next to nothing."""

import subprocess
import sys

import pytest

HEAVY = {"IPython", "av", "ipywidgets", "jupyterlab", "keras", "matplotlib", "numpy"}
HEAVY |= {"scipy", "skimage", "sklearn", "tensorflow", "torch", "tqdm", "transformers"}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after running some code."""
    script = f"{code}\nimport sys; print('\\nloaded:', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("loaded:")[1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import vidlab",
        "import vidlab.cli",
        "from vidlab.cli import main; main([])",
        "from vidlab.cli import main; main(['nonsense'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str):
    loaded = loaded_by(code)
    assert "vidlab" in loaded
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()
    own = {name for name in loaded if name.startswith("vidlab.")}
    assert own <= {"vidlab.cli"}


def test_a_module_is_loaded_when_it_is_first_used():
    assert "numpy" in loaded_by("import vidlab; vidlab.display")


def test_an_unknown_name_is_an_attribute_error():
    import vidlab

    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = vidlab.nonsense
