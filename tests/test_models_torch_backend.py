"""The Keras models on Keras's torch backend, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from layer_twins import TWINS
from model_twins import MODELS


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What model_twins measured there: relative differences from PyTorch."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("model_twins.py"))],
        env={**os.environ, "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["backend"] == "torch"
    return found


@pytest.mark.parametrize("name", MODELS)
def test_models_agree_with_pytorch_and_learn(measured: dict[str, Any], name: str) -> None:
    found = measured["models"][name]
    assert found["spread"] > 0.1
    assert found["there"] < 1e-4
    assert found["back"] < 1e-4
    assert found["trained"] < 1e-3
    assert found["moved"] > 1e-3


@pytest.mark.parametrize("name", ["flow", "gan", "codes", "forecast"])
def test_generators_agree_with_pytorch(measured: dict[str, Any], name: str) -> None:
    assert measured["generators"][name] <= 2


def test_generators_learn_as_in_pytorch(measured: dict[str, Any]) -> None:
    found = measured["trained generators"]
    assert found["difference"] < 1e-3
    assert found["warnings"] == []
    assert found["unspoilt"]
    assert measured["plays"]


@pytest.mark.parametrize("name", TWINS)
def test_layers_agree_with_pytorch(measured: dict[str, Any], name: str) -> None:
    assert measured["layers"][name] < 1e-4
