"""Chapter 07: generators of clip codes, given a class, in Keras.

A code is a row of D standardised numbers that a frame autoencoder's painter turns into a clip
(see ``vidlab.latents``). ``TwoStage`` puts both together.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from vidlab.keras.models.autoencoding import FrameAutoencoder
from vidlab.latents import classes_of, cosine_waves


class ResidualBlock(layers.Layer):
    """x plus what two dense layers make of x and a condition, both ``(N, width)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.dense1 = layers.Dense(width)
        self.condition = layers.Dense(width)
        self.dense2 = layers.Dense(width)

    def call(self, x: Any, condition: Any) -> Any:
        hidden = self.dense1(self.norm(x)) + self.condition(condition)
        return x + self.dense2(ops.silu(hidden))


class LatentVAE(keras.Model):
    """A conditional variational autoencoder of clip codes.

    Takes codes ``(N, code_dim)`` and classes ``(N,)``. Kingma and Welling (2014), "Auto-encoding
    variational Bayes"; conditional: Sohn, Lee and Yan (2015), "Learning structured output
    representation using deep conditional generative models".
    """

    def __init__(
        self,
        num_classes: int,
        code_dim: int = 34,
        latent_dim: int = 16,
        width: int = 192,
        beta: float = 0.2,
        condition: Any = None,
    ) -> None:
        super().__init__()
        self.noise_shape, self.beta = (latent_dim,), beta
        self.condition = condition or layers.Embedding(
            num_classes, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0)
        )
        self.read = layers.Dense(width)
        self.encoder = [ResidualBlock(width) for _ in range(2)]
        self.mean = layers.Dense(latent_dim)
        self.log_variance = layers.Dense(latent_dim)
        self.spread = layers.Dense(width)
        self.decoder = [ResidualBlock(width) for _ in range(3)]
        self.write = layers.Dense(code_dim)
        self(ops.zeros((1, code_dim)), ops.zeros(labels_shape(condition), "int32"))

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n codes: epsilon (n, latent_dim)."""
        return (rng.standard_normal((n, *self.noise_shape)),)

    def encode(self, codes: Any, labels: Any) -> tuple[Any, Any]:
        """Codes (N, D) -> mean and logarithm of the variance of q(z | code), (N, latent_dim)."""
        x, condition = self.read(codes), self.condition(labels)
        for block in self.encoder:
            x = block(x, condition)
        return self.mean(x), ops.clip(self.log_variance(x), -10, 10)

    def sample(self, noise: Any, labels: Any) -> Any:
        """z (N, latent_dim) -> codes (N, D)."""
        x, condition = self.spread(noise), self.condition(labels)
        for block in self.decoder:
            x = block(x, condition)
        return self.write(x)

    def call(self, codes: Any, labels: Any) -> Any:
        mu, _ = self.encode(codes, labels)
        return self.sample(mu, labels)

    def training_loss(self, codes: Any, labels: Any, epsilon: Any) -> Any:
        """Squared error plus beta times the Kullback-Leibler term, each summed over its numbers."""
        mu, log_variance = self.encode(codes, labels)
        z = mu + ops.exp(0.5 * log_variance) * epsilon
        error = ops.sum((self.sample(z, labels) - codes) ** 2, axis=1)
        kl = 0.5 * ops.sum(ops.exp(log_variance) + mu**2 - 1 - log_variance, axis=1)
        return ops.mean(error + self.beta * kl)


class LatentFlow(keras.Model):
    """Flow matching of clip codes: a velocity that carries noise to a code, given a class.

    At time t a code on its way is x = (1 - t) noise + t code; its velocity is code - noise. The
    network learns to say the velocity from x, t and the class, and a code is made by following
    it from t = 0 to 1 in small steps. Lipman et al. (2023), "Flow matching for generative
    modeling"; Liu, Gong and Liu (2023), "Flow straight and fast".
    """

    def __init__(
        self,
        num_classes: int,
        code_dim: int = 34,
        width: int = 192,
        num_steps: int = 30,
        condition: Any = None,
    ) -> None:
        super().__init__()
        self.noise_shape, self.num_steps = (code_dim,), num_steps
        self.condition = condition or layers.Embedding(
            num_classes, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0)
        )
        self.read = layers.Dense(width)
        self.time = layers.Dense(width)
        self.blocks = [ResidualBlock(width) for _ in range(3)]
        self.write = layers.Dense(code_dim)
        self(ops.zeros((1, code_dim)), ops.zeros(labels_shape(condition), "int32"))

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n codes: noise (n, D) and times (n,)."""
        return rng.standard_normal((n, *self.noise_shape)), rng.random(n)

    def velocity(self, x: Any, time: Any, labels: Any) -> Any:
        """(N, D), times (N,) and classes (N,) -> (N, D)."""
        turns = time[:, None] * ops.convert_to_tensor([1.0, 2.0, 4.0, 8.0]) * math.pi
        waves = ops.concatenate([ops.sin(turns), ops.cos(turns)], axis=1)  # (N, 8)
        condition = self.condition(labels) + self.time(waves)
        x = self.read(x)
        for block in self.blocks:
            x = block(x, condition)
        return self.write(x)

    def sample(self, noise: Any, labels: Any) -> Any:
        """Noise (N, D) -> codes (N, D), by Euler's method."""
        x = noise
        for step in range(self.num_steps):
            time = ops.full((ops.shape(x)[0],), step / self.num_steps, dtype="float32")
            x = x + self.velocity(x, time, labels) / self.num_steps
        return x

    def call(self, codes: Any, labels: Any) -> Any:
        return self.velocity(codes, ops.ones_like(codes[:, 0]), labels)

    def training_loss(self, codes: Any, labels: Any, noise: Any, time: Any) -> Any:
        """The mean squared error of the velocity."""
        x = (1 - time[:, None]) * noise + time[:, None] * codes
        return ops.mean((self.velocity(x, time, labels) - (codes - noise)) ** 2)


