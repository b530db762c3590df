"""The two rooms, ``vidlab.torch`` and ``vidlab.keras``, are built to one plan."""

import inspect
import os
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402

# What each framework calls the same thing.
SAME = {
    r"\bkeras\.Model\b": "MODEL",
    r"\bnn\.Module\b": "MODEL",
    r"Callable\[\[Tensor, Tensor\], Tensor\]": "LOSS",
    r"Callable\[\[Any, Any\], Any\]": "LOSS",
    r"torch\.nn\.modules\.module\.Module": "MODEL",
    r"keras\.src\.models\.model\.Model": "MODEL",
    r"torch\.Tensor": "TENSOR",
    r"(typing\.)?\bAny\b": "TENSOR",
    r"vidlab\.(torch|keras)\.": "ROOM.",
}


def written(annotation: object) -> str:
    text = inspect.formatannotation(annotation)
    for pattern, word in SAME.items():
        text = re.sub(pattern, word, text)
    return text.replace("collections.abc.Callable[[TENSOR, TENSOR], TENSOR]", "LOSS")


def test_the_rooms_have_the_same_names():
    assert vt.__all__ == vk.__all__
    for name in vt.__all__:
        assert callable(getattr(vt, name)), name
        assert inspect.isclass(getattr(vt, name)) == inspect.isclass(getattr(vk, name)), name


@pytest.mark.parametrize("name", vt.__all__)
def test_the_same_arguments(name: str):
    one, other = (inspect.signature(getattr(room, name)) for room in (vt, vk))
    assert [(p.name, p.kind, p.default) for p in one.parameters.values()] == [
        (p.name, p.kind, p.default) for p in other.parameters.values()
    ]


@pytest.mark.parametrize("name", [name for name in vt.__all__ if name[0].islower()])
def test_the_same_types(name: str):
    if name in ("to_input", "attention"):  # take and give the framework's own tensors
        return
    one, other = (inspect.signature(getattr(room, name)) for room in (vt, vk))
    for argument, parameter in one.parameters.items():
        same = written(other.parameters[argument].annotation)
        assert written(parameter.annotation) == same, argument
    assert written(one.return_annotation) == written(other.return_annotation)


@pytest.mark.parametrize("name", [name for name in vt.__all__ if name[0].islower()])
def test_every_function_says_what_it_does(name: str):
    for room in (vt, vk):
        function = getattr(room, name)
        text = inspect.getdoc(function) or ""
        assert text, (room.__name__, name)
        for argument in inspect.signature(function).parameters:
            if "Args:" in text:
                assert re.search(rf"^ +([a-z_]+, )*{argument}(, [a-z_]+)*:", text, re.M), argument


def test_fit_takes_what_train_steps_takes():
    steps = list(inspect.signature(vt.train_steps).parameters.values())
    assert list(inspect.signature(vt.fit).parameters.values())[: len(steps)] == steps


@pytest.mark.parametrize(("room", "without"), [("torch", "keras"), ("keras", "torch")])
def test_a_room_needs_only_its_own_framework(room: str, without: str):
    code = f"import sys, vidlab.{room}; assert {without!r} not in sys.modules"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("room", [vt, vk], ids=["torch", "keras"])
def test_the_environment_names_the_device(room, monkeypatch):
    monkeypatch.delenv("VIDLAB_DEVICE", raising=False)
    assert room.default_device() in ("cpu", "cuda")
    monkeypatch.setenv("VIDLAB_DEVICE", "mps")
    assert room.default_device() == "mps"


@pytest.mark.parametrize("name", ["FrameCNN", "ClassicCNN", "CNNLSTM", "CNNGRU"])
def test_the_same_number_of_parameters(name: str):
    one, other = getattr(vt, name)(7), getattr(vk, name)(7)
    assert vt.count_parameters(one) == vk.count_parameters(other) > 0
    assert vt.count_parameters(one, False) >= vk.count_parameters(other, False)
    assert vk.count_parameters(other, False) >= vk.count_parameters(other)
