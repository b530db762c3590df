"""Checks of chapter 09a, from understanding to generation."""

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


@exercise(
    "09a.on_the_way",
    title="on the way",
    hints=(
        "x is the noise at time 0 and the code at time 1. The velocity is the same at all times.",
        "time has the shape (N,), the codes (N, D): time[:, None] is (N, 1).",
        "return (1 - t) * noise + t * codes, codes - noise with t = time[:, None]",
    ),
)
def on_the_way(
    answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> None:
    expect_callable(answer)
    for count, width in ((5, 3), (4, 4)):  # the second one hides a missing [:, None]
        noise, codes = rng.normal(size=(2, count, width))
        time = rng.uniform(0.1, 0.9, count)
        given = {"noise": noise, "codes": codes, "time": time}
        got = answer(noise, codes, time)
        expect(
            isinstance(got, (tuple, list)) and len(got) == 2,
            "the answer is two arrays",
            given=given,
            got=got,
            hint="Return x, velocity.",
        )
        x, velocity = got
        t = time[:, None]
        right = (1 - t) * noise + t * codes
        expect_shape(x, right.shape, "x has the shape of the codes", given=given)
        expect_shape(velocity, right.shape, "so has the velocity", given=given)
        mistakes = [
            (t * noise + (1 - t) * codes, "Noise and code are swapped: noise stands at time 0."),
            (codes - noise, "Position first, then the velocity."),
        ]
        if count == width:
            mistakes.append(
                (
                    (1 - time) * noise + time * codes,
                    "Each row has a time of its own: time[:, None], or it goes along the columns.",
                )
            )
        expect_unlike(x, right, mistakes, "x lies on the line from noise to code", given=given)
        expect_close(x, right, "x lies on the line from noise to code", given=given, atol=1e-5)
        expect_unlike(
            velocity,
            codes - noise,
            [
                (noise - codes, "That goes from the code to the noise, backwards in time."),
                (codes - right, "That is the way that is left, and so it depends on the time."),
                (t * (codes - noise), "The velocity is the same all the way: no t in it."),
            ],
            "the velocity is code - noise",
            given=given,
        )
        expect_close(
            velocity, codes - noise, "the velocity is code - noise", given=given, atol=1e-5
        )


@exercise(
    "09a.euler",
    title="Euler's method",
    hints=(
        "Each step goes 1 / num_steps of the velocity at the place and time where it starts.",
        "The first step starts at time 0, the last one at (num_steps - 1) / num_steps.",
        "x = x + velocity(x, step / num_steps) / num_steps, for step in range(num_steps)",
    ),
)
def euler(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    noise = rng.normal(size=(4, 3))
    pull = rng.normal(size=(3, 3)) / 3
    num_steps = int(rng.integers(4, 8))
    times: list[float] = []

    def velocity(x: np.ndarray, t: float) -> np.ndarray:
        times.append(float(t))
        return np.asarray(x) @ pull + np.sin(3 * t)

    def run(when: Callable[[int], float], share: float = 1 / num_steps) -> np.ndarray:
        x = noise
        for step in range(num_steps):
            x = x + (x @ pull + np.sin(3 * when(step))) * share
        return x

    given = {"velocity": "x @ A + sin(3 t)", "noise": noise, "num_steps": num_steps}
    got = answer(velocity, noise.copy(), num_steps)
    expect_shape(got, noise.shape, "as many points come out as went in", given=given)
    expect(
        len(times) == num_steps,
        "the velocity is asked once per step",
        given=given,
        expected=num_steps,
        got=len(times),
        hint="Call velocity once in each step, at the place where the step begins.",
    )
    right = run(lambda step: step / num_steps)
    expect_unlike(
        got,
        right,
        [
            (
                run(lambda step: (step + 1) / num_steps),
                "The first step starts at time 0: step / num_steps, with step from 0.",
            ),
            (
                run(lambda step: 1 - step / num_steps),
                "Time runs the wrong way: it goes from 0, the noise, to 1.",
            ),
            (run(lambda step: step), "Time goes from 0 to 1: divide the step by num_steps."),
            (
                run(lambda step: step / num_steps, 1.0),
                "Each step goes 1 / num_steps of the way, not all of it.",
            ),
            (
                run(lambda step: step / max(num_steps - 1, 1)),
                "The last step starts before time 1: step / num_steps.",
            ),
        ],
        "it follows the velocity from time 0 to 1",
        given=given,
    )
    expect_close(got, right, "it follows the velocity from time 0 to 1", given=given, atol=1e-5)


@exercise(
    "09a.keep",
    title="leave combinations out",
    hints=(
        "A clip is left out if one of the combinations matches it in all facts that are not None.",
        "For one combination, begin with all True and take & with facts[:, column] == value.",
        "kept &= ~matches, after all columns of a combination",
    ),
)
def keep(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    facts = np.stack([rng.integers(0, n, 200) for n in (4, 3, 3)], axis=1)
    left_out: list[tuple[Any, ...]] = [(0, None, 2), (1, 1, None), (3, 2, 0)]
    none: list[tuple[Any, ...]] = []
    for combinations in (left_out, left_out[:1], none):
        given = {"facts": facts, "left_out": combinations}
        got = answer(facts.copy(), list(combinations))
        expect_shape(got, (200,), "there is one answer per clip", given=given)
        expect_dtype(got, "bool", "the answers are True or False", given=given)
        matches = np.array(
            [
                [all(v is None or v == f for f, v in zip(row, one, strict=True)) for row in facts]
                for one in combinations
            ]
        ).reshape(len(combinations), 200)
        some = np.array(
            [
                [any(v == f for f, v in zip(row, one, strict=True)) for row in facts]
                for one in combinations
            ]
        ).reshape(len(combinations), 200)
        right = ~matches.any(axis=0)
        found = as_array(got)
        if combinations:
            expect(
                not np.array_equal(found, ~right),
                "True means: train on it",
                given=given,
                hint="The other way round: True for the clips that may be trained on.",
            )
            expect(
                not np.array_equal(found, ~some.any(axis=0)) or np.array_equal(some, matches),
                "a single fact is not left out",
                given=given,
                hint="All facts of a combination must match. You left out clips with any of them.",
            )
            expect(
                len(combinations) == 1 or not np.array_equal(found, ~matches[-1]),
                "every combination counts",
                given=given,
                hint="Only the last combination counts: collect what all of them leave out.",
            )
        expect(
            not np.array_equal(found, ~np.zeros(200, bool)) or right.all(),
            "what matches a combination is left out",
            given=given,
            hint="Nothing was left out. None means any value: skip that column.",
        )
        expect_equal(found, right, "what matches a combination is left out", given=given)


@exercise(
    "09a.pitch",
    title="the pitch of a place",
    hints=(
        "The height goes from 0 at the lower edge (y = 1) to 1 at the upper edge (y = -1).",
        "height = (1 - y) / 2. From 200 to 1200 Hz is a factor of 6.",
        "200 * 6 ** ((1 - y) / 2)",
    ),
)
def pitch(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    y = np.concatenate([[-1.0, 1.0], rng.uniform(-1, 1, 6)])
    given = {"y": y}
    got = answer(y.copy())
    expect_shape(got, y.shape, "there is a pitch for each place", given=given)
    right = 200 * 6 ** ((1 - y) / 2)
    expect_unlike(
        got,
        right,
        [
            (200 * 6 ** ((1 + y) / 2), "y points down: the upper edge, y = -1, is the highest."),
            (200 + 500 * (1 - y), "Equal steps must be equal ratios: a power, not a sum."),
            (200 + 500 * (1 + y), "A power, not a sum; and y points down."),
            (200 * 6 ** (1 - y), "y goes from -1 to 1, which is a way of 2: halve it."),
            (200 * 1200 ** ((1 - y) / 2), "From 200 to 1200 is a factor of 6, not of 1200."),
        ],
        "200 Hz at the lower edge, 1200 Hz at the upper one",
        given=given,
        atol=1e-3,
    )
    expect_close(
        got, right, "200 Hz at the lower edge, 1200 Hz at the upper one", given=given, rtol=1e-4
    )


@exercise(
    "09a.repair",
    title="repair the mean of words",
    hints=(
        "mean(axis=1) divides by L, and adds the vectors of the padding.",
        "words != 0 says which words are there: (N, L). Multiply the vectors by that; divide by "
        "its sum.",
        "there = (words != 0)[:, :, None]; (table[words] * there).sum(axis=1) / "
        "np.maximum(there.sum(axis=1), 1)",
    ),
)
def repair(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    table = rng.normal(size=(9, 4))
    lengths = np.array([2, 5, 3])
    words = np.zeros((3, 6), int)
    for row, length in zip(words, lengths, strict=True):
        row[:length] = rng.integers(1, 9, length)
    words[0, 1] = words[0, 0]  # a word may come twice
    given = {"table": table, "words": words}
    got = answer(table.copy(), words.copy())
    expect_shape(got, (3, 4), "there is one row per sentence", given=given)
    there = (words != 0)[:, :, None]
    total = (table[words] * there).sum(axis=1)
    right = total / lengths[:, None]
    expect_unlike(
        got,
        right,
        [
            (table[words].mean(axis=1), "Padding still counts, in the sum and in the length."),
            (total / 6, "The padding is out of the sum, but you still divide by L."),
            (
                table[words].sum(axis=1) / lengths[:, None],
                "You divide by the right number, but the padding's vectors are in the sum.",
            ),
            (total, "That is the sum: divide by the number of words that are there."),
            (
                np.stack([table[np.unique(row[row != 0])].mean(axis=0) for row in words]),
                "A word that comes twice counts twice.",
            ),
        ],
        "it is the mean over the words that are there",
        given=given,
    )
    expect_close(got, right, "it is the mean over the words that are there", given=given, atol=1e-5)
    longer = np.pad(words, ((0, 0), (0, 4)))
    expect_close(
        answer(table, longer), right, "more padding changes nothing", given={"words": longer},
        atol=1e-5,
    )  # fmt: skip
    empty = as_array(answer(table, np.zeros((1, 3), int)))
    expect(
        bool(np.isfinite(empty).all()),
        "an empty sentence gives numbers",
        given={"words": np.zeros((1, 3), int)},
        got=empty,
        hint="No words: 0 / 0. Divide by np.maximum(count, 1).",
    )


BAR = 0.85


@exercise(
    "09a.describe",
    title="understand a path",
    hints=(
        "Compare the mean of the last frames with that of the first: of x, of y, of the radius. A "
        "change of the radius by a quarter or more means grow or shrink.",
        "An orbit walks far and arrives near: compare the length of the path with the distance of "
        "its ends.",
        "The sign of dx[:-1] * dy[1:] - dy[:-1] * dx[1:], added up, tells the sense of rotation; "
        "above 0 is clockwise, since y points down.",
    ),
)
def describe(answer: Callable[[np.ndarray], str], rng: np.random.Generator) -> None:
    expect_callable(answer)
    clips = world.generate(
        80, size=32, num_shapes=1, sound=False, split="test", seed=int(rng.integers(1_000_000))
    )
    tracks = [clips.attributes[name] for name in ("x", "y", "radius_t")]
    paths = np.stack(tracks, axis=2) + rng.normal(0, 0.02, (80, 16, 3))
    said = []
    for path in paths:
        got = answer(path.copy())
        expect(
            isinstance(got, str) and got in clips.class_names,
            "the answer is one of the eight actions",
            given={"path": path},
            got=got,
            hint=f"Return one of: {', '.join(clips.class_names)}.",
        )
        said.append(got)
    truth = [clips.class_names[label] for label in clips.labels]
    right = np.array([one == other for one, other in zip(said, truth, strict=True)])
    mixed = {
        (wanted, got): sum(s == got and t == wanted for s, t in zip(said, truth, strict=True))
        for wanted, got in {(t, s) for s, t in zip(said, truth, strict=True) if s != t}
    }
    expect(
        bool(right.mean() >= BAR),
        f"at least {BAR:.0%} of 80 fresh clips are named",
        expected=f"{BAR:.0%}",
        got=f"{right.mean():.0%}",
        hint=_advice(mixed),
    )


def _advice(mixed: dict[tuple[str, str], int]) -> str:
    """What to say to the most frequent mistake."""
    if not mixed:
        return ""
    wanted, got = max(mixed, key=lambda pair: mixed[pair])
    start = f"Most often, {wanted} is called {got}. "
    vertical, turning = {"up", "down"}, {"clockwise", "anticlockwise"}
    if {wanted, got} <= vertical:
        return start + "y points down: falling means that y grows."
    if {wanted, got} <= turning:
        return start + "y points down, which turns the sense of rotation round."
    if wanted in turning:
        return start + "An orbit walks far and arrives near: compare both."
    if wanted in ("grow", "shrink"):
        return start + "Look at the radius before you look at the place."
    return start + "Print the paths of a few such clips, and what you compute from them."
