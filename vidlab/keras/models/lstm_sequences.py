"""Chapter 03: a convolutional network for each frame, a recurrent network over time, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class SpatialMoments(layers.Layer):
    """Where each channel looks: the mean and the covariance of its softmax over the picture.

    Takes maps ``(N, H, W, C)``, gives ``(N, 5 C)``: mean x, mean y, variance of x, variance of y,
    covariance, in a picture that reaches from -1 to 1. The mean alone is the spatial softmax of
    Levine et al. (2016), "End-to-end training of deep visuomotor policies".
    """

    def call(self, maps: Any) -> Any:
        height, width, channels = maps.shape[1:]
        weight = ops.softmax(ops.reshape(maps, (-1, height * width, channels)), axis=1)
        x, y = ops.meshgrid(ops.linspace(-1.0, 1.0, width), ops.linspace(-1.0, 1.0, height))
        powers = ops.reshape(ops.stack([x, y, x * x, y * y, x * y]), (5, height * width))
        means = ops.matmul(powers, weight)  # (5, H * W) times (N, H * W, C) is (N, 5, C)
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = ops.unstack(means, axis=1)
        var_x, var_y = mean_xx - mean_x**2, mean_yy - mean_y**2
        covariance = mean_xy - mean_x * mean_y
        return ops.concatenate([mean_x, mean_y, var_x, var_y, covariance], axis=1)


class FrameMoments(layers.Layer):
    """A small CNN that says of each frame where its channels look, and how that just changed.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1], gives ``(N, T - 1, 10 C)``: the moments of
    frames 1 to T - 1, and their differences from the frame before, normalised.
    """

    def __init__(self, num_channels: int = 16) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(16, 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv2 = layers.Conv2D(num_channels, 3, padding="same", use_bias=False)
        self.moments = SpatialMoments()
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    def maps(self, x: Any, training: bool | None = None) -> Any:
        """Frames (N, H, W, 3) -> (N, H / 2, W / 2, C): before the softmax."""
        x = ops.relu(self.norm1(self.conv1(self.pad(x)), training=training))
        return self.conv2(x)

    def call(self, x: Any, training: bool | None = None) -> Any:
        frames = ops.reshape(x, (-1, *x.shape[2:]))  # (N * T, H, W, 3): time is folded in
        where = self.moments(self.maps(frames, training))
        where = ops.reshape(where, (-1, ops.shape(x)[1], where.shape[1]))  # (N, T, 5 C)
        now, change = where[:, 1:], where[:, 1:] - where[:, :-1]
        both = ops.concatenate([now, change], axis=2)  # (N, T - 1, 10 C)
        return self.norm2(both, training=training)


class CNNLSTM(keras.Model):
    """A CNN looks at each frame, an LSTM reads what it says in order, the head names the action.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. After Donahue et al. (2015), "Long-term recurrent
    convolutional networks for visual recognition and description".
    """

    takes = "clips"

    def __init__(self, num_classes: int, num_channels: int = 16, hidden_size: int = 64) -> None:
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.lstm = layers.LSTM(hidden_size, return_sequences=True)
        self.head = layers.Dense(num_classes)
        self(keras.Input((16, 32, 32, 3)))  # builds the weights, for clips of any size

    def states(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.lstm(self.cnn(x, training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, hidden_size): the mean of the hidden states over time."""
        return ops.mean(self.states(x, training), axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


class CNNGRU(keras.Model):
    """CNNLSTM with a gated recurrent unit: one state instead of two, three gates instead of four.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. The unit is that of Cho et al. (2014), "Learning phrase
    representations using RNN encoder-decoder for statistical machine translation".
    """

    takes = "clips"

    def __init__(self, num_classes: int, num_channels: int = 16, hidden_size: int = 64) -> None:
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.gru = layers.GRU(hidden_size, return_sequences=True)
        self.head = layers.Dense(num_classes)
        self(keras.Input((16, 32, 32, 3)))  # builds the weights, for clips of any size

    def states(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.gru(self.cnn(x, training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, hidden_size): the mean of the hidden states over time."""
        return ops.mean(self.states(x, training), axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))
