"""Frames of a video as arrays: ``read_frames``, ``frame_times`` and ``iter_frames``."""

import math
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal, overload

import numpy as np

from vidlab.video.errors import VideoError, warn_of_damage
from vidlab.video.picture import Size, check_size, make_converter, pixel_aspect
from vidlab.video.probing import VideoInfo, describe
from vidlab.video.sampling import Request, check_request, select
from vidlab.video.source import ShortcutError, VideoSource

COUNT_UP_TO = 60.0  # seconds: a file up to so long is decoded whole where it is to be described
FIRST_CAPACITY = 64  # frames to make room for when nothing says how many will come


@dataclass(frozen=True)
class Reading:
    """What one pass over a file gave."""

    frames: np.ndarray | None  # uint8 (T, H, W, 3); None if only times were asked for
    times: np.ndarray  # float64 (T,), seconds
    last_time: float  # of the last frame that was decoded
    fps: float
    num_threads: int
    bad_packets: int
    info: VideoInfo | None  # if asked for


@overload
def read_frames(
    path: str | os.PathLike[str],
    num_frames: int | None = ...,
    size: Size = ...,
    start: float | None = ...,
    stop: float | None = ...,
    sampling: str = ...,
    *,
    stride: int = ...,
    seed: int | np.random.Generator | None = ...,
    return_times: Literal[False] = ...,
    threads: int | None = ...,
) -> np.ndarray: ...


