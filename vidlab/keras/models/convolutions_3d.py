"""Chapter 04: convolutions over space and time, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class Conv3DNet(keras.Model):
    """One convolution per frame, then two convolutions over space and time, then the maximum.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. The 3 x 3 x 3 kernels are those of C3D (Tran et al., 2015,
    "Learning spatiotemporal features with 3D convolutional networks").
    """

    takes = "clips"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(widths[0], 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.pool1 = layers.AveragePooling3D(2)
        self.conv2 = layers.Conv3D(widths[1], 3, padding="same", use_bias=False)
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.pool2 = layers.MaxPooling3D((1, 2, 2))
        self.conv3 = layers.Conv3D(widths[2], 3, padding="same", use_bias=False)
        self.norm3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((16, 32, 32, 3)))  # builds the weights, for clips of any size

    def maps(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, T / 2, H / 8, W / 8, widths[-1]): where and when is what."""
        frames = self.conv1(self.pad(ops.reshape(x, (-1, *x.shape[2:]))))
        frames = ops.relu(self.norm1(frames, training=training))  # (N * T, H / 2, W / 2, 16)
        x = ops.reshape(frames, (-1, ops.shape(x)[1], *frames.shape[1:]))
        x = self.pool1(x)  # (N, T / 2, H / 4, W / 4, 16)
        x = ops.relu(self.norm2(self.conv2(x), training=training))
        x = self.pool2(x)  # (N, T / 2, H / 8, W / 8, 32)
        return ops.relu(self.norm3(self.conv3(x), training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, widths[-1]): each channel's largest value, anywhere, any time."""
        return ops.max(self.maps(x, training), axis=(1, 2, 3))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))


class Conv2Plus1D(layers.Layer):
    """A 3 x 3 x 3 convolution in two steps: over space (1 x 3 x 3), then over time (3 x 1 x 1).

    Takes and gives ``(N, T, H, W, C)``. The number of channels between the steps is chosen so that
    both together have about as many weights as the one 3D convolution they replace (Tran et al.,
    2018, "A closer look at spatiotemporal convolutions for action recognition").
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        between = 27 * channels_in * channels_out // (9 * channels_in + 3 * channels_out)
        self.space = layers.Conv3D(between, (1, 3, 3), padding="same", use_bias=False)
        self.norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.time = layers.Conv3D(channels_out, (3, 1, 1), padding="same", use_bias=False)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.time(ops.relu(self.norm(self.space(x), training=training)))


class Conv2Plus1DNet(keras.Model):
    """Conv3DNet with each 3D convolution split into one over space and one over time.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``.
    """

    takes = "clips"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(widths[0], 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.pool1 = layers.AveragePooling3D(2)
        self.conv2 = Conv2Plus1D(widths[0], widths[1])
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.pool2 = layers.MaxPooling3D((1, 2, 2))
        self.conv3 = Conv2Plus1D(widths[1], widths[2])
        self.norm3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((16, 32, 32, 3)))  # builds the weights, for clips of any size

    def maps(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, T / 2, H / 8, W / 8, widths[-1]): where and when is what."""
        frames = self.conv1(self.pad(ops.reshape(x, (-1, *x.shape[2:]))))
        frames = ops.relu(self.norm1(frames, training=training))  # (N * T, H / 2, W / 2, 16)
        x = ops.reshape(frames, (-1, ops.shape(x)[1], *frames.shape[1:]))
        x = self.pool1(x)  # (N, T / 2, H / 4, W / 4, 16)
        x = ops.relu(self.norm2(self.conv2(x, training=training), training=training))
        x = self.pool2(x)  # (N, T / 2, H / 8, W / 8, 32)
        return ops.relu(self.norm3(self.conv3(x, training=training), training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, widths[-1]): each channel's largest value, anywhere, any time."""
        return ops.max(self.maps(x, training), axis=(1, 2, 3))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))
