"""The layers of a PyTorch model as records. This is the neutral layout, so little happens here.

``LAYERS`` is the table of layers that are known by name: to add one, add a line, and its Keras
twin in ``keras_layers.LAYERS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from vidlab.weights.records import LayerRecord, Part, WeightsError, Writing

FRAMEWORK = "PyTorch"


def records(model: Any, path: str = "", seen: set[int] | None = None) -> Iterator[LayerRecord]:
    """The layers with weights of an ``nn.Module``, in order of definition.

    A layer that is used twice comes once. Parameters and persistent buffers that a module holds
    itself come before those of its children.

    Raises:
        WeightsError: for lazy parameters without a shape, and for a layer whose parameters are
            computed from others (pruning, parametrisations).
    """
    seen = set() if seen is None else seen
    if id(model) in seen:
        return
    seen.add(id(model))
    layer = _known(model)
    if layer is not None:
        found = list(layer(model, path))
        _check_complete(model, path, found)
        yield from (record for record in found if record.parts)
        return
    own = _own_tensors(model)
    _check_no_lazy(own, path, model)
    if own:
        # A layer of PyTorch that the table lacks is copied to its like only.
        name = type(model).__name__
        foreign = type(model).__module__.startswith("torch.") and "container" not in (
            type(model).__module__
        )
        yield _record(model, path, f"torch.nn.{name}" if foreign else "Parameters", own)
    for name, child in model.named_children():
        yield from records(child, f"{path}.{name}" if path else name, seen)


def read(variable: Any) -> np.ndarray:
    """A copy of a tensor as an array; bfloat16, which NumPy lacks, becomes float32."""
    values = variable.detach().cpu()
    if str(values.dtype) == "torch.bfloat16":
        values = values.float()
    return values.numpy().copy()


def write(writings: list[Writing]) -> None:
    """Write arrays into parameters and buffers, frozen ones too, on whatever device they are."""
    import torch

    with torch.no_grad():
        for writing in writings:
            writing.variable.copy_(torch.from_numpy(np.array(writing.array)))


def _plain(kind: str, *settings: str) -> Callable[[Any, str], Iterator[LayerRecord]]:
    """A layer whose tensors are taken as they are; ``settings`` are attributes to compare."""

    def layer(module: Any, path: str) -> Iterator[LayerRecord]:
        tensors = {
            name: value
            for name in ("weight", "bias", "running_mean", "running_var")
            if (value := getattr(module, name, None)) is not None
        }
        yield _record(
            module, path, kind, tensors, {name: getattr(module, name) for name in settings}
        )

    return layer


def _norm(kind: str, *settings: str) -> Callable[[Any, str], Iterator[LayerRecord]]:
    plain = _plain(kind, *settings)

    def layer(module: Any, path: str) -> Iterator[LayerRecord]:
        for record in plain(module, path):
            yield _with_settings(record, epsilon=module.eps)

    return layer


def _recurrent(kind: str) -> Callable[[Any, str], Iterator[LayerRecord]]:
    """One record per layer of an RNN, LSTM or GRU; both directions of a layer are one record."""

    def layer(module: Any, path: str) -> Iterator[LayerRecord]:
        cell = not hasattr(module, "num_layers")
        num_layers = 1 if cell else module.num_layers
        both = not cell and module.bidirectional
        for index in range(num_layers):
            suffix = "" if cell else f"_l{index}"
            tensors = {
                name + direction: value
                for direction in (("", "_reverse") if both else ("",))
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                if (value := getattr(module, name + suffix + direction, None)) is not None
            }
            settings: dict[str, Any] = {"directions": 2 if both else 1}
            if both:
                settings["merge_mode"] = "concat"
            settings["activation"] = module.nonlinearity if kind == "RNN" else "tanh"
            if kind != "RNN":
                settings["recurrent_activation"] = "sigmoid"
            if kind == "GRU":
                settings["reset_after"] = True
            note = f", layer {index + 1} of {num_layers}" if num_layers > 1 else ""
            yield _record(module, path, kind, tensors, settings, suffix, note)

    return layer


def _conv1d(module: Any, path: str) -> Iterator[LayerRecord]:
    """The linear layer of GPT-2 in ``transformers``, whose weight is (in, out)."""
    parts = (
        Part((module.weight,), ("weight",), lambda a: (a.T,), lambda a: (a.T,)),
        Part((module.bias,), ("bias",)),
    )
    yield LayerRecord(FRAMEWORK, type(module).__name__, path, "Linear", parts, read)


def _attention(module: Any, path: str) -> Iterator[LayerRecord]:
    tensors = {
        name: value
        for name in (
            "in_proj_weight",
            "q_proj_weight",
            "k_proj_weight",
            "v_proj_weight",
            "in_proj_bias",
            "out_proj.weight",
            "out_proj.bias",
        )
        if (value := _get(module, name)) is not None
    }
    settings = {"num_heads": module.num_heads, "key_dim": module.head_dim}
    yield _record(module, path, "MultiheadAttention", tensors, settings)


LAYERS: dict[str, Callable[[Any, str], Iterator[LayerRecord]]] = {
    **{f"Conv{n}d": _plain(f"Conv{n}d", "groups") for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": _plain(f"ConvTranspose{n}d", "groups") for n in (1, 2, 3)},
    "Linear": _plain("Linear"),
    "Embedding": _plain("Embedding"),
    "_BatchNorm": _norm("BatchNorm"),
    "LayerNorm": _norm("LayerNorm"),
    "GroupNorm": _norm("GroupNorm", "num_groups"),
    "RMSNorm": _plain("RMSNorm"),
    "RNN": _recurrent("RNN"),
    "LSTM": _recurrent("LSTM"),
    "GRU": _recurrent("GRU"),
    "RNNCell": _recurrent("RNN"),
    "LSTMCell": _recurrent("LSTM"),
    "GRUCell": _recurrent("GRU"),
    "MultiheadAttention": _attention,
}


def _known(module: Any) -> Callable[[Any, str], Iterator[LayerRecord]] | None:
    """The table's entry for a module, or for the PyTorch layer that its class extends."""
    if (type(module).__module__, type(module).__name__) == ("transformers.pytorch_utils", "Conv1D"):
        return _conv1d
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch.nn.modules.") and cls.__name__ in LAYERS:
            return LAYERS[cls.__name__]
    return None


