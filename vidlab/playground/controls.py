"""A control of ipywidgets for each knob."""

import math
from typing import Any

import ipywidgets as widgets

from vidlab.playground.knobs import FRAMEWORKS, Choice, Knob, Range

WIDE = widgets.Layout(width="100%", min_width="0")
STYLE = {"description_width": "0px"}


def label_of(name: str) -> str:
    """What stands before a knob."""
    return name.replace("_", " ")


def make_control(knob: Knob) -> widgets.ValueWidget:
    """The control whose ``value`` is the knob's value."""
    name = label_of(knob.name)
    kind = knob.kind
    if isinstance(kind, Choice):
        options = [(kind.labels[option], option) for option in kind.options]
        if knob.name == "framework":
            options = [(FRAMEWORKS.get(option, label), option) for label, option in options]
            return widgets.ToggleButtons(options=options, value=knob.default, tooltip=name)
        return widgets.Dropdown(options=options, value=knob.default, layout=WIDE, tooltip=name)
    if isinstance(kind, Range):
        return _slider(knob, kind, name)
    if isinstance(knob.default, bool):
        return widgets.Checkbox(value=knob.default, indent=False, layout=WIDE, tooltip=name)
    if isinstance(knob.default, str):
        return widgets.Text(value=knob.default, layout=WIDE, tooltip=name)
    number = widgets.IntText if knob.whole else widgets.FloatText
    return number(value=knob.default, layout=WIDE, tooltip=name)


def _slider(knob: Knob, kind: Range, name: str) -> widgets.ValueWidget:
    common: dict[str, Any] = {"layout": WIDE, "tooltip": name, "style": STYLE}
    # A live knob acts while it is dragged, another one when it is let go.
    common["continuous_update"] = kind.live
    if kind.log:
        return widgets.FloatLogSlider(
            value=knob.default,
            min=math.log10(kind.low),
            max=math.log10(kind.high),
            step=0.05 if kind.step is None else kind.step,
            readout_format=".0f" if knob.whole else ".2g",
            **common,
        )
    if knob.whole:
        return widgets.IntSlider(
            value=knob.default,
            min=int(kind.low),
            max=int(kind.high),
            step=int(kind.step or 1),
            **common,
        )
    return widgets.FloatSlider(
        value=knob.default,
        min=kind.low,
        max=kind.high,
        step=kind.step or (kind.high - kind.low) / 100,
        readout_format=".3g",
        **common,
    )


def make_row(knob: Knob, control: widgets.ValueWidget) -> widgets.Widget:
    """A knob's row: its name, the control, the unit and whether it is live."""
    unit = knob.kind.unit if isinstance(knob.kind, Range) else ""
    text = label_of(knob.name) + (f" <small>({unit})</small>" if unit else "")
    if knob.live:
        text += ' <span class="vidlab-live" title="acts while the model trains">live</span>'
    row = widgets.VBox([widgets.HTML(text), control])
    row.add_class("vidlab-knob")
    row.add_class(f"vidlab-knob-{knob.name}")
    return row


def read(knob: Knob, value: Any) -> Any:
    """The knob's value from that of its control: a logarithmic slider knows no whole numbers."""
    if knob.whole and isinstance(knob.kind, Range) and knob.kind.log:
        value = round(value)
    return knob.check(value)


def settle(control: widgets.ValueWidget, value: Any) -> None:
    """Put a control to a value; a slider's end gives way where the value lies beyond it."""
    if isinstance(control, widgets.FloatLogSlider):
        control.min = min(control.min, math.log10(value))
        control.max = max(control.max, math.log10(value))
    elif isinstance(control, widgets.IntSlider | widgets.FloatSlider):
        control.min = min(control.min, value)
        control.max = max(control.max, value)
    control.value = value
