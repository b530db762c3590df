"""Chapter 07: autoencoders of frames, in PyTorch.

A frame's code has two parts. The **look** says what does not change within a clip: the colours of
shape and ground, and the outline. The **place** says what does: where the shape is and how large.
"""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize


class PlainAutoencoder(nn.Module):
    """Strided convolutions down to a few numbers, transposed ones back up: the usual first try.

    Takes frames ``float32 (N, 3, 32, 32)`` in [0, 1], gives frames of the same shape.
    """

    def __init__(self, code_dim: int = 13, width: int = 24) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(3, width, 4, stride=4)
        self.down2 = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.code = nn.Linear(2 * width * 16, code_dim)
        self.spread = nn.Linear(code_dim, 2 * width * 16)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up2 = nn.ConvTranspose2d(width, 3, 4, stride=4)
        self.apply(initialize)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, 3, 32, 32) -> (N, code_dim)."""
        x = torch.relu(self.down2(torch.relu(self.down1(frames))))  # (N, 48, 4, 4)
        return self.code(x.movedim(1, -1).flatten(1))

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """(N, code_dim) -> (N, 3, 32, 32)."""
        x = torch.relu(self.spread(code)).unflatten(1, (4, 4, -1)).movedim(-1, 1)
        return torch.sigmoid(self.up2(torch.relu(self.up1(x))))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(frames))

    def training_loss(self, frames: torch.Tensor) -> torch.Tensor:
        """The mean squared error of what comes back."""
        return ((self(frames) - frames) ** 2).mean()


def pixel_grid(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """x and y of the middle of each pixel, (size * size,), in a picture from -1 to 1."""
    middles = (torch.arange(size, device=device) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return x.flatten(), y.flatten()


class FrameEncoder(nn.Module):
    """Looks at a frame, and says what is there (the look) and where (the place).

    Convolutions find the shape and take its colour and that of the ground. The frame, measured
    along the line between these two colours, is a mask of the shape; its moments are the place,
    as in chapter 03, and its waves around the centre tell a square from a circle. Takes frames
    ``float32 (N, 3, size, size)`` in [0, 1], gives the look ``(N, 6 + outline_dim)`` and the
    place ``(N, 3)``: x and y in a picture that reaches from -1 to 1, and the logarithm of the
    size.
    """

    num_waves = 6

    def __init__(self, outline_dim: int = 4, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.on_shape = nn.Conv2d(width, 4, 3, padding=1)
        self.on_ground = nn.Conv2d(width, 1, 1)
        self.hidden = nn.Linear(2 * self.num_waves + 2, 64)
        self.outline = nn.Linear(64, outline_dim)
        self.apply(initialize)

    def colors(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The colours of shape and ground, (N, 3) each, where two maps of attention look."""
        mean = frames.mean(dim=(2, 3), keepdim=True)
        features = torch.relu(self.conv2(torch.relu(self.conv1(frames - mean))))
        energy = (self.on_shape(features) ** 2).sum(dim=1).flatten(1) + 1e-6
        on_shape = energy / energy.sum(dim=1, keepdim=True)  # (N, size * size / 4), adds up to 1
        on_ground = torch.softmax(self.on_ground(features).flatten(1), dim=1)
        both = torch.stack([on_shape, on_ground], dim=1)  # (N, 2, size * size / 4)
        small = nn.functional.avg_pool2d(frames, 2).flatten(2)
        colors = both @ small.transpose(1, 2)  # (N, 2, 3)
        return colors[:, 0], colors[:, 1]

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shape, ground = self.colors(frames)
        line = (shape - ground)[:, None]  # (N, 1, 3)
        pixels = frames.flatten(2) - ground[:, :, None]  # (N, 3, size * size)
        mask = torch.relu(line @ pixels)[:, 0] / ((line**2).sum(dim=2) + 1e-4)
        weight = mask / (mask.sum(dim=1, keepdim=True) + 1e-3)  # adds up to 1

        x, y = pixel_grid(frames.shape[2], frames.device)
        mean_x, mean_y = weight @ x, weight @ y  # (N,)
        u, v = x - mean_x[:, None], y - mean_y[:, None]  # seen from the middle
        variance = (weight * (u * u + v * v)).sum(dim=1) + 1e-4
        place = torch.stack([mean_x, mean_y, 0.5 * torch.log(variance)], dim=1)

        distance = torch.sqrt(u * u + v * v + 1e-3 * variance[:, None])
        cos, sin = u / distance, v / distance
        waves, cos_k, sin_k = [], cos, sin
        for _ in range(self.num_waves):
            waves += [(weight * cos_k).sum(dim=1), (weight * sin_k).sum(dim=1)]
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        reach = (weight * distance).sum(dim=1) / variance.sqrt()
        seen = torch.stack([*waves, reach, place[:, 2]], dim=1)
        outline = self.outline(torch.relu(self.hidden(seen)))
        return torch.cat([shape, ground, outline], dim=1), place


