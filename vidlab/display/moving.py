"""Moving pictures in a notebook: H.264 in a data URL and a static PNG beside it."""

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from IPython.display import HTML, display

from vidlab.display.arrays import as_clip
from vidlab.display.static import contact_sheet, draw_filmstrip
from vidlab.display.style import png_bytes, show_png
from vidlab.video import encode_mp4, probe, read_frames

MIN_WIDTH = 320  # narrower players have no room for their controls
MAX_FILE = 2_000_000  # bytes of a file that may go into a notebook
QUALITY = 28  # H.264's constant rate factor: small, and good enough to look at


def video_tag(data: bytes, *, label: str, width: int, sound: bool = False) -> str:
    """The HTML of one player for an mp4 in ``data``.

    It loops by itself, silently; with sound it waits for the reader to start it.
    """
    source = base64.b64encode(data).decode()
    start = "controls" if sound else "controls autoplay loop muted"
    return (
        f'<video {start} playsinline width="{width}" aria-label="{escape(label, quote=True)}" '
        f'style="image-rendering:pixelated;max-width:100%" '
        f'src="data:video/mp4;base64,{source}"></video>'
    )


def play(
    source: np.ndarray | str | os.PathLike[str],
    fps: float = 8.0,
    *,
    title: str = "",
    audio: np.ndarray | None = None,
    audio_rate: int | None = None,
    width: int | None = None,
    poster: bool = True,
) -> None:
    """Play a clip or a video file in the notebook, with a static filmstrip of it underneath.

    Of a file the very bytes are shown, so that what plays here plays in any browser; a file
    larger than 2 MB, or with a codec that browsers may not play, is refused with advice.

    Args:
        source: uint8 (T, H, W, 3) RGB, floating point in [0, 1], or the path of a video file.
        fps: frames per second at which to play an array.
        title: a line above the clip; also its text alternative.
        audio: float32 (S,) mono in [-1, 1] for an array, or None. A clip with sound does not
            start by itself.
        audio_rate: samples per second of ``audio``.
        width: width on the page in CSS pixels; by default the clip's own, but at least 320.
        poster: also show the filmstrip, for pages that cannot show video.

    Raises:
        ValueError: the array has another shape, type or range, or the file cannot be shown.
        VideoError: the file cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        clip, times = read_frames(source, num_frames=8, return_times=True)
        data, sound = browser_file(source), probe(source).has_audio
        name = title or Path(source).name
    else:
        clip = as_clip(source)
        times = np.arange(len(clip)) / fps
        data = encode_mp4(clip, fps, audio=audio, audio_rate=audio_rate, crf=QUALITY)
        sound = audio is not None
        name = title or f"a clip of {len(clip)} frames"
    width = width or max(MIN_WIDTH, min(clip.shape[2], 640))
    head = f"<div>{escape(title)}</div>" if title else ""
    tag = video_tag(data, label=name, width=width, sound=sound)
    display(HTML(head + tag))
    if poster:
        figure = draw_filmstrip(clip, times, count=8)
        show_png(png_bytes(figure), f"Filmstrip of {name}: frames from first to last.")


def browser_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an mp4 file that any browser plays.

    Raises:
        ValueError: it is larger than 2 MB, or not H.264 in mp4.
    """
    size, info = Path(path).stat().st_size, probe(path)
    if info.codec != "h264" or Path(path).suffix.lower() != ".mp4":
        raise ValueError(
            f"{path}: browsers may not play {info.codec} in {Path(path).suffix or 'this file'}; "
            "read it with video.read_frames and give the frames to play"
        )
    if size > MAX_FILE:
        raise ValueError(
            f"{path}: {size / 1e6:.1f} MB would bloat the notebook (limit {MAX_FILE / 1e6:.0f} MB);"
            " read a part of it with video.read_frames(path, size=..., start=..., stop=...)"
        )
    return Path(path).read_bytes()


def grid(
    clips: np.ndarray | Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    fps: float = 8.0,
    *,
    columns: int = 4,
    width: int = 176,
    poster: bool = True,
) -> None:
    """Play several clips side by side, each with its label.

    Args:
        clips: uint8 (N, T, H, W, 3), or a sequence of clips (T, H, W, 3).
        labels: N texts, one under each clip.
        fps: frames per second at which to play.
        columns: clips in a row.
        width: width of one clip on the page in CSS pixels.
        poster: also show a static sheet with one row of frames for each clip.

    Raises:
        ValueError: no clips, a clip of another shape, or not one label for each clip.
    """
    parts = [as_clip(clip, f"clips[{i}]") for i, clip in enumerate(clips)]
    if not parts:
        raise ValueError("clips is empty: give at least one clip (T, H, W, 3)")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    texts = [f"clip {i}" for i in range(len(parts))] if labels is None else list(map(str, labels))
    if len(texts) != len(parts):
        raise ValueError(f"{len(parts)} clips need {len(parts)} labels, got {len(texts)}")
    cells = [
        f'<figure style="margin:0;width:{width}px">'
        f"{video_tag(encode_mp4(clip, fps, crf=QUALITY), label=text, width=width)}"
        f'<figcaption style="text-align:center">{escape(text)}</figcaption></figure>'
        for clip, text in zip(parts, texts, strict=True)
    ]
    style = f"display:grid;grid-template-columns:repeat({columns},{width}px);gap:8px"
    display(HTML(f'<div style="{style}">{"".join(cells)}</div>'))
    if poster:
        sheet = contact_sheet(parts, texts, columns=min(columns, len(parts)))
        alt = f"First, middle and last frame of {len(parts)} clips: {', '.join(texts)}."
        show_png(png_bytes(sheet), alt)
