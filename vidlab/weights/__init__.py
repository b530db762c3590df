"""The same weights in both frameworks, and on disk.

``copy_weights`` moves weights from a PyTorch model into its Keras twin, back, or between two
models of one framework. ``save`` and ``load`` keep weights in a safetensors file that either
framework reads. Frameworks are imported only where a model of theirs comes in.
"""

from vidlab.weights.copying import copy_weights
from vidlab.weights.files import load, save
from vidlab.weights.records import WeightsError

__all__ = ["WeightsError", "copy_weights", "load", "save"]
