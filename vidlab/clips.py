"""Sets of labelled clips: what every source of video gives and every model takes.

``Clips`` is one set (frames, labels and whatever else is known about them), ``Dataset`` is the
three sets that an experiment needs. The letters: N clips, T frames, H height, W width,
K objects, S samples of sound.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

ClipIndex = slice | Sequence[int] | Sequence[bool] | np.ndarray


@dataclass(eq=False, repr=False)
class Clips:
    """A set of labelled clips of equal length and size.

    Attributes:
        frames: ``uint8 (N, T, H, W, 3)``, RGB.
        labels: ``int64 (N,)``, indices into ``class_names``. Other integers are converted.
        class_names: the name of each class.
        sources: N strings. Clips of one source are not independent (they come from one video,
            or share one photograph) and must never be divided between train, val and test.
        fps: frames per second.
        audio: ``float32 (N, S)``, mono, in [-1, 1], or None.
        audio_rate: samples per second of ``audio``, or None.
        captions: N sentences, or None.
        boxes: ``float32 (N, T, K, 4)`` as [x0, y0, x1, y1] in pixels, measured at the edges of
            pixels (so width = x1 - x0); NaN where a frame has fewer than K objects. Or None.
        attributes: name -> array whose first axis is N. More facts about each clip.

    Raises:
        ValueError: where the lengths, shapes, types or ranges of these disagree.
    """

    frames: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    sources: tuple[str, ...]
    fps: float
    audio: np.ndarray | None = None
    audio_rate: int | None = None
    captions: tuple[str, ...] | None = None
    boxes: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.frames = np.asarray(self.frames)
        if self.frames.dtype != np.uint8 or self.frames.ndim != 5 or self.frames.shape[4] != 3:
            raise ValueError(
                f"Clips.frames: expected uint8 (N, T, H, W, 3), got {_describe(self.frames)}"
            )
        self.class_names = tuple(str(name) for name in self.class_names)
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"Clips.class_names: a name occurs twice in {self.class_names}")
        self.labels = self._checked_labels(self.labels)
        if isinstance(self.sources, str):
            raise ValueError("Clips.sources: expected one string per clip, got a single string")
        self.sources = tuple(str(source) for source in self.sources)
        self._check_length("sources", self.sources)
        self.fps = float(self.fps)
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"Clips.fps: expected frames per second above 0, got {self.fps}")
        self._check_audio()
        if self.captions is not None:
            if isinstance(self.captions, str):
                raise ValueError("Clips.captions: expected one caption per clip, got one string")
            self.captions = tuple(self.captions)
            self._check_length("captions", self.captions)
        self._check_boxes()
        self.attributes = {name: np.asarray(value) for name, value in self.attributes.items()}
        for name, value in self.attributes.items():
            if value.ndim == 0:
                raise ValueError(f"Clips.attributes[{name!r}]: expected an array with N entries")
            self._check_length(f"attributes[{name!r}]", value)

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, T, H, W, 3)."""
        return self.frames.shape

    def __getitem__(self, index: ClipIndex) -> "Clips":
        """The chosen clips as a new ``Clips``: by slice, by index array or by boolean mask.

        A slice shares its arrays with this set. One clip is ``clips[i : i + 1]``; its frames
        alone are ``clips.frames[i]``.

        Raises:
            TypeError: for a single integer.
            IndexError: for an index out of range or a mask of the wrong length.
        """
        if not isinstance(index, slice):
            index = self._checked_index(index)

        def chosen(values: tuple[str, ...]) -> tuple[str, ...]:
            if isinstance(index, slice):
                return values[index]
            return tuple(values[i] for i in index)

        return Clips(
            frames=self.frames[index],
            labels=self.labels[index],
            class_names=self.class_names,
            sources=chosen(self.sources),
            fps=self.fps,
            audio=None if self.audio is None else self.audio[index],
            audio_rate=self.audio_rate,
            captions=None if self.captions is None else chosen(self.captions),
            boxes=None if self.boxes is None else self.boxes[index],
            attributes={name: value[index] for name, value in self.attributes.items()},
        )

    def __repr__(self) -> str:
        num_clips, num_frames, height, width, _ = self.frames.shape
        known = [
            f.name
            for f in fields(self)
            if f.name in ("audio", "captions", "boxes") and getattr(self, f.name) is not None
        ]
        extras = f", with {', '.join(known)}" if known else ""
        return (
            f"Clips({num_clips} clips of {num_frames} frames at {height}x{width}, "
            f"{self.fps:g} fps, {len(self.class_names)} classes{extras})"
        )

    def _checked_index(self, index: ClipIndex) -> np.ndarray:
        try:
            operator.index(index)  # type: ignore[arg-type]
        except TypeError:
            pass
        else:
            raise TypeError(
                f"Clips[{index}]: an integer picks no set of clips; write clips[{index}:{index}+1],"
                f" or clips.frames[{index}] for the frames alone"
            )
        array = np.asarray(index)
        if array.size == 0 and array.dtype != bool:
            array = array.astype(np.int64)
        if array.ndim != 1 or array.dtype.kind not in "biu":
            raise IndexError(
                "Clips[...]: expected a slice, a list of integers or a boolean mask, "
                f"got {_describe(array)}"
            )
        if array.dtype == bool:
            if len(array) != len(self):
                raise IndexError(
                    f"Clips[mask]: the mask has {len(array)} entries for {len(self)} clips"
                )
            array = np.flatnonzero(array)
        return array

    def _check_length(self, name: str, values: Sequence | np.ndarray) -> None:
        if len(values) != len(self.frames):
            raise ValueError(
                f"Clips.{name}: expected {len(self.frames)} entries, one per clip, "
                f"got {len(values)}"
            )

    def _checked_labels(self, labels: np.ndarray) -> np.ndarray:
        labels = np.asarray(labels)
        if labels.size == 0:
            labels = labels.astype(np.int64)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise ValueError(f"Clips.labels: expected integers (N,), got {_describe(labels)}")
        self._check_length("labels", labels)
        if labels.size and not (labels.min() >= 0 and labels.max() < len(self.class_names)):
            raise ValueError(
                f"Clips.labels: expected 0 to {len(self.class_names) - 1} for the "
                f"{len(self.class_names)} class_names, got {labels.min()} to {labels.max()}"
            )
        return labels.astype(np.int64, copy=False)

    def _check_audio(self) -> None:
        if self.audio is None:
            if self.audio_rate is not None:
                raise ValueError("Clips.audio_rate is given, but audio is None")
            return
        self.audio = np.asarray(self.audio)
        if self.audio.dtype != np.float32 or self.audio.ndim != 2:
            raise ValueError(f"Clips.audio: expected float32 (N, S), got {_describe(self.audio)}")
        self._check_length("audio", self.audio)
        if self.audio_rate is None or int(self.audio_rate) <= 0:
            raise ValueError(
                f"Clips.audio_rate: expected samples per second, got {self.audio_rate}"
            )
        self.audio_rate = int(self.audio_rate)

    def _check_boxes(self) -> None:
        if self.boxes is None:
            return
        self.boxes = np.asarray(self.boxes)
        shape = self.boxes.shape
        if (
            self.boxes.dtype != np.float32
            or self.boxes.ndim != 4
            or shape[:2] != self.frames.shape[:2]
            or shape[3] != 4
        ):
            num_clips, num_frames = self.frames.shape[:2]
            raise ValueError(
                f"Clips.boxes: expected float32 ({num_clips}, {num_frames}, K, 4), "
                f"got {_describe(self.boxes)}"
            )


