"""Chapter 04: convolutions over space and time, in PyTorch."""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize


class Conv3DNet(nn.Module):
    """One convolution per frame, then two convolutions over space and time, then the maximum.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. The 3 x 3 x 3 kernels are those of C3D (Tran et al., 2015,
    "Learning spatiotemporal features with 3D convolutional networks").
    """

    takes = "clips"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(widths[0])
        self.pool1 = nn.AvgPool3d(2)
        self.conv2 = nn.Conv3d(widths[0], widths[1], 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(widths[1])
        self.pool2 = nn.MaxPool3d((1, 2, 2))
        self.conv3 = nn.Conv3d(widths[1], widths[2], 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm3d(widths[2])
        self.head = nn.Linear(widths[2], num_classes)
        self.apply(initialize)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, widths[-1], T / 2, H / 8, W / 8): where and when is what."""
        frames = torch.relu(self.norm1(self.conv1(x.flatten(0, 1))))  # (N * T, 16, H / 2, W / 2)
        x = frames.unflatten(0, x.shape[:2]).transpose(1, 2)  # (N, 16, T, H / 2, W / 2)
        x = self.pool1(x)  # (N, 16, T / 2, H / 4, W / 4)
        x = torch.relu(self.norm2(self.conv2(x)))  # (N, 32, T / 2, H / 4, W / 4)
        x = self.pool2(x)  # (N, 32, T / 2, H / 8, W / 8)
        return torch.relu(self.norm3(self.conv3(x)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, widths[-1]): each channel's largest value, anywhere, any time."""
        return self.maps(x).amax(dim=(2, 3, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


class Conv2Plus1D(nn.Module):
    """A 3 x 3 x 3 convolution in two steps: over space (1 x 3 x 3), then over time (3 x 1 x 1).

    Takes and gives ``(N, C, T, H, W)``. The number of channels between the steps is chosen so that
    both together have about as many weights as the one 3D convolution they replace (Tran et al.,
    2018, "A closer look at spatiotemporal convolutions for action recognition").
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        between = 27 * channels_in * channels_out // (9 * channels_in + 3 * channels_out)
        self.space = nn.Conv3d(channels_in, between, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.norm = nn.BatchNorm3d(between)
        self.time = nn.Conv3d(between, channels_out, (3, 1, 1), padding=(1, 0, 0), bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.time(torch.relu(self.norm(self.space(x))))


class Conv2Plus1DNet(nn.Module):
    """Conv3DNet with each 3D convolution split into one over space and one over time.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``.
    """

    takes = "clips"

    def __init__(self, num_classes: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(widths[0])
        self.pool1 = nn.AvgPool3d(2)
        self.conv2 = Conv2Plus1D(widths[0], widths[1])
        self.norm2 = nn.BatchNorm3d(widths[1])
        self.pool2 = nn.MaxPool3d((1, 2, 2))
        self.conv3 = Conv2Plus1D(widths[1], widths[2])
        self.norm3 = nn.BatchNorm3d(widths[2])
        self.head = nn.Linear(widths[2], num_classes)
        self.apply(initialize)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, widths[-1], T / 2, H / 8, W / 8): where and when is what."""
        frames = torch.relu(self.norm1(self.conv1(x.flatten(0, 1))))  # (N * T, 16, H / 2, W / 2)
        x = frames.unflatten(0, x.shape[:2]).transpose(1, 2)  # (N, 16, T, H / 2, W / 2)
        x = self.pool1(x)  # (N, 16, T / 2, H / 4, W / 4)
        x = torch.relu(self.norm2(self.conv2(x)))  # (N, 32, T / 2, H / 4, W / 4)
        x = self.pool2(x)  # (N, 32, T / 2, H / 8, W / 8)
        return torch.relu(self.norm3(self.conv3(x)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, widths[-1]): each channel's largest value, anywhere, any time."""
        return self.maps(x).amax(dim=(2, 3, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))
