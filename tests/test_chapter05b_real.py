"""Chapter 05b's cell for the real models, which need a network, with small ones in their place."""

import ast
import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from transformers import VideoMAEConfig, VideoMAEModel

import vidlab.torch as vt
from vidlab import world
from vidlab.thumbnails import thumbnails

SOURCE = Path(__file__).resolve().parents[1] / "notebooks" / "source" / "05b_fine_tuning.py"


def functions(*names: str) -> str:
    """Some of the chapter's functions."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    assert len(found) == len(names)
    return "\n".join(ast.unparse(node) for node in found)


def test_the_cell_for_the_real_models_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = VideoMAEConfig(
        image_size=32, patch_size=8, num_frames=4, hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=32,
    )  # fmt: skip
    VideoMAEModel(config).save_pretrained(tmp_path)
    shipped, hub = vt.load_gpt2, vt.pretrained_features
    asked = []

    def load_gpt2(name: str, **options: Any) -> Any:
        asked.append(name)
        return shipped("minigpt", **options)

    def pretrained_features(name: str) -> Any:
        asked.append(name)
        return hub(name, path=tmp_path)

    monkeypatch.setattr(vt, "load_gpt2", load_gpt2)
    monkeypatch.setattr(vt, "pretrained_features", pretrained_features)
    train = world.generate(40, size=32, sound=False, seed=0)
    test = world.generate(100, size=32, sound=False, seed=0, split="test")
    x = thumbnails(train.frames)
    place: dict[str, Any] = {
        "vt": vt, "copy": copy, "LogisticRegression": LogisticRegression,
        "GPT2Video": vt.GPT2Video, "add_lora": vt.add_lora, "set_trainable": vt.set_trainable,
        "actions": list(train.class_names), "train": train, "test": test, "x": x,
        "test_x": thumbnails(test.frames), "torch": torch,
        "short": {"num_steps": 2, "progress": False}, "RATES": {"lora": 1e-2},
    }  # fmt: skip
    exec(functions("made", "scrambled", "try_real"), place)
    place["try_real"](num_labels=40)
    assert asked == ["gpt2", "videomae"]
    printed = capsys.readouterr().out
    for start in ("gpt2 0.", "gpt2, scrambled 0.", "VideoMAE, linear head 0."):
        assert start in printed