def labels_shape(condition: Any) -> tuple[int, ...]:
    """The shape of one label, with the batch: a class, or a sentence of one word."""
    return (1, 1) if getattr(condition, "takes", "") == "words" else (1,)


class TwoStage(keras.Model):
    """A generator of clips: one network makes codes, a frame autoencoder's painter paints them.

    Args:
        painter: a ``FrameAutoencoder``.
        generator: gives standardised codes: ``sample(noise, labels)``; it has ``noise_shape``.
            Where it has ``num_classes`` or an embedding, ``vidlab.keras.generate`` refuses labels
            beyond them.
        codes: the ``ClipCodes`` that the generator was trained on.
    """

    def __init__(self, painter: FrameAutoencoder, generator: keras.Model, codes: Any) -> None:
        super().__init__()
        self.painter, self.generator = painter, generator
        self.noise_shape, self.num_frames = generator.noise_shape, codes.num_frames
        self.num_classes = classes_of(generator)
        self.code_mean = np.asarray(codes.mean, np.float32)
        self.code_spread = np.asarray(codes.spread, np.float32)
        self.built = True

    def paint(self, codes: Any) -> Any:
        """Standardised codes (N, D) -> frames (N, T, 32, 32, 3)."""
        spread, mean = map(ops.convert_to_tensor, (self.code_spread, self.code_mean))
        raw = codes * spread + mean
        look_dim, place_dim = self.painter.look_dim, self.painter.place_dim
        num_waves = (raw.shape[1] - look_dim) // place_dim
        path = ops.reshape(raw[:, look_dim:], (-1, num_waves, place_dim))
        waves = ops.convert_to_tensor(cosine_waves(self.num_frames, num_waves))
        places = ops.einsum("nkp,tk->ntp", path, waves)
        looks = ops.repeat(raw[:, :look_dim], self.num_frames, axis=0)
        frames = self.painter.decode(looks, ops.reshape(places, (-1, place_dim)))
        return ops.reshape(frames, (-1, self.num_frames, *frames.shape[1:]))

    def generate(self, noise: Any, labels: Any) -> Any:
        """Noise and classes (N,) -> frames (N, T, 32, 32, 3), about in [0, 1]."""
        return self.paint(self.generator.sample(noise, labels))
