"""Chapter 08: generators and discriminators, of whole clips and of clip codes, in PyTorch."""

import torch
from torch import nn
from torch.nn.functional import leaky_relu, one_hot

from vidlab.torch.models.initial import initialize


class Generator3D(nn.Module):
    """Noise becomes a small block of time and space, which doubles three times: a clip.

    Takes noise ``float32 (N, noise_dim)``, gives clips ``float32 (N, 16, 3, 32, 32)`` in [0, 1].
    After Vondrick, Pirsiavash and Torralba (2016), "Generating videos with scene dynamics", in
    small. The kernels are as wide as their stride, so that the blocks do not overlap.
    """

    def __init__(self, noise_dim: int = 64, num_channels: int = 64) -> None:
        super().__init__()
        self.noise_shape = (noise_dim,)
        self.start = nn.Linear(noise_dim, 2 * 4 * 4 * num_channels)
        self.norm0 = nn.BatchNorm3d(num_channels)
        self.up1 = nn.ConvTranspose3d(num_channels, num_channels // 2, 2, stride=2)
        self.norm1 = nn.BatchNorm3d(num_channels // 2)
        self.up2 = nn.ConvTranspose3d(num_channels // 2, num_channels // 4, 2, stride=2)
        self.norm2 = nn.BatchNorm3d(num_channels // 4)
        self.up3 = nn.ConvTranspose3d(num_channels // 4, 3, 2, stride=2)
        self.apply(initialize)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        """(N, noise_dim) -> (N, 16, 3, 32, 32)."""
        x = self.start(noise).unflatten(1, (2, 4, 4, -1)).movedim(-1, 1)  # (N, C, 2, 4, 4)
        x = torch.relu(self.norm0(x))
        x = torch.relu(self.norm1(self.up1(x)))  # (N, C / 2, 4, 8, 8)
        x = torch.relu(self.norm2(self.up2(x)))  # (N, C / 4, 8, 16, 16)
        x = torch.tanh(self.up3(x))  # (N, 3, 16, 32, 32), from -1 to 1
        return (x.movedim(1, 2) + 1) / 2

    def generate(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(N, noise_dim), (N,) -> (N, 16, 3, 32, 32): it knows no classes."""
        return self(noise)


class Discriminator3D(nn.Module):
    """Strided 3D convolutions halve a clip three times; one number says how real it is.

    Takes clips ``float32 (N, 16, 3, 32, 32)`` in [0, 1], gives logits ``float32 (N,)``.
    """

    def __init__(self, num_channels: int = 64) -> None:
        super().__init__()
        self.down1 = nn.Conv3d(3, num_channels // 4, 2, stride=2)
        self.down2 = nn.Conv3d(num_channels // 4, num_channels // 2, 2, stride=2)
        self.down3 = nn.Conv3d(num_channels // 2, num_channels, 2, stride=2)
        self.head = nn.Linear(2 * 4 * 4 * num_channels, 1)
        self.apply(initialize)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 16, 3, 32, 32) -> (N,)."""
        x = 2 * x.movedim(1, 2) - 1  # (N, 3, 16, 32, 32), from -1 to 1
        x = leaky_relu(self.down1(x), 0.2)  # (N, C / 4, 8, 16, 16)
        x = leaky_relu(self.down2(x), 0.2)  # (N, C / 2, 4, 8, 8)
        x = leaky_relu(self.down3(x), 0.2)  # (N, C, 2, 4, 4)
        return self.head(x.movedim(1, -1).flatten(1))[:, 0]


class LatentGenerator(nn.Module):
    """Noise and a class become the code of a clip.

    Takes noise ``float32 (N, noise_dim)`` and labels ``int (N,)``, gives standardised codes
    ``float32 (N, code_dim)``.
    """

    def __init__(
        self, num_classes: int, code_dim: int, noise_dim: int = 32, width: int = 192
    ) -> None:
        super().__init__()
        self.num_classes, self.noise_shape = num_classes, (noise_dim,)
        self.first = nn.Linear(noise_dim + num_classes, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, width)
        self.last = nn.Linear(width, code_dim)
        self.apply(initialize)

    def forward(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(N, noise_dim), (N,) -> (N, code_dim)."""
        classes = one_hot(labels, self.num_classes).float()
        x = leaky_relu(self.first(torch.cat([noise, classes], dim=1)), 0.2)
        x = x + leaky_relu(self.second(x), 0.2)
        x = x + leaky_relu(self.third(x), 0.2)
        return self.last(x)

    def sample(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(N, noise_dim), (N,) -> (N, code_dim)."""
        return self(noise, labels)


class LatentDiscriminator(nn.Module):
    """How real is the code of a clip, for a clip of this class?

    Takes standardised codes ``float32 (N, code_dim)`` and labels ``int (N,)``, gives logits
    ``float32 (N,)``. The class comes in as in Miyato and Koyama (2018), "cGANs with projection
    discriminator": an opinion on any clip, and the dot product of the features with what is
    learned of the class.
    """

    def __init__(self, num_classes: int, code_dim: int, width: int = 192) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.first = nn.Linear(code_dim, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, width)
        self.any_class = nn.Linear(width, 1)
        self.of_class = nn.Linear(num_classes, width, bias=False)
        self.apply(initialize)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(N, code_dim), (N,) -> (N,)."""
        classes = one_hot(labels, self.num_classes).float()
        x = leaky_relu(self.first(x), 0.2)
        x = x + leaky_relu(self.second(x), 0.2)
        x = x + leaky_relu(self.third(x), 0.2)
        return self.any_class(x)[:, 0] + (self.of_class(classes) * x).sum(dim=1)
