"""Chapter 07: a variational autoencoder of whole clips, in one piece, in PyTorch."""

import numpy as np
import torch
from torch import nn

from vidlab.latents import cosine_waves
from vidlab.torch.models.autoencoding import FrameEncoder, FramePainter
from vidlab.torch.models.initial import initialize

FRAMES_PAINTED = 4  # of each clip, in a training step


class Decoder3D(nn.Module):
    """Transposed 3D convolutions: a code becomes a small block of time and space that doubles.

    Takes codes ``(N, code_dim)``, gives clips ``(N, 16, 3, 32, 32)`` in [0, 1].
    """

    def __init__(self, code_dim: int, width: int = 32) -> None:
        super().__init__()
        self.start = nn.Linear(code_dim, 2 * 4 * 4 * 2 * width)
        self.up1 = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
        self.up2 = nn.ConvTranspose3d(width, width // 2, 2, stride=2)
        self.up3 = nn.ConvTranspose3d(width // 2, 3, 2, stride=2)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.start(codes)).unflatten(1, (2, 4, 4, -1)).movedim(-1, 1)
        x = torch.relu(self.up1(x))  # (N, width, 4, 8, 8)
        x = torch.relu(self.up2(x))  # (N, width / 2, 8, 16, 16)
        return torch.sigmoid(self.up3(x)).movedim(1, 2)  # (N, 16, 3, 32, 32)


class ClipVAE(nn.Module):
    """A variational autoencoder of clips whose parts are trained together.

    The frame encoder's looks and places make the clip's code (``vidlab.latents``), two dense
    layers make q(z | clip) of it. With ``decoder="2d"`` z becomes a code again, and the frame
    painter paints some frames per step; with ``"3d"`` transposed 3D convolutions make the whole
    clip. Takes clips ``float32 (N, 16, 3, 32, 32)`` in [0, 1], gives clips of the same shape.
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
        self.mean = nn.Linear(code_dim, latent_dim)
        self.log_variance = nn.Linear(code_dim, latent_dim)
        self.code = nn.Linear(latent_dim, code_dim)
        if decoder == "2d":
            self.painter = FramePainter(self.look_dim - 6)
        else:
            self.blocks = Decoder3D(code_dim)
        self.apply(initialize)
        # From the start z is the code, only larger, so that epsilon drowns nothing.
        nn.init.eye_(self.mean.weight)
        nn.init.eye_(self.code.weight)

    def draws(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        """The random numbers of ``training_loss`` for n clips: epsilon, and which frames."""
        frames = rng.random((n, self.num_frames)).argsort(axis=1)[:, :FRAMES_PAINTED]
        return rng.standard_normal((n, *self.noise_shape)), frames

    def waves(self, device: torch.device) -> torch.Tensor:
        """(T, K)."""
        return torch.as_tensor(cosine_waves(self.num_frames, self.num_waves), device=device)

    def encode(self, clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Clips -> mean and logarithm of the variance of q(z | clip), (N, latent_dim).

        Raises:
            ValueError: clips of another number of frames than 16.
        """
        if clips.shape[1] != self.num_frames:
            raise ValueError(
                f"clips: expected {self.num_frames} frames each, got the shape {tuple(clips.shape)}"
            )
        look, place = self.encoder(clips.flatten(0, 1))
        look = look.unflatten(0, clips.shape[:2]).mean(dim=1)
        place = place.unflatten(0, clips.shape[:2])  # (N, T, 3)
        path = torch.einsum("ntp,tk->nkp", place, self.waves(clips.device)).flatten(1)
        code = torch.cat([look, path], dim=1)
        return self.mean(5 * code), self.log_variance(code) - 4

    def decode(self, z: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
        """z (N, latent_dim), and which frames (N, F) of each clip; None for all -> clips."""
        code = self.code(z) / 5
        if frames is None:
            frames = torch.arange(self.num_frames, device=z.device).expand(len(z), -1)
        if self.kind == "3d":
            rows = torch.arange(len(z), device=z.device)[:, None]
            return self.blocks(code)[rows, frames]
        path = code[:, self.look_dim :].unflatten(1, (self.num_waves, 3))
        places = torch.einsum("nkp,nfk->nfp", path, self.waves(z.device)[frames])
        looks = code[:, None, : self.look_dim].expand(-1, frames.shape[1], -1)
        painted = self.painter(looks.flatten(0, 1), places.flatten(0, 1))
        return painted.unflatten(0, frames.shape)

    def generate(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """z (N, latent_dim) -> clips. It knows no classes: labels only say how many."""
        return self.decode(noise)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(clips)[0])

    def training_loss(
        self,
        clips: torch.Tensor,
        labels: torch.Tensor,
        epsilon: torch.Tensor,
        frames: torch.Tensor,
    ) -> torch.Tensor:
        """Mean squared error of some frames plus beta times the KL term; labels are not used."""
        mu, log_variance = self.encode(clips)
        z = mu + torch.exp(0.5 * log_variance) * epsilon
        rows = torch.arange(len(clips), device=clips.device)[:, None]
        error = ((self.decode(z, frames) - clips[rows, frames]) ** 2).mean()
        kl = 0.5 * (torch.exp(log_variance) + mu**2 - 1 - log_variance).sum(dim=1)
        return error + self.beta * kl.mean()
