"""Moving pictures in a notebook: H.264 in a data URL and a static PNG beside it."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML, display

from vidlab.display.arrays import as_clip
from vidlab.display.static import contact_sheet, draw_filmstrip
from vidlab.display.style import png_bytes, show_png
from vidlab.video import encode_mp4

MIN_WIDTH = 320  # narrower players have no room for their controls


def video_tag(
    frames: np.ndarray,
    fps: float,
    *,
    label: str,
    width: int,
    audio: np.ndarray | None = None,
    audio_rate: int | None = None,
) -> str:
    """The HTML of one looping player; with sound it waits for the reader to start it."""
    data = encode_mp4(frames, fps, audio=audio, audio_rate=audio_rate)
    source = base64.b64encode(data).decode()
    start = "controls" if audio is not None else "controls autoplay loop muted"
    return (
        f'<video {start} playsinline width="{width}" aria-label="{escape(label, quote=True)}" '
        f'style="image-rendering:pixelated;max-width:100%" '
        f'src="data:video/mp4;base64,{source}"></video>'
    )


def play(
    frames: np.ndarray,
    fps: float = 8.0,
    *,
    title: str = "",
    audio: np.ndarray | None = None,
    audio_rate: int | None = None,
    width: int | None = None,
    poster: bool = True,
) -> None:
    """Play one clip in the notebook, with a static filmstrip of it underneath.

    Args:
        frames: uint8 (T, H, W, 3) RGB, or floating point in [0, 1].
        fps: frames per second at which to play.
        title: a line above the clip; also its text alternative.
        audio: float32 (S,) mono in [-1, 1], or None. A clip with sound does not start by itself.
        audio_rate: samples per second of ``audio``.
        width: width on the page in CSS pixels; by default the clip's own, but at least 320.
        poster: also show the filmstrip, for pages that cannot show video.

    Raises:
        ValueError: the array has another shape, type or range.
    """
    clip = as_clip(frames)
    name = title or f"a clip of {len(clip)} frames"
    width = width or max(MIN_WIDTH, min(clip.shape[2], 640))
    tag = video_tag(clip, fps, label=name, width=width, audio=audio, audio_rate=audio_rate)
    head = f"<div>{escape(title)}</div>" if title else ""
    display(HTML(head + tag))  # type: ignore[no-untyped-call]
    if poster:
        times = np.arange(len(clip)) / fps
        figure = draw_filmstrip(clip, times, count=8)
        show_png(png_bytes(figure), f"Filmstrip of {name}: 8 frames from first to last.")


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
        f"{video_tag(clip, fps, label=text, width=width)}"
        f'<figcaption style="text-align:center">{escape(text)}</figcaption></figure>'
        for clip, text in zip(parts, texts, strict=True)
    ]
    style = f"display:grid;grid-template-columns:repeat({columns},{width}px);gap:8px"
    display(HTML(f'<div style="{style}">{"".join(cells)}</div>'))  # type: ignore[no-untyped-call]
    if poster:
        sheet = contact_sheet(parts, texts, columns=min(columns, len(parts)))
        alt = f"First, middle and last frame of {len(parts)} clips: {', '.join(texts)}."
        show_png(png_bytes(sheet), alt)
