"""Where PyTorch computes, and from which seed."""

import os
import random

import numpy as np
import torch


def default_device() -> str:
    """The device that is used where none is named: "cuda" where there is one, else "cpu".

    The environment variable VIDLAB_DEVICE overrides this. Apple's "mps" is used only when it asks
    for it: some of its operations are known to give wrong results without an error.
    """
    chosen = os.environ.get("VIDLAB_DEVICE")
    if chosen:
        return chosen
    return "cuda" if torch.cuda.is_available() else "cpu"


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and PyTorch: what they draw next can be repeated."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
