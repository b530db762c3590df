"""From NumPy to what a PyTorch model takes."""

import numpy as np
import torch

from vidlab.input_checks import check_inputs
from vidlab.torch.devices import default_device


def to_input(x: np.ndarray | torch.Tensor, device: str | None = None) -> torch.Tensor:
    """Turn a batch of pictures, clips or features into a model's input.

    Args:
        x: pictures ``(N, H, W, 3)`` or clips ``(N, T, H, W, 3)``, uint8 or floats in [0, 1];
            or features, floats of another shape.
        device: where the tensor lives; by default ``default_device()``.

    Returns:
        ``float32 (N, 3, H, W)`` or ``(N, T, 3, H, W)`` in [0, 1]; features keep their shape.

    Raises:
        ValueError: another dtype, axis order or range; no items; NaN or infinity.
    """
    check_inputs(x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x)
    return as_input(x, device or default_device())


def as_input(x: np.ndarray | torch.Tensor, device: str | torch.device) -> torch.Tensor:
    """``to_input`` for a batch that is already checked."""
    if isinstance(x, np.ndarray):
        x = np.ascontiguousarray(x)  # PyTorch takes no reversed view, such as x[:, ::-1]
    tensor = torch.as_tensor(x).to(device)  # one byte per value on the way to the device
    is_picture = tensor.ndim in (4, 5) and tensor.shape[-1] == 3
    scale = 1 / 255 if tensor.dtype == torch.uint8 else None
    tensor = tensor.float()
    if scale:
        tensor.mul_(scale)
    return tensor.movedim(-1, -3) if is_picture else tensor
