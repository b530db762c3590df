"""What both frameworks' layers become before weights are moved: records in one neutral layout.

The neutral layout is PyTorch's: its tensor names (``weight``, ``bias``, ``running_mean`` ...) and
its order of axes. A ``LayerRecord`` describes one layer with weights of one model, and how its
own variables and the neutral tensors turn into each other. Nothing here knows a framework.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]
KNOWN_KINDS = frozenset(
    {f"{name}{n}d" for name in ("Conv", "ConvTranspose") for n in (1, 2, 3)}
    | {"Linear", "Embedding", "BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm"}
    | {"RNN", "LSTM", "GRU", "MultiheadAttention", "Parameters"}
)


class WeightsError(ValueError):
    """Weights that do not fit a model, or a file that does not hold weights."""


def _as_they_are(*arrays: np.ndarray) -> Arrays:
    return arrays


@dataclass(frozen=True)
class Part:
    """Some variables of a layer and the neutral tensors that stand for them.

    Attributes:
        variables: the framework's own variables.
        tensors: the names of the neutral tensors.
        to_tensors: from the arrays of the variables to those of the tensors.
        to_variables: the way back.
    """

    variables: tuple[Any, ...]
    tensors: tuple[str, ...]
    to_tensors: Callable[..., Arrays] = _as_they_are
    to_variables: Callable[..., Arrays] = _as_they_are


@dataclass(frozen=True)
class Writing:
    """One array that is to be written into one variable."""

    variable: Any
    array: np.ndarray
    label: str


@dataclass(frozen=True)
class LayerValues:
    """The neutral tensors of one layer, as they come from a model or from a file.

    Attributes:
        path: where the layer stands in its model, such as ``blocks.0.norm1``; "" for the model.
        kind: PyTorch's name of the layer without needless detail (``Conv2d``, ``BatchNorm``).
        label: how messages name the layer.
        settings: what must be alike besides shapes, for the same weights to mean the same.
        values: name -> array in PyTorch's layout.
        suffix: what a recurrent layer's tensors have behind their names in a file (``_l0``).
    """

    path: str
    kind: str
    label: str
    settings: Mapping[str, Any]
    values: Mapping[str, np.ndarray]
    suffix: str = ""

    def file_name(self, name: str) -> str:
        """The full name of one tensor, as PyTorch's ``state_dict`` has it."""
        base = name.removesuffix("_reverse")
        full = base + self.suffix + name[len(base) :]
        return f"{self.path}.{full}" if self.path else full

    def named_values(self) -> dict[str, np.ndarray]:
        """Full name -> array."""
        return {self.file_name(name): array for name, array in self.values.items()}


@dataclass(frozen=True)
class LayerRecord:
    """One layer with weights of one model: its variables, and what they are in neutral layout.

    Attributes as in ``LayerValues``; ``parts`` holds the variables and ``read`` gives the array
    of a variable.
    """

    framework: str
    class_name: str
    path: str
    kind: str
    parts: tuple[Part, ...]
    read: Callable[[Any], np.ndarray]
    settings: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """How messages name the layer: ``PyTorch blocks.0.norm1 (BatchNorm2d)``."""
        return f"{self.framework} {self.path or '(the model)'} ({self.class_name}{self.note})"

    def values(self) -> LayerValues:
        """The present weights as neutral tensors."""
        values: dict[str, np.ndarray] = {}
        for part in self.parts:
            arrays = part.to_tensors(*(self.read(variable) for variable in part.variables))
            values |= zip(part.tensors, arrays, strict=True)
        return LayerValues(self.path, self.kind, self.label, self.settings, values, self.suffix)

    def writings(self, values: Mapping[str, np.ndarray]) -> list[Writing]:
        """The arrays to write so that this layer's weights become ``values``."""
        return [
            Writing(variable, array, self.label)
            for part in self.parts
            for variable, array in zip(
                part.variables,
                part.to_variables(*(values[name] for name in part.tensors)),
                strict=True,
            )
        ]


def fit_layer(source: LayerValues, target: LayerRecord) -> list[Writing]:
    """What to write so that the target layer takes the source layer's weights.

    Raises:
        WeightsError: where kind, settings, tensors or shapes differ; it names both layers.
    """
    both = f"{source.label} does not fit {target.label}"
    if source.kind != target.kind:
        for label, kind in ((source.label, source.kind), (target.label, target.kind)):
            if kind not in KNOWN_KINDS:
                raise WeightsError(
                    f"{both}: vidlab.weights cannot translate the layer {label}; it moves only "
                    f"to the same layer of the same framework"
                )
        raise WeightsError(f"{both}: expected a {target.kind}, got a {source.kind}")
    for name, expected in target.settings.items():
        got = source.settings.get(name, expected)
        if not _alike(got, expected):
            raise WeightsError(
                f"{both}: with the same weights they would give different outputs; "
                f"expected {name} = {expected}, got {got}. Give both layers the same {name}."
            )
    present = target.values().values
    if set(source.values) != set(present):
        raise WeightsError(
            f"{both}: expected {_listed(present)}, got {_listed(source.values)} "
            "(names of tensors as in PyTorch)"
        )
    for name, array in present.items():
        got = source.values[name].shape
        if got != array.shape:
            raise WeightsError(
                f"{both}: {source.file_name(name)}: expected shape {array.shape}, got {got} "
                "(axes in PyTorch's order)"
            )
    return target.writings(source.values)


def fit_in_order(
    sources: Sequence[LayerValues], targets: Sequence[LayerRecord], source_name: str
) -> list[Writing]:
    """Match layers first to first, second to second, and so on.

    Raises:
        WeightsError: for the first pair that does not match, or where one side has more layers.
    """
    writings = [
        writing
        for source, target in zip(sources, targets, strict=False)
        for writing in fit_layer(source, target)
    ]
    if len(sources) != len(targets):
        longer: Sequence[LayerValues | LayerRecord]
        longer, lack = (
            (sources, "the target") if len(sources) > len(targets) else (targets, source_name)
        )
        first = longer[min(len(sources), len(targets))]
        raise WeightsError(
            f"expected {len(targets)} layers with weights, as the target has, got {len(sources)} "
            f"in {source_name}: {first.label} has no partner in {lack}"
        )
    refuse_contradictions(writings)
    return writings


def refuse_contradictions(writings: Iterable[Writing]) -> None:
    """Refuse two different arrays for one variable, which layers with tied weights share.

    Raises:
        WeightsError: it names both layers.
    """
    first: dict[int, Writing] = {}
    for writing in writings:
        other = first.setdefault(id(writing.variable), writing)
        if not np.array_equal(other.array, writing.array, equal_nan=True):
            raise WeightsError(
                f"{other.label} and {writing.label} share one parameter, but the source has two "
                "different ones for them"
            )


def _alike(first: Any, second: Any) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return bool(np.isclose(first, second, rtol=1e-6, atol=0))
    return bool(first == second)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
