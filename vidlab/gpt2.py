"""GPT-2 on disk: its configuration and weights, checked before either framework sees them.

GPT-2 is the language model of Radford et al. (2019), "Language models are unsupervised multitask
learners". Names and layout of the tensors are those of ``transformers``.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidlab.downloads import PretrainedError, fetch

DATA = Path(__file__).parent / "data"
SHIPPED = {name: DATA / name for name in ("minigpt", "minigpt-shuffled", "minigpt-video")}
# Repository and commit, so that the same name means the same weights next year.
HUB = {"gpt2": ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")}
INSTEAD = (
    "take 'minigpt', which vidlab brings along; or give a local folder with config.json and "
    "model.safetensors"
)
# Files hold these besides the weights: constants of old versions, and the table of words again.
IGNORED = (".attn.bias", ".attn.masked_bias", "lm_head.weight")


@dataclass(frozen=True)
class GPT2Settings:
    """The size of a GPT-2.

    Attributes:
        vocab_size: how many words (or parts of words) it knows.
        num_positions: how long a sequence may be.
        width: numbers per token.
        num_layers, num_heads: blocks, and heads of attention in each.
        inner_width: numbers in the middle of each block's small network.
        epsilon: of the normalisations.
    """

    vocab_size: int = 50257
    num_positions: int = 1024
    width: int = 768
    num_layers: int = 12
    num_heads: int = 12
    inner_width: int = 3072
    epsilon: float = 1e-5


# What may stand in config.json besides the size, where another value means another model.
ONLY = {
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
}


def find_gpt2(source: str | os.PathLike[str]) -> Path:
    """The folder of a GPT-2 by name or path; "gpt2" is downloaded once.

    Raises:
        PretrainedError: there is no such model or folder, or no network.
    """
    if source in SHIPPED:
        return SHIPPED[str(source)]
    if source in HUB:
        return fetch(str(source), *HUB[str(source)], INSTEAD)
    folder = Path(source)
    if not folder.is_dir():
        known = ", ".join([*SHIPPED, *HUB])
        raise PretrainedError(
            f"{source}: expected one of {known}, or a folder with config.json and "
            "model.safetensors, as model.save_pretrained(folder) writes it; there is no such folder"
        )
    return folder


def read_settings(folder: Path) -> GPT2Settings:
    """The size of the GPT-2 in a folder.

    Raises:
        PretrainedError: config.json is missing, damaged, or describes another model.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise PretrainedError(f"{path}: there is no such file; model.save_pretrained writes it")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        found = {key: config.get(key, value) for key, value in ONLY.items()}
        width = int(config["n_embd"])
        settings = GPT2Settings(
            vocab_size=int(config["vocab_size"]),
            num_positions=int(config["n_positions"]),
            width=width,
            num_layers=int(config["n_layer"]),
            num_heads=int(config["n_head"]),
            inner_width=int(config.get("n_inner") or 4 * width),
            epsilon=float(config.get("layer_norm_epsilon", 1e-5)),
        )
    except KeyError as error:
        raise PretrainedError(f"{path}: lacks {error}, which a GPT-2's has") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise PretrainedError(f"{path}: is damaged ({error})") from error
    for key, value in ONLY.items():
        if found[key] != value:
            raise PretrainedError(
                f"{path}: {key} is {found[key]!r}; vidlab's GPT-2 knows {value!r} only"
            )
    if width % settings.num_heads:
        raise PretrainedError(
            f"{path}: n_embd = {width} cannot be shared among n_head = {settings.num_heads} heads"
        )
    return settings


def expected_shapes(settings: GPT2Settings) -> dict[str, tuple[int, ...]]:
    """Name -> shape of each tensor of a GPT-2."""
    width, inner = settings.width, settings.inner_width
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (settings.vocab_size, width),
        "wpe.weight": (settings.num_positions, width),
        "ln_f.weight": (width,),
        "ln_f.bias": (width,),
    }
    for index in range(settings.num_layers):
        for name, shape in {
            "ln_1": (width,),
            "attn.c_attn": (width, 3 * width),
            "attn.c_proj": (width, width),
            "ln_2": (width,),
            "mlp.c_fc": (width, inner),
            "mlp.c_proj": (inner, width),
        }.items():
            shapes[f"h.{index}.{name}.weight"] = shape
            shapes[f"h.{index}.{name}.bias"] = shape[-1:]
    return shapes


def read_weights(folder: Path, settings: GPT2Settings) -> dict[str, np.ndarray]:
    """All tensors of the GPT-2 in a folder, float32, under their names without "transformer.".

    Raises:
        PretrainedError: the file is missing or damaged, or lacks a tensor, or has one that is
            unknown, of another shape or not finite. Nothing is ever loaded in part.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / "model.safetensors"
    if not path.is_file():
        pickled = " (pytorch_model.bin is pickled, and may run anyone's code)"
        hint = pickled if (folder / "pytorch_model.bin").is_file() else ""
        raise PretrainedError(f"{path}: there is no such file{hint}; save it as safetensors")
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {
                name.removeprefix("transformer."): file.get_tensor(name).astype(np.float32)
                for name in file.keys()  # noqa: SIM118
                if not name.endswith(IGNORED)
            }
    except (SafetensorError, TypeError, OSError) as error:
        raise PretrainedError(
            f"{path}: is cut off or damaged, or no safetensors file ({error}). Copy or download "
            "it again."
        ) from error
    _check(path, tensors, expected_shapes(settings))
    return tensors


def _check(
    path: Path, tensors: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]
) -> None:
    missing, unknown = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    for what, names in (("lacks", missing), ("has unknown", unknown)):
        if names:
            raise PretrainedError(
                f"{path}: {what} {len(names)} of the {len(expected)} tensors that config.json asks "
                f"for: {some(sorted(names))}"
                if what == "lacks"
                else f"{path}: {what} tensors: {some(sorted(names))}"
            )
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise PretrainedError(
                f"{path}: {name} has the shape {tensors[name].shape}; by config.json it must have "
                f"{shape}"
            )
        if not np.isfinite(tensors[name]).all():
            raise PretrainedError(f"{path}: {name} holds numbers that are not finite")


def some(names: list[Any]) -> str:
    """The first few names of many."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
