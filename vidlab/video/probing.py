"""What is in a video file: ``probe``."""

import os
from collections import deque
from dataclasses import dataclass
from typing import Any

from vidlab.video.errors import printable, warn_of_damage
from vidlab.video.picture import orientation_of, pixel_aspect, seen_size
from vidlab.video.source import VideoSource


@dataclass(frozen=True)
class VideoInfo:
    """What ``probe`` finds out about a file."""

    path: str
    format: str  # container, in FFmpeg's words: "mp4", "avi", "matroska,webm"
    codec: str  # of the video: "h264", "vp9", "mpeg4"
    width: int  # pixels as seen: square, after the rotation
    height: int
    fps: float  # average frames per second
    duration: float  # seconds from the first frame to the end of the last
    num_frames: int
    num_frames_exact: bool  # counted by decoding (probe with count=True), or an estimate
    rotation: int  # degrees clockwise that the stored frames are turned: 0, 90, 180 or 270
    has_audio: bool
    audio_rate: int | None  # Hz
    num_key_frames: int | None  # None where it cannot be had without reading the whole file

    def __str__(self) -> str:
        count = f"{self.num_frames} frames" + ("" if self.num_frames_exact else " (estimated)")
        turned = f", turned by {self.rotation} degrees" if self.rotation else ""
        keys = "" if self.num_key_frames is None else f", {self.num_key_frames} of them key frames"
        sound = f"sound at {self.audio_rate} Hz" if self.has_audio else "no sound"
        return (
            f"{printable(os.path.basename(self.path))}: {self.width}x{self.height} pixels"
            f"{turned}, {count}{keys}, {self.fps:.2f} per second, {self.duration:.2f} s, "
            f"{self.codec} in {self.format}, {sound}."
        )


def probe(path: str | os.PathLike[str], count: bool = False) -> VideoInfo:
    """Find out what is in a video file.

    By default this takes milliseconds: it decodes one frame and reads the packets after the last
    key frame (in a file without an index, all packets). ``num_frames`` is then an estimate, since
    neither a header nor the number of packets says how many frames can be decoded. ``count=True``
    decodes the whole file and counts.

    Raises VideoError, as ``read_frames`` does, and issues a VideoWarning about damage if counting
    meets any.
    """
    with VideoSource(path) as source:
        source.survey()
        frames = source.frames()
        _, first = next(frames)
        if count:
            deque(frames, maxlen=0)
        info = describe(source, first, source.decoded if count else None)
    warn_of_damage(path, source.bad_packets if count else 0)
    return info


def describe(source: VideoSource, first: Any, num_frames: int | None) -> VideoInfo:
    """The VideoInfo of an open and surveyed source; ``num_frames`` if they were counted."""
    duration = source.duration()
    estimate = source.num_packets or max(1, round(duration * source.fps))
    orientation = orientation_of(first)
    height, width = seen_size(first, pixel_aspect(source.stream), orientation)
    audio = source.container.streams.audio
    return VideoInfo(
        path=source.path,
        format=_short_format(source.container.format.name),
        codec=source.stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        fps=source.fps,
        duration=duration,
        num_frames=estimate if num_frames is None else num_frames,
        num_frames_exact=num_frames is not None,
        rotation=orientation.rotation,
        has_audio=bool(audio),
        audio_rate=audio[0].codec_context.sample_rate if audio else None,
        num_key_frames=source.num_key_frames(),
    )


def _short_format(name: str) -> str:
    """FFmpeg's name of a container; its list of MP4's relatives becomes the first that fits."""
    return "mp4" if name.startswith("mov,mp4") else name
