"""Chapter 07: a variational autoencoder of whole clips, in one piece, in Keras."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from vidlab.keras.models.autoencoding import FrameEncoder, FramePainter
from vidlab.keras.models.generative_adversarial import BlockConv3DTranspose
from vidlab.latents import cosine_waves

FRAMES_PAINTED = 4  # of each clip, in a training step


class Decoder3D(layers.Layer):
    """Transposed 3D convolutions: a code becomes a small block of time and space that doubles.

    Takes codes ``(N, code_dim)``, gives clips ``(N, 16, 32, 32, 3)`` in [0, 1].
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width
        self.start = layers.Dense(2 * 4 * 4 * 2 * width)
        self.up1 = BlockConv3DTranspose(width)
        self.up2 = BlockConv3DTranspose(width // 2)
        self.up3 = BlockConv3DTranspose(3)

    def call(self, codes: Any) -> Any:
        x = ops.reshape(ops.relu(self.start(codes)), (-1, 2, 4, 4, 2 * self.width))
        x = ops.relu(self.up1(x))  # (N, 4, 8, 8, width)
        x = ops.relu(self.up2(x))  # (N, 8, 16, 16, width / 2)
        return ops.sigmoid(self.up3(x))  # (N, 16, 32, 32, 3)


class ClipVAE(keras.Model):
    """A variational autoencoder of clips whose parts are trained together.

    The frame encoder's looks and places make the clip's code (``vidlab.latents``), two dense
    layers make q(z | clip) of it. With ``decoder="2d"`` z becomes a code again, and the frame
    painter paints some frames per step; with ``"3d"`` transposed 3D convolutions make the whole
    clip. Takes clips ``float32 (N, 16, 32, 32, 3)`` in [0, 1], gives clips of the same shape.
    """

    num_frames = 16
    look_dim = 10
    num_waves = 8

    def __init__(self, decoder: str = "2d", latent_dim: int = 34, beta: float = 1e-5) -> None:
        super().__init__()
        if decoder not in ("2d", "3d"):
            raise ValueError(f"decoder: expected '2d' or '3d', got {decoder!r}")
        self.noise_shape, self.beta, self.kind = (latent_dim,), beta, decoder
        code_dim = self.look_dim + 3 * self.num_waves
        self.encoder = FrameEncoder(self.look_dim - 6)
        # From the start z is the code, only larger, so that epsilon drowns nothing.
        self.mean = layers.Dense(latent_dim, kernel_initializer="identity")
        self.log_variance = layers.Dense(latent_dim)
        self.code = layers.Dense(code_dim, kernel_initializer="identity")
        if decoder == "2d":
            self.painter = FramePainter(self.look_dim - 6)
        else:
            self.blocks = Decoder3D()
        self(keras.Input((self.num_frames, 32, 32, 3)))

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n clips: epsilon, and which frames."""
        frames = rng.random((n, self.num_frames)).argsort(axis=1)[:, :FRAMES_PAINTED]
        return rng.standard_normal((n, *self.noise_shape)), frames

    def waves(self) -> Any:
        """(T, K)."""
        return ops.convert_to_tensor(cosine_waves(self.num_frames, self.num_waves))

    def encode(self, clips: Any) -> tuple[Any, Any]:
        """Clips -> mean and logarithm of the variance of q(z | clip), (N, latent_dim).

        Raises:
            ValueError: clips of another number of frames than 16.
        """
        if clips.shape[1] != self.num_frames:
            raise ValueError(
                f"clips: expected {self.num_frames} frames each, got the shape {tuple(clips.shape)}"
            )
        look, place = self.encoder(ops.reshape(clips, (-1, *clips.shape[2:])))
        look = ops.mean(ops.reshape(look, (-1, self.num_frames, look.shape[1])), axis=1)
        place = ops.reshape(place, (-1, self.num_frames, 3))
        path = ops.einsum("ntp,tk->nkp", place, self.waves())
        code = ops.concatenate([look, ops.reshape(path, (-1, 3 * self.num_waves))], axis=1)
        return self.mean(5 * code), self.log_variance(code) - 4

    def decode(self, z: Any, frames: Any = None) -> Any:
        """z (N, latent_dim), and which frames (N, F) of each clip; None for all -> clips."""
        code = self.code(z) / 5
        if frames is None:
            frames = ops.arange(self.num_frames)[None] + ops.zeros_like(code[:, :1], "int32")
        if self.kind == "3d":
            return ops.take_along_axis(self.blocks(code), frames[:, :, None, None, None], axis=1)
        path = ops.reshape(code[:, self.look_dim :], (-1, self.num_waves, 3))
        waves = ops.take(self.waves(), frames, axis=0)  # (N, F, K)
        places = ops.reshape(ops.einsum("nkp,nfk->nfp", path, waves), (-1, 3))
        looks = ops.repeat(code[:, : self.look_dim], frames.shape[1], axis=0)
        painted = self.painter(looks, places)
        return ops.reshape(painted, (-1, frames.shape[1], *painted.shape[1:]))

    def generate(self, noise: Any, labels: Any) -> Any:
        """z (N, latent_dim) -> clips. It knows no classes: labels only say how many."""
        return self.decode(noise)

    def call(self, clips: Any) -> Any:
        mu, _ = self.encode(clips)
        return self.decode(mu)

    def training_loss(self, clips: Any, labels: Any, epsilon: Any, frames: Any) -> Any:
        """Mean squared error of some frames plus beta times the KL term; labels are not used."""
        mu, log_variance = self.encode(clips)
        z = mu + ops.exp(0.5 * log_variance) * epsilon
        real = ops.take_along_axis(clips, frames[:, :, None, None, None], axis=1)
        error = ops.mean((self.decode(z, frames) - real) ** 2)
        kl = 0.5 * ops.sum(ops.exp(log_variance) + mu**2 - 1 - log_variance, axis=1)
        return error + self.beta * ops.mean(kl)
