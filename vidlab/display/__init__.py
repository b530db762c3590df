"""Show clips, curves, confusion and sound inside a notebook.

Every function draws at once and returns nothing, so it can stand anywhere in a cell. Moving
pictures are H.264 in a data URL, with one small static PNG next to each for pages that show no
video. Static figures carry a text alternative in their metadata.
"""

from vidlab.display.explorer import ClipExplorer, explore
from vidlab.display.inspector import ClipInspector, inspect
from vidlab.display.moving import grid, play
from vidlab.display.plots import confusion, curves, spectrogram
from vidlab.display.static import filmstrip, images
from vidlab.display.style import LINE_COLORS, new_axes, show_figure

__all__ = [
    "LINE_COLORS",
    "ClipExplorer",
    "ClipInspector",
    "confusion",
    "curves",
    "explore",
    "filmstrip",
    "grid",
    "images",
    "inspect",
    "new_axes",
    "play",
    "show_figure",
    "spectrogram",
]
