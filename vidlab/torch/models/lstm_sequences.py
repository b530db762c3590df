"""Chapter 03: a convolutional network for each frame, a recurrent network over time, in PyTorch."""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize


class SpatialMoments(nn.Module):
    """Where each channel looks: the mean and the covariance of its softmax over the picture.

    Takes maps ``(N, C, H, W)``, gives ``(N, 5 C)``: mean x, mean y, variance of x, variance of y,
    covariance, in a picture that reaches from -1 to 1. The mean alone is the spatial softmax of
    Levine et al. (2016), "End-to-end training of deep visuomotor policies".
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        height, width = maps.shape[2:]
        weight = torch.softmax(maps.flatten(2), dim=2)  # (N, C, H * W), adds up to 1
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height, device=maps.device),
            torch.linspace(-1, 1, width, device=maps.device),
            indexing="ij",
        )
        powers = torch.stack([x, y, x * x, y * y, x * y]).flatten(1)  # (5, H * W)
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = (weight @ powers.T).unbind(dim=2)
        var_x, var_y = mean_xx - mean_x**2, mean_yy - mean_y**2
        covariance = mean_xy - mean_x * mean_y
        return torch.cat([mean_x, mean_y, var_x, var_y, covariance], dim=1)


class FrameMoments(nn.Module):
    """A small CNN that says of each frame where its channels look, and how that just changed.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1], gives ``(N, T - 1, 10 C)``: the moments of
    frames 1 to T - 1, and their differences from the frame before, normalised.
    """

    def __init__(self, num_channels: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, num_channels, 3, padding=1, bias=False)
        self.moments = SpatialMoments()
        self.norm2 = nn.BatchNorm1d(10 * num_channels)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """Frames (N, 3, H, W) -> (N, C, H / 2, W / 2): before the softmax."""
        x = torch.relu(self.norm1(self.conv1(x)))  # (N, 16, H / 2, W / 2)
        return self.conv2(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.flatten(0, 1)  # (N * T, 3, H, W): time is folded into the batch
        where = self.moments(self.maps(frames)).unflatten(0, x.shape[:2])  # (N, T, 5 C)
        now, change = where[:, 1:], where[:, 1:] - where[:, :-1]
        both = torch.cat([now, change], dim=2)  # (N, T - 1, 10 C)
        return self.norm2(both.transpose(1, 2)).transpose(1, 2)


class CNNLSTM(nn.Module):
    """A CNN looks at each frame, an LSTM reads what it says in order, the head names the action.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. After Donahue et al. (2015), "Long-term recurrent
    convolutional networks for visual recognition and description".
    """

    takes = "clips"

    def __init__(self, num_classes: int, num_channels: int = 16, hidden_size: int = 64) -> None:
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.lstm = nn.LSTM(10 * num_channels, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, num_classes)
        self.apply(initialize)

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.lstm(self.cnn(x))[0]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, hidden_size): the mean of the hidden states over time."""
        return self.states(x).mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


class CNNGRU(nn.Module):
    """CNNLSTM with a gated recurrent unit: one state instead of two, three gates instead of four.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1] of any size and at least 2 frames, gives
    logits ``float32 (N, num_classes)``. The unit is that of Cho et al. (2014), "Learning phrase
    representations using RNN encoder-decoder for statistical machine translation".
    """

    takes = "clips"

    def __init__(self, num_classes: int, num_channels: int = 16, hidden_size: int = 64) -> None:
        super().__init__()
        self.cnn = FrameMoments(num_channels)
        self.gru = nn.GRU(10 * num_channels, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, num_classes)
        self.apply(initialize)

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, T - 1, hidden_size): the hidden state after each change."""
        return self.gru(self.cnn(x))[0]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, hidden_size): the mean of the hidden states over time."""
        return self.states(x).mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))
