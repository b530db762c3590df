"""Clips that stay on disk, for folders larger than memory.

The letters: N clips, B clips of a batch, T frames, H height, W width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from vidlab.clips import Clips, Dataset
from vidlab.datasets.splitting import DatasetError


@dataclass(frozen=True, eq=False, repr=False)
class ClipFiles:
    """A set of labelled clips whose frames are read when they are asked for.

    It goes wherever a set of clips goes in training: ``fit(model, files)``. The frames lie in the
    cache as arrays that no decoder has to touch again; ``get`` reads the chosen ones. A
    ``ClipFiles`` holds paths and numbers only, so it passes to the workers of a ``DataLoader``
    as it is.

    Attributes:
        paths: N ``.npz`` files with ``frames`` uint8; several clips may lie in one.
        parts: ``int64 (N,)``, which clip of its file each one is.
        labels: ``int64 (N,)``, indices into ``class_names``.
        class_names: the name of each class.
        sources: N strings; clips of one source stay in one split.
        files: N strings, the video of each clip below the data's folder.
        fps: frames per second.
        clip_shape: (T, H, W, 3).
    """

    paths: tuple[Path, ...]
    parts: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    sources: tuple[str, ...]
    files: tuple[str, ...]
    fps: float
    clip_shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        num_frames, height, width, _ = self.clip_shape
        return (
            f"ClipFiles({len(self)} clips of {num_frames} frames at {height}x{width} on disk, "
            f"{self.fps:g} fps, {len(self.class_names)} classes)"
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, T, H, W, 3), as if all were in memory."""
        return (len(self), *self.clip_shape)

    def get(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read the chosen clips.

        Returns:
            Frames ``uint8 (B, T, H, W, 3)`` and labels ``int64 (B,)``.

        Raises:
            DatasetError: a file of the cache is gone, damaged or of another size.
            IndexError: there is no such clip.
        """
        chosen = np.asarray(indices, np.int64)
        labels = self.labels[chosen]
        frames = np.empty((len(chosen), *self.clip_shape), np.uint8)
        for out, index in zip(frames, chosen, strict=True):
            out[:] = self._read(index)
        return frames, labels

    def load(self, indices: Sequence[int] | np.ndarray | None = None) -> Clips:
        """The chosen clips, or all, in memory: to look at them, or where they fit."""
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices, np.int64)
        frames, labels = self.get(chosen)
        return Clips(
            frames=frames,
            labels=labels,
            class_names=self.class_names,
            sources=tuple(self.sources[i] for i in chosen),
            fps=self.fps,
            attributes={"file": np.array([self.files[i] for i in chosen])},
        )

    def _read(self, index: int) -> np.ndarray:
        path, num_frames = self.paths[index], self.clip_shape[0]
        start = self.parts[index] * num_frames
        try:
            with np.load(path, allow_pickle=False) as cached:
                clip = cached["frames"][start : start + num_frames]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DatasetError(
                f"{path}: the cached frames cannot be read any more ({error}); "
                "call datasets.folder again"
            ) from error
        if clip.shape != self.clip_shape:
            raise DatasetError(
                f"{path}: expected a clip {self.clip_shape}, found {clip.shape}: the cache was "
                "changed meanwhile; call datasets.folder again"
            )
        return clip


class FileDataset(Dataset):
    """A ``Dataset`` whose three sets are ``ClipFiles``."""

    train: ClipFiles  # type: ignore[assignment]
    val: ClipFiles  # type: ignore[assignment]
    test: ClipFiles  # type: ignore[assignment]


def list_clips(
    root: Path,
    store: Path,
    chosen: Sequence[tuple[Path, int]],
    class_names: tuple[str, ...],
    source: Callable[[Path], str],
    clips_per_video: int,
) -> ClipFiles:
    """The clips of one split, from the lengths of their cached files; no frame is kept."""
    paths, labels, sources, files, seconds = [], [], [], [], []
    shape: tuple[int, ...] = ()
    for file, label in chosen:
        relative = file.relative_to(root).as_posix()
        path = store / f"{relative}.npz"
        with np.load(path) as cached:
            times = cached["times"]
            if not shape:
                shape = cached["frames"].shape
        seconds.append(covered_seconds(times))
        paths += [path] * clips_per_video
        labels += [label] * clips_per_video
        sources += [source(file)] * clips_per_video
        files += [relative] * clips_per_video
    num_frames = shape[0] // clips_per_video
    duration = float(np.median(seconds)) / clips_per_video
    return ClipFiles(
        paths=tuple(paths),
        parts=np.tile(np.arange(clips_per_video), len(chosen)),
        labels=np.array(labels, np.int64),
        class_names=class_names,
        sources=tuple(sources),
        files=tuple(files),
        fps=num_frames / duration if duration > 0 else 1.0,
        clip_shape=(num_frames, shape[1], shape[2], 3),
    )


def covered_seconds(times: np.ndarray) -> float:
    """The length of a video whose frames at these times stand in the centres of equal parts."""
    return float((times[-1] - times[0]) * len(times) / max(len(times) - 1, 1))
