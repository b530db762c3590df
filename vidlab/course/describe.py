"""Say in one line what a value is, so that a learner sees what came and what was expected."""

from typing import Any

import numpy as np

MAX_ELEMENTS = 16
MAX_CHARACTERS = 240


def as_array(value: Any) -> np.ndarray:
    """A NumPy array of anything that is one at heart: a number, a list, a framework's tensor."""
    if hasattr(value, "detach"):  # PyTorch: leave the graph and the device
        value = value.detach().cpu()
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        return np.asarray(value.numpy())
    return np.asarray(value)


def is_array(value: Any) -> bool:
    """Whether the value has a shape and a dtype: a NumPy array or a tensor of a framework."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def describe(value: Any) -> str:
    """One short line: small arrays with their values, large ones with shape, dtype and range."""
    if is_array(value) and np.ndim(as_array(value)) > 0:
        return _describe_array(value)
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, tuple | list) and any(is_array(item) for item in value):
        return _shorten("(" + ", ".join(describe(item) for item in value) + ")")
    if isinstance(value, dict) and value:
        return _shorten(", ".join(f"{key} = {describe(item)}" for key, item in value.items()))
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return _shorten(repr(value))


def _describe_array(value: Any) -> str:
    array = as_array(value)
    dtype = str(value.dtype).removeprefix("torch.").removeprefix("<dtype: '").removesuffix("'>")
    kind = f"{dtype} {'array' if isinstance(value, np.ndarray) else 'tensor'} {array.shape}"
    if array.size == 0:
        return f"empty {kind}"
    if array.size <= MAX_ELEMENTS:
        values = np.array2string(array, precision=4, separator=", ", suppress_small=True)
        return f"{kind} {' '.join(values.split())}"
    if np.issubdtype(array.dtype, np.number) and not np.iscomplexobj(array):
        return f"{kind}, values from {array.min():.4g} to {array.max():.4g}"
    return kind


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 4] + " ..."
