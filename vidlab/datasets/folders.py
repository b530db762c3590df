"""A folder of videos, with a sub-folder for each class, as train, val and test clips."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vidlab.clips import Clips, Dataset
from vidlab.datasets.files import FileDataset, covered_seconds, list_clips
from vidlab.datasets.splitting import (
    FRACTIONS,
    DatasetError,
    assign_sources,
    default_source,
    split_counts,
)
from vidlab.extract import VIDEO_SUFFIXES, extract
from vidlab.video import VideoWarning, probe, read_audio


def folder(
    path: str | os.PathLike[str],
    *,
    num_frames: int = 16,
    size: int | tuple[int, int] = 64,
    clips_per_video: int = 1,
    audio_rate: int | None = None,
    source: Callable[[Path], str] = default_source,
    fractions: tuple[float, float, float] = FRACTIONS,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
    in_memory: bool = True,
    progress: bool = True,
) -> Dataset:
    """Read a folder of your own videos: a sub-folder for each class.

    Every video gives ``clips_per_video`` clips of ``num_frames`` frames, sampled uniformly over
    its length. Clips of one source always stay in one split. Decoded frames are kept in ``cache``,
    so the second call reads no video.

    Args:
        path: the folder; ``path/class/**/video``.
        num_frames: frames in a clip.
        size: height and width of a frame: one number for both, or (height, width).
        clips_per_video: cut each video into this many clips, one after the other.
        audio_rate: also read the sound, at this many samples per second; clips without sound get
            silence, and shorter clips are padded with it. Needs ``clips_per_video=1``.
        source: path of a video -> name of what it was cut from (see ``default_source``).
        fractions: the shares of train, val and test; they add up to 1.
        seed: decides which sources go where.
        cache: folder for decoded frames; by default one below ``~/.cache/vidlab`` (or below
            ``VIDLAB_CACHE``).
        in_memory: False leaves the decoded frames in the cache, and each batch is read from
            there: for folders larger than memory. The splits are the same.
        progress: show a progress bar.

    Returns:
        A ``Dataset`` of ``Clips``, or of ``ClipFiles`` with ``in_memory=False``. Files that could
        not be read are reported in a ``VideoWarning`` with their reasons and left out.

    Raises:
        DatasetError: the folder is missing or empty, has one class only, a class has no readable
            video, or there are too few sources to have each class in each split.
    """
    if clips_per_video < 1:
        raise DatasetError(f"clips_per_video must be at least 1, got {clips_per_video}")
    if audio_rate is not None and clips_per_video != 1:
        raise DatasetError("audio_rate needs clips_per_video=1: sound is read for whole videos")
    if audio_rate is not None and not in_memory:
        raise DatasetError("audio_rate needs in_memory=True: sound is not kept in the cache")
    split_counts(1000, fractions)  # a wrong fraction fails before any video is read
    root = Path(path)
    videos = class_videos(root)
    store = Path(cache) if cache is not None else default_cache(root)
    wanted = num_frames * clips_per_video
    store = store / f"{'x'.join(map(str, np.atleast_1d(size)))}-{wanted}"
    report = extract([root], store, size=size, num_frames=wanted, progress=progress)
    reasons = {Path(name).resolve(): reason for name, reason in report.failures}
    readable = {
        name: [file for file in files if file.resolve() not in reasons]
        for name, files in videos.items()
    }
    report_unreadable(root, reasons)
    for name, files in readable.items():
        if not files:
            raise DatasetError(
                f"{root}: none of the {len(videos[name])} videos of class {name!r} can be read; "
                f"the first says: {reasons[videos[name][0].resolve()]}"
            )
    parts = assign_sources(root, readable, source, fractions, seed)
    if not in_memory:
        listed = {
            split: list_clips(root, store, chosen, tuple(readable), source, clips_per_video)
            for split, chosen in parts.items()
        }
        return FileDataset(root.name, **listed)  # type: ignore[arg-type]
    splits = {
        split: read_clips(root, store, chosen, tuple(readable), source, clips_per_video, audio_rate)
        for split, chosen in parts.items()
    }
    return Dataset(root.name, **splits)


def class_videos(root: Path) -> dict[str, list[Path]]:
    """The videos of each class, sorted: class name -> files below ``root / class``.

    Raises:
        DatasetError: ``root`` is missing or not a folder, has fewer than two sub-folders, or a
            sub-folder has no video.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise DatasetError(f"{root}: {what}; give a folder that has a sub-folder for each class")
    classes = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DatasetError(
            f"{root}: has no sub-folders; put the videos of each class into a sub-folder that "
            "has the name of the class"
        )
    if len(classes) == 1:
        raise DatasetError(
            f"{root}: has one class only ({classes[0].name!r}); a classifier needs two or more"
        )
    videos = {}
    for folder in classes:
        files = sorted(
            file
            for file in folder.rglob("*")
            if file.is_file()
            and file.suffix.lower() in VIDEO_SUFFIXES
            and not any(part.startswith(".") for part in file.relative_to(root).parts)
        )
        if not files:
            raise DatasetError(
                f"{folder}: has no video; add some, or remove the sub-folder. Videos are known by "
                f"their suffix: {' '.join(sorted(VIDEO_SUFFIXES))}"
            )
        videos[folder.name] = files
    return videos