class FramePainter(nn.Module):
    """Paints a frame from a look and a place: a shape of one colour on a ground of another.

    Seen from the shape's centre, its outline lies at the distance R in the direction theta. R is
    a Fourier series whose coefficients a small network reads from the look:
    R(theta) = r + sum over k of (a_k cos(k theta) + b_k sin(k theta)). Takes looks
    ``(N, 6 + outline_dim)`` and places ``(N, 3)``, gives frames ``(N, 3, size, size)``.
    """

    def __init__(self, outline_dim: int = 4, num_harmonics: int = 9, size: int = 32) -> None:
        super().__init__()
        self.num_harmonics, self.size = num_harmonics, size
        self.hidden = nn.Linear(outline_dim, 32)
        self.series = nn.Linear(32, 1 + 2 * num_harmonics)
        self.apply(initialize)

    def mask(self, outline: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Which pixels the shape covers, from 0 to 1: (N, size * size)."""
        x, y = pixel_grid(self.size, place.device)
        size = torch.exp(place[:, 2:])
        u = (x - place[:, 0:1]) / size  # (N, size * size): seen from the shape
        v = (y - place[:, 1:2]) / size
        distance = torch.sqrt(u * u + v * v + 1e-3)
        cos, sin = u / distance, v / distance

        series = self.series(torch.relu(self.hidden(outline)))
        radius = 0.7 + nn.functional.softplus(series[:, :1])  # never so small that it vanishes
        cos_k, sin_k = cos, sin
        for k in range(self.num_harmonics):
            a, b = series[:, 2 * k + 1, None], series[:, 2 * k + 2, None]
            radius = radius + a * cos_k + b * sin_k
            cos_k, sin_k = cos_k * cos - sin_k * sin, sin_k * cos + cos_k * sin
        pixels = (radius - distance) * size * self.size / 2  # from the outline, inwards
        return torch.sigmoid(3 * pixels)

    def forward(self, look: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        mask = self.mask(look[:, 6:], place)[:, None]  # (N, 1, size * size)
        shape, ground = look[:, :3, None], look[:, 3:6, None]
        frames = mask * shape + (1 - mask) * ground  # (N, 3, size * size)
        return frames.unflatten(2, (self.size, self.size))


class FrameAutoencoder(nn.Module):
    """An encoder and a painter of frames that keep look and place apart.

    It learns from pairs of frames of one clip: each frame is painted with its own place and the
    look of the *other* frame. So nothing about the place can hide in the look. Takes frames
    ``float32 (N, 3, 32, 32)`` in [0, 1], gives frames of the same shape.
    """

    look_dim = 10
    place_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.encoder = FrameEncoder(self.look_dim - 6)
        self.painter = FramePainter(self.look_dim - 6)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3, 32, 32) -> looks (N, 10) and places (N, 3)."""
        return self.encoder(frames)

    def decode(self, look: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Looks (N, 10) and places (N, 3) -> (N, 3, 32, 32)."""
        return self.painter(look, place)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.decode(*self.encode(frames))

    def training_loss(self, pairs: torch.Tensor) -> torch.Tensor:
        """The mean squared error of frames painted with their partner's look.

        Args:
            pairs: (N, 2, 3, 32, 32), two frames of one clip each.
        """
        first, second = pairs[:, 0], pairs[:, 1]
        look, place = self.encode(torch.cat([first, second]))
        look_of_second = look[len(first) :]
        return ((self.decode(look_of_second, place[: len(first)]) - first) ** 2).mean()
