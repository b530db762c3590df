"""Chapter 09a: what a sentence tells a generator, in Keras.

Both layers take the numbers of words (``vidlab.words.Vocabulary``), give one row per sentence, and
stand as the ``condition`` of a ``LatentFlow`` or a ``LatentVAE``.
"""

from typing import Any

import keras
from keras import layers, ops


class BagOfWords(layers.Layer):
    """The mean of the vectors of a sentence's words, in whatever order they stand.

    Takes words ``int (N, L)``, where 0 is padding and does not count, gives ``(N, width)``.
    """

    takes = "words"

    def __init__(self, num_words: int, width: int = 192) -> None:
        super().__init__()
        start = keras.initializers.RandomNormal(stddev=1.0)  # as PyTorch starts it
        self.table = layers.Embedding(num_words, width, start)
        self.table.build(None)
        self.built = True

    def call(self, words: Any) -> Any:
        there = ops.cast(words != 0, "float32")[:, :, None]  # (N, L, 1)
        total = ops.sum(self.table(words) * there, axis=1)  # (N, width)
        return total / ops.maximum(ops.sum(there, axis=1), 1.0)


class CaptionReader(layers.Layer):
    """An LSTM reads a sentence word by word; the mean of its states is what it says.

    Takes words ``int (N, L)``, where 0 is padding, at the end, and does not count; gives
    ``(N, width)``.
    """

    takes = "words"

    def __init__(self, num_words: int, width: int = 192, hidden_size: int = 64) -> None:
        super().__init__()
        start = keras.initializers.RandomNormal(stddev=1.0)  # as PyTorch starts it
        self.table = layers.Embedding(num_words, hidden_size, start)
        self.lstm = layers.LSTM(hidden_size, return_sequences=True)
        self.project = layers.Dense(width)
        self.table.build(None)
        self.lstm.build((None, None, hidden_size))
        self.project.build((None, hidden_size))
        self.built = True

    def call(self, words: Any) -> Any:
        states = self.lstm(self.table(words))  # (N, L, hidden_size)
        there = ops.cast(words != 0, "float32")[:, :, None]
        mean = ops.sum(states * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)
        return self.project(mean)
