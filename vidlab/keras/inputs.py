"""From NumPy to what a Keras model takes."""

from typing import Any

import keras
import numpy as np

from vidlab.batches import to_unit
from vidlab.input_checks import check_inputs
from vidlab.keras.devices import on_device


def to_input(x: np.ndarray | Any, device: str | None = None) -> Any:
    """Turn a batch of pictures, clips or features into a model's input.

    Args:
        x: pictures ``(N, H, W, 3)`` or clips ``(N, T, H, W, 3)``, uint8 or floats in [0, 1];
            or features, floats of another shape.
        device: where the tensor lives; by default where Keras puts it.

    Returns:
        The backend's tensor, float32, of the same shape; pictures lie in [0, 1].

    Raises:
        ValueError: another dtype, axis order or range; no items; NaN or infinity.
    """
    x = keras.ops.convert_to_numpy(x)
    check_inputs(x)
    with on_device(device):
        return keras.ops.convert_to_tensor(to_unit(x))
