"""The layers of a Keras model as records, on any Keras backend."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from vidlab.weights.keras_layers import known
from vidlab.weights.records import LayerRecord, Part, WeightsError, Writing

FRAMEWORK = "Keras"


def records(
    model: Any, path: str = "", seen: set[int] | None = None, top: Any = None
) -> Iterator[LayerRecord]:
    """The layers with weights of a Keras model or layer, in order of definition.

    That is the order in which layers were assigned to attributes; in a Sequential or functional
    model it is the order of ``model.layers``. A layer that is used twice comes once. Weights
    that a layer made itself with ``add_weight`` come before its sub-layers.

    Raises:
        WeightsError: for a model without weights yet, and for a layer with weights that its kind
            should not have (LoRA, quantisation).
    """
    seen = set() if seen is None else seen
    top = model if top is None else top
    if id(model) in seen:
        return
    seen.add(id(model))
    kind, describe = known(model)
    children = {} if describe else _children(model)
    if not model.built and (describe or (not children and _makes_weights(model))):
        raise WeightsError(
            f"{_label(model, path)} has no weights yet. Build the {type(top).__name__} first: call "
            "it once on a batch, model(x[:1]), or on keras.Input(shape)"
        )
    if describe:
        settings, parts = describe(model)
        _check_complete(model, path, parts)
        if parts:
            suffix = "" if type(model).__name__.endswith("Cell") else "_l0"
            yield LayerRecord(
                FRAMEWORK,
                type(model).__name__,
                path,
                kind,
                tuple(parts),
                read,
                settings,
                suffix if kind in ("RNN", "LSTM", "GRU") else "",
            )
        return
    own = _own_variables(model, children.values())
    if own:
        # A layer of Keras that the table lacks is copied to its like only.
        name = type(model).__name__
        foreign = type(model).__module__.startswith("keras.")
        yield LayerRecord(
            FRAMEWORK,
            name,
            path,
            f"keras.layers.{name}" if foreign else "Parameters",
            tuple(Part((variable,), (name,)) for name, variable in own.items()),
            read,
        )
    for name, child in children.items():
        yield from records(child, f"{path}.{name}" if path else name, seen, top)


def read(variable: Any) -> np.ndarray:
    """A copy of a variable as an array; bfloat16, which NumPy lacks, becomes float32."""
    values = np.array(variable.numpy())
    return values.astype(np.float32) if values.dtype.name == "bfloat16" else values


def write(writings: list[Writing]) -> None:
    """Write arrays into variables, also those that are not trainable."""
    for writing in writings:
        writing.variable.assign(writing.array)


def _label(layer: Any, path: str) -> str:
    return f"{FRAMEWORK} {path or '(the model)'} ({type(layer).__name__})"


def _makes_weights(layer: Any) -> bool:
    """Whether a layer without sub-layers may make weights when it is built."""
    import keras

    return not isinstance(layer, keras.Model) and type(layer).build is not keras.layers.Layer.build


def _children(layer: Any) -> dict[str, Any]:
    """The direct sub-layers in order of definition, by the name that leads to them.

    That is the attribute (``conv1``, ``blocks.0`` in a list), the index in a Sequential model,
    or else the layer's own name.
    """
    import keras

    if isinstance(layer, keras.Sequential):
        return {str(index): child for index, child in enumerate(layer.layers)}
    if isinstance(layer, keras.Model):
        children = layer.layers
    else:
        children = layer._flatten_layers(include_self=False, recursive=False)
    names = _attribute_names(layer)
    return {names.get(id(child), child.name): child for child in children}


def _own_variables(layer: Any, children: Iterable[Any]) -> dict[str, Any]:
    """The weights that a layer holds itself, by attribute, or else by their own name."""
    inner = {id(variable) for child in children for variable in child.weights}
    own = [variable for variable in layer.weights if id(variable) not in inner]
    names = _attribute_names(layer)
    return {names.get(id(variable), variable.name): variable for variable in own}


def _attribute_names(layer: Any) -> dict[int, str]:
    """id -> name of everything in a layer's attributes, public names first, lists opened."""
    attributes = dict(vars(layer))
    # On the torch backend a Keras layer is an nn.Module, which keeps its sub-layers in here.
    attributes |= attributes.pop("_modules", {})
    names: dict[int, str] = {}

    def visit(value: Any, name: str) -> None:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                visit(item, f"{name}.{index}")
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(item, f"{name}.{key}")
        else:
            names.setdefault(id(value), name)

    for name, value in attributes.items():
        if not name.startswith("_"):
            visit(value, name)
    for name, value in attributes.items():
        if name.startswith("_") and not isinstance(value, list | tuple | dict):
            names.setdefault(id(value), name)
    return names


def _check_complete(layer: Any, path: str, parts: list[Part]) -> None:
    """Refuse a layer that has other weights than its kind should have."""
    placed = {id(variable) for part in parts for variable in part.variables}
    extra = [variable.name for variable in layer.weights if id(variable) not in placed]
    if extra or len(placed) != len(layer.weights):
        raise WeightsError(
            f"{_label(layer, path)} has weights that vidlab.weights cannot place: "
            f"{', '.join(extra)}. LoRA, quantisation and gated attention are not supported"
        )
