"""A name or a folder -> train, val and test clips.

``load("world")`` makes its clips, ``folder(path)`` reads yours; both give a ``Dataset``, so the
code of a chapter does not change when the data does.
"""

from collections.abc import Callable, Sequence
from typing import Any

from vidlab.clips import Dataset
from vidlab.datasets.files import ClipFiles
from vidlab.datasets.folders import folder
from vidlab.datasets.splitting import (
    FRACTIONS,
    SPLITS,
    DatasetError,
    default_source,
    split_counts,
)
from vidlab.world import generate

__all__ = ["ClipFiles", "DatasetError", "default_source", "folder", "load", "world"]


def load(name: str, **options: Any) -> Dataset:
    """Load a data set by its name.

    Args:
        name: "world", the generated videos whose truth is known (see ``world``).
        **options: the data set's own options.

    Raises:
        DatasetError: there is no data set of this name.
    """
    if name not in LOADERS:
        known = ", ".join(repr(key) for key in sorted(LOADERS))
        raise DatasetError(
            f"no data set is called {name!r}; known are {known}. "
            "For your own videos use datasets.folder(path)."
        )
    return LOADERS[name](**options)


def world(
    *,
    num_clips: int = 2000,
    difficulty: str = "easy",
    size: int = 64,
    num_frames: int = 16,
    num_shapes: int = 2,
    actions: Sequence[str] | None = None,
    seed: int = 0,
    sound: bool = True,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Dataset:
    """Generate the world (``vidlab.world.generate``) once for each split.

    Args:
        num_clips: clips in all three splits together.
        difficulty, size, num_frames, num_shapes, actions, seed, sound: see ``world.generate``.
        fractions: the shares of train, val and test; they add up to 1.

    Raises:
        DatasetError: too few clips for one of each class in each split.
        ValueError: another option is out of its range.
    """
    counts = split_counts(num_clips, fractions)
    parts = {
        split: generate(
            count,
            difficulty=difficulty,
            size=size,
            num_frames=num_frames,
            num_shapes=num_shapes,
            actions=actions,
            split=split,
            seed=seed,
            sound=sound,
        )
        for split, count in zip(SPLITS, counts, strict=True)
    }
    for split, clips in parts.items():
        missing = set(range(len(clips.class_names))) - set(clips.labels.tolist())
        if missing:
            raise DatasetError(
                f"num_clips={num_clips} leaves {len(clips)} clips for {split}, too few for one of "
                f"each of the {len(clips.class_names)} classes; ask for more clips"
            )
    return Dataset(f"world, {difficulty}", **parts)


LOADERS: dict[str, Callable[..., Dataset]] = {"world": world}
