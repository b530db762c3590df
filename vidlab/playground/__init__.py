"""Live panels: turn a knob and watch a small model retrain.

A *recipe* is a generator function with knobs as arguments; ``playground`` makes one of it. Without
a panel it is ordinary code, see ``Recipe.run``. No framework is imported here.
"""

from vidlab.playground.classifying import classifier
from vidlab.playground.knobs import Choice, LiveValue, Range
from vidlab.playground.recipe import PredictFirst, Preset, Recipe, playground
from vidlab.playground.records import CHANGES, Confusion, OverTime, Picture, Ready, Record, Samples
from vidlab.playground.running import Run

__all__ = [
    "CHANGES",
    "Choice",
    "Confusion",
    "LiveValue",
    "OverTime",
    "Picture",
    "PredictFirst",
    "Preset",
    "Range",
    "Ready",
    "Recipe",
    "Record",
    "Run",
    "Samples",
    "classifier",
    "playground",
]
