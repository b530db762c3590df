"""What a clip of the world shows: states, the ten actions as paths, and a proof about frames.

Everything here is measured in widths of the picture (0 to 1, y downwards), so that one scene can
be drawn at any size.

A clip shows one shape, or a pair of shapes that are alike and act together. One frame of it is a
**state** of six numbers:

    X, Y        the midpoint of the pair (or the one shape's centre)
    AXIS        the angle of the line through the two centres, 0 to pi; no action changes it
    GAP         the virtual gap between the shapes; below 0 they touch and the shown gap is 0
    LOG_RADIUS  log of the radius of the circle whose area the shape has
    PHASE       where on its orbit the midpoint is; it cannot be seen in a frame

**An action adds the same amount to a coordinate in every frame**: left and right to X, up and
down to Y, grow and shrink to LOG_RADIUS, meet and part to GAP, clockwise and anticlockwise to
PHASE (which carries X and Y along on a circle).

Why one frame cannot tell the action
------------------------------------
Let S be the set of states that ``inside`` accepts, q the uniform distribution on S. ``sample``
draws a state from q, follows the action from it, and accepts the path if all its T states are in
S. Let Z_a be the probability of that for action a, and p_{a,t} the distribution of frame t of the
accepted paths.

1. The map from frame 0 to frame t preserves volume: it adds a constant, and for the orbit
   (x, y, phase) -> (x + r cos(phase + d) - r cos(phase), y + r sin(phase + d) - r sin(phase),
   phase + d) the Jacobian determinant is 1. So p_{a,t} is uniform on a part of S, and that part
   has the volume Z_a of S's. Hence p_{a,t} <= q / Z_a everywhere.
2. A classifier of K equally frequent actions that sees one state is right with probability
   sum_a 1/K * integral over its region R_a of p_{a,t} <= 1/K * max_a(1/Z_a) * integral of q
   = max_a(1/Z_a) / K.
3. Shape, colour, background, camera drift, noise, brightness and distractors are drawn
   independently of the action, and each has one distribution for all frame indices (or is the
   same in all frames). A frame is a function of the state and of these. So a classifier that
   sees the frame (of a known shape: S depends on it) can do no better: its accuracy is at most
   the mean over the shapes of max_a(1/Z_a) / K.
4. right, down, anticlockwise, shrink and part are the paths of left, up, clockwise, grow and
   meet backwards in time, so their Z is the same, and what a clip's frames show without their
   order has exactly the same distribution for both actions of a pair.

``acceptance_rates`` estimates the Z_a, ``single_frame_bound`` the bound. The bound is for all ten
actions; among few actions one frame says more (left against right: where a clip starts).
"""

from collections.abc import Sequence

import numpy as np

PAIRS = (
    ("left", "right"),
    ("up", "down"),
    ("clockwise", "anticlockwise"),
    ("grow", "shrink"),
    ("meet", "part"),
)
ACTIONS = tuple(action for pair in PAIRS for action in pair)
ACTIONS_OF_ONE = ACTIONS[:8]
SHAPES = ("circle", "square", "triangle")

X, Y, AXIS, GAP, LOG_RADIUS, PHASE = range(6)

# What an action does over a whole clip, however many frames it has.
TRAVEL = 0.25
ORBIT_RADIUS = 0.075
GROWTH = 1.38
CLOSING = 0.14

RADIUS_RANGE = (0.057, 0.144)
# A meeting pair starts at a gap of at least CLOSING + GAP_RANGE[0] = 0.05: it visibly closes in.
GAP_RANGE = (-0.09, 0.265)
# A pair has room as if its gap were a quarter of the way wider than shown. This trades a little
# of the rates of left and up, which have some to spare, for those of meet and part.
ROOM_TO_PART = 0.25

# Half the side of a square, and the distance of a triangle's corners from its centroid, in radii:
# all three shapes have the area of the circle, so that no shape is given away by its area.
SQUARE_HALF = np.sqrt(np.pi) / 2
TRIANGLE_CORNER = np.sqrt(4 * np.pi / (3 * np.sqrt(3)))

