"""``save`` and ``load``: weights in safetensors files that both frameworks read."""

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vidlab.weights.copying import records_of, side_of
from vidlab.weights.records import (
    LayerRecord,
    LayerValues,
    WeightsError,
    Writing,
    fit_in_order,
    fit_layer,
    refuse_contradictions,
)

LAYERS_KEY = "vidlab.layers"
CHECKSUM_KEY = "vidlab.sha256"


def save(model: Any, path: str | os.PathLike, metadata: Mapping[str, str] | None = None) -> None:
    """Save the weights of a PyTorch or Keras model as a safetensors file.

    The tensors have PyTorch's names and layout (``conv1.weight`` (out, in, kh, kw),
    ``lstm.weight_ih_l0`` ...), whichever framework the model is in; ``copy_weights`` explains the
    differences. The file's metadata holds the layers in order of definition (``vidlab.layers``)
    and a checksum of the tensors (``vidlab.sha256``). The same weights give the same bytes. The
    file appears under its name only when it is complete, and replaces an older one.

    Args:
        model: a ``torch.nn.Module`` or a built Keras model.
        path: where to write; the folder must exist. The usual suffix is ``.safetensors``.
        metadata: more to store: text by name.

    Raises:
        WeightsError: for a model without weights, metadata that is not text, or two tensors of
            one name.
        FileNotFoundError: where the folder is missing.
        TypeError: for something that is no model.
    """
    from safetensors.numpy import save as to_bytes

    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {path.parent} does not exist; make it first")
    layers = [record.values() for record in records_of(model)]
    tensors: dict[str, np.ndarray] = {}
    for layer in layers:
        for name, array in layer.named_values().items():
            if name in tensors:
                raise WeightsError(f"{path}: two tensors would be named {name!r}")
            tensors[name] = np.ascontiguousarray(array)
    described = [
        {
            "path": layer.path,
            "kind": layer.kind,
            "suffix": layer.suffix,
            "settings": dict(layer.settings),
            "tensors": list(layer.values),
        }
        for layer in layers
    ]
    stored = _checked_metadata(path, metadata)
    stored |= {LAYERS_KEY: json.dumps(described), CHECKSUM_KEY: _checksum(tensors)}
    _write(path, _with_sorted_metadata(to_bytes(tensors, stored)))


def load(model: Any, path: str | os.PathLike) -> dict[str, str]:
    """Load weights from a safetensors file into a PyTorch or Keras model.

    Tensors go by their names. Where these differ from the model's (a Sequential model counts its
    layers, and activations among them), the layers that ``save`` noted go in order of definition,
    as in ``copy_weights``. A file that PyTorch code saved from a ``state_dict`` is read by name.
    Everything is checked first: after an error the model is as it was.

    Args:
        model: a ``torch.nn.Module`` or a built Keras model.
        path: a safetensors file.

    Returns:
        The metadata that was given to ``save``.

    Raises:
        FileNotFoundError: where there is no file.
        WeightsError: for a file that is not safetensors, is cut off or damaged, and for tensors
            that are missing, unexpected or of the wrong shape; it names the file and the tensors.
        TypeError: for something that is no model.
    """
    path = Path(path)
    records = records_of(model)
    tensors, metadata = _read(path)
    layers = _file_layers(path, tensors, metadata)
    try:
        writings = _fit(records, tensors, layers, path)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    side_of(model).write(writings)
    return {key: text for key, text in metadata.items() if key not in (LAYERS_KEY, CHECKSUM_KEY)}


