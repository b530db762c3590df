"""Arrays to video files that play in browsers: ``write_video`` and ``encode_mp4``."""

import contextlib
import io
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from vidlab.video.errors import VideoError, path_text

SUFFIXES = {".mp4", ".m4v", ".mov"}
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
MAX_FPS = 1000
THREADS_FROM_PIXELS = 1280 * 720  # below, one encoding thread; the bytes then repeat everywhere
# Colour: the BT.601 matrix with limited range, and tags that say so. Browsers and FFmpeg go by
# the tags; OpenCV ignores them and always takes BT.601, so that this is what all agree on.
BT601_MATRIX = 6  # "smpte170m" in ITU-T H.273
LIMITED_RANGE = 1

Frames = np.ndarray | Iterable[np.ndarray]


def write_video(
    path: str | os.PathLike[str],
    frames: Frames,
    fps: float | Fraction,
    audio: np.ndarray | None = None,
    audio_rate: int | None = None,
    crf: int = 18,
) -> None:
    """Write a video that plays in browsers: H.264, yuv420p, index at the front, AAC sound.

    path: ends in .mp4, .m4v or .mov; an older file of that name is replaced, once all is written.
    frames: uint8 (T, H, W, 3) RGB, or an iterable of frames (H, W, 3), which may be longer than
        memory. H.264 needs even sides: an odd one gets its last row or column repeated once.
    fps: frames per second; fractions such as 30000/1001 are kept exactly.
    audio: sound, float (S,) mono in [-1, 1]; audio_rate: its samples per second. AAC knows only
        some rates; others are raised to the next one it knows.
    crf: quality, 0 (lossless) to 51 (worst); 18 looks like the original, 23 is common.

    There is a key frame at least once a second, so that players can scrub. Colours are stored as
    BT.601 with limited range and tagged so. Nothing half-written is left behind, whatever happens.

    Raises VideoError for arguments that make no sense and for a file that cannot be written.
    """
    name = path_text(path)
    target = Path(name)
    if target.suffix.lower() not in SUFFIXES:
        raise VideoError(
            name,
            f"a video cannot be written with the suffix {target.suffix!r}",
            f"End the name in one of: {', '.join(sorted(SUFFIXES))}.",
        )
    movie = _check(name, frames, fps, audio, audio_rate, crf)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb+") as stream:
            _encode(name, stream, movie)
        os.replace(temporary, target)
    except OSError as error:
        raise VideoError(
            name,
            f"it cannot be written ({error.strerror or error})",
            "Check that the folder exists, that you may write there, and that the disk has room.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def encode_mp4(
    frames: Frames,
    fps: float | Fraction,
    audio: np.ndarray | None = None,
    audio_rate: int | None = None,
    crf: int = 23,
) -> bytes:
    """Encode an MP4 in memory; arguments, result and errors as in ``write_video``."""
    buffer = io.BytesIO()
    _encode("encode_mp4", buffer, _check("encode_mp4", frames, fps, audio, audio_rate, crf))
    return buffer.getvalue()


@dataclass(frozen=True)
class _Movie:
    """Checked arguments; ``frames`` yields checked frames, all of one shape."""

    frames: Iterator[np.ndarray]
    height: int
    width: int
    fps: Fraction
    audio: np.ndarray | None
    audio_rate: int
    crf: int


def _check(name: str, frames: Any, fps: Any, audio: Any, audio_rate: Any, crf: Any) -> _Movie:
    """The arguments as a _Movie; VideoError that names the first one that makes no sense."""
    number = isinstance(fps, (int, float, Fraction, np.integer, np.floating))
    if not number or isinstance(fps, bool) or not math.isfinite(fps) or not 0 < fps <= MAX_FPS:
        raise VideoError(
            name, f"fps={fps!r} is not a frame rate", f"Give a number over 0, up to {MAX_FPS}."
        )
    if not isinstance(crf, (int, float)) or isinstance(crf, bool) or not 0 <= crf <= 51:
        raise VideoError(name, f"crf={crf!r} is not a quality", "Give 0 (best) to 51 (worst).")
    if isinstance(frames, np.ndarray) and (frames.ndim != 4 or frames.shape[-1] != 3):
        raise VideoError(
            name,
            f"frames have the shape {frames.shape}, not (T, H, W, 3)",
            "Give RGB frames; a grey clip (T, H, W) becomes one with "
            "np.repeat(frames[..., None], 3, axis=-1).",
        )
    try:
        stream = iter(frames)
    except TypeError:
        raise VideoError(
            name, f"frames are a {type(frames).__name__}", "Give an array or an iterable of frames."
        ) from None
    first = next(stream, None)
    if first is None:
        raise VideoError(name, "there are no frames to write", "Give at least one frame.")
    height, width = _check_frame(name, first, 0, None)
    checked = (
        frame
        for number, frame in enumerate(itertools.chain([first], stream))
        if _check_frame(name, frame, number, (height, width))
    )
    sound = _check_audio(name, audio, audio_rate)
    rate = Fraction(fps).limit_denominator(1001)
    return _Movie(checked, height, width, rate, sound, int(audio_rate or 0), int(crf))


