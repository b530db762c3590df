"""Which frames of a video are wanted: the sampling modes, free of files and decoders."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from vidlab.video.errors import VideoError, path_text
from vidlab.video.source import VideoSource

SAMPLINGS = ("uniform", "first", "stride", "random", "segments")
TOLERANCE = 1e-6  # seconds by which a time may miss a frame's time and still mean it

# (time in seconds, decoded frame): what VideoSource.frames yields
Frames = Iterator[tuple[float, Any]]


@dataclass(frozen=True)
class Request:
    """The checked arguments of ``read_frames`` that say which frames are wanted."""

    path: str
    num_frames: int | None
    start: float | None
    stop: float | None
    sampling: str
    stride: int
    seed: int

    @property
    def by_time(self) -> bool:
        """Whether frames are picked at given times rather than one after the other."""
        return self.num_frames is not None and self.sampling in ("uniform", "segments")

    @property
    def needs_end(self) -> bool:
        """Whether the end of the video must be known before the first frame is picked."""
        a_part = self.start is not None or self.stop is not None
        return a_part or self.by_time or (self.num_frames is not None and self.sampling == "random")


def check_request(
    path: str | os.PathLike[str],
    num_frames: Any = None,
    start: Any = None,
    stop: Any = None,
    sampling: Any = "uniform",
    stride: Any = 1,
    seed: Any = None,
) -> Request:
    """The arguments as a Request; VideoError that names the first one that makes no sense."""
    path = path_text(path)
    if sampling not in SAMPLINGS:
        raise VideoError(
            path, f"sampling={sampling!r} is unknown", f"Use one of: {', '.join(SAMPLINGS)}."
        )
    if num_frames is not None and not _whole(num_frames, 1):
        raise VideoError(
            path,
            f"num_frames={num_frames!r} is not a number of frames",
            "Give a whole number from 1 up, or None for all frames.",
        )
    if not _whole(stride, 1):
        raise VideoError(path, f"stride={stride!r} is not a step", "Give a whole number from 1 up.")
    for name, value in (("start", start), ("stop", stop)):
        if value is not None and not _seconds(value):
            raise VideoError(
                path, f"{name}={value!r} is not a time", "Give seconds from 0 up, or None."
            )
    if start is not None and stop is not None and stop <= start:
        raise VideoError(
            path, f"stop={stop} s is not after start={start} s", "Give a stop after the start."
        )
    return Request(
        path,
        None if num_frames is None else int(num_frames),
        None if start is None else float(start),
        None if stop is None else float(stop),
        sampling,
        int(stride),
        # One number, so that a second attempt at the same file draws the same frames.
        int(np.random.default_rng(seed).integers(2**63)),
    )


def _whole(value: Any, least: int) -> bool:
    number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return number and value >= least


def _seconds(value: Any) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating))
    return number and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def check_range(
    path: str, start: float | None, stop: float | None, duration: float, slack: float
) -> tuple[float, float]:
    """(start, stop) in seconds within a video of ``duration``; VideoError if it is outside.

    A stop up to ``slack`` beyond the end means the end: durations are often passed on rounded.
    """
    begin = start or 0.0
    if begin >= duration or (stop is not None and stop > duration + slack):
        asked = f"[{begin:g}, {'the end' if stop is None else format(stop, 'g')}) s"
        raise VideoError(
            path,
            f"the part {asked} is out of range: it lasts {duration:.3f} s",
            f"Give start and stop between 0 and {duration:.3f}.",
        )
    return begin, duration if stop is None else min(stop, duration)


def part_centres(start: float, stop: float, count: int) -> np.ndarray:
    """Centres of ``count`` equal parts of [start, stop), float64 (count,)."""
    return start + (stop - start) * (np.arange(count) + 0.5) / count


def times_in_parts(start: float, stop: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """One random time in each of ``count`` equal parts of [start, stop), float64 (count,)."""
    return start + (stop - start) * (np.arange(count) + rng.random(count)) / count


def frames_at(source: VideoSource, frames: Frames, times: np.ndarray) -> Frames:
    """The frame shown at each of ``times`` (rising): the last one that is not later.

    Ends early if the rest of the video is damaged beyond decoding.
    """
    shown: tuple[float, Any] | None = None
    wanted, asked = 0, -1
    source.aim(times.tolist())
    for time, frame in frames:
        while shown is not None and time > times[wanted] + TOLERANCE:
            source.check_aim(shown[0], times[wanted])
            yield shown
            wanted += 1
            if wanted == len(times):
                return
        shown = (time, frame)
        if wanted != asked:  # if a jump does not pay now, it will not when the target is nearer
            source.jump(times[wanted])
            asked = wanted
    for time in times[wanted:]:
        if shown is None or (source.bad_packets and time > shown[0] + 2 / source.fps):
            return
        source.check_aim(shown[0], time)
        yield shown


def frames_from(source: VideoSource, frames: Frames, start: float) -> Frames:
    """The frame shown at ``start`` and all later ones."""
    shown: tuple[float, Any] | None = None
    started = False
    for time, frame in frames:
        if not started:
            if time <= start + TOLERANCE:
                if shown is None:
                    source.jump(start)
                shown = (time, frame)
                continue
            started = True
            if shown is not None:
                yield shown
        yield time, frame
    if not started and shown is not None:
        yield shown


def run_from(
    source: VideoSource, frames: Frames, first: float, start: float, stop: float
) -> Frames:
    """The frame shown at ``first`` and all later ones whose times lie in [start, stop)."""
    for time, frame in frames_from(source, frames, first):
        if time >= stop - TOLERANCE:
            return
        if time >= start - TOLERANCE:
            yield time, frame


def frames_between(source: VideoSource, frames: Frames, start: float, stop: float) -> Frames:
    """The frames whose times lie in [start, stop); if none does, the one shown at ``start``."""
    empty = True
    shown: tuple[float, Any] | None = None
    for time, frame in frames_from(source, frames, start):
        if time >= stop - TOLERANCE:
            break
        if time < start - TOLERANCE:
            shown = (time, frame)
            continue
        empty = False
        yield time, frame
    if empty and shown is not None:
        yield shown


def select(request: Request, source: VideoSource, frames: Frames, stop: float = math.inf) -> Frames:
    """The frames that ``request`` asks for, each as often as it is wanted, as far as they exist.

    ``frames`` starts with the first frame of the video. ``stop``: where the video ends for those
    who decode it, if that is known to be before its last packet.
    """
    begin, end = 0.0, math.inf
    if request.needs_end:
        begin, end = check_range(
            request.path, request.start, request.stop, source.duration(), 1 / source.fps
        )
        end = min(end, stop)
        if begin >= end:
            raise VideoError(
                request.path,
                f"it is damaged: nothing after {end:.3f} s can be decoded",
                f"Give a start before {end:.3f}, or copy or download the file again.",
            )
    count = request.num_frames
    rng = np.random.default_rng(request.seed)
    if count is not None and request.by_time:
        if request.sampling == "uniform":
            times = part_centres(begin, end, count)
        else:
            times = times_in_parts(begin, end, count, rng)
        return frames_at(source, frames, times)
    if count is not None and request.sampling == "random":
        spare = max(0.0, (end - begin) - (count - 1) / source.fps)
        first = begin + spare * rng.random()
        return islice(run_from(source, frames, first, begin, end), count)
    step = request.stride if request.sampling == "stride" else 1
    between = frames_between(source, frames, begin, end) if request.needs_end else frames
    return islice(between, 0, None if count is None else count * step, step)