def _fit(
    records: Sequence[LayerRecord],
    tensors: Mapping[str, np.ndarray],
    layers: Sequence[LayerValues],
    path: Path,
) -> list[Writing]:
    """What to write, by name where all names agree, else in the order of the noted layers."""
    names = {name for record in records for name in record.values().named_values()}
    if names == set(tensors):
        noted = {name: layer for layer in layers for name in layer.named_values()}
        writings = []
        for record in records:
            writings += fit_layer(_values_by_name(record, tensors, noted), record)
        refuse_contradictions(writings)
        return writings
    same_kinds = [layer.kind for layer in layers] == [record.kind for record in records]
    if same_kinds or (layers and not names & set(tensors)):
        return fit_in_order(layers, records, path.name)
    raise WeightsError(
        f"the tensors do not fit this {records[0].framework} model. "
        f"Missing in the file: {_some(names - set(tensors))}. "
        f"Not expected by the model: {_some(set(tensors) - names)}"
    )


def _values_by_name(
    record: LayerRecord, tensors: Mapping[str, np.ndarray], noted: Mapping[str, LayerValues]
) -> LayerValues:
    """The file's tensors for one layer; kind and settings as the file notes them, if it does."""
    wanted = record.values()
    layer = noted.get(next(iter(wanted.named_values())))
    return LayerValues(
        record.path,
        layer.kind if layer else record.kind,
        f"{record.path or 'the layer'} in the file",
        layer.settings if layer else {},
        {name: tensors[wanted.file_name(name)] for name in wanted.values},
        record.suffix,
    )


def _file_layers(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> list[LayerValues]:
    """The layers that ``save`` noted, with their tensors; none for a file from elsewhere."""
    if LAYERS_KEY not in metadata:
        return []
    layers = []
    try:
        for noted in json.loads(metadata[LAYERS_KEY]):
            label = f"{noted['path'] or 'the layer'} in the file ({noted['kind']})"
            layer = LayerValues(
                noted["path"], noted["kind"], label, noted["settings"], {}, noted["suffix"]
            )
            values = {name: tensors[layer.file_name(name)] for name in noted["tensors"]}
            layers.append(replace(layer, values=values))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path}: the list of layers in its metadata is damaged") from error
    return layers


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors and the metadata of a safetensors file, checked against its checksum."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.is_dir():
        raise WeightsError(f"{path}: is a folder; give the name of a file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: {_explain(path, error)}") from error
    if metadata.get(CHECKSUM_KEY, _checksum(tensors)) != _checksum(tensors):
        raise WeightsError(f"{path}: is damaged: its tensors do not have the checksum in the file")
    # Only PyTorch counts batches, and nothing that a model computes depends on it.
    tensors = {n: a for n, a in tensors.items() if not n.endswith("num_batches_tracked")}
    return tensors, metadata


def _explain(path: Path, error: Exception) -> str:
    """Why a file could not be read, from the length of the header that its first 8 bytes give."""
    data = path.read_bytes()
    header = int.from_bytes(data[:8], "little")
    if data[8:9] == b"{" and header < 100_000_000:
        if len(data) < 8 + header or "incomplete" in str(error).lower():
            return f"is cut off or damaged ({error})"
        return f"is damaged, or holds a type that NumPy lacks ({error})"
    return f"is not a safetensors file ({error})"


def _checksum(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _checked_metadata(path: Path, metadata: Mapping[str, str] | None) -> dict[str, str]:
    metadata = dict(metadata or {})
    for key, text in metadata.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise WeightsError(
                f"{path}: metadata is text by name; got {type(text).__name__} for {key!r}: "
                "turn it into text, with str() or json.dumps()"
            )
        if key in (LAYERS_KEY, CHECKSUM_KEY):
            raise WeightsError(f"{path}: the name {key!r} in the metadata is taken by vidlab")
    return metadata


def _with_sorted_metadata(data: bytes) -> bytes:
    """The same file with a sorted header: safetensors writes metadata in a random order."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the data starts at a multiple of 8
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _write(path: Path, data: bytes) -> None:
    """Write under another name in the same folder, then rename."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _some(names: set[str], limit: int = 6) -> str:
    listed = ", ".join(sorted(names)[:limit]) or "nothing"
    return f"{listed} and {len(names) - limit} more" if len(names) > limit else listed
