"""Chapter 02: convolutional networks for single frames, in PyTorch."""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize


class ClassicCNN(nn.Module):
    """The classic recipe: Conv, Pool, Conv, Pool, Flatten, Dense.

    Takes frames ``float32 (N, 3, size, size)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. It works for one picture size only, since ``hidden`` counts
    the pixels that are left.
    """

    takes = "frames"

    def __init__(self, num_classes: int, size: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(32 * (size // 4) ** 2, 64)
        self.head = nn.Linear(64, num_classes)
        self.apply(initialize)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, 64)."""
        x = self.pool(torch.relu(self.conv1(x)))  # (N, 16, H / 2, W / 2)
        x = self.pool(torch.relu(self.conv2(x)))  # (N, 32, H / 4, W / 4)
        # Channels go last before flattening: the order in which Keras flattens.
        x = x.permute(0, 2, 3, 1).flatten(1)
        return torch.relu(self.hidden(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


class FrameCNN(nn.Module):
    """Three convolutions with batch normalisation, then the average over the picture.

    Takes frames ``float32 (N, 3, H, W)`` in [0, 1] of any size, gives logits
    ``float32 (N, num_classes)``. Its features say what is in the frame, and not where.
    """

    takes = "frames"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(widths[0])
        self.conv2 = nn.Conv2d(widths[0], widths[1], 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(widths[1])
        self.conv3 = nn.Conv2d(widths[1], widths[2], 3, stride=2, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(widths[2])
        self.head = nn.Linear(widths[2], num_classes)
        self.apply(initialize)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, widths[-1], H / 8, W / 8): where in the frame is what."""
        x = torch.relu(self.norm1(self.conv1(x)))  # (N, widths[0], H / 2, W / 2)
        x = torch.relu(self.norm2(self.conv2(x)))  # (N, widths[1], H / 4, W / 4)
        return torch.relu(self.norm3(self.conv3(x)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, widths[-1]): each channel's average over the picture."""
        return self.maps(x).mean(dim=(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))
