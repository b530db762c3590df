"""Pictures that stand still: filmstrips, contact sheets, pictures side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vidlab.display.arrays import as_clip
from vidlab.display.style import PAGE_WIDTH, new_figure, show_figure


def pick(num_frames: int, count: int) -> np.ndarray:
    """``count`` indices spread evenly from the first to the last of ``num_frames``."""
    return np.unique(np.linspace(0, num_frames - 1, min(count, num_frames)).round().astype(int))


def hide_axes(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_filmstrip(
    clip: np.ndarray,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    count: int = 8,
    title: str = "",
    texts: Sequence[str] | None = None,
) -> Figure:
    """Some frames of a clip in a row, each with its time in seconds (or its text, or its index)."""
    chosen = pick(len(clip), count)
    if texts is not None:
        labels = [texts[i] for i in chosen]
    elif times is not None:
        labels = [f"{times[i]:.2f} s" for i in chosen]
    else:
        labels = [f"frame {i}" for i in chosen]
    width = PAGE_WIDTH / max(len(chosen), 4)
    height = width * clip.shape[1] / clip.shape[2]
    figure = new_figure(width * len(chosen), height + 0.25 + (0.25 if title else 0))
    for axes, index, label in zip(
        np.atleast_1d(figure.subplots(1, len(chosen))), chosen, labels, strict=True
    ):
        axes.imshow(clip[index], interpolation="nearest")
        axes.set_xlabel(label, fontsize=9, labelpad=2)
        hide_axes(axes)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def filmstrip(
    frames: np.ndarray,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    count: int = 8,
    title: str = "",
    texts: Sequence[str] | None = None,
) -> None:
    """Show a row of frames, from the first to the last.

    Args:
        frames: uint8 (T, H, W, 3) RGB, or floating point in [0, 1].
        times: T times in seconds, written under the frames; without them the index is written.
        count: how many frames to show at most.
        title: a line above.
        texts: T texts to write instead of the times.

    Raises:
        ValueError: the clip has another shape, type or range, or T does not match.
    """
    clip = as_clip(frames)
    for name, values in (("times", times), ("texts", texts)):
        if values is not None and len(values) != len(clip):
            raise ValueError(
                f"{name} must have one entry per frame: {len(clip)}, got {len(values)}"
            )
    figure = draw_filmstrip(clip, times, count=count, title=title, texts=texts)
    shown = len(pick(len(clip), count))
    show_figure(figure, f"{title or 'Filmstrip'}: {shown} of {len(clip)} frames in order.")


def contact_sheet(
    clips: Sequence[np.ndarray], labels: Sequence[str], *, columns: int = 4
) -> Figure:
    """The first, middle and last frame of each clip, over its label."""
    rows = -(-len(clips) // columns)
    width = PAGE_WIDTH / max(columns, 4)
    figure = new_figure(width * columns, rows * (width / 3 + 0.3))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        hide_axes(axes)
    for axes, clip, label in zip(cells, clips, labels, strict=False):
        gap = np.full((clip.shape[1], max(1, clip.shape[2] // 16), 3), 255, np.uint8)
        row = np.concatenate([clip[0], gap, clip[len(clip) // 2], gap, clip[-1]], axis=1)
        axes.imshow(row, interpolation="nearest")
        axes.set_xlabel(label, fontsize=8, labelpad=2)
    return figure


def images(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    *,
    columns: int = 4,
    title: str = "",
    height: float | None = None,
) -> None:
    """Show still pictures side by side.

    Args:
        pictures: uint8 (H, W, 3) RGB pictures (sizes may differ), or (H, W) arrays in grey: uint8
            from 0 to 255, all other types from their smallest to their largest value.
        labels: one text for each picture.
        columns: pictures in a row.
        title: a line above all.
        height: height of a row in inches.

    Raises:
        ValueError: no pictures, a picture that is neither (H, W) nor (H, W, 3), or not one label
            for each picture.
    """
    if len(pictures) == 0:
        raise ValueError("pictures is empty: give at least one (H, W, 3) array")
    texts = [""] * len(pictures) if labels is None else list(map(str, labels))
    if len(texts) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures need as many labels, got {len(texts)}")
    width = PAGE_WIDTH / max(columns, 2)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    first = np.asarray(pictures[0])
    row_height = height or width * first.shape[0] / first.shape[1] + 0.3
    figure = new_figure(width * columns, rows * row_height + (0.3 if title else 0))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells:
        hide_axes(axes)
    for i, (axes, picture, text) in enumerate(zip(cells, pictures, texts, strict=False)):
        picture = np.asarray(picture)
        if picture.ndim == 2:
            low, high = (0, 255) if picture.dtype == np.uint8 else (None, None)
            axes.imshow(picture, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        else:
            axes.imshow(as_clip(picture[None], f"pictures[{i}]")[0], interpolation="nearest")
        axes.set_xlabel(text, fontsize=9, labelpad=3)
    if title:
        figure.suptitle(title, fontsize=11)
    named = "; ".join(text for text in texts if text)
    show_figure(figure, f"{title or 'Pictures'}: {named or len(pictures)}.")
