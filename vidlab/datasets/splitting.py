"""Divide clips between train, val and test, so that no source is in two of them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

SPLITS = ("train", "val", "test")
FRACTIONS = (0.6, 0.2, 0.2)
# The trailing number of a piece cut from a longer video: "segway_03", "v_Dance_g01_c04", "walk-2".
PIECE_NUMBER = re.compile(
    r"[ _.-]+(?:c|(?:clip|part|piece|scene|shot|seg)[ _.-]?)?\d+$", re.IGNORECASE
)


class DatasetError(ValueError):
    """A data set cannot be made; the message names the folder, what is wrong and what to do."""


def split_counts(num_clips: int, fractions: Sequence[float]) -> tuple[int, int, int]:
    """Divide ``num_clips`` by ``fractions``: three counts that add up to it.

    Raises:
        DatasetError: the fractions are not three positive numbers with the sum 1, or a split
            would be empty.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DatasetError(
            f"fractions must be three positive numbers with the sum 1, got {tuple(fractions)}"
        )
    val, test = (round(num_clips * fraction) for fraction in fractions[1:])
    counts = (num_clips - val - test, val, test)
    if min(counts) < 1:
        raise DatasetError(f"num_clips={num_clips} is too few for three splits {tuple(fractions)}")
    return counts


def default_source(path: Path) -> str:
    """Name the video that a file was cut from: its stem without a trailing piece number.

    "segway_03.mp4" and "segway_04.mp4" both come from "segway"; "v_Dance_g01_c04.avi" comes from
    "v_Dance_g01". Files that belong together by accident cost a little freedom in splitting;
    files that are parted by accident would leak test frames into training.
    """
    return PIECE_NUMBER.sub("", path.stem) or path.stem


def assign_sources(
    root: Path,
    videos: dict[str, list[Path]],
    source: Callable[[Path], str],
    fractions: Sequence[float],
    seed: int,
) -> dict[str, list[tuple[Path, int]]]:
    """Divide videos between the splits so that each source stays whole.

    Sources are drawn in random order, the largest first; each goes to the split that still lacks
    most of its classes, measured in clips against the fraction wanted.

    Returns:
        split -> list of (file, label).

    Raises:
        DatasetError: a class would be missing in a split.
    """
    members: dict[str, list[tuple[Path, int]]] = {}
    for label, files in enumerate(videos.values()):
        for file in files:
            members.setdefault(source(file), []).append((file, label))
    for name, label in zip(videos, range(len(videos)), strict=True):
        count = sum(any(own == label for _, own in group) for group in members.values())
        if count < len(SPLITS):
            raise DatasetError(
                f"{root}: class {name!r} comes from {count} source"
                f"{'' if count == 1 else 's'}, but train, val and test need at least one each, and "
                "pieces of one video must not be parted. Add other videos, or pass source=... "
                "if the file names mislead (see datasets.default_source)"
            )
    totals = np.array([len(files) for files in videos.values()], float)
    wanted = np.outer(fractions, totals)  # (3, classes) clips
    rng = np.random.default_rng(seed)
    names = sorted(members)
    order = sorted(rng.permutation(len(names)), key=lambda i: -len(members[names[i]]))
    parts: dict[str, list[tuple[Path, int]]] = {split: [] for split in SPLITS}
    held = np.zeros_like(wanted)
    for i in order:
        group = members[names[i]]
        counts = np.bincount([label for _, label in group], minlength=len(videos))
        # A split that lacks a class altogether comes before one that is merely short of it.
        lacks = ((wanted - held) / wanted + 10 * (held == 0)) @ counts
        best = int(np.argmax(lacks))
        parts[SPLITS[best]] += group
        held[best] += counts
    for split, row in zip(SPLITS, held, strict=True):
        missing = [name for name, count in zip(videos, row, strict=True) if count == 0]
        if missing:
            raise DatasetError(
                f"{root}: no source is left for class {missing[0]!r} in {split}; add videos of "
                "other sources, or change fractions or seed"
            )
    return {split: sorted(group) for split, group in parts.items()}
