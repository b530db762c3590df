"""The poster: a static picture of a panel, for readers without a kernel."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from vidlab.display.style import line_looks, new_figure, png_bytes, tidy
from vidlab.playground.controls import label_of
from vidlab.playground.curves import Series, series_of
from vidlab.playground.knobs import Choice, Range
from vidlab.playground.recipe import Recipe
from vidlab.playground.running import Run
from vidlab.playground.views import number

ALT = "Poster of the playground"  # curves.js looks for it
MAX_KNOBS = 9


def draw_poster(recipe: Recipe, examples: Mapping[str, Run]) -> bytes:
    """Draw the knobs and, beside them, the curves of some runs.

    Args:
        recipe: whose panel it is.
        examples: name -> Run; without any, the presets are listed instead of curves.

    Returns:
        A PNG.
    """
    figure = new_figure(height=3.6)
    groups = _groups(examples)
    # Two parts, so that the legends of one take no height from the knobs of the other.
    widths = [1.1, 1.5 * max(1, len(groups))]
    knobs, curves_part = figure.subfigures(1, 2, squeeze=False, width_ratios=widths)[0]
    _draw_knobs(knobs.subplots(), recipe)
    panels = curves_part.subplots(1, max(1, len(groups)), squeeze=False)[0]
    if groups:
        for ax, (group, curves) in zip(panels, groups.items(), strict=True):
            for (label, points), (color, style) in zip(curves.items(), line_looks(), strict=False):
                steps, values = zip(*points, strict=True)
                marker = "o" if len(steps) < 20 else None
                ax.plot(
                    steps, values, color=color, linestyle=style, label=label, marker=marker, ms=3
                )
            ax.set(xlabel="step", ylabel=group)
            ax.set_xlim(left=0)
            if group == "validation accuracy":
                ax.set_ylim(0, 1.03)
            tidy(ax)
            # Above the plot, where no curve is.
            ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    else:
        _draw_presets(panels[0], recipe)
    figure.suptitle(f"{recipe.title} (run this cell for the live panel)", fontsize=11)
    return fewer_colors(png_bytes(figure))


def fewer_colors(png: bytes) -> bytes:
    """The same drawing in 64 colours: lines and text need no more, and it is half the bytes."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _groups(examples: Mapping[str, Run]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Plot -> label of a curve -> points; validation losses are left to the live panel."""
    groups: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for name, run in examples.items():
        names: dict[Series, list[tuple[int, float]]] = {}
        for record in run.records:
            for series, value in series_of(record):
                names.setdefault(series, []).append((record.step, value))
        for series, points in names.items():
            if series.group == "loss" and series.validation:
                continue
            label = name if series.name in ("loss", "accuracy") else f"{name}, {series.name}"
            group = f"validation {series.group}" if series.validation else series.group
            groups.setdefault(group, {})[label] = points
    return groups


def _draw_knobs(ax: Axes, recipe: Recipe) -> None:
    ax.axis("off")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    shown = list(recipe.knobs.values())[:MAX_KNOBS]
    row = 1 / max(len(shown), 6)  # the height of one
    for place, knob in enumerate(shown):
        y = 1 - (place + 0.4) * row
        ax.text(0, y, label_of(knob.name), fontsize=9, va="center")
        kind = knob.kind
        text = number(knob.default)
        if isinstance(kind, Choice):
            text = f"{kind.labels[knob.default]}  \N{BLACK DOWN-POINTING SMALL TRIANGLE}"
        elif isinstance(kind, Range):
            text += f" {kind.unit}" if kind.unit else ""
            text += ", live" if kind.live else ""
            ax.plot((0, 0.9), (y - 0.42 * row, y - 0.42 * row), color="#bbbbbb", linewidth=2)
            ax.plot(
                0.9 * _place(kind, knob.default),
                y - 0.42 * row,
                "o",
                color="#0072B2",
                ms=5,
                clip_on=False,
            )
        ax.text(0.9, y, text, fontsize=9, va="center", ha="right", color="#0072B2")


def _place(kind: Range, value: float) -> float:
    """Where a value stands on its slider, 0 to 1."""
    ends = np.array([kind.low, value, kind.high], float)
    low, at, high = np.log(ends) if kind.log else ends
    return (at - low) / (high - low)


def _draw_presets(ax: Axes, recipe: Recipe) -> None:
    ax.axis("off")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    for place, preset in enumerate(recipe.presets):
        y = 1 - (place + 0.5) / max(len(recipe.presets), 4)
        ax.text(0, y, f"preset: {preset.name}", fontsize=9, va="center", weight="bold")
        ax.text(0, y - 0.08, preset.watch, fontsize=8, va="center", wrap=True)
