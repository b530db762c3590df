"""One look for every figure, and the way a figure reaches the page."""

import io
from itertools import cycle
from typing import Any

import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's palette: told apart by readers with any common form of colour blindness
# (Okabe and Ito, "Color Universal Design", 2008). Its yellow is left out: too pale for a line.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-")

DPI = 100
PAGE_WIDTH = 8.0  # inches; 800 pixels at DPI, the width of a notebook's output
# A PNG above this many bytes is reduced to 256 colours, which halves photographs and noise.
PALETTE_ABOVE = 60_000


def new_figure(width: float = PAGE_WIDTH, height: float = 3.0) -> Figure:
    """A figure that does not go through pyplot, so that it can be made in any thread."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float = PAGE_WIDTH, height: float = 3.0) -> tuple[Figure, Axes]:
    """A figure in the course's look with one pair of axes; show it with ``show_figure``.

    Args:
        width, height: in inches; 8 inches are the width of a notebook's output.
    """
    figure = new_figure(width, height)
    axes = figure.subplots()
    axes.set_prop_cycle(color=LINE_COLORS)
    tidy(axes)
    return figure, axes


def line_looks() -> Any:
    """Endless pairs of colour and line style: lines differ in both, also when printed grey."""
    return cycle(zip(LINE_COLORS, LINE_STYLES, strict=True))


def tidy(axes: Axes) -> None:
    """Remove the frame's upper and right line and draw a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def png_bytes(picture: np.ndarray | Figure, dpi: int = DPI) -> bytes:
    """Encode a figure (at ``dpi`` pixels per inch) or a uint8 (H, W, 3) picture as PNG."""
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, format="png", dpi=dpi)
        picture = np.asarray(Image.open(buffer).convert("RGB"))
        buffer = io.BytesIO()
    image = Image.fromarray(picture)
    image.save(buffer, format="png", optimize=True)
    if buffer.tell() > PALETTE_ABOVE:
        buffer = io.BytesIO()
        image.quantize(256, method=Image.Quantize.MEDIANCUT).save(
            buffer, format="png", optimize=True
        )
    return buffer.getvalue()


def show_png(data: bytes, alt: str, width: int | None = None) -> None:
    """Show PNG bytes with a text alternative; ``width`` is in CSS pixels."""
    metadata: dict[str, Any] = {"alt": alt}
    if width is not None:
        metadata["width"] = width
    display({"image/png": data, "text/plain": alt}, raw=True, metadata={"image/png": metadata})


def show_figure(figure: Figure, alt: str) -> None:
    """Show a matplotlib figure as PNG with ``alt``, the text that says what it shows."""
    show_png(png_bytes(figure), alt)
