"""Chapter 05a: attention, and transformers over frames, in PyTorch."""

import torch
from torch import nn
from torch.nn.functional import gelu

from vidlab.torch.models.initial import initialize


class SelfAttention(nn.Module):
    """Every place of a sequence looks at every other one, in several heads at once.

    Takes ``(..., L, width)`` and a mask that broadcasts to (..., num_heads, L, L); gives
    ``(..., L, width)``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.project = nn.Linear(width, width)

    @staticmethod
    def attend(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look values up softly: softmax(query key^T / sqrt(D)) value.

        Scaled dot-product attention of Vaswani et al. (2017), "Attention is all you need".

        Args:
            query: (..., Q, D), what each place looks for.
            key: (..., K, D), what each place offers to be found by.
            value: (..., K, V), what is handed out.
            mask: bool, of a shape that broadcasts to (..., Q, K); True where a query may look. Each
                query must be allowed at least one key, or its row becomes NaN.

        Returns:
            What was found, (..., Q, V), and the weights, (..., Q, K), whose rows add up to 1.
        """
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ value, weights

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """(..., L, width) -> (..., num_heads, L, width / num_heads)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)

    def look(
        self, x: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What each head finds, (..., num_heads, L, D), and where it looks, (..., L, L)."""
        query, key, value = self.query(x), self.key(x), self.value(x)
        return self.attend(self.split(query), self.split(key), self.split(value), mask)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        found, _ = self.look(x, mask)
        return self.project(found.transpose(-3, -2).flatten(-2))


attention = SelfAttention.attend


class TransformerBlock(nn.Module):
    """Look around, then think: self-attention and a small network, each added to what was there.

    The normalisation comes before each part (Xiong et al., 2020, "On layer normalization in the
    transformer architecture"). Takes and gives ``(..., L, width)``.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        x = x + self.attention(self.norm1(x), mask=mask)
        return x + self.contract(gelu(self.expand(self.norm2(x))))

    def weights_of(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(..., L, width) -> (..., num_heads, L, L): where each place looks."""
        return self.attention.look(self.norm1(x), mask)[1]


class FrameTokens(nn.Module):
    """A small CNN that makes one token of each frame.

    Takes clips ``float32 (N, T, 3, size, size)``, gives ``(N, T, width)``. The maps are flattened,
    not pooled, so that a token can say where something is.
    """

    def __init__(self, width: int, size: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.dense = nn.Linear(16 * (size // 4) ** 2, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.conv1(x.flatten(0, 1)))  # (N * T, 16, size / 2, size / 2)
        maps = torch.relu(self.conv2(maps)).movedim(1, -1)  # (N * T, size / 4, size / 4, 16)
        return self.dense(maps.flatten(1)).unflatten(0, x.shape[:2])


class VideoEncoder(nn.Module):
    """One token for each frame, and a transformer over them.

    Takes clips ``float32 (N, T, 3, size, size)`` in [0, 1] with at most ``num_frames`` frames,
    gives ``(N, T, width)``: what each frame means beside the others. With ``class_token`` a token
    that belongs to no frame is put in front, (N, T + 1, width) (Devlin et al., 2019, "BERT").
    """

    def __init__(
        self,
        width: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        num_frames: int = 16,
        size: int = 32,
        class_token: bool = False,
    ) -> None:
        super().__init__()
        self.width = width
        self.positions = nn.Parameter(0.02 * torch.randn(num_frames, width))
        self.class_token = nn.Parameter(0.02 * torch.randn(1, width)) if class_token else None
        self.frames = FrameTokens(width, size)
        self.blocks = nn.ModuleList([TransformerBlock(width, num_heads) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(width)
        self.apply(initialize)

    def place(self, tokens: torch.Tensor) -> torch.Tensor:
        """Add the positions to the tokens of frames, (N, T, width)."""
        tokens = tokens + self.positions[: tokens.shape[1]]
        if self.class_token is not None:
            first = self.class_token.expand(len(tokens), 1, -1)
            tokens = torch.cat([first, tokens], dim=1)
        return tokens

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """The tokens of frames, (N, T, width), after all blocks."""
        x = self.place(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def look(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_layers, num_heads, L, L): where each token looks."""
        x, weights = self.place(self.frames(x)), []
        for block in self.blocks:
            weights.append(block.weights_of(x))  # type: ignore[operator]
            x = block(x)
        return torch.stack(weights, dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(self.frames(x))


class VideoTransformer(nn.Module):
    """A transformer over the frames of a clip, the head names the action.

    Takes clips ``float32 (N, T, 3, size, size)`` in [0, 1] with at most ``num_frames`` frames,
    gives logits ``float32 (N, num_classes)``. ``pool`` says what the head sees: the "mean" of all
    tokens, or a class "token" of its own.
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
        pool: str = "mean",
    ) -> None:
        super().__init__()
        self.pool = pool
        self.encoder = VideoEncoder(
            width, num_heads, num_layers, num_frames, size, class_token=pool == "token"
        )
        self.head = nn.Linear(width, num_classes)
        self.head.apply(initialize)

    def look(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_layers, num_heads, L, L): where each token looks."""
        return self.encoder.look(x)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, width): what the head sees."""
        tokens = self.encoder(x)
        return tokens[:, 0] if self.pool == "token" else tokens.mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, num_classes)."""
        return self.head(self.features(x))


class MaskedFrames(nn.Module):
    """Pretraining without labels: hide some frames, and say what is in them.

    Takes clips ``float32 (N, T, 3, H, W)``, gives ``(N, T, target_size + 1)``: a prediction for
    each frame, and as last number 1 where the frame was hidden; ``masked_mse`` counts only those.
    In training each frame is hidden with probability ``share``; otherwise every second one is.
    """

    def __init__(self, encoder: VideoEncoder, target_size: int = 192, share: float = 0.5) -> None:
        super().__init__()
        self.share = share
        self.mask_token = nn.Parameter(torch.zeros(encoder.width))  # stands for a hidden frame
        self.encoder = encoder
        self.decode = nn.Linear(encoder.width, target_size)
        self.decode.apply(initialize)

    def hide(self, x: torch.Tensor) -> torch.Tensor:
        """Which frames are hidden, bool (N, T)."""
        if self.training:
            return torch.rand(x.shape[:2], device=x.device) < self.share
        return (torch.arange(x.shape[1], device=x.device) % 2 == 1).expand(x.shape[:2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.hide(x)
        tokens = torch.where(hidden[:, :, None], self.mask_token, self.encoder.frames(x))
        found = self.encoder.read(tokens)[:, -x.shape[1] :]  # without the class token
        return torch.cat([self.decode(found), hidden[:, :, None].float()], dim=2)


def masked_mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean squared error over hidden frames; for ``fit(MaskedFrames(...), loss=...)``.

    Args:
        outputs: (N, T, D + 1), the last number says which frames count.
        targets: (N, T, D).
    """
    hidden = outputs[..., -1]
    error = ((outputs[..., :-1] - targets) ** 2).mean(dim=-1)  # (N, T)
    return (error * hidden).sum() / hidden.sum().clamp(min=1)
