"""Pairs of layers that do the same in PyTorch and Keras, for the tests of vidlab.weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch
from torch import nn

layers = keras.layers


@dataclass(frozen=True)
class Twin:
    """One model in both frameworks.

    ``shape`` is that of a Keras input without the batch (channels last); ``moved`` says that
    PyTorch takes the channels first; ``integers`` are ids below that number.
    """

    torch: Callable[[], nn.Module]
    keras: Callable[[], Any]
    shape: tuple[int, ...]
    moved: bool = False
    integers: int = 0

    def build(self) -> tuple[nn.Module, Any]:
        model = self.keras()
        model(keras.Input(self.shape, dtype="int32" if self.integers else "float32"))
        return self.torch().eval(), model

    def input(self, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        if self.integers:
            return rng.integers(0, self.integers, (3, *self.shape)).astype(np.int32)
        return rng.normal(size=(3, *self.shape)).astype(np.float32)

    def outputs(self, torch_model: nn.Module, keras_model: Any) -> tuple[np.ndarray, np.ndarray]:
        x = self.input()
        tensor = torch.from_numpy(x).movedim(-1, 1) if self.moved else torch.from_numpy(x)
        with torch.no_grad():
            first = torch_model(tensor)
        first = first.movedim(1, -1) if self.moved else first
        return first.numpy(), np.asarray(keras.ops.convert_to_numpy(keras_model(x)))


class Last(nn.Module):
    """A recurrent layer that gives its outputs only."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.rnn = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