def _record(
    module: Any,
    path: str,
    kind: str,
    tensors: dict[str, Any],
    settings: dict[str, Any] | None = None,
    suffix: str = "",
    note: str = "",
) -> LayerRecord:
    parts = tuple(Part((value,), (name,)) for name, value in tensors.items())
    return LayerRecord(
        FRAMEWORK, type(module).__name__, path, kind, parts, read, settings or {}, suffix, note
    )


def _with_settings(record: LayerRecord, **settings: Any) -> LayerRecord:
    return replace(record, settings={**record.settings, **settings})


def _get(module: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        module = getattr(module, name, None)
    return module


def _own_tensors(module: Any) -> dict[str, Any]:
    """A module's own parameters and persistent buffers, without those of its children."""
    skipped = module._non_persistent_buffers_set
    buffers = {n: b for n, b in module.named_buffers(recurse=False) if n not in skipped}
    return dict(module.named_parameters(recurse=False)) | buffers


def _check_no_lazy(tensors: dict[str, Any], path: str, module: Any) -> None:
    from torch.nn.parameter import is_lazy

    for name, value in tensors.items():
        if is_lazy(value):
            raise WeightsError(
                f"{FRAMEWORK} {path or '(the model)'} ({type(module).__name__}): {name} has no "
                "shape yet: call the model once on a batch"
            )


def _check_complete(module: Any, path: str, found: list[LayerRecord]) -> None:
    """Refuse a layer that has other tensors than its kind should have."""
    state = {
        name: value
        for name, value in module.state_dict(keep_vars=True).items()
        if not name.endswith("num_batches_tracked")
    }
    _check_no_lazy(state, path, module)
    known = {id(v) for record in found for part in record.parts for v in part.variables}
    extra = [name for name, value in state.items() if id(value) not in known]
    if extra or len(known) > len({id(value) for value in state.values()}):
        raise WeightsError(
            f"{FRAMEWORK} {path or '(the model)'} ({type(module).__name__}) has parameters that "
            f"vidlab.weights cannot place: {', '.join(extra)}. Make pruning and "
            "parametrisations permanent first; projections inside recurrent layers and "
            "attention with bias_k and bias_v have no twin in Keras"
        )
