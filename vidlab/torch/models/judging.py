"""A judge of generated clips: what it would call them, and numbers to compare sets of them by."""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize
from vidlab.torch.models.lstm_sequences import SpatialMoments


class Judge(nn.Module):
    """Names the action, the colour and the shape of a clip of the easy world with one shape.

    Takes clips ``float32 (N, 16, 3, 32, 32)`` in [0, 1], gives logits ``float32 (N, 17)``: 8 of
    the action, 6 of the colour, 3 of the shape, in this order. A small CNN looks at each frame
    and says what it sees and where; convolutions over time read how the places change.
    """

    num_features = 64
    parts = (8, 6, 3)  # logits of the action, the colour, the shape
    feature_scale = 0.75  # how much each feature spreads on the clips it learned from

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, stride=2, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.where = nn.Conv2d(32, 8, 1)
        self.moments = SpatialMoments()
        self.conv3 = nn.Conv2d(32, 48, 3, stride=2, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(48)
        self.norm4 = nn.BatchNorm1d(40)
        self.time1 = nn.Conv1d(40, 64, 4, stride=2, padding=1, bias=False)
        self.norm5 = nn.BatchNorm1d(64)
        self.time2 = nn.Conv1d(64, 96, 4, stride=2, padding=1, bias=False)
        self.norm6 = nn.BatchNorm1d(96)
        self.mix = nn.Linear(4 * 96 + 96 + 40, self.num_features)
        self.norm7 = nn.BatchNorm1d(self.num_features, affine=False)
        self.head = nn.Linear(self.num_features, sum(self.parts))
        self.apply(initialize)

    def looks(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames (N, 3, 32, 32) -> where 8 channels look (N, 40), what 48 channels see (N, 96)."""
        maps = torch.relu(self.norm1(self.conv1(frames)))  # (N, 16, 16, 16)
        maps = torch.relu(self.norm2(self.conv2(maps)))  # (N, 32, 16, 16)
        seen = torch.relu(self.norm3(self.conv3(maps)))  # (N, 48, 8, 8)
        return self.moments(self.where(maps)), torch.cat(
            [seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1
        )

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 16, 3, 32, 32) -> (N, 64): the numbers that the Frechet distance compares."""
        places, seen = (
            part.unflatten(0, x.shape[:2]) for part in self.looks(x.flatten(0, 1))
        )  # (N, 16, 40), (N, 16, 96)
        place = places.mean(dim=1)  # (N, 40): where
        path = places - place[:, None]  # where to
        moves = self.norm4(path.transpose(1, 2))  # (N, 40, 16)
        moves = torch.relu(self.norm5(self.time1(moves)))  # (N, 64, 8)
        moves = torch.relu(self.norm6(self.time2(moves)))  # (N, 96, 4)
        all_of_it = torch.cat([moves.transpose(1, 2).flatten(1), seen.mean(dim=1), place], dim=1)
        return self.feature_scale * self.norm7(self.mix(all_of_it))  # (N, 520) -> (N, 64)

    def opinions(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, 64) -> logits (N, 17)."""
        return self.head(features / self.feature_scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 16, 3, 32, 32) -> (N, 17)."""
        return self.opinions(self.features(x))
