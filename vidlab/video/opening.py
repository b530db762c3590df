"""Open a file as a video, or say why it is none."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from vidlab.video.errors import VideoError

# Demuxers that "succeed" on text and raw numbers; nothing a person calls a video.
NOT_VIDEO_FORMATS = {"tty", "rawvideo", "bin", "xbin", "adf", "idf"}
PICTURE_FORMATS = {"image2", "ico"}  # and all whose name ends in _pipe
MAYBE_ANIMATED = {"gif", "apng", "webp_anim", "jpegxl_anim"}
MAX_READ_ERRORS = 16  # in a row, without a packet between them, before the rest is given up
PICTURE_BRANDS = {"avif", "mif1", "heic", "heix"}  # pictures in an MP4-like container


def open_container(file: Path) -> Any:
    """Open ``file`` for reading with PyAV; VideoError in plain words if that fails."""
    try:
        # "file:" keeps a name with a colon from being taken for a network address; tags that are
        # not UTF-8 are common in old files and would otherwise end the opening.
        return av.open(f"file:{os.fspath(file)}", metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        problem, advice = _why_unreadable(file, error)
        raise VideoError(file, problem, advice) from error


def video_stream(container: Any, path: str) -> Any:
    """The container's first true video stream; VideoError if it has none or is a picture."""
    format_name = container.format.name
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if format_name in NOT_VIDEO_FORMATS:
        raise VideoError(path, "this is not a video", "Name a video file such as .mp4 or .webm.")
    if not streams:
        if container.streams.audio:
            raise VideoError(
                path,
                "it holds sound but no picture",
                "Use read_audio for the sound, or name a file with video in it.",
            )
        raise VideoError(
            path, f"there is no video in it (format {format_name})", "Name a video file."
        )
    stream = streams[0]
    brand = container.metadata.get("major_brand", "").strip()
    if (
        format_name.endswith("_pipe")
        or format_name in PICTURE_FORMATS
        or brand in PICTURE_BRANDS
        or (format_name in MAYBE_ANIMATED and not _moves(Path(path)))
    ):
        kind = stream.codec.name.upper() if stream.codec_context else format_name
        raise VideoError(
            path,
            f"this is a still picture ({kind}), whatever its name says",
            "Name a video file; pictures open with PIL or matplotlib.",
        )
    if stream.codec_context is None:
        raise VideoError(
            path,
            "its video codec is not supported by this FFmpeg",
            "Convert it to H.264, for example with ffmpeg or HandBrake.",
        )
    return stream


def _moves(file: Path) -> bool:
    """Whether a picture format that can hold several pictures does."""
    with open_container(file) as container:
        packets = (packet for packet in container.demux(video=0) if packet.size)
        return len(list(itertools.islice(packets, 2))) == 2


def read_packets(container: Any, stream: Any, on_error: Callable[[av.FFmpegError], None]) -> Any:
    """All packets of a stream from here on, and an empty one at the end, which drains the decoder.

    Goes on after places that cannot be read, calling ``on_error`` once for each.
    """
    errors = 0
    while errors < MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream):
                errors = 0
                yield packet
            return
        except av.FFmpegError as error:
            errors += 1
            if errors == 1:
                on_error(error)
    drain = av.Packet()
    drain.stream = stream
    yield drain


def _why_unreadable(file: Path, error: Exception) -> tuple[str, str]:
    """What is wrong with a file that does not open, and what to do."""
    boxes = _top_level_boxes(file)
    if boxes[:1] == ["ftyp"] and "moov" not in boxes:
        return (
            "the file is cut off: it begins like an MP4 but its index (moov) is missing or cut, "
            "so no frame can be found",
            "Copy, download or record it again.",
        )
    if isinstance(error, av.InvalidDataError):
        return (
            "this is not a video, or it is damaged beyond recognition",
            "Check that it plays in a video player; copy or download it again.",
        )
    reason = getattr(error, "strerror", None) or str(error)
    return f"the file cannot be opened ({reason})", "Check that it plays in a video player."


def _top_level_boxes(file: Path) -> list[str]:
    """Names of the complete outermost boxes of an MP4 file (ISO/IEC 14496-12), in order."""
    names: list[str] = []
    end = file.stat().st_size
    with file.open("rb") as stream:
        position = 0
        while position + 8 <= end and len(names) < 64:
            stream.seek(position)
            header = stream.read(16)
            name = header[4:8]
            if not (name.isascii() and name.isalnum()):
                break
            length = int.from_bytes(header[:4])
            if length == 1:  # a 64-bit length follows
                length = int.from_bytes(header[8:16])
            position += length
            if length < 8 or position > end:
                break
            names.append(name.decode("ascii"))
    return names