@overload
def read_frames(
    path: str | os.PathLike[str],
    num_frames: int | None = ...,
    size: Size = ...,
    start: float | None = ...,
    stop: float | None = ...,
    sampling: str = ...,
    *,
    stride: int = ...,
    seed: int | np.random.Generator | None = ...,
    return_times: Literal[True],
    threads: int | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...


def read_frames(
    path: str | os.PathLike[str],
    num_frames: int | None = None,
    size: Size = None,
    start: float | None = None,
    stop: float | None = None,
    sampling: str = "uniform",
    *,
    stride: int = 1,
    seed: int | np.random.Generator | None = None,
    return_times: bool = False,
    threads: int | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Read frames of a video: uint8 (T, H, W, 3), RGB, upright.

    path: a video file, str or path object.
    num_frames: how many frames to return, always exactly that many; None: all of the part.
    size: None (as seen), one number (square) or (height, width), in pixels. Scaling down averages
        areas; the picture is stretched to the size, not cropped. "As seen" is the stored size with
        pixels that are not square stretched sideways, and with the file's rotation applied.
    start, stop: the part [start, stop) of the video in seconds from its first frame; None: from
        the first frame, to the end of the last one. A stop up to one frame beyond the end is taken
        as the end.
    sampling: which frames of the part are taken. A frame is *shown* from its own time until the
        time of the next one; a frame is *in* the part if its time is at or after start and before
        stop (to a microsecond); if none is, the one shown at start is.

        - "uniform": the part is cut into num_frames equal lengths of time, and the frame shown at
          the centre of each is taken: at start + (stop - start) * (i + 0.5) / num_frames. Variable
          frame rates are thereby sampled by time, not by count.
        - "first": the first num_frames frames in the part.
        - "stride": every stride-th frame in the part, beginning with the first; at most num_frames.
        - "random": num_frames consecutive frames. They begin with the frame shown at a time drawn
          evenly from [start, stop - (num_frames - 1) / fps); if the part then ends too early
          (possible where the frame rate varies), they are its last num_frames frames.
        - "segments": the part is cut as for "uniform", and the frame shown at a time drawn evenly
          from each piece is taken (Wang et al. 2016, Temporal Segment Networks).

        With num_frames=None every mode takes all frames in the part ("stride": every stride-th).
        A part with fewer frames than num_frames is no error, frames are repeated: "uniform" and
        "segments" by their own rule (each frame about equally often), the others by holding the
        last frame.
    stride: the step of sampling="stride", in frames.
    seed: a number for repeatable "random" and "segments"; None: different every time.
    return_times: also return the times of the frames, as ``frame_times`` does.
    threads: decoding threads; None: one, or up to 8 from 1280x720 on. The frames are the same.

    The end of a video is the end of its last packet, read without decoding; headers are not
    believed. If the video turns out not to be decodable so far, its last decodable frame ends it.
    Damaged packets are skipped and reported once, as a VideoWarning. Frames are chosen by
    repaired times, see ``vidlab.video.source``. Colours follow the file's tags; where there are
    none, BT.601 with limited range, as in FFmpeg and OpenCV. Where the key frames make it pay,
    parts between wanted frames are skipped without decoding; the frames are the same.

    Raises VideoError for a file that is missing, empty, no video, a still picture, without
    picture or without a decodable frame, for a part outside the video, and for arguments that
    make no sense; it says which and what to do.
    """
    request = check_request(path, num_frames, start, stop, sampling, stride, seed)
    reading = collect(request, check_size(request.path, size), threads=threads)
    warn_of_damage(request.path, reading.bad_packets)
    assert reading.frames is not None
    return (reading.frames, reading.times) if return_times else reading.frames


def frame_times(
    path: str | os.PathLike[str],
    num_frames: int | None = None,
    start: float | None = None,
    stop: float | None = None,
    sampling: str = "uniform",
    *,
    stride: int = 1,
    seed: int | np.random.Generator | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Times of exactly the frames that ``read_frames`` returns for the same arguments.

    Returns float64 (T,): seconds from the first frame of the video. Same errors.
    """
    request = check_request(path, num_frames, start, stop, sampling, stride, seed)
    reading = collect(request, None, pictures=False, threads=threads)
    warn_of_damage(request.path, reading.bad_packets)
    return reading.times


def iter_frames(
    path: str | os.PathLike[str],
    size: Size = None,
    start: float | None = None,
    stop: float | None = None,
    *,
    threads: int | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Stream the frames in [start, stop): (time in seconds, frame uint8 (H, W, 3)) one by one.

    For videos larger than memory: no more than a few frames are held. Same arguments, frames and
    errors as ``read_frames`` with num_frames=None; damage is reported when the iteration ends.
    """
    request = check_request(path, None, start, stop)
    VideoSource(path).close()  # errors about the file come now, not at the first frame
    return _stream(request, check_size(request.path, size), threads)


def _stream(
    request: Request, size: tuple[int, int] | None, threads: int | None
) -> Iterator[tuple[float, np.ndarray]]:
    started = False
    for shortcuts in (True, False):
        try:
            with VideoSource(request.path, threads, shortcuts) as source:
                first, frames = _begin(source, request.needs_end)
                (height, width), convert = make_converter(first, pixel_aspect(source.stream), size)
                for time, frame in select(request, source, frames):
                    source.strict = False  # the short cut, if any, went well
                    started = True
                    picture = np.empty((height, width, 3), np.uint8)
                    convert(frame, picture)
                    yield time, picture
            warn_of_damage(request.path, source.bad_packets)
            return
        except ShortcutError:
            if started:
                raise
    raise AssertionError("without short cuts none can fail")


def _begin(source: VideoSource, survey: bool) -> tuple[Any, Iterator[tuple[float, Any]]]:
    """The first frame, and the iterator over all frames including it."""
    if survey:
        source.survey()
    frames = source.frames()
    first = next(frames)
    return first[1], chain([first], frames)


def collect(
    request: Request,
    size: tuple[int, int] | None,
    *,
    pictures: bool = True,
    threads: int | None = None,
    describing: bool = False,
) -> Reading:
    """Read what ``request`` asks for, without a warning about damage.

    pictures: whether frames are wanted, or only their times. describing: give ``Reading.info``
    too; a file of up to a minute is then decoded to its end, and its frames are counted.
    """

    def once(request: Request, stop: float = math.inf, only_times: bool = False) -> Reading:
        with_pictures = pictures and not only_times
        try:
            reading = _pass(request, size, with_pictures, threads, describing, stop, shortcuts=True)
        except ShortcutError:
            reading = _pass(
                request, size, with_pictures, threads, describing, stop, shortcuts=False
            )
        if reading.bad_packets and reading.num_threads > 1:
            # With several threads a damaged packet may take neighbouring frames with it.
            reading = _pass(request, size, with_pictures, 1, describing, stop, shortcuts=False)
        return reading

    reading = once(request)
    count = request.num_frames
    if count is None or len(reading.times) == count:
        return reading
    if request.by_time:  # the end cannot be decoded
        bad_packets = reading.bad_packets
        reading = once(request, stop=reading.last_time + 1 / reading.fps)
        reading = replace(reading, bad_packets=bad_packets)
    elif request.sampling == "random":  # the run began too late: take the last frames there are
        times = once(replace(request, num_frames=None), only_times=True).times
        late = max(0, len(times) - count)
        reading = once(replace(request, sampling="first", start=float(times[late])))
    return _hold_last(reading, count)


def _hold_last(reading: Reading, count: int) -> Reading:
    """Repeat the last frame until there are ``count``."""
    frames = reading.frames
    missing = count - len(reading.times)
    if frames is not None:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    times = np.concatenate([reading.times, np.repeat(reading.times[-1:], missing)])
    return replace(reading, frames=frames, times=times)


def _pass(
    request: Request,
    size: tuple[int, int] | None,
    pictures: bool,
    threads: int | None,
    describing: bool,
    stop: float,
    shortcuts: bool,
) -> Reading:
    """Read the file once."""
    with VideoSource(request.path, threads, shortcuts) as source:
        first, frames = _begin(source, describing or request.needs_end)
        if describing and source.duration() <= COUNT_UP_TO:
            source.shortcuts = False
        store = _Store(request, source, first, size) if pictures else None
        times: list[float] = []
        latest = None
        for time, frame in select(request, source, frames, stop):
            if store is not None:
                store.add(frame, again=frame is latest)
            times.append(time)
            latest = frame
        last_time = source.last_time
        info = None
        if describing:
            if not source.strict:
                deque(frames, maxlen=0)
            info = describe(source, first, None if source.strict else source.decoded)
        return Reading(
            store.result() if store else None,
            np.array(times, np.float64),
            last_time,
            source.fps,
            source.num_threads,
            source.bad_packets,
            info,
        )


class _Store:
    """A growing array (T, H, W, 3) into which frames are converted one by one."""

    def __init__(
        self, request: Request, source: VideoSource, first: Any, size: tuple[int, int] | None
    ) -> None:
        shape, self._convert = make_converter(first, pixel_aspect(source.stream), size)
        self._path = request.path
        self._count = 0
        self._array = self._allocate(request.num_frames or FIRST_CAPACITY, shape)

    def _allocate(self, count: int, shape: tuple[int, int]) -> np.ndarray:
        needed, there = count * shape[0] * shape[1] * 3, _memory()
        if needed > there:
            raise VideoError(
                self._path,
                f"{count} frames of {shape[1]}x{shape[0]} pixels need {needed / 1e9:.1f} GB of "
                f"memory, and this machine has {there / 1e9:.1f}",
                "Ask for fewer or smaller frames (num_frames, size, start, stop), or stream them "
                "with iter_frames.",
            )
        return np.empty((count, *shape, 3), np.uint8)

    def add(self, frame: Any, again: bool) -> None:
        """Convert one more frame; ``again``: it is the same as the last one."""
        if self._count == len(self._array):
            grown = self._allocate(2 * self._count, self._array.shape[1:3])
            grown[: self._count] = self._array
            self._array = grown
        if again:
            self._array[self._count] = self._array[self._count - 1]
        else:
            self._convert(frame, self._array[self._count])
        self._count += 1

    def result(self) -> np.ndarray:
        return self._array[: self._count]


def _memory() -> float:
    """Bytes of memory in this machine; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on Windows
        return math.inf