@dataclass(eq=False, repr=False)
class Dataset:
    """Three sets of clips with the same classes and no common source.

    Raises:
        ValueError: where the sets' class names differ, or a source is in two of them.
    """

    name: str
    train: Clips
    val: Clips
    test: Clips

    def __post_init__(self) -> None:
        splits = self._splits()
        for split, clips in splits.items():
            if clips.class_names != self.train.class_names:
                raise ValueError(
                    f"Dataset {self.name!r}: {split} has the classes {clips.class_names}, "
                    f"train has {self.train.class_names}"
                )
        for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
            shared = set(splits[first].sources) & set(splits[second].sources)
            if shared:
                raise ValueError(
                    f"Dataset {self.name!r}: {len(shared)} sources are in {first} and in {second} "
                    f"(for example {min(shared)!r}); split by source"
                )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class."""
        return self.train.class_names

    def __repr__(self) -> str:
        names = ", ".join(self.class_names)
        lines = [f"Dataset {self.name!r}: {len(self.class_names)} classes ({names})"]
        lines.append("split   clips  frames  size     fps  sources")
        for split, clips in self._splits().items():
            num_clips, num_frames, height, width, _ = clips.shape
            lines.append(
                f"{split:<6} {num_clips:>6}  {num_frames:>6}  {f'{height}x{width}':<7}"
                f"{clips.fps:>5g}  {len(set(clips.sources)):>7}"
            )
        return "\n".join(lines)

    def _splits(self) -> dict[str, Clips]:
        return {"train": self.train, "val": self.val, "test": self.test}


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
