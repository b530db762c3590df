"""Figures of numbers: curves, confusion matrices, spectrograms."""

from collections.abc import Mapping, Sequence

import numpy as np

from vidlab.display.arrays import as_clip
from vidlab.display.style import PAGE_WIDTH, line_looks, new_figure, show_figure, tidy


def curves(
    series: Mapping[str, Sequence[float] | np.ndarray],
    *,
    x: Sequence[float] | np.ndarray | None = None,
    xlabel: str = "step",
    ylabel: str = "loss",
    title: str = "",
    log: bool = False,
) -> None:
    """Draw one line for each named series.

    Args:
        series: name -> values. Series may differ in length when ``x`` is not given.
        x: the common horizontal positions; by default 0, 1, 2, ...
        xlabel: what runs to the right, with its unit.
        ylabel: what runs upwards, with its unit.
        title: a line above.
        log: use a logarithmic vertical axis.

    Raises:
        ValueError: no series, an empty one, or a length that differs from that of ``x``.
    """
    if not series:
        raise ValueError("series is empty: give a dict such as {'train': losses}")
    figure = new_figure(height=3.0)
    axes = figure.subplots()
    ends = []
    for (name, values), (color, style) in zip(series.items(), line_looks(), strict=False):
        if len(values) == 0:
            raise ValueError(f"series {name!r} is empty: it needs at least one value")
        if x is not None and len(values) != len(x):
            raise ValueError(f"series {name!r} has {len(values)} values, x has {len(x)}")
        where = np.arange(len(values)) if x is None else np.asarray(x)
        marker = "o" if len(values) <= 20 else None
        axes.plot(where, values, color=color, linestyle=style, label=name, marker=marker, ms=4)
        ends.append(f"{name} from {float(values[0]):.3g} to {float(values[-1]):.3g}")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if log:
        axes.set_yscale("log")
    tidy(axes)
    axes.legend(frameon=False)
    show_figure(figure, f"{title or ylabel} over {xlabel}: {'; '.join(ends)}.")


def confusion(
    y_true: Sequence[int] | np.ndarray,
    y_pred: Sequence[int] | np.ndarray,
    class_names: Sequence[str],
    *,
    title: str = "",
) -> None:
    """Draw a confusion matrix: rows are the true classes, columns the predicted ones.

    The colour is the share of the row; the number in a cell is the count.

    Args:
        y_true: N integers, the true classes.
        y_pred: N integers, the predicted classes.
        class_names: the name of each class.
        title: a line above; by default the accuracy.

    Raises:
        ValueError: lengths differ, N is 0, or a class has no name.
    """
    truth, guess = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != guess.shape or truth.ndim != 1 or len(truth) == 0:
        raise ValueError(
            f"y_true and y_pred must be 1-D, of one length, not empty: {truth.shape}, {guess.shape}"
        )
    count = len(class_names)
    if min(truth.min(), guess.min()) < 0 or max(truth.max(), guess.max()) >= count:
        raise ValueError(f"classes must lie in 0..{count - 1}, since class_names has {count} names")
    matrix = np.zeros((count, count), int)
    np.add.at(matrix, (truth, guess), 1)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    accuracy = float((truth == guess).mean())
    side = min(PAGE_WIDTH - 2, 2.0 + 0.42 * count)
    figure = new_figure(side + 1.4, side)
    axes = figure.subplots()
    drawn = axes.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for row in range(count):
        for column in range(count):
            if matrix[row, column]:
                color = "black" if share[row, column] > 0.5 else "white"
                text = str(matrix[row, column])
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    axes.set_xticks(range(count), class_names, rotation=45, ha="right", fontsize=9)
    axes.set_yticks(range(count), class_names, fontsize=9)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(title or f"accuracy {accuracy:.1%}", fontsize=11)
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.85)
    show_figure(figure, f"Confusion matrix of {count} classes, accuracy {accuracy:.1%}. {title}")


def spectrogram(
    audio: np.ndarray,
    rate: int,
    *,
    frames: np.ndarray | None = None,
    duration: float | None = None,
    window: float = 0.064,
    max_frequency: float | None = None,
    title: str = "",
) -> None:
    """Draw a sound's spectrogram, under the filmstrip it belongs to when frames are given.

    Both share one time axis. The colour is the level in decibels below the loudest point.

    Args:
        audio: float (S,) mono.
        rate: samples per second.
        frames: uint8 (T, H, W, 3), the clip of the sound, evenly spread over ``duration``.
        duration: seconds that ``frames`` cover; by default the length of the sound.
        window: length of the analysed window in seconds: longer means finer in frequency and
            coarser in time.
        max_frequency: top of the drawing in hertz; by default rate / 2.
        title: a line above.

    Raises:
        ValueError: the sound is not 1-D, or shorter than one window.
    """
    audio = np.asarray(audio)
    size = round(window * rate)
    if audio.ndim != 1:
        raise ValueError(f"audio must have the shape (S,), got {audio.shape}; average its channels")
    if len(audio) < size or size < 2:
        raise ValueError(f"audio has {len(audio)} samples, one window of {window} s needs {size}")
    seconds = len(audio) / rate
    hop = max(1, size // 4)
    starts = np.arange(0, len(audio) - size + 1, hop)
    pieces = audio[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2
    level = 10 * np.log10(np.maximum(power, 1e-12))
    level = np.maximum(level - level.max(), -60)
    top = max_frequency or rate / 2

    figure = new_figure(height=3.0 if frames is None else 3.8)
    if frames is None:
        axes = figure.subplots()
    else:
        strip_axes, axes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
        clip = as_clip(frames)
        span = duration or seconds
        shown = min(8, len(clip))
        slot = span / shown  # seconds of the time axis for each picture, centred on its own time
        for k in range(shown):
            picture = clip[int((k + 0.5) * len(clip) / shown)]
            left, right = (k + 0.02) * slot, (k + 0.98) * slot
            strip_axes.imshow(picture, extent=(left, right, 0, 1), aspect="auto")
        strip_axes.set_ylim(0, 1)
        strip_axes.set_yticks([])
        strip_axes.spines[:].set_visible(False)
        strip_axes.tick_params(bottom=False, labelbottom=False)
    half_window = size / rate / 2
    drawn = axes.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(half_window, half_window + len(starts) * hop / rate, 0, rate / 2),
    )
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)", ylim=(0, top), xlim=(0, seconds))
    figure.colorbar(drawn, ax=axes, label="level (dB)", pad=0.01)
    if title:
        figure.suptitle(title, fontsize=11)
    loudest = np.fft.rfftfreq(size, 1 / rate)[power.sum(axis=0).argmax()]
    show_figure(
        figure,
        f"{title or 'Spectrogram'}: {seconds:.1f} s of sound, strongest near {loudest:.0f} Hz.",
    )
