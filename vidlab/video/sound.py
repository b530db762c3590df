"""The sound of a video as one array: ``read_audio``."""

import os
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from vidlab.video.errors import VideoError, existing_file, warn_of_damage
from vidlab.video.opening import open_container, read_packets, video_stream
from vidlab.video.sampling import check_range, check_request
from vidlab.video.source import VideoSource

LEAD_IN = 0.5  # seconds decoded before the part wanted: decoder and resampler need a run-up
MAX_DRIFT = 0.02  # seconds that sound may be away from its time stamp before a gap is assumed
MAX_RATE = 384_000  # Hz
SLACK = 0.1  # seconds that a stop may lie beyond the end and still mean it

# (number of the first sample, counted from time 0; the samples)
Piece = tuple[int, np.ndarray]


def read_audio(
    path: str | os.PathLike[str],
    rate: int = 16000,
    start: float | None = None,
    stop: float | None = None,
) -> np.ndarray:
    """Read the sound of a file, all channels averaged, resampled: float32 (S,) in [-1, 1].

    rate: samples per second wanted, in Hz.
    start, stop: the part [start, stop) in seconds on the clock of the picture: 0 is the first
        frame of the video. stop=None is the end of the video, so that sound and frames cover the
        same time; in a file without picture, the end of the sound.

    Returns exactly round((stop - start) * rate) samples. Where the file has no sound (it begins
    late, ends early or has a gap) there is silence; what an encoder adds in front (priming) is
    removed. A part is the same as that slice of the whole, to within half a sample in time.

    Raises VideoError as ``read_frames`` does, and if there is no sound in the file. Damaged
    packets are skipped and reported as a VideoWarning.
    """
    request = check_request(path, None, start, stop)
    whole = isinstance(rate, (int, np.integer)) and not isinstance(rate, bool)
    if not whole or not 1 <= rate <= MAX_RATE:
        raise VideoError(
            request.path,
            f"rate={rate!r} is not a sampling rate",
            f"Give samples per second, a whole number from 1 to {MAX_RATE}, such as 16000.",
        )
    zero, picture_end = _picture_clock(request.path)
    begin = request.start or 0.0
    until = request.stop if request.stop is not None else picture_end
    sound = _Sound(request.path, int(rate), zero)
    pieces = sound.decode(begin - LEAD_IN if begin > 2 * LEAD_IN else None, until)
    if begin and pieces and pieces[0][0] > round(begin * rate):
        pieces = sound.decode(None, until)  # the seek came out too late
    if not pieces and not begin:
        raise VideoError(
            request.path,
            "its sound cannot be decoded",
            "Check that it plays in a video player; copy or download it again.",
        )
    warn_of_damage(request.path, sound.bad_packets)

    sound_end = max((first + len(samples) for first, samples in pieces), default=0) / rate
    limit = max(sound_end, picture_end or 0.0)
    _, end = check_range(request.path, request.start, request.stop, limit, SLACK)
    if request.stop is None and picture_end is not None:
        end = picture_end
        check_range(request.path, request.start, None, end, 0.0)
    audio = np.zeros(round((end - begin) * rate), np.float32)
    offset = round(begin * rate)
    for first, samples in pieces:
        low, high = max(first - offset, 0), min(first - offset + len(samples), len(audio))
        if low < high:
            audio[low:high] = samples[low + offset - first : high + offset - first]
    return np.clip(audio, -1, 1, out=audio)


def _picture_clock(path: str) -> tuple[float | None, float | None]:
    """(first frame's time on the file's clock, duration) in seconds; Nones without picture."""
    with open_container(existing_file(path)) as container:
        if not container.streams.audio:
            video_stream(container, path)  # a picture or no video at all has a better reason
            raise VideoError(
                path,
                "there is no sound in it",
                "Use read_frames for the picture; probe(path).has_audio tells beforehand.",
            )
        try:
            video_stream(container, path)
        except VideoError:
            return None, None
    try:
        with VideoSource(path) as source:
            source.survey()
            next(source.frames())
            return source.zero, source.duration()
    except VideoError:  # the picture is broken; the sound may be fine
        return None, None


class _Sound:
    """Decodes the first audio stream of a file into pieces without gaps."""

    def __init__(self, path: str, rate: int, zero: float | None) -> None:
        self._path = path
        self._rate = rate
        self._zero = zero  # seconds on the file's clock; None: where the sound begins
        self.bad_packets = 0

    def decode(self, start: float | None, stop: float | None) -> list[Piece]:
        """The sound from about ``start`` (None: the beginning) to ``stop`` (None: the end)."""
        self.bad_packets = 0
        with open_container(existing_file(self._path)) as container:
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise VideoError(
                    self._path, "its sound codec is not supported", "Convert the sound to AAC."
                )
            if start is not None and self._zero is not None:
                position = int((start + self._zero) / stream.time_base)
                try:
                    container.seek(position, stream=stream)
                except av.FFmpegError:
                    return self.decode(None, stop)
            return list(self._pieces(self._frames(container, stream), stop))

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        for packet in read_packets(container, stream, self._count_bad):
            try:
                yield from packet.decode()
            except EOFError:
                return
            except av.FFmpegError as error:
                self._count_bad(error)

    def _count_bad(self, error: av.FFmpegError) -> None:
        if isinstance(error, MemoryError):
            raise error
        self.bad_packets += 1

    def _pieces(self, frames: Iterator[Any], stop: float | None) -> Iterator[Piece]:
        """Resample runs of frames that follow each other closely; a gap begins a new run."""
        run: list[np.ndarray] = []
        resampler, form, first, expected = None, None, 0, 0.0
        for frame in frames:
            time = expected if frame.time is None else frame.time - (self._zero or 0.0)
            if self._zero is None and form is None:
                self._zero, time = frame.time or 0.0, 0.0
            if stop is not None and time >= stop + LEAD_IN:
                break
            this_form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or this_form != form or abs(time - expected) > MAX_DRIFT:
                if resampler is not None:
                    yield first, _join(run, resampler)
                resampler = av.AudioResampler("fltp", frame.layout, self._rate)
                run, form, first, expected = [], this_form, round(time * self._rate), time
            run.extend(_mono(out) for out in resampler.resample(frame))
            expected += frame.samples / frame.sample_rate
        if resampler is not None:
            yield first, _join(run, resampler)


def _join(run: list[np.ndarray], resampler: av.AudioResampler) -> np.ndarray:
    """The run's samples, with those that the resampler still holds."""
    run.extend(_mono(out) for out in resampler.resample(None) if out is not None)
    return np.concatenate(run) if run else np.zeros(0, np.float32)


def _mono(frame: Any) -> np.ndarray:
    """The mean of the channels, float32 (samples,)."""
    mean: np.ndarray = frame.to_ndarray().mean(axis=0, dtype=np.float32)
    return mean
