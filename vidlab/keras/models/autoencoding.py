"""Chapter 07: autoencoders of frames, in Keras.

A frame's code has two parts. The **look** says what does not change within a clip: the colours of
shape and ground, and the outline. The **place** says what does: where the shape is and how large.
"""

from typing import Any

import keras
from keras import layers, ops


class PlainAutoencoder(keras.Model):
    """Strided convolutions down to a few numbers, transposed ones back up: the usual first try.

    Takes frames ``float32 (N, 32, 32, 3)`` in [0, 1], gives frames of the same shape.
    """

    def __init__(self, code_dim: int = 13, width: int = 24) -> None:
        super().__init__()
        self.down1 = layers.Conv2D(width, 4, strides=4)
        self.down2 = layers.Conv2D(2 * width, 2, strides=2)
        self.code = layers.Dense(code_dim)
        self.spread = layers.Dense(2 * width * 16)
        self.up1 = layers.Conv2DTranspose(width, 2, strides=2)
        self.up2 = layers.Conv2DTranspose(3, 4, strides=4)
        self(keras.Input((32, 32, 3)))

    def encode(self, frames: Any) -> Any:
        """(N, 32, 32, 3) -> (N, code_dim)."""
        x = ops.relu(self.down2(ops.relu(self.down1(frames))))  # (N, 4, 4, 48)
        return self.code(ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3])))

    def decode(self, code: Any) -> Any:
        """(N, code_dim) -> (N, 32, 32, 3)."""
        x = ops.relu(self.spread(code))
        x = ops.reshape(x, (-1, 4, 4, x.shape[1] // 16))
        return ops.sigmoid(self.up2(ops.relu(self.up1(x))))

    def call(self, frames: Any) -> Any:
        return self.decode(self.encode(frames))

    def training_loss(self, frames: Any) -> Any:
        """The mean squared error of what comes back."""
        return ops.mean((self(frames) - frames) ** 2)


def grid_of_pixels(size: int) -> tuple[Any, Any]:
    """x and y of the middle of each pixel, (1, size * size), in a picture from -1 to 1."""
    middles = (ops.arange(size, dtype="float32") + 0.5) * 2 / size - 1
    x, y = ops.meshgrid(middles, middles)
    return ops.reshape(x, (1, -1)), ops.reshape(y, (1, -1))


class FrameEncoder(layers.Layer):
    """Looks at a frame, and says what is there (the look) and where (the place).

    Convolutions find the shape and take its colour and that of the ground. The frame, measured
    along the line between these two colours, is a mask of the shape; its moments are the place,
    as in chapter 03, and its waves around the centre tell a square from a circle. Takes frames
    ``float32 (N, size, size, 3)`` in [0, 1], gives the look ``(N, 6 + outline_dim)`` and the
    place ``(N, 3)``: x and y in a picture that reaches from -1 to 1, and the logarithm of the
    size.
    """

    num_waves = 6

    def __init__(self, outline_dim: int = 4, width: int = 16) -> None:
        super().__init__()
        # padding="same" would pad a strided convolution on one side only.
        self.pad = layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(width, 3, strides=2)
        self.conv2 = layers.Conv2D(width, 3, padding="same")
        self.on_shape = layers.Conv2D(4, 3, padding="same")
        self.on_ground = layers.Conv2D(1, 1)
        self.hidden = layers.Dense(64)
        self.outline = layers.Dense(outline_dim)

    def colors(self, frames: Any) -> tuple[Any, Any]:
        """The colours of shape and ground, (N, 3) each, where two maps of attention look."""
        mean = ops.mean(frames, axis=(1, 2), keepdims=True)
        features = ops.relu(self.conv2(ops.relu(self.conv1(self.pad(frames - mean)))))
        flat = (-1, features.shape[1] * features.shape[2])
        energy = ops.reshape(ops.sum(self.on_shape(features) ** 2, axis=3), flat) + 1e-6
        on_shape = energy / ops.sum(energy, axis=1, keepdims=True)  # (N, size * size / 4)
        on_ground = ops.softmax(ops.reshape(self.on_ground(features), flat), axis=1)
        both = ops.stack([on_shape, on_ground], axis=1)  # (N, 2, size * size / 4)
        small = ops.reshape(ops.average_pool(frames, 2, 2), (-1, flat[1], 3))
        colors = ops.matmul(both, small)  # (N, 2, 3)
        return colors[:, 0], colors[:, 1]

    def call(self, frames: Any) -> tuple[Any, Any]:
        shape, ground = self.colors(frames)
        line = (shape - ground)[:, None]  # (N, 1, 3)
        num_pixels = frames.shape[1] * frames.shape[2]
        pixels = ops.reshape(frames, (-1, num_pixels, 3)) - ground[:, None]
        mask = ops.relu(ops.sum(line * pixels, axis=2)) / (ops.sum(line**2, axis=2) + 1e-4)
        weight = mask / (ops.sum(mask, axis=1, keepdims=True) + 1e-3)  # adds up to 1

        x, y = grid_of_pixels(frames.shape[1])
        mean_x, mean_y = ops.sum(weight * x, axis=1), ops.sum(weight * y, axis=1)  # (N,)
        u, v = x - mean_x[:, None], y - mean_y[:, None]  # seen from the middle
        variance = ops.sum(weight * (u * u + v * v), axis=1) + 1e-4
        place = ops.stack([mean_x, mean_y, 0.5 * ops.log(variance)], axis=1)

        distance = ops.sqrt(u * u + v * v + 1e-3 * variance[:, None])
        cos, sin = u / distance, v / distance
        waves, cos_k, sin_k = [], cos, sin
        for _ in range(self.num_waves):
            waves += [ops.sum(weight * cos_k, axis=1), ops.sum(weight * sin_k, axis=1)]
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        reach = ops.sum(weight * distance, axis=1) / ops.sqrt(variance)
        seen = ops.stack([*waves, reach, place[:, 2]], axis=1)
        outline = self.outline(ops.relu(self.hidden(seen)))
        return ops.concatenate([shape, ground, outline], axis=1), place


class FramePainter(layers.Layer):
    """Paints a frame from a look and a place: a shape of one colour on a ground of another.

    Seen from the shape's centre, its outline lies at the distance R in the direction theta. R is
    a Fourier series whose coefficients a small network reads from the look:
    R(theta) = r + sum over k of (a_k cos(k theta) + b_k sin(k theta)). Takes looks
    ``(N, 6 + outline_dim)`` and places ``(N, 3)``, gives frames ``(N, size, size, 3)``.
    """

    def __init__(self, outline_dim: int = 4, num_harmonics: int = 9, size: int = 32) -> None:
        super().__init__()
        self.num_harmonics, self.size = num_harmonics, size
        self.hidden = layers.Dense(32)
        self.series = layers.Dense(1 + 2 * num_harmonics)

    def mask(self, outline: Any, place: Any) -> Any:
        """Which pixels the shape covers, from 0 to 1: (N, size * size)."""
        x, y = grid_of_pixels(self.size)
        size = ops.exp(place[:, 2:])
        u = (x - place[:, 0:1]) / size  # (N, size * size): seen from the shape
        v = (y - place[:, 1:2]) / size
        distance = ops.sqrt(u * u + v * v + 1e-3)
        cos, sin = u / distance, v / distance

        series = self.series(ops.relu(self.hidden(outline)))
        radius = 0.7 + ops.softplus(series[:, :1])  # never so small that it vanishes
        cos_k, sin_k = cos, sin
        for k in range(self.num_harmonics):
            a, b = series[:, 2 * k + 1 : 2 * k + 2], series[:, 2 * k + 2 : 2 * k + 3]
            radius = radius + a * cos_k + b * sin_k
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        pixels = (radius - distance) * size * self.size / 2  # from the outline, inwards
        return ops.sigmoid(3 * pixels)

    def call(self, look: Any, place: Any) -> Any:
        mask = self.mask(look[:, 6:], place)[:, :, None]  # (N, size * size, 1)
        shape, ground = look[:, None, :3], look[:, None, 3:6]
        frames = mask * shape + (1 - mask) * ground  # (N, size * size, 3)
        return ops.reshape(frames, (-1, self.size, self.size, 3))


class FrameAutoencoder(keras.Model):
    """An encoder and a painter of frames that keep look and place apart.

    It learns from pairs of frames of one clip: each frame is painted with its own place and the
    look of the *other* frame. So nothing about the place can hide in the look. Takes frames
    ``float32 (N, 32, 32, 3)`` in [0, 1], gives frames of the same shape.
    """

    look_dim = 10
    place_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.encoder = FrameEncoder(self.look_dim - 6)
        self.painter = FramePainter(self.look_dim - 6)
        self(keras.Input((32, 32, 3)))

    def encode(self, frames: Any) -> Any:
        """(N, 32, 32, 3) -> looks (N, 10) and places (N, 3)."""
        return self.encoder(frames)

    def decode(self, look: Any, place: Any) -> Any:
        """Looks (N, 10) and places (N, 3) -> (N, 32, 32, 3)."""
        return self.painter(look, place)

    def call(self, frames: Any) -> Any:
        return self.decode(*self.encode(frames))

    def training_loss(self, pairs: Any) -> Any:
        """The mean squared error of frames painted with their partner's look.

        Args:
            pairs: (N, 2, 32, 32, 3), two frames of one clip each.
        """
        first, second = pairs[:, 0], pairs[:, 1]
        look_of_second, _ = self.encode(second)
        _, place = self.encode(first)
        return ops.mean((self.decode(look_of_second, place) - first) ** 2)
