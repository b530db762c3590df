"""Chapter 02: convolutional networks for single frames, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class ClassicCNN(keras.Model):
    """The classic recipe: Conv, Pool, Conv, Pool, Flatten, Dense.

    Takes frames ``float32 (N, size, size, 3)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. It works for one picture size only, since ``hidden`` counts
    the pixels that are left.
    """

    takes = "frames"

    def __init__(self, num_classes: int, size: int = 32) -> None:
        super().__init__()
        self.conv1 = layers.Conv2D(16, 3, padding="same")
        self.conv2 = layers.Conv2D(32, 3, padding="same")
        self.pool = layers.MaxPooling2D(2)
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(64)
        self.head = layers.Dense(num_classes)
        self(keras.Input((size, size, 3)))  # builds the weights

    def features(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, 64)."""
        x = self.pool(ops.relu(self.conv1(x)))  # (N, H / 2, W / 2, 16)
        x = self.pool(ops.relu(self.conv2(x)))  # (N, H / 4, W / 4, 32)
        return ops.relu(self.hidden(self.flatten(x)))

    def call(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x))


class FrameCNN(keras.Model):
    """Three convolutions with batch normalisation, then the average over the picture.

    Takes frames ``float32 (N, H, W, 3)`` in [0, 1] of any size, gives logits
    ``float32 (N, num_classes)``. Its features say what is in the frame, and not where.
    """

    takes = "frames"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(widths[0], 3, strides=2, use_bias=False)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv2 = layers.Conv2D(widths[1], 3, strides=2, use_bias=False)
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv3 = layers.Conv2D(widths[2], 3, strides=2, use_bias=False)
        self.norm3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.head = layers.Dense(num_classes)
        self(keras.Input((32, 32, 3)))  # builds the weights, for frames of any size

    def maps(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, H / 8, W / 8, widths[-1]): where in the frame is what."""
        x = ops.relu(self.norm1(self.conv1(self.pad(x)), training=training))
        x = ops.relu(self.norm2(self.conv2(self.pad(x)), training=training))
        return ops.relu(self.norm3(self.conv3(self.pad(x)), training=training))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, widths[-1]): each channel's average over the picture."""
        return ops.mean(self.maps(x, training), axis=(1, 2))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, H, W, 3) -> (N, num_classes)."""
        return self.head(self.features(x, training))
