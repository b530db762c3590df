"""The explorer: choose how a clip is made, watch it, and see what a model makes of it."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from vidlab.display.arrays import as_clip
from vidlab.display.moving import MIN_WIDTH, QUALITY, video_tag
from vidlab.display.static import draw_filmstrip
from vidlab.display.style import LINE_COLORS, new_figure, png_bytes, show_png, tidy
from vidlab.video import encode_mp4

Knob = Sequence[Any] | tuple[int, int]


class ClipExplorer(widgets.VBox):
    """Knobs, the clip they make and, where a model is given, its opinion.

    Args:
        make_clip: called with one keyword argument for each knob; returns a clip, uint8
            (T, H, W, 3) or floating point in [0, 1].
        knobs: name -> choices. A tuple of two integers (low, high) becomes a slider, any other
            sequence a menu; the first choice is the initial one.
        predict: called with the clip; returns one probability for each class. Or None.
        class_names: the names of the classes, for ``predict``.
        fps: frames per second at which to play.

    Attributes:
        controls: name -> widget of each knob; set its ``value`` to turn it from code.
    """

    def __init__(
        self,
        make_clip: Callable[..., np.ndarray],
        knobs: Mapping[str, Knob],
        predict: Callable[[np.ndarray], np.ndarray] | None = None,
        class_names: Sequence[str] = (),
        fps: float = 8.0,
    ) -> None:
        if not knobs:
            raise ValueError("knobs is empty: give at least one, such as seed=(0, 99)")
        self.make_clip, self.predict = make_clip, predict
        self.class_names, self.fps = tuple(class_names), fps
        self.controls = {name: make_control(name, choices) for name, choices in knobs.items()}
        for control in self.controls.values():
            control.observe(self._update, names="value")
        self.screen = widgets.HTML()
        self.strip = widgets.Image(format="png", layout=widgets.Layout(width="100%"))
        self.bars = widgets.Image(format="png")
        self.message = widgets.HTML()
        left = widgets.VBox([*self.controls.values(), self.message])
        shown = [left, self.screen] + ([self.bars] if predict else [])
        super().__init__(
            [
                widgets.HBox(shown, layout=widgets.Layout(grid_gap="12px", flex_flow="row wrap")),
                self.strip,
            ],
            layout=widgets.Layout(max_width="860px"),
        )
        self.add_class("vidlab-explorer")
        self._update()

    def settings(self) -> dict[str, Any]:
        """The present value of each knob."""
        return {name: control.value for name, control in self.controls.items()}

    def _update(self, _change: object = None) -> None:
        chosen = ", ".join(f"{name} = {value}" for name, value in self.settings().items())
        try:
            clip = as_clip(self.make_clip(**self.settings()))
            opinion = None if self.predict is None else np.asarray(self.predict(clip), float)
        except Exception as error:  # shown where the reader looks, instead of being lost in a log
            self.message.value = f"<b>{type(error).__name__}</b>: {escape(str(error))}"
            return
        self.message.value = ""
        self.screen.value = video_tag(
            encode_mp4(clip, self.fps, crf=QUALITY), label=chosen, width=MIN_WIDTH - 32
        )
        self.strip.value = png_bytes(draw_filmstrip(clip, np.arange(len(clip)) / self.fps))
        self.strip.alt = f"Filmstrip, {chosen}"
        if opinion is not None:
            self.bars.value = png_bytes(draw_opinion(opinion, self.class_names))
            best = self.class_names[int(opinion.argmax())]
            self.bars.alt = f"The model says {best} with {opinion.max():.0%}"

    def __repr__(self) -> str:
        return f"ClipExplorer(knobs: {', '.join(self.controls)})"


def make_control(name: str, choices: Knob) -> widgets.ValueWidget:
    """A slider for (low, high) with integers, a menu for anything else."""
    is_range = isinstance(choices, tuple) and len(choices) == 2
    if is_range and all(isinstance(value, int) for value in choices):
        low, high = choices
        return widgets.IntSlider(low, low, high, description=name, continuous_update=False)
    if len(choices) == 0:
        raise ValueError(f"knob {name!r} has no choices: give a sequence or (low, high)")
    return widgets.Dropdown(options=list(choices), value=choices[0], description=name)


def draw_opinion(opinion: np.ndarray, class_names: Sequence[str]) -> Figure:
    """A bar for each class's probability, the largest one in another colour."""
    if opinion.shape != (len(class_names),):
        raise ValueError(
            f"predict must return one probability for each of {len(class_names)} classes, "
            f"got the shape {opinion.shape}"
        )
    figure = new_figure(3.0, 0.5 + 0.22 * len(class_names))
    axes = figure.subplots()
    colors = [LINE_COLORS[0]] * len(class_names)
    colors[int(opinion.argmax())] = LINE_COLORS[1]
    axes.barh(range(len(class_names)), opinion, color=colors)
    axes.set_yticks(range(len(class_names)), class_names, fontsize=9)
    axes.set(xlim=(0, 1), xlabel="probability")
    axes.invert_yaxis()
    tidy(axes)
    return figure


def explore(
    make_clip: Callable[..., np.ndarray],
    predict: Callable[[np.ndarray], np.ndarray] | None = None,
    class_names: Sequence[str] = (),
    fps: float = 8.0,
    **knobs: Knob,
) -> None:
    """Show a ``ClipExplorer``, and a static picture of its first state for pages without a kernel.

    Args:
        make_clip, predict, class_names, fps: see ``ClipExplorer``.
        **knobs: the knobs by name, for example ``action=world.ACTIONS, seed=(0, 99)``.
    """
    explorer = ClipExplorer(make_clip, knobs, predict, class_names, fps)
    display(explorer)
    show_png(
        bytes(explorer.strip.value), f"{explorer.strip.alt}. Run the cell for the live explorer."
    )
