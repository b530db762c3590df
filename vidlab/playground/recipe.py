"""Recipes: generator functions with knobs."""

import base64
import binascii
import functools
import inspect
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from vidlab.playground.knobs import Knob, LiveValue, knobs_of
from vidlab.playground.running import Driver, Run

SHARE_PREFIX = "vidlab-1-"


@dataclass(frozen=True)
class Preset:
    """A named setting of some knobs.

    Attributes:
        name: what the menu shows.
        watch: one sentence: what to watch for.
        knobs: name -> value; all others get their defaults.
    """

    name: str
    watch: str
    knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PredictFirst:
    """A question that the learner answers before a run.

    Attributes:
        question: what will happen?
        choices: the possible answers.
        outcome: takes the ended Run and returns one of the choices, or any text: what happened.
        required: Train stays locked until there is an answer. Otherwise the learner may switch
            the question on.
    """

    question: str
    choices: Sequence[str]
    outcome: Callable[[Run], str]
    required: bool = False


class Recipe:
    """A generator function whose arguments are knobs; made by ``playground``.

    Call it as the function that it is; ``run`` it to its end; or ``show`` its panel.

    Attributes:
        name, title: of the recipe.
        knobs: name -> Knob.
        presets: what the panel's menu offers.
        predict_first: a question for the learner, or None.
    """

    def __init__(
        self,
        function: Callable[..., Iterator[Any]],
        title: str = "",
        presets: Sequence[Preset] = (),
        predict_first: PredictFirst | None = None,
    ) -> None:
        if not inspect.isgeneratorfunction(function):
            raise TypeError(
                f"{getattr(function, '__name__', function)} is no generator function: a recipe "
                "must `yield` after each step"
            )
        functools.update_wrapper(self, function)
        self.function = function
        self.name = function.__name__
        self.title = title or self.name.replace("_", " ")
        self.knobs: dict[str, Knob] = knobs_of(function)
        self.presets = tuple(presets)
        self.predict_first = predict_first
        for preset in self.presets:
            self.settings(preset.knobs)  # a preset with a mistake fails here, not at the click

    def settings(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Every knob's value: those that were chosen, checked, and defaults for the others.

        Raises:
            TypeError: a name that is no knob.
            ValueError: a value that its knob does not take.
        """
        unknown = [name for name in chosen if name not in self.knobs]
        if unknown:
            raise TypeError(
                f"{self.name} has no knob {unknown[0]!r}; its knobs are {', '.join(self.knobs)}"
            )
        return {
            name: knob.check(chosen[name]) if name in chosen else knob.default
            for name, knob in self.knobs.items()
        }

    def start(self, settings: Mapping[str, Any]) -> tuple[Iterator[Any], dict[str, LiveValue]]:
        """The generator for these settings (of all knobs), and the values that may be turned."""
        live = {n: LiveValue(settings[n]) for n, knob in self.knobs.items() if knob.live}
        return self.function(**{**settings, **live}), live

    def __call__(self, **chosen: Any) -> Iterator[Any]:
        """The plain generator, with defaults for the knobs that are not given."""
        return self.start(self.settings(chosen))[0]

    def run(self, *, max_steps: int | None = None, **chosen: Any) -> Run:
        """Run without a panel.

        Args:
            max_steps: stop after so many steps; by default run to the end.
            **chosen: values of knobs. A live one also takes {1: value, 37: other value}: from
                step 37 on the other value.

        Raises:
            TypeError, ValueError: an unknown knob or a wrong value, or a record that is not in
                order, see ``as_record``; and what the recipe raises.
            RuntimeError: the recipe ended without a step.
        """
        from vidlab.playground.worker import end_active

        end_active(f"{self.name}.run began")
        schedules = {
            name: {int(step): self.knobs[name].check(v) for step, v in value.items()}
            for name, value in chosen.items()
            if isinstance(value, Mapping) and name in self.knobs and self.knobs[name].live
        }
        for name, schedule in schedules.items():
            if 1 not in schedule:
                raise ValueError(f"{name}: say what it is at step 1, such as {{1: 0.01, 37: 0.1}}")
        firsts = {name: schedule[1] for name, schedule in schedules.items()}
        run = Run(self.name, self.settings({**chosen, **firsts}))
        driver = Driver(self, run)
        with closing(driver):
            while max_steps is None or run.num_steps < max_steps:
                for name, schedule in schedules.items():
                    if run.num_steps + 1 in schedule:
                        driver.turn(name, schedule[run.num_steps + 1])
                if not driver.advance():
                    break
        return run

    def code(self, run: Run) -> str:
        """A cell that repeats a run without the panel, changes of live knobs included."""
        lines = []
        for name, value in run.settings.items():
            changed = run.changes.get(name)
            if changed:
                value = {1: value} | dict(sorted(changed.items()))
            elif value == self.knobs[name].default and name != "framework":
                continue
            shown = json.dumps(value) if isinstance(value, str) else repr(value)
            lines.append(f"    {name}={shown},")
        if run.num_steps:
            lines.append(f"    max_steps={run.num_steps},")
        return "\n".join([f"run = {self.name}.run(", *lines, ")", "run"])

    def share(self, settings: Mapping[str, Any]) -> str:
        """A short text that ``restore`` turns into these settings again."""
        chosen = {n: v for n, v in settings.items() if v != self.knobs[n].default}
        packed = json.dumps([self.name, chosen], separators=(",", ":")).encode()
        return SHARE_PREFIX + base64.urlsafe_b64encode(zlib.compress(packed, 9)).decode()

    def restore(self, text: str) -> dict[str, Any]:
        """The settings in a share string.

        Raises:
            ValueError: the text is none, is damaged, belongs to another recipe, or names a knob
                or a value that this recipe does not have.
        """
        text = "".join(text.split())
        if not text.startswith(SHARE_PREFIX):
            raise ValueError(f"this is no share string: it should begin with {SHARE_PREFIX!r}")
        try:
            packed = base64.urlsafe_b64decode(text.removeprefix(SHARE_PREFIX))
            name, chosen = json.loads(zlib.decompress(packed))
        except (binascii.Error, zlib.error, ValueError) as error:
            raise ValueError("this share string is damaged; copy it again, whole") from error
        if name != self.name:
            raise ValueError(f"this share string belongs to {name!r}, this is {self.name!r}")
        try:
            return self.settings(chosen)
        except TypeError as error:
            raise ValueError(f"this share string is for another version: {error}") from error

    def show(self, *, examples: Mapping[str, Run] | None = None) -> None:
        """Show the panel, and a static picture of it for readers without a kernel.

        Args:
            examples: name -> Run, whose curves the picture holds.
        """
        from vidlab.playground.panel import show

        show(self, examples or {})

    def __repr__(self) -> str:
        return f"recipe {self.name}({', '.join(self.knobs)})"


def playground(
    *,
    title: str = "",
    presets: Sequence[Preset] = (),
    predict_first: PredictFirst | None = None,
) -> Callable[[Callable[..., Iterator[Any]]], Recipe]:
    """Make a recipe of a generator function: its arguments become knobs.

    The function yields ``Ready(...)`` once, when data and model are there, and then a
    ``StepRecord`` or a ``Record`` after each step.

    Args:
        title: the panel's heading; by default the function's name.
        presets: named settings. One should fail instructively.
        predict_first: a question that the learner answers before the run.

    Raises:
        TypeError: the function is no generator function; a knob has no default, or one that no
            control belongs to; a preset names a knob that does not exist.
        ValueError: a default or a preset's value that its knob does not take.
    """

    def decorate(function: Callable[..., Iterator[Any]]) -> Recipe:
        return Recipe(function, title, presets, predict_first)

    return decorate
