"""Chapter 07: generators of clip codes, given a class, in PyTorch.

A code is a row of D standardised numbers that a frame autoencoder's painter turns into a clip
(see ``vidlab.latents``). ``TwoStage`` puts both together.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from vidlab.latents import classes_of, cosine_waves
from vidlab.torch.models.autoencoding import FrameAutoencoder
from vidlab.torch.models.initial import initialize


class ResidualBlock(nn.Module):
    """x plus what two dense layers make of x and a condition, both ``(N, width)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dense1 = nn.Linear(width, width)
        self.condition = nn.Linear(width, width)
        self.dense2 = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        hidden = self.dense1(self.norm(x)) + self.condition(condition)
        return x + self.dense2(nn.functional.silu(hidden))


class LatentVAE(nn.Module):
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
        condition: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.noise_shape, self.beta = (latent_dim,), beta
        self.condition = condition or nn.Embedding(num_classes, width)
        self.read = nn.Linear(code_dim, width)
        self.encoder = nn.ModuleList([ResidualBlock(width) for _ in range(2)])
        self.mean = nn.Linear(width, latent_dim)
        self.log_variance = nn.Linear(width, latent_dim)
        self.spread = nn.Linear(latent_dim, width)
        self.decoder = nn.ModuleList([ResidualBlock(width) for _ in range(3)])
        self.write = nn.Linear(width, code_dim)
        self.apply(initialize)

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n codes: epsilon (n, latent_dim)."""
        return (rng.standard_normal((n, *self.noise_shape)),)

    def encode(self, codes: torch.Tensor, labels: torch.Tensor) -> tuple[Any, Any]:
        """Codes (N, D) -> mean and logarithm of the variance of q(z | code), (N, latent_dim)."""
        x, condition = self.read(codes), self.condition(labels)
        for block in self.encoder:
            x = block(x, condition)
        return self.mean(x), self.log_variance(x).clamp(-10, 10)

    def sample(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """z (N, latent_dim) -> codes (N, D)."""
        x, condition = self.spread(noise), self.condition(labels)
        for block in self.decoder:
            x = block(x, condition)
        return self.write(x)

    def forward(self, codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        mu, _ = self.encode(codes, labels)
        return self.sample(mu, labels)

    def training_loss(
        self, codes: torch.Tensor, labels: torch.Tensor, epsilon: torch.Tensor
    ) -> torch.Tensor:
        """Squared error plus beta times the Kullback-Leibler term, each summed over its numbers."""
        mu, log_variance = self.encode(codes, labels)
        z = mu + torch.exp(0.5 * log_variance) * epsilon
        error = ((self.sample(z, labels) - codes) ** 2).sum(dim=1)
        kl = 0.5 * (torch.exp(log_variance) + mu**2 - 1 - log_variance).sum(dim=1)
        return (error + self.beta * kl).mean()


class LatentFlow(nn.Module):
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
        condition: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.noise_shape, self.num_steps = (code_dim,), num_steps
        self.condition = condition or nn.Embedding(num_classes, width)
        self.read = nn.Linear(code_dim, width)
        self.time = nn.Linear(8, width)
        self.blocks = nn.ModuleList([ResidualBlock(width) for _ in range(3)])
        self.write = nn.Linear(width, code_dim)
        self.apply(initialize)

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n codes: noise (n, D) and times (n,)."""
        return rng.standard_normal((n, *self.noise_shape)), rng.random(n)

    def velocity(self, x: torch.Tensor, time: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(N, D), times (N,) and classes (N,) -> (N, D)."""
        turns = time[:, None] * torch.tensor([1.0, 2.0, 4.0, 8.0], device=x.device) * math.pi
        waves = torch.cat([torch.sin(turns), torch.cos(turns)], dim=1)  # (N, 8)
        condition = self.condition(labels) + self.time(waves)
        x = self.read(x)
        for block in self.blocks:
            x = block(x, condition)
        return self.write(x)

    def sample(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Noise (N, D) -> codes (N, D), by Euler's method."""
        x = noise
        for step in range(self.num_steps):
            time = torch.full((len(x),), step / self.num_steps, device=x.device)
            x = x + self.velocity(x, time, labels) / self.num_steps
        return x

    def forward(self, codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.velocity(codes, torch.ones(len(codes), device=codes.device), labels)

    def training_loss(
        self, codes: torch.Tensor, labels: torch.Tensor, noise: torch.Tensor, time: torch.Tensor
    ) -> torch.Tensor:
        """The mean squared error of the velocity."""
        x = (1 - time[:, None]) * noise + time[:, None] * codes
        return ((self.velocity(x, time, labels) - (codes - noise)) ** 2).mean()


class TwoStage(nn.Module):
    """A generator of clips: one network makes codes, a frame autoencoder's painter paints them.

    It only generates, so it begins in eval mode, and with it both networks.

    Args:
        painter: a ``FrameAutoencoder``.
        generator: gives standardised codes: ``sample(noise, labels)``; it has ``noise_shape``.
            Where it has ``num_classes`` or an embedding, ``vidlab.torch.generate`` refuses labels
            beyond them.
        codes: the ``ClipCodes`` that the generator was trained on.
    """

    code_mean: torch.Tensor
    code_spread: torch.Tensor

    def __init__(self, painter: FrameAutoencoder, generator: nn.Module, codes: Any) -> None:
        super().__init__()
        self.painter, self.generator = painter, generator
        self.noise_shape, self.num_frames = generator.noise_shape, codes.num_frames
        self.num_classes = classes_of(generator)
        for name in ("mean", "spread"):  # not persistent: no weights, but what the codes are
            values = torch.as_tensor(getattr(codes, name), dtype=torch.float32)
            self.register_buffer(f"code_{name}", values, persistent=False)
        self.eval()

    def paint(self, codes: torch.Tensor) -> torch.Tensor:
        """Standardised codes (N, D) -> frames (N, T, 3, 32, 32)."""
        raw = codes * self.code_spread + self.code_mean
        look = raw[:, : self.painter.look_dim]
        path = raw[:, self.painter.look_dim :].unflatten(1, (-1, self.painter.place_dim))
        places = torch.einsum("nkp,tk->ntp", path, self._waves(path.shape[1], path.device))
        looks = look[:, None].expand(-1, self.num_frames, -1)
        frames = self.painter.decode(looks.flatten(0, 1), places.flatten(0, 1))
        return frames.unflatten(0, (len(codes), self.num_frames))

    def _waves(self, num_waves: int, device: torch.device) -> torch.Tensor:
        return torch.as_tensor(cosine_waves(self.num_frames, num_waves), device=device)

    def generate(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Noise and classes (N,) -> frames (N, T, 3, 32, 32), about in [0, 1]."""
        sample: Any = self.generator.sample
        return self.paint(sample(noise, labels))
