"""Chapter 05a: transformers over the patches of pictures and clips, in PyTorch."""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize
from vidlab.torch.models.self_attention import SelfAttention, TransformerBlock


class PatchTokens(nn.Module):
    """Cut pictures into square patches, one token each.

    Takes pictures ``float32 (N, 3, size, size)``, gives ``(N, (size / patch)^2, width)`` with a
    position added to each.
    """

    def __init__(self, width: int, size: int = 32, patch: int = 8) -> None:
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, width))
        self.conv = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).flatten(2).transpose(1, 2) + self.positions


class FrameViT(nn.Module):
    """A transformer over the patches of one picture: a small vision transformer.

    Takes pictures ``float32 (N, 3, size, size)`` in [0, 1], gives logits
    ``float32 (N, num_classes)``. After Dosovitskiy et al. (2021), "An image is worth 16x16 words:
    transformers for image recognition at scale", with the mean of the tokens before the head.
    """

    takes = "frames"

    def __init__(
        self,
        num_classes: int,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        size: int = 32,
        patch: int = 8,
    ) -> None:
        super().__init__()
        self.patches = PatchTokens(width, size, patch)
        self.blocks = nn.ModuleList([TransformerBlock(width, num_heads) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        self.apply(initialize)

    def look(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_layers, num_heads, P, P): where each patch looks."""
        tokens, weights = self.patches(x), []
        for block in self.blocks:
            weights.append(block.weights_of(tokens))  # type: ignore[operator]
            tokens = block(tokens)
        return torch.stack(weights, dim=1)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, width): the mean of the tokens."""
        tokens = self.patches(x)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


class DividedBlock(nn.Module):
    """Look along time, then along space, then think: divided space-time attention.

    Takes and gives ``(N, T, P, width)``: P patches in each of T frames. After Bertasius et al.
    (2021), "Is space-time attention all you need for video understanding?"
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = SelfAttention(width, num_heads)
        self.space = TransformerBlock(width, num_heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        along_time = self.norm(x).transpose(1, 2)  # (N, P, T, width)
        x = x + self.time(along_time).transpose(1, 2)
        return self.space(x)


class SpaceTimeTransformer(nn.Module):
    """A transformer over the patches of all frames, with divided space-time attention.

    Takes clips ``float32 (N, T, 3, size, size)`` in [0, 1] with at most ``num_frames`` frames,
    gives logits ``float32 (N, num_classes)``.
    """

    takes = "clips"

    def __init__(
        self,
        num_classes: int,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        num_frames: int = 16,
        size: int = 32,
        patch: int = 8,
    ) -> None:
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn(num_frames, 1, width))
        self.patches = PatchTokens(width, size, patch)
        self.blocks = nn.ModuleList([DividedBlock(width, num_heads) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        self.apply(initialize)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, width): the mean of all tokens."""
        tokens = self.patches(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # (N, T, P, width)
        tokens = tokens + self.positions[: x.shape[1]]
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).mean(dim=(1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))