def report_unreadable(root: Path, reasons: dict[Path, str]) -> None:
    """Warn once of all files that could not be read, with their reasons."""
    if reasons:
        listed = "".join(f"\n  {file.name}: {reason}" for file, reason in sorted(reasons.items()))
        warnings.warn(
            f"{root}: {len(reasons)} files could not be read and are left out:{listed}",
            VideoWarning,
            stacklevel=3,
        )


def read_clips(
    root: Path,
    store: Path,
    chosen: Sequence[tuple[Path, int]],
    class_names: tuple[str, ...],
    source: Callable[[Path], str],
    clips_per_video: int,
    audio_rate: int | None,
) -> Clips:
    """Read the cached frames of one split, and the sound where it is wanted."""
    frames, labels, sources, seconds, sounds, names = [], [], [], [], [], []
    for file, label in chosen:
        relative = file.relative_to(root).as_posix()
        with np.load(store / f"{relative}.npz") as cached:
            whole, times = cached["frames"], cached["times"]
        seconds.append(covered_seconds(times))
        for clip in np.split(whole, clips_per_video):
            frames.append(clip)
            labels.append(label)
            sources.append(source(file))
            names.append(relative)
        if audio_rate is not None:
            sounds.append(sound_or_silence(file, audio_rate))
    duration = float(np.median(seconds)) / clips_per_video
    fps = len(frames[0]) / duration if duration > 0 else 1.0
    audio = None
    if audio_rate is not None:
        audio = np.zeros((len(sounds), max(map(len, sounds)) or 1), np.float32)
        for row, sound in zip(audio, sounds, strict=True):
            row[: len(sound)] = sound
    return Clips(
        frames=np.stack(frames),
        labels=np.array(labels),
        class_names=class_names,
        sources=tuple(sources),
        fps=fps,
        audio=audio,
        audio_rate=audio_rate,
        attributes={"file": np.array(names)},
    )


def sound_or_silence(file: Path, rate: int) -> np.ndarray:
    """The sound of a video, or no samples where it has none."""
    return read_audio(file, rate=rate) if probe(file).has_audio else np.zeros(0, np.float32)


def default_cache(root: Path) -> Path:
    """Where the decoded frames of a folder are kept: its own place for each folder."""
    base = os.environ.get("VIDLAB_CACHE")
    home = Path(base) if base else Path.home() / ".cache" / "vidlab"
    mark = hashlib.sha256(os.fspath(root.resolve()).encode()).hexdigest()[:12]
    return home / "folders" / f"{root.name}-{mark}"
