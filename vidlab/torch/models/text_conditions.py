"""Chapter 09a: what a sentence tells a generator, in PyTorch.

Both models take the numbers of words (``vidlab.words.Vocabulary``), give one row per sentence, and
stand as the ``condition`` of a ``LatentFlow`` or a ``LatentVAE``.
"""

import torch
from torch import nn

from vidlab.torch.models.initial import initialize


class BagOfWords(nn.Module):
    """The mean of the vectors of a sentence's words, in whatever order they stand.

    Takes words ``int64 (N, L)``, where 0 is padding and does not count, gives ``(N, width)``.
    """

    takes = "words"

    def __init__(self, num_words: int, width: int = 192) -> None:
        super().__init__()
        self.table = nn.Embedding(num_words, width)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        there = (words != 0).float()[:, :, None]  # (N, L, 1)
        total = (self.table(words) * there).sum(dim=1)  # (N, width)
        return total / there.sum(dim=1).clamp(min=1)


class CaptionReader(nn.Module):
    """An LSTM reads a sentence word by word; the mean of its states is what it says.

    Takes words ``int64 (N, L)``, where 0 is padding, at the end, and does not count; gives
    ``(N, width)``.
    """

    takes = "words"

    def __init__(self, num_words: int, width: int = 192, hidden_size: int = 64) -> None:
        super().__init__()
        self.table = nn.Embedding(num_words, hidden_size)
        self.lstm = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.project = nn.Linear(hidden_size, width)
        self.apply(initialize)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        states = self.lstm(self.table(words))[0]  # (N, L, hidden_size)
        there = (words != 0).float()[:, :, None]
        mean = (states * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return self.project(mean)
