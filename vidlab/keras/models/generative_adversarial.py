"""Chapter 08: generators and discriminators, of whole clips and of clip codes, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class BlockConv3D(layers.Conv3D):
    """A 3D convolution with kernel = stride = 2, over blocks that do not overlap.

    Takes ``(N, T, H, W, C)``, gives ``(N, T / 2, H / 2, W / 2, F)``. Each block is one long vector
    and the kernel one matrix: what the layer above it does too, but TensorFlow's gradient of that
    one is slower on a CPU.
    """

    def __init__(self, filters: int) -> None:
        super().__init__(filters, 2, strides=2)

    def call(self, x: Any) -> Any:
        frames, height, width, channels = x.shape[1:]
        halves = frames // 2, height // 2, width // 2
        x = ops.reshape(x, (-1, halves[0], 2, halves[1], 2, halves[2], 2, channels))
        x = ops.transpose(x, (0, 1, 3, 5, 2, 4, 6, 7))
        x = ops.reshape(x, (-1, *halves, 8 * channels))
        return ops.matmul(x, ops.reshape(self.kernel, (8 * channels, -1))) + self.bias


class BlockConv3DTranspose(layers.Conv3DTranspose):
    """A transposed 3D convolution with kernel = stride = 2: each place becomes a block.

    Takes ``(N, T, H, W, C)``, gives ``(N, 2 T, 2 H, 2 W, F)``. See ``BlockConv3D``.
    """

    def __init__(self, filters: int) -> None:
        super().__init__(filters, 2, strides=2)

    def call(self, x: Any) -> Any:
        frames, height, width, channels = x.shape[1:]
        blocks = ops.transpose(ops.reshape(self.kernel, (-1, channels)))  # (C, 8 F)
        x = ops.reshape(ops.matmul(x, blocks), (-1, frames, height, width, 2, 2, 2, self.filters))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3, 6, 7))
        return ops.reshape(x, (-1, 2 * frames, 2 * height, 2 * width, self.filters)) + self.bias


class Generator3D(keras.Model):
    """Noise becomes a small block of time and space, which doubles three times: a clip.

    Takes noise ``float32 (N, noise_dim)``, gives clips ``float32 (N, 16, 32, 32, 3)`` in [0, 1].
    After Vondrick, Pirsiavash and Torralba (2016), "Generating videos with scene dynamics", in
    small. The kernels are as wide as their stride, so that the blocks do not overlap.
    """

    def __init__(self, noise_dim: int = 64, num_channels: int = 64) -> None:
        super().__init__()
        self.noise_shape = (noise_dim,)
        self.start = layers.Dense(2 * 4 * 4 * num_channels)
        self.norm0 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.up1 = BlockConv3DTranspose(num_channels // 2)
        self.norm1 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.up2 = BlockConv3DTranspose(num_channels // 4)
        self.norm2 = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.up3 = BlockConv3DTranspose(3)
        self(keras.Input((noise_dim,)))

    def call(self, noise: Any, training: bool | None = None) -> Any:
        """(N, noise_dim) -> (N, 16, 32, 32, 3)."""
        x = ops.reshape(self.start(noise), (-1, 2, 4, 4, self.start.units // 32))
        x = ops.relu(self.norm0(x, training=training))
        x = ops.relu(self.norm1(self.up1(x), training=training))  # (N, 4, 8, 8, C / 2)
        x = ops.relu(self.norm2(self.up2(x), training=training))  # (N, 8, 16, 16, C / 4)
        x = ops.tanh(self.up3(x))  # (N, 16, 32, 32, 3), from -1 to 1
        return (x + 1) / 2

    def generate(self, noise: Any, labels: Any) -> Any:
        """(N, noise_dim), (N,) -> (N, 16, 32, 32, 3): it knows no classes."""
        return self(noise)


class Discriminator3D(keras.Model):
    """Strided 3D convolutions halve a clip three times; one number says how real it is.

    Takes clips ``float32 (N, 16, 32, 32, 3)`` in [0, 1], gives logits ``float32 (N,)``.
    """

    def __init__(self, num_channels: int = 64) -> None:
        super().__init__()
        self.down1 = BlockConv3D(num_channels // 4)
        self.down2 = BlockConv3D(num_channels // 2)
        self.down3 = BlockConv3D(num_channels)
        self.head = layers.Dense(1)
        self(keras.Input((16, 32, 32, 3)))

    def call(self, x: Any) -> Any:
        """(N, 16, 32, 32, 3) -> (N,)."""
        x = 2 * x - 1  # from -1 to 1
        x = ops.leaky_relu(self.down1(x), 0.2)  # (N, 8, 16, 16, C / 4)
        x = ops.leaky_relu(self.down2(x), 0.2)  # (N, 4, 8, 8, C / 2)
        x = ops.leaky_relu(self.down3(x), 0.2)  # (N, 2, 4, 4, C)
        return self.head(ops.reshape(x, (-1, 32 * x.shape[-1])))[:, 0]


class LatentGenerator(keras.Model):
    """Noise and a class become the code of a clip.

    Takes noise ``float32 (N, noise_dim)`` and labels ``int (N,)``, gives standardised codes
    ``float32 (N, code_dim)``.
    """

    def __init__(
        self, num_classes: int, code_dim: int, noise_dim: int = 32, width: int = 192
    ) -> None:
        super().__init__()
        self.num_classes, self.noise_shape = num_classes, (noise_dim,)
        self.first = layers.Dense(width)
        self.second = layers.Dense(width)
        self.third = layers.Dense(width)
        self.last = layers.Dense(code_dim)
        self(keras.Input((noise_dim,)), keras.Input((), dtype="int32"))

    def call(self, noise: Any, labels: Any) -> Any:
        """(N, noise_dim), (N,) -> (N, code_dim)."""
        classes = ops.one_hot(labels, self.num_classes)
        x = ops.leaky_relu(self.first(ops.concatenate([noise, classes], axis=1)), 0.2)
        x = x + ops.leaky_relu(self.second(x), 0.2)
        x = x + ops.leaky_relu(self.third(x), 0.2)
        return self.last(x)

    def sample(self, noise: Any, labels: Any) -> Any:
        """(N, noise_dim), (N,) -> (N, code_dim)."""
        return self(noise, labels)


class LatentDiscriminator(keras.Model):
    """How real is the code of a clip, for a clip of this class?

    Takes standardised codes ``float32 (N, code_dim)`` and labels ``int (N,)``, gives logits
    ``float32 (N,)``. The class comes in as in Miyato and Koyama (2018), "cGANs with projection
    discriminator": an opinion on any clip, and the dot product of the features with what is
    learned of the class.
    """

    def __init__(self, num_classes: int, code_dim: int, width: int = 192) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.first = layers.Dense(width)
        self.second = layers.Dense(width)
        self.third = layers.Dense(width)
        self.any_class = layers.Dense(1)
        self.of_class = layers.Dense(width, use_bias=False)
        self(keras.Input((code_dim,)), keras.Input((), dtype="int32"))

    def call(self, x: Any, labels: Any) -> Any:
        """(N, code_dim), (N,) -> (N,)."""
        classes = ops.one_hot(labels, self.num_classes)
        x = ops.leaky_relu(self.first(x), 0.2)
        x = x + ops.leaky_relu(self.second(x), 0.2)
        x = x + ops.leaky_relu(self.third(x), 0.2)
        return self.any_class(x)[:, 0] + ops.sum(self.of_class(classes) * x, axis=1)
