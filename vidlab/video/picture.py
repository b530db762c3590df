"""From a decoded frame to an RGB array: scaling, colour, pixel shape and rotation in one place.

The decoder's scaler does nearly all the work: one call takes the stored picture (usually YUV 4:2:0)
to small RGB. Only the small picture is then turned, which costs nothing worth measuring.

Three sizes matter:

- *stored*: the pixels in the file;
- *shown*: stored pixels that are not square are stretched sideways (width times the sample aspect
  ratio), so that circles are round;
- *seen*: the shown picture after the rotation (and mirroring) that the file asks for.

``size`` always means the size as seen.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation, VideoReformatter

from vidlab.video.errors import VideoError

Size = int | tuple[int, int] | None

AREA = Interpolation.AREA.value  # as a plain number, which PyAV need not look up for each frame
MAX_SIDE = 16384  # pixels; no common codec goes beyond it


def check_size(path: str, size: Any) -> tuple[int, int] | None:
    """``size`` as (height, width), or None for the size as stored; VideoError if it is neither."""
    if size is None:
        return None
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) for s in sides)
    if len(sides) != 2 or not whole or not all(1 <= s <= MAX_SIDE for s in sides):
        raise VideoError(
            path,
            f"size={size!r} is not a picture size",
            "Give one whole number (square), (height, width), or None for the size as stored; "
            f"each side from 1 to {MAX_SIDE} pixels.",
        )
    return int(sides[0]), int(sides[1])


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is turned to be seen upright: first mirrored, then turned clockwise."""

    rotation: int = 0  # degrees clockwise: 0, 90, 180 or 270
    mirrored: bool = False  # left and right swapped before the rotation

    @property
    def sideways(self) -> bool:
        return self.rotation in (90, 270)

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Turn a picture (H, W, 3); the result is a view."""
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self.rotation // 90) if self.rotation else picture


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Read the display matrix that a camera stores with the frame; angles snap to 90 degrees.

    The matrix maps a stored point (x, y), y downwards, to (a x + c y, b x + d y)
    (ISO/IEC 14496-12, track header box).
    """
    side_data: Any = frame.side_data
    data = side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return Orientation()
    a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
    mirrored = a * d - b * c < 0
    if mirrored:  # undo the mirror, x -> -x, so that a pure rotation remains
        a, b = -a, -b
    angle = math.degrees(math.atan2(b, a))  # clockwise, since y points down
    return Orientation(round(angle / 90) % 4 * 90, mirrored)


def pixel_aspect(stream: Any) -> Fraction:
    """Width of a stored pixel over its height; 1 where the file says nothing believable."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not aspect or not Fraction(1, 10) < aspect < 10:
        return Fraction(1)
    return Fraction(aspect)


def seen_size(frame: av.VideoFrame, aspect: Fraction, orientation: Orientation) -> tuple[int, int]:
    """(height, width) of the frame as a person sees it."""
    height, width = frame.height, max(1, round(frame.width * aspect))
    return (width, height) if orientation.sideways else (height, width)


def make_converter(
    frame: av.VideoFrame, aspect: Fraction, size: tuple[int, int] | None
) -> tuple[tuple[int, int], Callable[[av.VideoFrame, np.ndarray], None]]:
    """Prepare the conversion of a file's frames, given its first one.

    Returns the size (height, width) of every result and a function that writes one frame into
    a uint8 array (height, width, 3). Down-scaling averages areas (libswscale's AREA), which
    neither aliases nor rings; up-scaling is bilinear. A frame whose stored size differs from the
    first (some streams change it midway) is scaled to the same result.
    """
    orientation = orientation_of(frame)
    height, width = size or seen_size(frame, aspect, orientation)
    inner = (width, height) if orientation.sideways else (height, width)
    reformatter = VideoReformatter()  # one per file: it keeps its scaling tables between frames

    def convert(frame: av.VideoFrame, out: np.ndarray) -> None:
        small = reformatter.reformat(
            frame, inner[1], inner[0], "rgb24", interpolation=AREA, threads=1
        )
        plane: Any = small.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        rows = rows[: inner[0], : inner[1] * 3]  # rows are padded for alignment
        out[...] = orientation.apply(rows.reshape(*inner, 3))

    return (height, width), convert