def _check_frame(
    name: str, frame: Any, number: int, size: tuple[int, int] | None
) -> tuple[int, int]:
    dtype = getattr(frame, "dtype", type(frame).__name__)
    shape: tuple[int, ...] = getattr(frame, "shape", ())
    if dtype != np.uint8:
        raise VideoError(
            name,
            f"frame {number} is {dtype}, not uint8",
            "Values in [0, 1] become uint8 with (frames * 255).round().astype(np.uint8).",
        )
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise VideoError(
            name, f"frame {number} has the shape {shape}, not (H, W, 3)", "Give RGB frames."
        )
    if size is not None and shape[:2] != size:
        raise VideoError(
            name,
            f"frame {number} is {shape[1]}x{shape[0]}, the first is {size[1]}x{size[0]}",
            "Give all frames the same size.",
        )
    return shape[0], shape[1]


def _check_audio(name: str, audio: Any, audio_rate: Any) -> np.ndarray | None:
    if audio is None:
        return None
    whole = isinstance(audio_rate, (int, np.integer)) and not isinstance(audio_rate, bool)
    if not whole or not 1 <= audio_rate <= AAC_RATES[-1]:
        raise VideoError(
            name,
            f"audio_rate={audio_rate!r} is not a sampling rate",
            f"Give the samples per second of audio, from 1 to {AAC_RATES[-1]}.",
        )
    sound = np.asarray(audio)
    if sound.dtype.kind != "f" or sound.ndim != 1 or not len(sound):
        raise VideoError(
            name,
            f"audio is {sound.dtype} {sound.shape}, not float (S,)",
            "Give mono sound as float32 in [-1, 1]; int16 samples are divided by 32768.",
        )
    if not np.isfinite(sound).all() or np.abs(sound).max() > 1:
        raise VideoError(
            name,
            "audio goes beyond [-1, 1] or is not finite",
            "Divide it by np.abs(audio).max() if it is too loud.",
        )
    return sound.astype(np.float32)


def _encode(name: str, file: Any, movie: _Movie) -> None:
    """Encode into an open binary file that can seek and be read back."""
    try:
        with av.open(
            file,
            "w",
            format="mp4",
            options={"movflags": "+faststart"},
            io_open=lambda url, flags, options: _View(file),
        ) as container:
            _write(container, movie)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise VideoError(
            name, f"encoding failed ({error.strerror})", "Try frames of another size."
        ) from error


def _write(container: Any, movie: _Movie) -> None:
    """Encode frame after frame, the sound keeping pace, and close the file properly."""
    even = movie.height + movie.height % 2, movie.width + movie.width % 2
    video = container.add_stream("libx264", rate=movie.fps, options={"crf": str(movie.crf)})
    video.height, video.width = even
    video.pix_fmt = "yuv420p"
    codec = video.codec_context
    codec.time_base = 1 / movie.fps
    codec.gop_size = max(1, math.floor(movie.fps))
    codec.thread_count = 0 if even[0] * even[1] >= THREADS_FROM_PIXELS else 1
    codec.colorspace, codec.color_range = BT601_MATRIX, LIMITED_RANGE
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    sound = None
    if movie.audio is not None:
        rate = next(rate for rate in AAC_RATES if rate >= movie.audio_rate)
        sound = container.add_stream("aac", rate=rate, layout="mono")
        sound.bit_rate = min(128_000, 4 * rate)

    reformatter = VideoReformatter()
    heard = 0  # samples encoded so far
    for number, array in enumerate(movie.frames):
        frame = reformatter.reformat(
            av.VideoFrame.from_ndarray(_pad(array, even), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=LIMITED_RANGE,
            interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND,
            threads=1,
        )
        frame.pts, frame.time_base = number, 1 / movie.fps
        container.mux(video.encode(frame))
        if sound is not None:
            due = math.ceil((number + 1) / movie.fps * movie.audio_rate)
            _encode_sound(container, sound, movie, heard, due)
            heard = due
    container.mux(video.encode(None))
    if sound is not None:
        _encode_sound(container, sound, movie, heard, None)
        container.mux(sound.encode(None))


def _encode_sound(container: Any, stream: Any, movie: _Movie, start: int, stop: int | None) -> None:
    assert movie.audio is not None
    samples = np.ascontiguousarray(movie.audio[start:stop])
    if len(samples):
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = movie.audio_rate
        frame.pts, frame.time_base = start, Fraction(1, movie.audio_rate)
        container.mux(stream.encode(frame))


def _pad(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Repeat the last row and column where the sides are odd."""
    down, right = size[0] - frame.shape[0], size[1] - frame.shape[1]
    if down or right:
        frame = np.pad(frame, ((0, down), (0, right), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)


class _View:
    """Reads a file from its own position: +faststart reads back while it writes."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._position = 0

    def read(self, size: int) -> bytes:
        writing = self._file.tell()
        self._file.seek(self._position)
        data: bytes = self._file.read(size)
        self._position += len(data)
        self._file.seek(writing)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 2:
            writing = self._file.tell()
            offset += self._file.seek(0, 2)
            self._file.seek(writing)
        self._position = offset + (self._position if whence == 1 else 0)
        return self._position

    def close(self) -> None:
        pass
