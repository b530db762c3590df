"""Where the widgets of a panel stand; what they do is in ``panel``."""

from html import escape

import ipywidgets as widgets

from vidlab.playground import views
from vidlab.playground.controls import make_control, make_row
from vidlab.playground.curves import Curves
from vidlab.playground.recipe import Recipe
from vidlab.playground.stage import Stage

WIDE = widgets.Layout(width="100%")
TABS = {"clips": "Clips", "inside": "Look inside", "draw": "Draw", "runs": "Runs", "code": "Code"}
SHOWN = "Above each clip stands what it shows or should show; below it, what a model says of it."
DRAWN = "Draw a path. The world moves its shapes along it, and the model says what it sees."


class Layout(widgets.VBox):
    """The widgets of a recipe's panel, by name.

    Attributes:
        recipe: whose panel it is.
        controls: name of a knob -> its widget.
        buttons: "train", "pause", "step", "stop", "reset" -> its button.
        curves, clips, inside, paper: the anywidgets.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.controls = {name: make_control(knob) for name, knob in recipe.knobs.items()}
        self.curves, self.clips = Curves(), Stage(selected=0)
        self.inside, self.paper = Stage(tile=160), Stage(tile=256, drawing=True)
        super().__init__([self._head(), self._body()])
        self.add_class("vidlab-playground")

    def _head(self) -> widgets.Widget:
        title = widgets.HTML(f"<h3>{escape(self.recipe.title)}</h3>")
        parts: list[widgets.Widget] = [title]
        if "framework" in self.controls:
            parts.append(self.controls["framework"])
        head = widgets.HBox(parts)
        head.add_class("vidlab-head")
        return head

    def _body(self) -> widgets.Widget:
        body = widgets.HBox([self._left(), self._right()])
        body.add_class("vidlab-body")
        return body

    def _left(self) -> widgets.Widget:
        self.preset = widgets.Dropdown(
            options=[("choose a preset", ""), *((p.name, p) for p in self.recipe.presets)],
            layout=WIDE,
            tooltip="preset",
        )
        self.watch = widgets.HTML()
        self.watch.add_class("vidlab-note")
        rows = [
            make_row(knob, self.controls[name])
            for name, knob in self.recipe.knobs.items()
            if name != "framework"
        ]
        self.pending = widgets.HTML()
        self.pending.add_class("vidlab-note")
        self.facts = widgets.HTML('<p class="vidlab-note">Reset builds the model.</p>')
        self.facts.add_class("vidlab-facts")
        presets = [self.preset, self.watch] if self.recipe.presets else []
        left = widgets.VBox([*presets, *rows, self.pending, self.facts])
        left.add_class("vidlab-knobs")
        return left

    def _right(self) -> widgets.Widget:
        self.buttons = {
            name: widgets.Button(description=name.capitalize(), icon=icon, tooltip=tip)
            for name, icon, tip in (
                ("train", "play", "Begin a run, or go on with a paused one"),
                ("pause", "pause", "Hold after the present step"),
                ("step", "step-forward", "Take one training step"),
                ("stop", "stop", "End the run; the model stays as it is"),
                ("reset", "refresh", "Build data and model anew, without training"),
            )
        }
        self.buttons["train"].button_style = "primary"
        for name, button in self.buttons.items():
            button.add_class(f"vidlab-{name}")
        row = widgets.HBox(list(self.buttons.values()))
        row.add_class("vidlab-buttons")
        self.status = widgets.HTML(views.status("idle", ""))
        self.status.add_class("vidlab-status")
        self.progress = widgets.FloatProgress(min=0, max=1, layout=WIDE)
        self.progress.add_class("vidlab-progress")
        self.error = widgets.HTML()
        self.lookback = widgets.IntSlider(
            0, 0, 0, description="look back", layout=WIDE, disabled=True
        )
        self.lookback.add_class("vidlab-lookback")
        self.moment = widgets.HTML()
        self.moment.add_class("vidlab-note")
        right = widgets.VBox(
            [
                self._question(), row, self.status, self.progress, self.error,
                self.curves, self.lookback, self.moment, self._tabs(),
            ]
        )  # fmt: skip
        right.add_class("vidlab-main")
        return right

    def _question(self) -> widgets.Widget:
        ask = self.recipe.predict_first
        self.ask_first = widgets.Checkbox(
            value=ask is not None and ask.required,
            description="predict first",
            indent=False,
            disabled=ask is not None and ask.required,
        )
        self.guess = widgets.RadioButtons(
            options=list(ask.choices) if ask else [], value=None, layout={"width": "max-content"}
        )
        self.verdict = widgets.HTML()
        self.question = widgets.VBox(
            [widgets.HTML(f"<b>{escape(ask.question)}</b>" if ask else ""), self.guess]
        )
        box = widgets.VBox([self.ask_first, self.question, self.verdict])
        box.add_class("vidlab-predict")
        box.layout.display = "flex" if ask else "none"
        return box

    def _tabs(self) -> widgets.Widget:
        self.changes = widgets.ToggleButtons(options=[], tooltip="what is done to the clip")
        self.changes.add_class("vidlab-changes")
        self.inside_bars, self.views = widgets.HTML(), widgets.HTML()
        self.paper_bars = widgets.HTML()
        self.runs = widgets.HTML(views.runs_table([]))
        self.compared = [
            widgets.Dropdown(options=[("-", 0)], description=text, layout={"width": "170px"})
            for text in ("compare", "with")
        ]
        self.difference = widgets.HTML()
        self.code = widgets.Textarea(layout={"width": "100%", "height": "190px"}, tooltip="code")
        self.code.add_class("vidlab-code")
        self.share = widgets.Text(
            description="share", layout={"width": "100%"}, continuous_update=False
        )
        self.share.add_class("vidlab-share")
        self.restore = widgets.Button(description="Restore", tooltip="Set the knobs from the text")
        self.restore.add_class("vidlab-restore")
        self.share_note = widgets.HTML()
        pages = {
            "clips": widgets.VBox([widgets.HTML(f"<p>{SHOWN}</p>"), self.clips]),
            "inside": widgets.VBox([self.changes, self.inside, self.inside_bars, self.views]),
            "draw": widgets.VBox([widgets.HTML(f"<p>{DRAWN}</p>"), self.paper, self.paper_bars]),
            "runs": widgets.VBox([self.runs, widgets.HBox(self.compared), self.difference]),
            "code": widgets.VBox(
                [
                    widgets.HTML("This cell repeats the last run without the panel:"),
                    self.code,
                    widgets.HTML("This text holds the knobs; paste one and press Restore:"),
                    widgets.HBox([self.share, self.restore]),
                    self.share_note,
                ]
            ),
        }
        self.tabs = widgets.Tab(list(pages.values()), titles=list(TABS.values()))
        self.tabs.add_class("vidlab-tabs")
        return self.tabs