class TorchAttention(nn.Module):
    def __init__(self, size: int, heads: int, memory: int | None = None, **options: Any) -> None:
        super().__init__()
        self.memory = memory
        self.attention = nn.MultiheadAttention(
            size, heads, kdim=memory, vdim=memory, batch_first=True, **options
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        memory = x if self.memory is None else x[:, :, : self.memory]
        return self.attention(x, memory, memory)[0]


class KerasAttention(keras.layers.Layer):
    def __init__(self, size: int, heads: int, memory: int | None = None, **options: Any) -> None:
        super().__init__()
        self.memory = memory
        self.attention = layers.MultiHeadAttention(heads, size // heads, **options)

    def call(self, x: Any) -> Any:
        return self.attention(x, x if self.memory is None else x[:, :, : self.memory])


class TorchBlock(nn.Module):
    """Loose parameters, a list of layers and a layer that is used twice."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(size, size), nn.LayerNorm(size)])
        self.scale = nn.Parameter(torch.ones(size))
        self.twice = nn.Linear(size, size)
        self.again = self.twice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.again(self.twice(x * self.scale))


class KerasBlock(keras.layers.Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.blocks = [layers.Dense(size), layers.LayerNormalization(epsilon=1e-5)]
        self.scale = self.add_weight(shape=(size,), initializer="ones", name="another_name")
        self.twice = layers.Dense(size)
        self.again = self.twice

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.again(self.twice(x * self.scale))


def keras_functional() -> Any:
    x = inputs = keras.Input((5,))
    x = layers.Dense(6, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(2)(layers.BatchNormalization(epsilon=1e-5)(x)))


def sequential(*parts: Any) -> Callable[[], Any]:
    return lambda: keras.Sequential([part() for part in parts])


def _convolutions() -> dict[str, Twin]:
    twins = {}
    for n in (1, 2, 3):
        shape = (*(7, 6, 5)[:n], 4)
        kernel = (3, 2, 3)[:n]
        conv, transposed = getattr(nn, f"Conv{n}d"), getattr(nn, f"ConvTranspose{n}d")
        keras_conv = getattr(layers, f"Conv{n}D")
        keras_transposed = getattr(layers, f"Conv{n}DTranspose")
        twins[f"conv{n}d"] = Twin(
            lambda c=conv, k=kernel: c(4, 6, k),
            lambda c=keras_conv, k=kernel: c(6, k),
            shape,
            moved=True,
        )
        twins[f"conv{n}d_transposed"] = Twin(
            lambda c=transposed, k=kernel: c(4, 6, k, stride=2),
            lambda c=keras_transposed, k=kernel: c(6, k, strides=2),
            shape,
            moved=True,
        )
    return twins


TWINS = {
    **_convolutions(),
    "conv2d_without_bias": Twin(
        lambda: nn.Conv2d(4, 6, 3, bias=False),
        lambda: layers.Conv2D(6, 3, use_bias=False),
        (6, 5, 4),
        moved=True,
    ),
    "conv1d_grouped": Twin(
        lambda: nn.Conv1d(4, 6, 3, groups=2),
        lambda: layers.Conv1D(6, 3, groups=2),
        (7, 4),
        moved=True,
    ),
    "conv2d_depthwise": Twin(
        lambda: nn.Conv2d(4, 8, (3, 2), groups=4),
        lambda: layers.DepthwiseConv2D((3, 2), depth_multiplier=2),
        (6, 5, 4),
        moved=True,
    ),
    "dense": Twin(lambda: nn.Linear(4, 6), lambda: layers.Dense(6), (4,)),
    "embedding": Twin(lambda: nn.Embedding(9, 4), lambda: layers.Embedding(9, 4), (5,), integers=9),
    "batch_norm": Twin(
        lambda: nn.BatchNorm2d(4),
        lambda: layers.BatchNormalization(epsilon=1e-5),
        (6, 5, 4),
        moved=True,
    ),
    "batch_norm_without_affine": Twin(
        lambda: nn.BatchNorm1d(4, affine=False),
        lambda: layers.BatchNormalization(epsilon=1e-5, center=False, scale=False),
        (6, 4),
        moved=True,
    ),
    "layer_norm": Twin(
        lambda: nn.LayerNorm(4), lambda: layers.LayerNormalization(epsilon=1e-5), (6, 4)
    ),
    "group_norm": Twin(
        lambda: nn.GroupNorm(2, 4),
        lambda: layers.GroupNormalization(2, epsilon=1e-5),
        (6, 5, 4),
        moved=True,
    ),
    "rms_norm": Twin(
        lambda: nn.RMSNorm(4, eps=1e-6), lambda: layers.RMSNormalization(epsilon=1e-6), (6, 4)
    ),
    "rnn": Twin(
        lambda: Last(nn.RNN(4, 5, batch_first=True)),
        lambda: layers.SimpleRNN(5, return_sequences=True),
        (6, 4),
    ),
    "lstm": Twin(
        lambda: Last(nn.LSTM(4, 5, batch_first=True)),
        lambda: layers.LSTM(5, return_sequences=True),
        (6, 4),
    ),
    "lstm_without_bias": Twin(
        lambda: Last(nn.LSTM(4, 5, bias=False, batch_first=True)),
        lambda: layers.LSTM(5, use_bias=False, return_sequences=True),
        (6, 4),
    ),
    "lstm_cell": Twin(
        lambda: Last(nn.LSTM(4, 5, batch_first=True)),
        lambda: layers.RNN(layers.LSTMCell(5), return_sequences=True),
        (6, 4),
    ),
    "gru": Twin(
        lambda: Last(nn.GRU(4, 5, batch_first=True)),
        lambda: layers.GRU(5, return_sequences=True),
        (6, 4),
    ),
    "lstm_of_two_layers": Twin(
        lambda: Last(nn.LSTM(4, 5, num_layers=2, batch_first=True)),
        sequential(
            lambda: layers.LSTM(5, return_sequences=True),
            lambda: layers.LSTM(5, return_sequences=True),
        ),
        (6, 4),
    ),
    "gru_of_two_layers_both_ways": Twin(
        lambda: Last(nn.GRU(4, 5, num_layers=2, bidirectional=True, batch_first=True)),
        sequential(
            lambda: layers.Bidirectional(layers.GRU(5, return_sequences=True)),
            lambda: layers.Bidirectional(layers.GRU(5, return_sequences=True)),
        ),
        (6, 4),
    ),
    "lstm_both_ways": Twin(
        lambda: Last(nn.LSTM(4, 5, bidirectional=True, batch_first=True)),
        lambda: layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        (6, 4),
    ),
    "attention": Twin(lambda: TorchAttention(6, 3), lambda: KerasAttention(6, 3), (5, 6)),
    "attention_without_bias": Twin(
        lambda: TorchAttention(6, 2, bias=False),
        lambda: KerasAttention(6, 2, use_bias=False),
        (5, 6),
    ),
    "attention_to_another_width": Twin(
        lambda: TorchAttention(6, 2, memory=4), lambda: KerasAttention(6, 2, memory=4), (5, 6)
    ),
    "nested": Twin(
        lambda: nn.Sequential(TorchBlock(4), nn.ReLU(), nn.Sequential(nn.Linear(4, 3))),
        sequential(lambda: KerasBlock(4), layers.ReLU, lambda: keras.Sequential([layers.Dense(3)])),
        (6, 4),
    ),
    "functional": Twin(
        lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 2)),
        keras_functional,
        (5,),
    ),
    "time_distributed": Twin(
        lambda: nn.Linear(4, 3), lambda: layers.TimeDistributed(layers.Dense(3)), (6, 4)
    ),
}


def randomize(model: Any, seed: int) -> None:
    """Give every weight and every normalisation statistic of a model a random value."""
    rng = np.random.default_rng(seed)
    if isinstance(model, keras.layers.Layer):
        for variable in model.weights:
            variable.assign(_random(rng, tuple(variable.shape), variable.name))
        return
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.from_numpy(_random(rng, tuple(value.shape), name)))


def _random(rng: np.random.Generator, shape: tuple[int, ...], name: str) -> np.ndarray:
    if "variance" in name or "running_var" in name:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        return rng.normal(0.3, 0.5, shape).astype(np.float32)
    return rng.normal(0, 0.4, shape).astype(np.float32)


def arrays(model: Any) -> list[np.ndarray]:
    """Copies of all weights, in the framework's own layout and order."""
    if isinstance(model, keras.layers.Layer):
        return [np.array(variable.numpy()) for variable in model.weights]
    return [value.numpy().copy() for value in model.state_dict().values()]
