"""Checks of chapter 03, lstm_sequences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_shape,
    expect_type,
)


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


@exercise(
    "03.frame_difference",
    title="what changed",
    hints=(
        "Two slices of the clip: all frames but the first, and all frames but the last.",
        "uint8 cannot hold negative numbers. Take the difference in a type that can.",
        "np.abs(clip[1:].astype(np.int16) - clip[:-1]).astype(np.uint8)",
    ),
)
def frame_difference(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    shape = (int(rng.integers(4, 8)), *(int(n) for n in rng.choice(np.arange(4, 9), 2, False)), 3)
    clip = rng.integers(0, 256, shape, dtype=np.uint8)
    got = answer(clip)
    expect_shape(
        got,
        (shape[0] - 1, *shape[1:]),
        "there is one difference less than frames",
        given=clip,
        hint="T frames have T - 1 neighbours in time. Time is the first axis.",
    )
    expect_dtype(got, "uint8", "the result is uint8", given=clip)
    wrapped = clip[1:] - clip[:-1]
    expect(
        not np.array_equal(got, wrapped),
        "a pixel that gets darker changes as much as one that gets brighter",
        given=clip,
        hint="Your differences wrapped around: 3 - 5 gave 254. Convert to a signed type first.",
    )
    wanted = np.abs(clip[1:].astype(int) - clip[:-1]).astype(np.uint8)
    expect_equal(got, wanted, "each number is the size of the change", given=clip)


@exercise(
    "03.rnn_step",
    title="one step of an RNN",
    hints=(
        "Three terms inside, tanh outside.",
        "W @ x is a matrix times a vector; W * x is something else.",
        "np.tanh(W @ x + U @ h + b)",
    ),
)
def rnn_step(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    size, hidden = (int(n) for n in rng.choice(np.arange(3, 9), 2, replace=False))
    x, h, b = (rng.normal(size=n) for n in (size, hidden, hidden))
    W, U = rng.normal(size=(hidden, size)), rng.normal(size=(hidden, hidden))
    given = {"x": x, "h": h, "W": W, "U": U, "b": b}
    got = answer(x, h, W, U, b)
    expect_shape(got, (hidden,), "there is one number per hidden unit", given=given)
    linear = W @ x + U @ h + b
    expect(
        not np.allclose(got, linear),
        "tanh bends the result",
        given=given,
        hint="The sum is right. Now apply tanh to all of it.",
    )
    expect(
        not np.allclose(got, np.tanh(W @ x + b)),
        "the state before counts",
        given=given,
        hint="Your step forgets h. Without U @ h it is a layer without memory.",
    )
    expect(
        not np.allclose(got, np.tanh(W @ x + U.T @ h + b)),
        "U is not transposed",
        given=given,
        hint="h @ U is U.T @ h. Write U @ h.",
    )
    expect_close(got, np.tanh(linear), "the new state is right", given=given)


@exercise(
    "03.lstm_step",
    title="what the gates do",
    hints=(
        "The cell first: a part of the old one, and a part of what could be written.",
        "c_new = f * c + i * g. The hidden state shows a part of tanh(c_new).",
        "c = f * c + i * g; return c, o * np.tanh(c)",
    ),
)
def lstm_step(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    expect_callable(answer)
    size = int(rng.integers(3, 8))
    c, g = rng.normal(size=size) * 2, np.tanh(rng.normal(size=size))
    i, f, o = (sigmoid(rng.normal(size=size)) for _ in range(3))
    given = {"c": c, "i": i, "f": f, "g": g, "o": o}
    got = answer(c, i, f, g, o)
    expect_type(got, (tuple, list), "the answer is a pair (c, h)", given=given)
    expect(len(got) == 2, "the answer is a pair (c, h)", given=given, got=f"{len(got)} values")
    new_c = f * c + i * g
    expect_shape(got[0], (size,), "c has one number per unit", given=given)
    expect(
        not np.allclose(got[0], i * c + f * g),
        "f keeps and i writes",
        given=given,
        hint="You exchanged the gates: the forget gate f multiplies the old cell.",
    )
    expect_close(got[0], new_c, "the new cell is f c + i g", given=given)
    expect(
        not np.allclose(got[1], o * new_c),
        "the cell passes through tanh before it is shown",
        given=given,
        hint="h = o * tanh(c), not o * c: without tanh the state could grow without bound.",
    )
    expect(
        not np.allclose(got[1], o * np.tanh(c)),
        "the hidden state shows the new cell",
        given=given,
        hint="You used the old c for h. Compute the new cell first, then h from it.",
    )
    expect_close(got[1], o * np.tanh(new_c), "the new hidden state is o tanh(c)", given=given)


@exercise(
    "03.lstm_parameters",
    title="count",
    hints=(
        "What does one gate need? A matrix for the input, one for the state, and a bias.",
        "There are three gates and the candidate g, all of the same size: four times the same.",
        "4 * hidden_size * (input_size + hidden_size + 1)",
    ),
)
def lstm_parameters(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for _ in range(4):
        size, hidden = (int(n) for n in rng.choice(np.arange(2, 200), 2, replace=False))
        given = f"input_size={size}, hidden_size={hidden}"
        got = answer(size, hidden)
        one = hidden * (size + hidden + 1)
        expect(
            got != one,
            "four blocks are counted",
            given=given,
            hint="You counted one gate. i, f, g and o have the same size.",
        )
        expect(
            got != 3 * one,
            "the candidate g is counted as well",
            given=given,
            hint="Three gates, and g: it has its own W, U and b.",
        )
        expect(
            got != 4 * hidden * (size + hidden),
            "the biases are counted",
            given=given,
            hint="Each of the four has a bias vector with one number per unit.",
        )
        expect(
            got != 4 * hidden * (size + hidden + 2),
            "one bias vector per gate",
            given=given,
            hint="Two biases per gate is PyTorch's way. Count one.",
        )
        expect_equal(got, 4 * one, "the number of parameters is right", given=given)


@exercise(
    "03.masked_mean",
    title="the mean of what is real",
    hints=(
        "Each sequence ends at its own length. Divide by that length, not by T.",
        "0 * NaN is NaN: cut the padding off, or use np.where, before you add up.",
        "np.stack([s[:n].mean(axis=0) for s, n in zip(states, lengths)])",
    ),
)
def masked_mean(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    count, steps, size = 5, 7, 3
    lengths = rng.permutation(np.array([1, 2, 4, 6, steps]))
    states = rng.normal(size=(count, steps, size)) + 1
    real = np.arange(steps) < lengths[:, None]
    zeros = np.where(real[..., None], states, 0.0)
    wanted = zeros.sum(axis=1) / lengths[:, None]
    given = {"states": zeros, "lengths": lengths}
    got = answer(zeros, lengths)
    expect_shape(got, (count, size), "one vector per sequence", given=given)
    expect(
        not np.allclose(got, zeros.mean(axis=1)),
        "short sequences are divided by their own length",
        given=given,
        hint="You took the mean over all T steps. Padding makes short sequences too small.",
    )
    expect_close(got, wanted, "the mean over the real steps is right", given=given)
    noisy = np.where(real[..., None], states, 1e6)
    expect_close(
        answer(noisy, lengths),
        wanted,
        "what stands in the padding does not matter",
        given={"states": noisy, "lengths": lengths},
        hint="The padding got into your sum. Leave out the steps behind each length.",
    )
    broken = np.where(real[..., None], states, np.nan)
    expect_close(
        answer(broken, lengths),
        wanted,
        "NaN in the padding does not matter",
        given={"states": broken, "lengths": lengths},
        hint="0 times NaN is NaN. Cut the padding off, or replace it with np.where before adding.",
    )


@exercise(
    "03.split_by_source",
    title="a split without a lie",
    hints=(
        "Draw sources, not clips. A clip goes where its source goes.",
        "np.unique gives the sources; permute them, take some, and use np.isin.",
        "held = np.isin(sources, chosen); return np.flatnonzero(~held), np.flatnonzero(held)",
    ),
)
def split_by_source(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_sources = int(rng.integers(10, 20))
    names = [f"video_{n}" for n in rng.permutation(100)[:num_sources]]
    sources = [name for name in names for _ in range(int(rng.integers(3, 7)))]
    sources = [sources[n] for n in rng.permutation(len(sources))]
    given = {"sources": sources, "seed": 0}
    splits = []
    for seed in range(6):
        got = answer(sources, seed)
        expect_type(got, (tuple, list), "the answer is a pair (train, test)", given=given)
        expect(len(got) == 2, "the answer is a pair (train, test)", given=given)
        train, test = (np.asarray(part) for part in got)
        expect(
            all(np.issubdtype(part.dtype, np.integer) for part in (train, test)),
            "both are arrays of indices",
            given=given,
            hint="Return indices (integers), for example with np.flatnonzero, not names or a mask.",
        )
        together = np.sort(np.concatenate([train, test]))
        expect(
            np.array_equal(together, np.arange(len(sources))),
            "every clip is in exactly one of the two",
            given=given,
            hint="Every clip of a source belongs to the same side, and no clip may get lost.",
        )
        both = {sources[n] for n in train} & {sources[n] for n in test}
        expect(
            not both,
            "no source is in both",
            given=given,
            got=f"{len(both)} sources in both",
            hint="You split the clips. Split the sources: overlapping windows must stay together.",
        )
        share = len(test) / len(sources)
        expect(
            0.1 <= share <= 0.5,
            "between 10 % and 50 % of the clips are test clips",
            given=given,
            got=f"{share:.0%}",
            hint="Sources have different numbers of clips. Count clips, not sources; aim for about "
            "a third.",
        )
        splits.append(tuple(np.sort(test)))
    expect(
        len(set(splits)) > 1,
        "another seed gives another split",
        given=given,
        hint="Use the seed: np.random.default_rng(seed).permutation(...).",
    )
    expect(
        tuple(np.sort(np.asarray(answer(sources, 0)[1]))) == splits[0],
        "the same seed gives the same split",
        given=given,
        hint="Draw from np.random.default_rng(seed) and from nothing else.",
    )


@exercise(
    "03.repair",
    title="repair this snippet",
    hints=(
        "PyTorch's LSTM has an option that says which axis is time. What is its default?",
        "By default the layer reads (T, N, D): it took your clips for time steps.",
        "nn.LSTM(features.shape[2], hidden_size, batch_first=True), and states[:, -1]",
    ),
)
def repair(answer: Callable[..., Any], rng: np.random.Generator) -> None:
    import torch

    def as_array(states: Any) -> np.ndarray:
        return np.asarray(states.detach() if hasattr(states, "detach") else states)

    expect_callable(answer)
    features = torch.from_numpy(rng.normal(size=(4, 6, 3)).astype(np.float32))
    given = {"features": features}
    got = answer(features)
    expect_shape(got, (4, 5), "there is one state per clip", given=given)
    got = as_array(got)
    changed = features.clone()
    changed[0] += 1
    again = as_array(answer(changed))
    expect(
        np.allclose(got[1:], again[1:], atol=1e-6),
        "a clip's state does not depend on the other clips",
        given="the same clips, the first one changed",
        hint="The layer took the clips for time steps. Which axis does it expect to be time?",
    )
    swapped = features.clone()
    swapped[:, :2] = features[:, :2].flip(1)
    expect(
        not np.allclose(got, as_array(answer(swapped)), atol=1e-7),
        "the order of the frames counts",
        given="two frames of each clip exchanged",
        hint="Your answer is the same for other orders of the frames. Keep the LSTM, and its last "
        "state.",
    )
    torch.manual_seed(0)
    layer = torch.nn.LSTM(3, 5, batch_first=True)
    expect_close(
        got,
        layer(features)[0][:, -1].detach().numpy(),
        "it is the state after the last frame",
        atol=1e-5,
        given=given,
        hint="With batch_first=True the states are (N, T, H). Take the last step: states[:, -1].",
    )


@exercise(
    "03.six_motions",
    title="six motions",
    hints=(
        "Where is the shape in the first frames, where in the last? How large is it?",
        "The background is plain: pixels that differ from its colour belong to the shape.",
        "Compare the mean column, the mean row and the number of these pixels, first against last.",
    ),
)
def six_motions(answer: Callable[..., str], rng: np.random.Generator) -> None:
    from vidlab import world

    expect_callable(answer)
    names = ("left", "right", "up", "down", "grow", "shrink")
    clips = world.generate(
        60, size=32, num_shapes=1, actions=names, sound=False, split="test",
        seed=int(rng.integers(2**31)),
    )  # fmt: skip
    got = [answer(clip) for clip in clips.frames]
    expect(
        all(isinstance(name, str) and name in names for name in got),
        "every answer is one of the six names",
        given="60 clips",
        got=str(sorted({str(name) for name in got})[:6]),
        hint='Return a string: "left", "right", "up", "down", "grow" or "shrink".',
    )
    truth = [clips.class_names[label] for label in clips.labels]
    right = float(np.mean([a == b for a, b in zip(got, truth, strict=True)]))
    turned = [world.partner(name) for name in truth]
    swapped = float(np.mean([a == b for a, b in zip(got, turned, strict=True)]))
    expect(
        swapped < 0.5,
        "the direction is right",
        given="60 clips",
        got=f"{swapped:.0%} are the partner",
        hint="You name the opposite. Columns grow to the right, rows grow downwards.",
    )
    sizes = [n for n, name in enumerate(truth) if name in ("grow", "shrink")]
    sized = float(np.mean([got[n] == truth[n] for n in sizes])) if sizes else 1.0
    expect(
        right >= 0.8 or sized >= 0.5,
        "growing and shrinking are seen",
        given="60 clips",
        got=f"{sized:.0%} of grow and shrink are right",
        hint="Does your function look at the size? Count the shape's pixels, first against last.",
    )
    expect(
        right >= 0.8,
        "at least 80 % of fresh clips are right",
        given="60 clips",
        got=f"{right:.0%}",
        hint="Print the clips that you get wrong, and show them with display.filmstrip.",
    )
