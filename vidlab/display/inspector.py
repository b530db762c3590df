"""The clip inspector: scrub through a clip, play it, pick a pixel and read its value and time."""

import os

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from vidlab.display.arrays import as_clip, enlarge
from vidlab.display.static import draw_filmstrip
from vidlab.display.style import png_bytes, show_png
from vidlab.video import probe, read_frames

VIEW_WIDTH = 384  # CSS pixels of the picture
ZOOM = 9  # the magnifier shows ZOOM x ZOOM pixels
MAX_FRAMES = 120  # of a file; more would not be told apart on one slider
MAX_WIDTH = 480  # wider files are reduced for the inspector


class ClipInspector(widgets.VBox):
    """A live view of a clip: one slider for the frame, two for the pixel, and what they pick.

    Args:
        frames: uint8 (T, H, W, 3) RGB, or floating point in [0, 1].
        times: T times in seconds; by default frame index / ``fps``.
        fps: frames per second, for the default times and for playing.

    Attributes:
        frame, x, y: the sliders; set their ``value`` to move the view from code.
        picture, magnifier: the shown pictures (PNG bytes in ``value``).
        readout: the text beside them.
    """

    def __init__(
        self, frames: np.ndarray, times: np.ndarray | None = None, fps: float = 8.0
    ) -> None:
        self.clip = as_clip(frames)
        self.times = np.arange(len(self.clip)) / fps if times is None else np.asarray(times, float)
        if len(self.times) != len(self.clip):
            raise ValueError(f"{len(self.clip)} frames need as many times, got {len(self.times)}")
        last, height, width = len(self.clip) - 1, *self.clip.shape[1:3]
        wide = widgets.Layout(width="100%")
        self.frame = widgets.IntSlider(0, 0, last, description="frame", layout=wide)
        self.x = widgets.IntSlider(width // 2, 0, width - 1, description="x (pixel)", layout=wide)
        self.y = widgets.IntSlider(height // 2, 0, height - 1, description="y (pixel)", layout=wide)
        self.frame.add_class("vidlab-frame-slider")
        # The player counts in the browser, so that playing goes on while the kernel is busy.
        self.player = widgets.Play(
            min=0, max=last, interval=max(20, round(1000 / fps)), show_repeat=True
        )
        self.link = widgets.jslink((self.player, "value"), (self.frame, "value"))
        self.picture = widgets.Image(format="png", layout=widgets.Layout(width=f"{VIEW_WIDTH}px"))
        self.magnifier = widgets.Image(format="png", layout=widgets.Layout(width="216px"))
        self.readout = widgets.HTML()
        for slider in (self.frame, self.x, self.y):
            slider.observe(self._update, names="value")
        side = widgets.VBox([self.magnifier, self.readout])
        super().__init__(
            [
                widgets.HBox([self.player, self.frame]),
                widgets.HBox(
                    [self.picture, side],
                    layout=widgets.Layout(grid_gap="16px", flex_flow="row wrap"),
                ),
                self.x,
                self.y,
            ],
            layout=widgets.Layout(max_width="760px"),
        )
        self.add_class("vidlab-inspector")
        self._update()

    def _update(self, _change: object = None) -> None:
        index, x, y = self.frame.value, self.x.value, self.y.value
        frame = self.clip[index]
        red, green, blue = (int(value) for value in frame[y, x])
        name = f"frame {index} of {len(self.clip)}, at {self.times[index]:.3f} s"
        self.picture.value = png_bytes(mark(frame, x, y))
        self.picture.alt = name
        self.magnifier.value = png_bytes(magnify(frame, x, y))
        self.magnifier.alt = f"{ZOOM} x {ZOOM} pixels around x {x}, y {y}"
        self.readout.value = (
            f"<b>{name}</b><br>pixel x = {x}, y = {y}<br>"
            f"<span style='display:inline-block;width:1em;height:1em;border:1px solid;"
            f"background:rgb({red},{green},{blue})'></span> "
            f"R = {red}, G = {green}, B = {blue}<br>"
            f"<code>frames[{index}, {y}, {x}] = [{red}, {green}, {blue}]</code>"
        )

    def __repr__(self) -> str:
        count, height, width, _ = self.clip.shape
        return f"ClipInspector({count} frames of {height} x {width} pixels)"


def mark(frame: np.ndarray, x: int, y: int) -> np.ndarray:
    """Enlarge a frame and draw a frame around the pixel (x, y): black and white, seen anywhere."""
    view = enlarge(frame, VIEW_WIDTH).copy()
    scale = view.shape[1] // frame.shape[1]
    reach = max(scale // 2, 4)
    row, column = y * scale + scale // 2, x * scale + scale // 2
    for width, color in ((reach + 2, 0), (reach + 1, 255)):
        top, left = max(row - width, 0), max(column - width, 0)
        bottom = min(row + width, view.shape[0] - 1)
        right = min(column + width, view.shape[1] - 1)
        view[[top, bottom], left : right + 1] = color
        view[top : bottom + 1, [left, right]] = color
    return view


def magnify(frame: np.ndarray, x: int, y: int) -> np.ndarray:
    """The ZOOM x ZOOM pixels around (x, y), each drawn large; grey outside of the frame."""
    reach = ZOOM // 2
    padded = np.pad(frame, ((reach, reach), (reach, reach), (0, 0)), constant_values=128)
    view = padded[y : y + ZOOM, x : x + ZOOM]
    return mark_centre(view.repeat(24, axis=0).repeat(24, axis=1))


def mark_centre(view: np.ndarray) -> np.ndarray:
    """Draw a frame around the pixel in the middle of a magnified view."""
    first, last = 24 * (ZOOM // 2), 24 * (ZOOM // 2 + 1) - 1
    for inset, color in ((0, 0), (1, 255)):
        low, high = first - inset, last + inset
        view[[low, high], low : high + 1] = color
        view[low : high + 1, [low, high]] = color
    return view


def inspect(
    source: np.ndarray | str | os.PathLike[str],
    times: np.ndarray | None = None,
    fps: float = 8.0,
) -> None:
    """Show a clip inspector for an array or a video file, and a static filmstrip under it.

    Of a file at most 120 frames are shown, uniformly sampled over its whole length and reduced to
    480 pixels in width, so that a film of any length opens at once.

    Args:
        source: uint8 (T, H, W, 3) RGB, floating point in [0, 1], or the path of a video file.
        times: T times in seconds, for an array; by default frame index / ``fps``.
        fps: frames per second, for an array.

    Raises:
        VideoError: the file cannot be read.
        ValueError: the array has another shape, type or range.
    """
    if isinstance(source, str | os.PathLike):
        info = probe(source)
        scale = min(1.0, MAX_WIDTH / info.width)
        size = (max(1, round(info.height * scale)), max(1, round(info.width * scale)))
        count = min(MAX_FRAMES, info.num_frames or MAX_FRAMES)
        frames, times = read_frames(source, num_frames=count, size=size, return_times=True)
        fps = count / info.duration if info.duration else info.fps
    else:
        frames = source
    inspector = ClipInspector(frames, times, fps)
    display(inspector)
    figure = draw_filmstrip(inspector.clip, inspector.times)
    show_png(png_bytes(figure), "Filmstrip of the inspected clip. Run the cell for the live view.")
