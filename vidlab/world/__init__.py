"""Generated videos whose truth is known: coloured shapes that do one of ten actions.

``generate`` makes a set of clips, ``animate`` one along a path that somebody drew. The modules
behind them, in the order in which a clip is made: ``scene`` (what happens, and why one frame
cannot tell the action), ``backgrounds``, ``render`` (drawing), ``stage`` (a whole clip's picture),
``synthesis`` (its sound), ``captions``.

``SteerableWorld`` is a small world of its own, which keys steer (``steering``); ``Dream`` is a
network in its place (``dreaming``).
"""

from vidlab.world.animation import animate
from vidlab.world.backgrounds import PHOTOGRAPHS, TEXTURES
from vidlab.world.captions import VOCABULARY, captions_for, parse_caption
from vidlab.world.dreaming import Dream, dream
from vidlab.world.generation import FPS, SPLITS, generate
from vidlab.world.scene import (
    ACTIONS,
    PAIRS,
    SHAPES,
    acceptance_rates,
    partner,
    single_frame_bound,
)
from vidlab.world.stage import COLOR_VALUES, COLORS, DIFFICULTIES
from vidlab.world.steering import (
    KEYS,
    PALETTE,
    PALETTE_VALUES,
    Episodes,
    SteerableWorld,
    Transitions,
    colored,
    find_player,
    nearest_color,
    planes,
    steer,
)
from vidlab.world.synthesis import CLICK, RATE, height, loudness, pitch

__all__ = [
    "ACTIONS",
    "CLICK",
    "COLORS",
    "COLOR_VALUES",
    "DIFFICULTIES",
    "FPS",
    "KEYS",
    "PAIRS",
    "PALETTE",
    "PALETTE_VALUES",
    "PHOTOGRAPHS",
    "RATE",
    "SHAPES",
    "SPLITS",
    "TEXTURES",
    "VOCABULARY",
    "Dream",
    "Episodes",
    "SteerableWorld",
    "Transitions",
    "acceptance_rates",
    "animate",
    "captions_for",
    "colored",
    "dream",
    "find_player",
    "generate",
    "height",
    "loudness",
    "nearest_color",
    "parse_caption",
    "partner",
    "pitch",
    "planes",
    "single_frame_bound",
    "steer",
]