# How far each shape reaches from its centre to the left, right, top and bottom, in radii.
REACH = np.array(
    [
        [1.0, 1.0, 1.0, 1.0],
        [SQUARE_HALF, SQUARE_HALF, SQUARE_HALF, SQUARE_HALF],
        [
            TRIANGLE_CORNER * np.sqrt(3) / 2,
            TRIANGLE_CORNER * np.sqrt(3) / 2,
            TRIANGLE_CORNER,
            TRIANGLE_CORNER / 2,
        ],
    ]
)

_BASES = {base: base for base, _ in PAIRS} | {partner: base for base, partner in PAIRS}
_PARTNERS = dict(PAIRS) | {partner: base for base, partner in PAIRS}
_CANDIDATES = 32


def partner(action: str) -> str:
    """The action that is ``action`` backwards in time."""
    return _PARTNERS[action]


def base_action(action: str) -> str:
    """The first action of the pair that ``action`` belongs to."""
    return _BASES[action]


def contact_distance(shape: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Distance of the centres of two touching shapes, in radii.

    Two copies of a convex shape K touch when one centre, seen from the other, is on the border of
    K - K: a circle of radius 2, a square of twice the side, or a regular hexagon with corners at
    the multiples of 60 degrees.

    Args:
        shape: indices into ``SHAPES``.
        axis: angle of the line through the centres, in radians. Broadcasts with ``shape``.
    """
    cos, sin = np.abs(np.cos(axis)), np.abs(np.sin(axis))
    square = 2 * SQUARE_HALF / np.maximum(cos, sin)
    apothem = 1.5 * TRIANGLE_CORNER
    sixths = np.pi * np.array([1, 3, 5]) / 6
    hexagon = apothem / np.abs(np.cos(axis[..., None] - sixths)).max(axis=-1)
    return np.choose(shape, [np.full(axis.shape, 2.0), square, hexagon])


def half_offset(
    states: np.ndarray, shape: np.ndarray, extra_gap: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The vector (x, y) from a pair's midpoint to the centre of its second shape.

    Args:
        states: (..., 6).
        shape: indices into ``SHAPES``, broadcasting with (...).
        extra_gap: how far to go from the shown gap to the widest, 0 to 1.
    """
    gap = np.maximum(states[..., GAP], 0.0)
    gap = gap + extra_gap * (GAP_RANGE[1] - gap)
    axis = states[..., AXIS]
    touching = contact_distance(shape, axis) * np.exp(states[..., LOG_RADIUS])
    half = (touching + gap) / 2
    return half * np.cos(axis), half * np.sin(axis)


def inside(states: np.ndarray, shape: np.ndarray, num_shapes: int) -> np.ndarray:
    """Which states are in S: radius and gap within their ranges, everything in the picture.

    Args:
        states: (..., 6).
        shape: indices into ``SHAPES``, broadcasting with (...).
        num_shapes: 1 or 2.

    Returns:
        Booleans (...).
    """
    log_radius = states[..., LOG_RADIUS]
    low, high = np.log(RADIUS_RANGE)
    ok = (log_radius >= low) & (log_radius <= high)
    reach = REACH[shape] * np.exp(log_radius)[..., None]
    across: np.ndarray | float = 0.0
    along: np.ndarray | float = 0.0
    if num_shapes == 2:
        ok &= (states[..., GAP] >= GAP_RANGE[0]) & (states[..., GAP] <= GAP_RANGE[1])
        offset_x, offset_y = half_offset(states, shape, extra_gap=ROOM_TO_PART)
        across, along = np.abs(offset_x), np.abs(offset_y)
    ok &= states[..., X] - across - reach[..., 0] >= 0
    ok &= states[..., X] + across + reach[..., 1] <= 1
    ok &= states[..., Y] - along - reach[..., 2] >= 0
    return ok & (states[..., Y] + along + reach[..., 3] <= 1)


def states_from(uniform: np.ndarray) -> np.ndarray:
    """States spread evenly over a box around S, from numbers spread evenly over [0, 1)."""
    low = np.array([0, 0, 0, GAP_RANGE[0], np.log(RADIUS_RANGE[0]), 0])
    high = np.array([1, 1, np.pi, GAP_RANGE[1], np.log(RADIUS_RANGE[1]), 2 * np.pi])
    return low + (high - low) * uniform


def follow(action: str, start: np.ndarray, num_frames: int) -> np.ndarray:
    """The path of ``action`` from a state at frame 0.

    Args:
        action: the first action of one of ``PAIRS``.
        start: states (..., 6).
        num_frames: T.

    Returns:
        States (..., T, 6).
    """
    path = np.repeat(start[..., None, :], num_frames, axis=-2)
    progress = np.linspace(0.0, 1.0, num_frames)
    if action == "left":
        path[..., X] -= TRAVEL * progress
    elif action == "up":
        path[..., Y] -= TRAVEL * progress
    elif action == "grow":
        path[..., LOG_RADIUS] += np.log(GROWTH) * progress
    elif action == "meet":
        path[..., GAP] -= CLOSING * progress
    else:
        # A full turn in num_frames steps: frame T would show frame 0 again, so the clip loops.
        # y points down, so a growing angle goes clockwise.
        phase = path[..., PHASE]
        turned = phase + 2 * np.pi * (num_frames - 1) / num_frames * progress
        path[..., X] += ORBIT_RADIUS * (np.cos(turned) - np.cos(phase))
        path[..., Y] += ORBIT_RADIUS * (np.sin(turned) - np.sin(phase))
        path[..., PHASE] = turned
    return path


def sample(
    action: str,
    shape: np.ndarray,
    generators: Sequence[np.random.Generator],
    num_shapes: int,
    num_frames: int,
) -> np.ndarray:
    """Draw one path of ``action`` per generator, as the module's docstring says.

    Args:
        action: the first action of one of ``PAIRS`` (turn the path round for its partner).
        shape: (n,) indices into ``SHAPES``.
        generators: n random generators; each path depends on its own generator alone.
        num_shapes: 1 or 2.
        num_frames: T.

    Returns:
        States (n, T, 6).
    """
    paths = np.empty((len(generators), num_frames, 6))
    pending = np.arange(len(generators))
    while pending.size:
        uniform = np.stack([generators[int(i)].random((_CANDIDATES, 6)) for i in pending])
        candidates = follow(action, states_from(uniform), num_frames)
        in_picture = inside(candidates, shape[pending, None, None], num_shapes)
        accepted: np.ndarray = np.asarray(in_picture.all(axis=-1))
        found = accepted.any(axis=1)
        first = accepted.argmax(axis=1)
        paths[pending[found]] = candidates[found, first[found]]
        pending = pending[~found]
    return paths


def acceptance_rates(
    num_shapes: int = 2, num_frames: int = 16, num_samples: int = 40_000, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Estimate Z_a, the share of states in S from which an action's whole path stays in S.

    Args:
        num_shapes: 1 or 2 (1: without meet and part).
        num_frames: T.
        num_samples: random states per shape, about a third of which are in S.
        seed: of the random states.

    Returns:
        shape -> action -> rate, with a standard error of about 0.005 by default.
    """
    rng = np.random.default_rng(seed)
    rates: dict[str, dict[str, float]] = {}
    for index, name in enumerate(SHAPES):
        shape = np.array(index)
        states = states_from(rng.random((num_samples, 6)))
        states = states[inside(states, shape, num_shapes)]
        rates[name] = {}
        for base, backwards in PAIRS[: 5 if num_shapes == 2 else 4]:
            stays = inside(follow(base, states, num_frames), shape, num_shapes).all(axis=-1)
            rates[name][base] = rates[name][backwards] = float(stays.mean())
    return rates


def single_frame_bound(num_shapes: int = 2, num_frames: int = 16) -> float:
    """The accuracy that no classifier of a single frame can exceed, over all actions.

    The mean over the shapes of max_a(1 / Z_a) / K, proved in this module's docstring.
    """
    rates = acceptance_rates(num_shapes, num_frames)
    num_actions = len(rates["circle"])
    return float(np.mean([1 / min(of_shape.values()) for of_shape in rates.values()]) / num_actions)
