"""Words and their numbers: how a sentence becomes something a network can read."""

from collections.abc import Iterable, Sequence

import numpy as np

PAD, UNKNOWN = "<pad>", "<unk>"


class Vocabulary:
    """A list of words; each has its place as its number.

    The first two are ``<pad>``, which fills short sentences, and ``<unk>``, which stands for any
    word that is not in the list. Words are separated by spaces; capital letters do not matter.

    Attributes:
        words: all words, those two first.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """
        Args:
            words: the words, each once; the two special ones may be among them.

        Raises:
            ValueError: a word comes twice, is empty, or holds a space.
        """
        others = [word.lower() for word in words if word not in (PAD, UNKNOWN)]
        for word in others:
            if not word or len(word.split()) != 1:
                raise ValueError(f"words: expected single words, got {word!r}")
        if len(set(others)) != len(others):
            twice = sorted({word for word in others if others.count(word) > 1})
            raise ValueError(f"words: expected each word once, got {', '.join(twice)} twice")
        self.words = (PAD, UNKNOWN, *others)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words)"

    def encode(self, text: str) -> list[int]:
        """The number of each word of a text."""
        return [self._numbers.get(word, 1) for word in text.lower().split()]

    def encode_all(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Several texts as rows of one array.

        Args:
            texts: N texts.
            length: L; by default that of the longest. Shorter ones are filled with 0 (``<pad>``).

        Returns:
            ``int64 (N, L)``.

        Raises:
            ValueError: a text is longer than ``length``.
        """
        rows = [self.encode(text) for text in texts]
        longest = max((len(row) for row in rows), default=0)
        if length is not None and longest > length:
            text = texts[[len(row) for row in rows].index(longest)]
            raise ValueError(f"length: expected at least {longest}, for {text!r}, got {length}")
        numbers = np.zeros((len(rows), longest if length is None else length), np.int64)
        for row, found in zip(numbers, rows, strict=True):
            row[: len(found)] = found
        return numbers

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers; ``<pad>`` is left out."""
        return " ".join(self.words[int(number)] for number in numbers if int(number) != 0)
