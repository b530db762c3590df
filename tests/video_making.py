"""Small video files for tests, whose frames carry their own number."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIDE = 32  # pixels; a frame is 4x4 blocks of 8x8, each black or white, for 16 bits


def numbered(number: int) -> np.ndarray:
    """A frame uint8 (32, 32, 3) that shows ``number`` in binary."""
    bits = (number >> np.arange(16)) & 1
    return np.repeat(
        np.kron(bits.reshape(4, 4), np.ones((8, 8), np.uint8))[..., None] * np.uint8(255), 3, axis=2
    ).astype(np.uint8)


def number_in(frame: np.ndarray) -> int:
    """The number that a decoded frame shows, whatever its size."""
    rows = (np.arange(4) * 2 + 1) * frame.shape[0] // 8
    columns = (np.arange(4) * 2 + 1) * frame.shape[1] // 8
    bits = frame[rows][:, columns, 0].reshape(16) > 127
    return int((bits << np.arange(16)).sum())


def numbers_in(frames: np.ndarray) -> list[int]:
    return [number_in(frame) for frame in frames]


def make_video(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float = 10,
    gop: int = 10,
    codec: str = "libx264",
    ticks: Iterable[int] | None = None,
    rotation: int | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames; ``ticks``: their times in thousandths of a second, for variable rates."""
    rate = Fraction(fps).limit_denominator(1001)
    if options is None:
        options = {"preset": "veryfast", "crf": "20"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = 1 / rate if ticks is None else Fraction(1, 1000)
        times = iter(ticks) if ticks is not None else None
        for number, array in enumerate(frames):
            if number == 0:
                stream.height, stream.width = array.shape[:2]
                if rotation is not None:
                    stream.set_display_rotation(rotation)
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = number if times is None else next(times)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_numbered(path: Path, count: int, **options: object) -> Path:
    return make_video(path, (numbered(i) for i in range(count)), **options)  # type: ignore[arg-type]
