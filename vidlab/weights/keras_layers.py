"""The Keras layers that are known by name: their variables, and PyTorch's tensors for them.

``LAYERS`` is the table. To add a layer, write a function from a built layer to its settings and
parts, add a line, and its PyTorch twin in ``torch_records.LAYERS``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.weights.records import Arrays, Part

Described = tuple[dict[str, Any], list[Part]]  # what must be alike, and the variables


def _part(
    layer: Any,
    variable: str,
    tensor: str,
    to_tensor: Callable[[np.ndarray], np.ndarray] | None = None,
    to_variable: Callable[[np.ndarray], np.ndarray] | None = None,
) -> list[Part]:
    """One variable that becomes one tensor; nothing where the layer lacks it."""
    value = getattr(layer, variable, None)
    if value is None:
        return []
    if to_tensor is None or to_variable is None:
        return [Part((value,), (tensor,))]
    return [Part((value,), (tensor,), lambda a: (to_tensor(a),), lambda a: (to_variable(a),))]


def _convolution(layer: Any) -> Described:
    """(*kernel, in, out) and back to (out, in, *kernel); transposed convolutions swap in and out,
    but Keras's kernel is then (*kernel, out, in) and PyTorch's (in, out, *kernel): the same move.
    """
    parts = _part(layer, "kernel", "weight", _kernel_first_last, _kernel_last_first)
    return {"groups": getattr(layer, "groups", 1)}, parts + _part(layer, "bias", "bias")


def _kernel_first_last(kernel: np.ndarray) -> np.ndarray:
    rank = kernel.ndim
    return kernel.transpose(rank - 1, rank - 2, *range(rank - 2))


def _kernel_last_first(weight: np.ndarray) -> np.ndarray:
    return weight.transpose(*range(2, weight.ndim), 1, 0)


def _depthwise(layer: Any) -> Described:
    """(*kernel, in, multiplier) and back to (in * multiplier, 1, *kernel)."""
    *kernel, channels, multiplier = layer.kernel.shape

    def to_tensor(array: np.ndarray) -> np.ndarray:
        return _kernel_first_last(array.reshape(*kernel, 1, channels * multiplier))

    def to_variable(array: np.ndarray) -> np.ndarray:
        return _kernel_last_first(array).reshape(layer.kernel.shape)

    parts = _part(layer, "kernel", "weight", to_tensor, to_variable)
    return {"groups": channels}, parts + _part(layer, "bias", "bias")


def _dense(layer: Any) -> Described:
    parts = _part(layer, "kernel", "weight", np.transpose, np.transpose)
    return {}, parts + _part(layer, "bias", "bias")


def _embedding(layer: Any) -> Described:
    return {}, _part(layer, "embeddings", "weight")


def _normalisation(layer: Any) -> Described:
    """BatchNormalization, LayerNormalization and GroupNormalization: other names only."""
    names = {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    settings = {"epsilon": float(layer.epsilon)}
    if hasattr(layer, "groups"):
        settings["num_groups"] = layer.groups
    return settings, [part for name, tensor in names.items() for part in _part(layer, name, tensor)]


def _rms_norm(layer: Any) -> Described:
    return {}, _part(layer, "scale", "weight")


def _recurrent(layer: Any) -> Described:
    """SimpleRNN, LSTM, GRU, their cells, and Bidirectional around one of them."""
    cells = _cells(layer)
    kind, _ = known(cells[0])
    settings: dict[str, Any] = {"directions": len(cells)}
    if len(cells) == 2:
        settings["merge_mode"] = layer.merge_mode
    for name in ("activation", "recurrent_activation"):
        function = getattr(cells[0], name, None)
        if function is not None:
            settings[name] = getattr(function, "__name__", type(function).__name__)
    if kind == "GRU":
        settings["reset_after"] = cells[0].reset_after
    # PyTorch stacks r, z, n and Keras z, r, h. The LSTM's i, f, g, o are in the same order.
    order = _swap_first_two if kind == "GRU" else np.asarray

    def to_tensor(kernel: np.ndarray) -> np.ndarray:
        return order(kernel.T)

    def to_variable(weight: np.ndarray) -> np.ndarray:
        return order(weight).T

    parts = []
    for cell, direction in zip(cells, ("", "_reverse"), strict=False):
        parts += _part(cell, "kernel", "weight_ih" + direction, to_tensor, to_variable)
        parts += _part(cell, "recurrent_kernel", "weight_hh" + direction, to_tensor, to_variable)
        if cell.bias is not None:
            biases = ("bias_ih" + direction, "bias_hh" + direction)
            if kind != "GRU":
                parts.append(Part((cell.bias,), biases, _bias_and_zero, _sum_of_biases))
            elif cell.reset_after:
                parts.append(Part((cell.bias,), biases, _split_gru_bias, _stack_gru_bias))
            else:
                parts.append(Part((cell.bias,), ("bias" + direction,)))
    return settings, parts


def _swap_first_two(gates: np.ndarray) -> np.ndarray:
    """Exchange the first two of three blocks of rows; its own inverse."""
    first, second, third = np.split(gates, 3)
    return np.concatenate([second, first, third])


def _bias_and_zero(bias: np.ndarray) -> Arrays:
    return bias, np.zeros_like(bias)


def _sum_of_biases(bias_ih: np.ndarray, bias_hh: np.ndarray) -> Arrays:
    return (bias_ih + bias_hh,)


def _split_gru_bias(bias: np.ndarray) -> Arrays:
    return _swap_first_two(bias[0]), _swap_first_two(bias[1])


def _stack_gru_bias(bias_ih: np.ndarray, bias_hh: np.ndarray) -> Arrays:
    return (np.stack([_swap_first_two(bias_ih), _swap_first_two(bias_hh)]),)


def _attention(layer: Any) -> Described:
    """Kernels (in, heads, head) become rows of (heads * head, in), all heads below each other.

    Where query, key and value are as wide as all heads together, PyTorch packs the three
    projections into one tensor; otherwise it keeps them apart.
    """
    projections = [layer.query_dense, layer.key_dense, layer.value_dense]
    kernels = tuple(dense.kernel for dense in projections)
    width = layer.num_heads * layer.key_dim
    inner_shapes = [tuple(kernel.shape) for kernel in kernels]

    def rows(*arrays: np.ndarray) -> Arrays:
        return tuple(array.reshape(array.shape[0], -1).T for array in arrays)

    def heads(*arrays: np.ndarray) -> Arrays:
        return tuple(a.T.reshape(s) for a, s in zip(arrays, inner_shapes, strict=True))

    if all(s == (width, layer.num_heads, layer.key_dim) for s in inner_shapes):
        parts = [
            Part(
                kernels,
                ("in_proj_weight",),
                lambda *arrays: (np.concatenate(rows(*arrays)),),
                lambda packed: heads(*np.split(packed, 3)),
            )
        ]
    else:
        parts = [Part(kernels, ("q_proj_weight", "k_proj_weight", "v_proj_weight"), rows, heads)]
    output = layer.output_dense
    shape = tuple(output.kernel.shape)  # (heads, head, out)
    if layer.use_bias:
        biases = tuple(dense.bias for dense in projections)
        sizes = [int(np.prod(bias.shape)) for bias in biases]
        parts.append(
            Part(
                biases,
                ("in_proj_bias",),
                lambda *arrays: (np.concatenate([array.ravel() for array in arrays]),),
                lambda packed: tuple(
                    piece.reshape(bias.shape)
                    for piece, bias in zip(
                        np.split(packed, np.cumsum(sizes)[:-1]), biases, strict=True
                    )
                ),
            )
        )
    parts.append(
        Part(
            (output.kernel,),
            ("out_proj.weight",),
            lambda kernel: (kernel.reshape(shape[0] * shape[1], -1).T,),
            lambda weight: (weight.T.reshape(shape),),
        )
    )
    parts += _part(output, "bias", "out_proj.bias")
    return {"num_heads": layer.num_heads, "key_dim": layer.key_dim}, parts


LAYERS: dict[str, tuple[str, Callable[[Any], Described]]] = {
    **{f"Conv{n}D": (f"Conv{n}d", _convolution) for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": (f"ConvTranspose{n}d", _convolution) for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": (f"Conv{n}d", _depthwise) for n in (1, 2)},
    "Dense": ("Linear", _dense),
    "Embedding": ("Embedding", _embedding),
    "BatchNormalization": ("BatchNorm", _normalisation),
    "LayerNormalization": ("LayerNorm", _normalisation),
    "GroupNormalization": ("GroupNorm", _normalisation),
    "RMSNormalization": ("RMSNorm", _rms_norm),
    "SimpleRNN": ("RNN", _recurrent),
    "LSTM": ("LSTM", _recurrent),
    "GRU": ("GRU", _recurrent),
    "SimpleRNNCell": ("RNN", _recurrent),
    "LSTMCell": ("LSTM", _recurrent),
    "GRUCell": ("GRU", _recurrent),
    "MultiHeadAttention": ("MultiheadAttention", _attention),
}


def known(layer: Any) -> tuple[str, Callable[[Any], Described] | None]:
    """The table's entry for a layer, or for the Keras layer that its class extends.

    The function is None for a layer that is not in the table. ``Bidirectional`` is known by what
    it wraps.
    """
    for cls in type(layer).__mro__:
        if not cls.__module__.startswith("keras."):
            continue
        if cls.__name__ in LAYERS:
            return LAYERS[cls.__name__]
        if cls.__name__ == "Bidirectional":
            kinds = {known(one)[0] for one in (layer.forward_layer, layer.backward_layer)}
            if len(kinds) == 1 and kinds <= {"RNN", "LSTM", "GRU"}:
                return kinds.pop(), _recurrent
    return "", None


def _cells(layer: Any) -> list[Any]:
    """The cells of a recurrent layer, which hold its weights: one per direction."""
    if hasattr(layer, "forward_layer"):
        return [layer.forward_layer.cell, layer.backward_layer.cell]
    return [getattr(layer, "cell", layer)]
