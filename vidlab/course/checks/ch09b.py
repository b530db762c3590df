"""Checks of chapter 09b, next frames and a world to play in."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab import world
from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_shape,
    expect_unlike,
)
from vidlab.course.describe import as_array
from vidlab.world.steering import CELL


@exercise(
    "09b.errors",
    title="the error at each step",
    hints=(
        "uint8 cannot be negative: 3 - 5 is 254. Turn both into floats first.",
        "Square, take the mean over every axis but the steps, then the root.",
        "np.sqrt(((forecast.astype(float) - truth.astype(float)) ** 2).mean(axis=(0, 2, 3, 4)))",
    ),
)
def step_errors(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    count, steps = int(rng.integers(5, 8)), 4
    truth = rng.integers(40, 216, (count, steps, 6, 5, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, truth.shape) * (1 + np.arange(steps))[:, None, None, None] / 2
    noise *= rng.uniform(0.2, 1.5, (count, 1, 1, 1, 1))
    forecast = (truth + noise).clip(0, 255).astype(np.uint8)
    given = {"forecast": forecast, "truth": truth}
    got = as_array(answer(forecast, truth))  # a list of numbers will do
    expect_shape(
        got,
        (steps,),
        "there is one error for each step",
        given=given,
        hint="Axis 1 holds the steps. The mean goes over all others: axis=(0, 2, 3, 4).",
    )
    difference = forecast.astype(float) - truth.astype(float)
    squares = difference**2
    right = np.sqrt(squares.mean(axis=(0, 2, 3, 4)))
    wrapped = (forecast - truth).astype(float)
    expect_unlike(
        got,
        right,
        (
            (squares.mean(axis=(0, 2, 3, 4)), "That is the mean square. The root brings it back."),
            (
                np.sqrt((wrapped**2).mean(axis=(0, 2, 3, 4))),
                "uint8 cannot be negative: subtract floats.",
            ),
            (
                np.sqrt((((forecast - truth) ** 2).astype(float)).mean(axis=(0, 2, 3, 4))),
                "uint8 overflows: turn the frames into floats before you subtract and square.",
            ),
            (
                np.abs(difference).mean(axis=(0, 2, 3, 4)),
                "That is the mean absolute difference: square first, and take the root at the end.",
            ),
            (
                np.sqrt(squares.mean(axis=(2, 3, 4))).mean(axis=0),
                "First the mean over the clips too, then the root.",
            ),
            (right / 255, "In grey levels from 0 to 255, not in shares of 255."),
        ),
        "it is the root of the mean square",
        given=given,
    )
    expect_close(got, right, "it is the root of the mean square", given=given, rtol=1e-4)
    same = as_array(answer(truth, truth))
    expect_close(same, np.zeros(steps), "a perfect forecast has no error", given={"both": truth})


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


@exercise(
    "09b.convlstm",
    title="one step of a ConvLSTM",
    hints=(
        "np.split(gates, 4) gives the four maps in their order.",
        "Three gates are sigmoids, the new content is a tanh. The cell comes first, then hidden.",
        "cell = sigmoid(keep) * cell + sigmoid(write) * np.tanh(new); "
        "hidden = sigmoid(show) * np.tanh(cell)",
    ),
)
def convlstm_step(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    expect_callable(answer)
    channels, height, width = (int(n) for n in rng.permutation([2, 3, 4]))
    gates = rng.normal(0, 2, (4 * channels, height, width))
    cell = rng.normal(0, 1.5, (channels, height, width))
    given = {"gates": gates, "cell": cell}
    got = answer(gates, cell)
    expect(
        isinstance(got, tuple | list) and len(got) == 2,
        "the answer is a pair of maps",
        given=given,
        got=got,
        hint="Return hidden, cell.",
    )
    for name, maps in zip(("hidden", "cell"), got, strict=True):
        expect_shape(
            maps,
            cell.shape,
            f"{name} has the shape of the cell maps",
            given=given,
            hint="Each gate has C of the 4 C channels: np.split(gates, 4).",
        )
    write, keep, show, new = np.split(gates, 4)
    right_cell = sigmoid(keep) * cell + sigmoid(write) * np.tanh(new)
    right = sigmoid(show) * np.tanh(right_cell)
    interleaved = gates.reshape(channels, 4, height, width).swapaxes(0, 1)
    expect(
        not np.allclose(as_array(got[0]), right_cell),
        "hidden comes first",
        given=given,
        hint="Return hidden, cell: in this order.",
    )
    expect_unlike(
        got[1],
        right_cell,
        (
            (
                sigmoid(write) * cell + sigmoid(keep) * np.tanh(new),
                "write and keep have changed places: keep goes with the old cell.",
            ),
            (
                sigmoid(keep) * cell + sigmoid(write) * new,
                "The new content goes through a tanh.",
            ),
            (
                sigmoid(keep) * cell + sigmoid(write) * sigmoid(new),
                "The new content goes through a tanh, not a sigmoid.",
            ),
            (keep * cell + write * np.tanh(new), "The gates go through a sigmoid."),
            (
                sigmoid(interleaved[1]) * cell + sigmoid(interleaved[0]) * np.tanh(interleaved[3]),
                "The four results stand one below the other, in blocks of C: np.split(gates, 4).",
            ),
            (sigmoid(write) * np.tanh(new), "The old cell is kept in part: add sigmoid(keep) * c."),
        ),
        "the cell keeps and writes",
        given=given,
    )
    expect_close(got[1], right_cell, "the cell keeps and writes", given=given, atol=1e-5)
    expect_unlike(
        got[0],
        right,
        (
            (sigmoid(show) * np.tanh(cell), "hidden shows the new cell, not the old one."),
            (sigmoid(show) * right_cell, "The cell goes through a tanh before it is shown."),
            (np.tanh(right_cell), "The gate show is missing in hidden."),
        ),
        "hidden shows the new cell",
        given=given,
    )
    expect_close(got[0], right, "hidden shows the new cell", given=given, atol=1e-5)


@exercise(
    "09b.future",
    title="how far into the future",
    hints=(
        "One layer first: zero frames before the input push what is seen into the past.",
        "A kernel of k frames with p before it sees frames t - p to t - p + k - 1. Layers add up.",
        "return sum(k - 1 - p for k, p in zip(kernels, before))",
    ),
)
def frames_ahead(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    cases: list[tuple[list[int], list[int]]] = [([7, 4, 3], [1, 2, 1])]  # tells mistakes apart
    cases += [([3, 3], [2, 2]), ([3, 3], [1, 1]), ([5], [2])]
    for _ in range(5):
        kernels = [int(k) for k in rng.integers(1, 8, int(rng.integers(2, 5)))]
        cases.append((kernels, [int(rng.integers(0, k)) for k in kernels]))
    for kernels, before in cases:
        given = {"kernels": kernels, "before": before}
        right = latest_frame(kernels, before)
        got = answer(kernels, before)
        expect(
            as_array(got).ndim == 0,
            "the answer is one number",
            given=given,
            got=got,
            hint="Add up what the layers see ahead.",
        )
        each = [k - 1 - p for k, p in zip(kernels, before, strict=True)]
        expect_unlike(
            got,
            right,
            (
                (
                    sum(before),
                    "The frames padded before shift what is seen into the past; what stands "
                    "behind lets it look ahead.",
                ),
                (
                    sum(k - p for k, p in zip(kernels, before, strict=True)),
                    "A kernel of k frames spans k - 1 steps: minus 1 for each layer.",
                ),
                (max(each), "Each layer looks ahead of what the one before has seen: add them up."),
                (sum(k - 1 for k in kernels), "The zero frames before the input count: minus p."),
                (sum(k // 2 for k in kernels), 'That holds for "same" padding only.'),
                (-right, "The sign: frames in the future count as positive."),
            ),
            "output t depends on input frames up to t + n",
            given=given,
        )
        expect_close(got, right, "output t depends on input frames up to t + n", given=given)


def latest_frame(kernels: list[int], before: list[int]) -> int:
    """Found by trying: which input frame is the last one that moves an output."""
    length, place = 61, 30
    moved = np.zeros(length, bool)
    moved[place] = True  # which frames of a layer's output count, walked back to the input
    for kernel, padded in zip(reversed(kernels), reversed(before), strict=True):
        seen = np.zeros(length, bool)
        for t in np.flatnonzero(moved):
            seen[t - padded : t - padded + kernel] = True
        moved = seen
    return int(np.flatnonzero(moved)[-1]) - place


def true_walk(walls: np.ndarray, x: int, y: int, key: str) -> tuple[int, int]:
    """The rule, in cells."""
    dx, dy = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}.get(key, (0, 0))
    height, width = walls.shape
    if 0 <= x + dx < width and 0 <= y + dy < height and not walls[y + dy, x + dx]:
        return x + dx, y + dy
    return x, y


@exercise(
    "09b.walk",
    title="the rule of the world",
    hints=(
        "First where the key leads. Then whether one may stand there.",
        "walls has the row first: walls[y, x]. Look at the edge before you index.",
        "if 0 <= x + dx < width and 0 <= y + dy < height and not walls[y + dy, x + dx]: "
        "return x + dx, y + dy",
    ),
)
def walk(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    expect_callable(answer)
    walls = rng.random((8, 8)) < 0.3
    walls[0, 0] = walls[7, 7] = walls[0, 7] = walls[7, 0] = False
    walls[2, 5], walls[5, 2], walls[2, 4], walls[5, 4] = False, True, False, False
    open_floor = np.zeros((8, 8), bool)
    cases = [(open_floor, 3, 4, key) for key in world.KEYS]
    cases += [(walls, 4, 2, "right"), (walls, 2, 4, "down")]
    corners = ((0, 0, "left"), (0, 0, "up"), (7, 7, "right"), (7, 7, "down"))
    cases += [(walls, x, y, key) for x, y, key in corners]
    for _ in range(20):
        y, x = (int(n) for n in rng.choice(np.argwhere(~walls)))
        cases.append((walls, x, y, str(rng.choice(world.KEYS))))
    for grid, x, y, key in cases:
        given = {"walls": grid, "x": x, "y": y, "key": key}
        right = true_walk(grid, x, y, key)
        got = answer(grid, x, y, key)
        expect(
            isinstance(got, tuple | list | np.ndarray) and len(got) == 2,
            "the answer is x and y",
            given=given,
            got=got,
            hint="Return x, y, also where the player stays.",
        )
        place = (int(got[0]), int(got[1]))
        expect(
            place == right or place != right[::-1] or place == (x, y),
            "x is the column and comes first",
            given=given,
            expected=right,
            got=place,
            hint="x first, then y.",
        )
        expect(
            place == right or key not in ("up", "down") or place[1] - y != y - right[1],
            "rows are counted from the top",
            given=given,
            expected=right,
            got=place,
            hint="Up means a smaller y: row 0 is at the top.",
        )
        expect(
            0 <= place[0] < 8 and 0 <= place[1] < 8,
            "the edge stops the player",
            given=given,
            expected=right,
            got=place,
            hint="Check 0 <= x + dx < 8 and the same for y.",
        )
        wrapped = abs(place[0] - x) > 1 or abs(place[1] - y) > 1
        expect(
            not wrapped,
            "the player goes one cell at most",
            given=given,
            expected=right,
            got=place,
            hint="The edge stops the player; it does not come in at the other side, and it does "
            "not slide on.",
        )
        expect_equal(
            place,
            right,
            "walls stop the player, the floor does not",
            given=given,
            hint="walls[row, column] is walls[y, x], at the place where the key leads.",
        )


@exercise(
    "09b.planes",
    title="planes of zeros and ones",
    hints=(
        "frame[..., None] == np.arange(num_colors) makes the planes of one frame.",
        "The key's planes are as high and wide as the frame: zeros, and ones in plane number key.",
        "np.concatenate([*(f[..., None] == np.arange(num_colors) for f in frames), keys], axis=-1)",
    ),
)
def as_planes(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for history in (1, 2, 3):
        num_colors, num_keys = (int(n) for n in rng.choice(np.arange(3, 8), 2, replace=False))
        frames = rng.integers(0, num_colors, (history, 4, 6))
        key = int(rng.integers(1, num_keys))
        given = {"frames": frames, "key": key, "num_colors": num_colors, "num_keys": num_keys}
        colors = history * num_colors
        got = answer(frames, key, num_colors, num_keys)
        expect_shape(
            got,
            (4, 6, colors + num_keys),
            "the planes are last: history * num_colors + num_keys of them",
            given=given,
            hint="Each frame gives num_colors planes of the frame's height and width, stacked "
            "along the last axis.",
        )
        expect_dtype(got, np.float32, "the planes are float32", given=given, hint="astype(float32)")
        array = as_array(got)
        expect(
            bool(np.isin(array, (0, 1)).all()),
            "there are zeros and ones alone",
            given=given,
            hint="A plane says yes or no: the number of the colour stands nowhere.",
        )
        parts = [frame[..., None] == np.arange(num_colors) for frame in frames]
        newest_first = np.concatenate(parts[::-1], axis=-1)
        right = np.concatenate(parts, axis=-1)
        expect(
            np.array_equal(array[..., :colors], right)
            or not np.array_equal(array[..., :colors], newest_first),
            "the oldest frame comes first",
            given=given,
            hint="frames[0] is the oldest: its planes come first.",
        )
        expect(
            np.array_equal(array[..., :colors], right)
            or not np.array_equal(array[..., num_keys:], right),
            "the colours come before the keys",
            given=given,
            hint="First the colours of all frames, then the keys.",
        )
        by_color = np.stack(parts, axis=-1).reshape(4, 6, colors)
        expect(
            np.array_equal(array[..., :colors], right)
            or not np.array_equal(array[..., :colors], by_color),
            "the planes of one frame stand together",
            given=given,
            hint="All colours of the oldest frame, then all of the next one.",
        )
        expect_equal(
            array[..., :colors].astype(bool), right, "a plane is 1 where its colour is", given=given
        )
        expect_equal(
            array[..., colors:],
            np.broadcast_to(np.arange(num_keys) == key, (4, 6, num_keys)).astype(float),
            "the key's plane is 1 everywhere, the others 0",
            given=given,
            hint="keys = np.zeros((H, W, num_keys)); keys[..., key] = 1",
        )


def true_go_on(
    weights: np.ndarray, clips: np.ndarray, seen: int, *, clipped: bool = False
) -> np.ndarray:
    """The rollout of a weighted sum of three frames; if asked for, each clipped to [0, 1]."""
    frames = [clips[:, t] for t in range(seen)]
    while len(frames) < clips.shape[1]:
        frame = sum(w * f for w, f in zip(weights, frames[-3:], strict=True))
        frames.append(np.clip(frame, 0, 1) if clipped else frame)
    return np.stack(frames[seen:], axis=1)


@exercise(
    "09b.repair",
    title="repair the forecast",
    hints=(
        "Which frames of clips does the answer depend on? Only the first `seen` may matter.",
        "Go step by step, and put each new frame behind the frames that it was made from.",
        "frames = [clips[:, t] for t in range(seen)]; while there are too few: "
        "frames.append(sum(w * f for w, f in zip(weights, frames[-3:])))",
    ),
)
def repair(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    weights = rng.normal(0, 0.5, 3) + np.array([0, -0.3, 0.9])
    length, seen = int(rng.integers(8, 11)), int(rng.integers(3, 5))
    clips = rng.uniform(0, 1, (2, length, 3, 4))
    given = {"weights": weights, "clips": clips, "seen": seen}
    got = answer(weights, clips, seen)
    expect_shape(
        got,
        (2, length - seen, 3, 4),
        "there is a forecast for each frame from `seen` on",
        given=given,
        hint="Forecasts of frames seen to T - 1: T - seen of them, along axis 1.",
    )
    other = clips.copy()
    other[:, seen:] = rng.uniform(0, 1, other[:, seen:].shape)
    moved = np.abs(as_array(answer(weights, other, seen)) - as_array(got)).max(axis=(0, 2, 3))
    said = sum(w * clips[:, seen - 3 + k : length - 3 + k] for k, w in enumerate(weights))
    expect(
        moved.max() < 1e-9 or not np.allclose(as_array(got), said),
        "no forecast is fed the truth",
        given=given,
        hint="It no longer sees the frame that it foretells. But each forecast is still made from "
        "true frames, which nobody has yet: put the forecasts in their place.",
    )
    expect(
        moved[0] < 1e-9,
        "the first forecast does not see the future",
        given=given,
        hint="When frames from `seen` on change, the first forecast changes too. The padding of "
        "one frame on each side lets it see the frame that it foretells.",
    )
    expect(
        moved.max() < 1e-9,
        "no forecast depends on frames from `seen` on",
        given=given,
        hint="A later forecast still depends on true frames behind the first `seen`.",
    )
    right = true_go_on(weights, clips, seen)
    expect_unlike(
        got,
        right,
        (
            (true_go_on(weights[::-1], clips, seen), "weights[2] belongs to the newest frame."),
            (
                np.repeat(right[:, :1], length - seen, axis=1),
                "Every step makes a new frame: what it is made from must move on.",
            ),
            (right.clip(0, 1), "The weighted sum alone: do not clip it."),
            (
                true_go_on(weights, clips, seen, clipped=True),
                "The weighted sum alone: do not clip it.",
            ),
        ),
        "each frame is made of the three before it",
        given=given,
    )
    expect_close(got, right, "each frame is made of the three before it", given=given, atol=1e-7)


BAR = 0.9


@exercise(
    "09b.rules",
    title="the rules by hand",
    hints=(
        "Begin with a copy of `now` without player and ball. Then set each where it goes.",
        "The ball goes on as it went from `before` to `now`. Where a wall or the edge is in its "
        "way, it rolls back to where it was.",
        "Where the player was there is floor now: a coin under it is gone. The player is set last, "
        "as it is drawn over the ball.",
    ),
)
def rules(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    games = world.steer(40, 6, seed=int(rng.integers(1_000_000)))
    cells = games.frames[..., ::CELL, ::CELL].astype(int)
    player, ball = world.PALETTE.index("player"), world.PALETTE.index("ball")
    right: dict[str, list[bool]] = {"player": [], "ball": [], "picture": []}
    for frames, keys in zip(cells, games.actions, strict=True):
        for t in range(1, 6):
            given = {"before": frames[t - 1], "now": frames[t], "key": world.KEYS[keys[t]]}
            got = answer(frames[t - 1].copy(), frames[t].copy(), given["key"])
            expect_shape(
                got,
                (8, 8),
                "a picture of 8 x 8 cells comes back",
                given=given,
                hint="Return the whole picture, 8 x 8 numbers of colours.",
            )
            made, true = as_array(got), frames[t + 1]
            right["player"].append(np.array_equal(made == player, true == player))
            right["ball"].append(np.array_equal(made == ball, true == ball))
            right["picture"].append(np.array_equal(made, true))
    shares = {name: float(np.mean(found)) for name, found in right.items()}
    expect(
        shares["picture"] >= BAR,
        f"at least {BAR:.0%} of the pictures are exactly right",
        expected=f"{BAR:.0%}",
        got=f"{shares['picture']:.0%}",
        hint=_advice(shares),
    )


def _advice(shares: dict[str, float]) -> str:
    """What to look at first."""
    start = (
        f"Right are {shares['player']:.0%} of the players and {shares['ball']:.0%} of the balls. "
    )
    if shares["player"] < BAR:
        return start + "First the player: it stays where a wall or the edge stops it."
    if shares["ball"] < BAR:
        return start + "The ball goes on as it went, and rolls back from walls and edges."
    return start + "What else changes? Look at the cells that the player and the ball leave."
