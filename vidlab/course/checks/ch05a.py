"""Checks of chapter 05a, attention."""

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
    expect_type,
)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@exercise(
    "05a.encode",
    title="from words to numbers",
    hints=(
        "A dictionary from word to place makes the look-up short.",
        "enumerate(words) gives each place with its word; dict.get has a second argument.",
        "[numbers.get(word, 1) for word in sentence.split()]",
    ),
)
def encode(answer: Callable[..., list[int]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    known = [str(word) for word in rng.permutation(["red", "blue", "circle", "moves", "left"])]
    words = ["<pad>", "<unk>", *known]
    sentence = f"{known[0]} {known[3]} {known[0]} {known[4]}"
    got = answer(sentence, words)
    expect_type(got, (list, tuple, np.ndarray), "the answer is a list of numbers", given=sentence)
    expect(
        len(got) == 4,
        "there is one number per word",
        given=sentence,
        got=got,
        hint="Split the sentence into words first; a string is a row of letters.",
    )
    wanted = [2, 5, 2, 6]
    expect(
        [int(number) for number in got] != [number - 2 for number in wanted],
        "the places are counted from the start of the list",
        given={"sentence": sentence, "words": words},
        expected=wanted,
        got=got,
        hint="<pad> and <unk> stand in the list too: the first other word has number 2.",
    )
    expect_equal([int(number) for number in got], wanted, "each word is its place", given=words)
    strange = f"{known[1]} dragon {known[2]}"
    got = answer(strange, words)
    expect(
        len(got) == 3 and int(got[1]) == 1,
        "a word that is not in the list becomes 1",
        given=strange,
        expected=[3, 1, 4],
        got=got,
        hint="An unknown word keeps its place in the sentence, as the number of <unk>.",
    )
    expect_equal([int(n) for n in got], [3, 1, 4], "the others stay what they are", given=strange)


@exercise(
    "05a.attention",
    title="attention",
    hints=(
        "Scores, mask, softmax over the keys, weighted mean of the values: in this order.",
        "np.where(mask, scores, -np.inf) forbids before the softmax. The keys are the last axis.",
        "weights = np.exp(scores - scores.max(axis=1, keepdims=True)); divide by the row sums; "
        "weights @ value",
    ),
)
def attention(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_queries, num_keys, size, width = (int(n) for n in rng.permutation([3, 5, 16, 4])[:4])
    query, key = (2 * rng.normal(size=(n, size)) for n in (num_queries, num_keys))
    value = rng.normal(size=(num_keys, width))
    everything = np.ones((num_queries, num_keys), bool)
    given = {"query": query, "key": key, "value": value}
    got = answer(query, key, value, everything)
    expect_shape(got, (num_queries, width), "there is one answer per query", given=given)
    scores = query @ key.T
    wanted = softmax(scores / np.sqrt(size)) @ value
    expect(
        not np.allclose(got, softmax(scores) @ value),
        "the scores are divided by the root of D",
        given=given,
        hint="Divide by np.sqrt(query.shape[1]): D is the length of a query.",
    )
    expect(
        not np.allclose(got, softmax(scores / size) @ value),
        "the scores are divided by the root of D",
        given=given,
        hint="You divided by D itself. It is the root of D that keeps the spread at 1.",
    )
    over_queries = softmax((scores / np.sqrt(size)).T).T @ value
    expect(
        not np.allclose(got, over_queries),
        "the weights of each query add up to 1",
        given=given,
        hint="Your softmax runs over the queries. Each row, over all keys, must add up to 1.",
    )
    expect_close(got, wanted, "found is the weighted mean of the values", given=given, atol=1e-6)

    mask: np.ndarray = rng.random((num_queries, num_keys)) < 0.5
    mask[np.arange(num_queries), rng.integers(0, num_keys, num_queries)] = True
    mask[0, 0], mask[0, 1:] = True, False
    got = answer(query, key, value, mask)
    given["mask"] = mask
    after = (softmax(scores / np.sqrt(size)) * mask) @ value
    expect(
        not np.allclose(got, after),
        "the weights add up to 1 behind a mask as well",
        given=given,
        hint="You set weights to zero after the softmax. Set scores to -inf before it.",
    )
    as_zero = softmax(np.where(mask, scores / np.sqrt(size), 0)) @ value
    expect(
        not np.allclose(got, as_zero),
        "a forbidden key has weight 0",
        given=given,
        hint="A score of 0 is no ban: exp(0) is 1. Use -np.inf.",
    )
    expect(
        not np.allclose(got, softmax(scores / np.sqrt(size)) @ value),
        "the mask counts",
        given=given,
        hint="Your answer is the one without a mask: the mask is not used.",
    )
    turned = softmax(np.where(mask, -1e9, scores / np.sqrt(size))) @ value
    expect(
        not np.allclose(got[0], turned[0]),
        "True in the mask means that looking is allowed",
        given=given,
        hint="Your mask is the wrong way round: True may look, False may not.",
    )
    wanted = softmax(np.where(mask, scores / np.sqrt(size), -np.inf)) @ value
    expect_close(got, wanted, "only allowed keys count", given=given, atol=1e-6)
    got = answer(1000 * query, key, value, everything)
    expect(
        np.isfinite(got).all(),
        "large scores give finite answers",
        given={"query": 1000 * query},
        got=got,
        hint="exp of a large number overflows. Subtract the largest score of each row first.",
    )


@exercise(
    "05a.window_mask",
    title="a window",
    hints=(
        "Compare every frame's number with every other one's: frames[:, None] - frames.",
        "Two conditions for a look, joined by &; and the diagonal, joined by |.",
        "(np.abs(t[:, None] - t) <= reach) & (t < length) | np.eye(num_frames, dtype=bool)",
    ),
)
def window_mask(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_frames, reach = int(rng.integers(9, 14)), int(rng.integers(1, 4))
    length = int(rng.integers(reach + 3, num_frames - 1))
    given = {"num_frames": num_frames, "reach": reach, "length": length}
    got = answer(num_frames, reach, length)
    expect_shape(
        got, (num_frames, num_frames), "there is a row and a column per frame", given=given
    )
    expect_dtype(got, bool, "the mask is bool", given=given)
    got = np.asarray(got)
    frames = np.arange(num_frames)
    near = np.abs(frames[:, None] - frames) <= reach
    real, itself = frames < length, np.eye(num_frames, dtype=bool)
    wanted = (near & real) | itself
    back_only = ((near & (frames <= frames[:, None])) & real) | itself
    for mistake, hint in (
        (near, "Frames from `length` on are padding: nobody else may look at them."),
        (near & real, "A padding frame may look at itself, or its row is empty and becomes NaN."),
        (back_only, "Your frames look back only. `reach` counts before and after."),
        (
            ((np.abs(frames[:, None] - frames) < reach) & real) | itself,
            "A frame that is exactly `reach` away may be looked at: <=, not <.",
        ),
        (wanted.T, "Rows look, columns are looked at: padding closes columns, not rows."),
        (~wanted, "True means that looking is allowed; yours is the wrong way round."),
    ):
        if not np.array_equal(mistake, wanted):
            expect(
                not np.array_equal(got, mistake),
                "each frame sees its real neighbours and itself",
                given=given,
                hint=hint,
            )
    expect_equal(got, wanted, "each frame sees its real neighbours and itself", given=given)


@exercise(
    "05a.heads",
    title="heads",
    hints=(
        "reshape cuts the last axis in two: (T, num_heads, width / num_heads).",
        "Then the heads must come first: transpose. On the way back the other way round.",
        "heads = x.reshape(len(x), num_heads, -1).transpose(1, 0, 2)",
    ),
)
def heads(answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    length, num_heads, size = (int(n) for n in rng.permutation([3, 4, 5]))
    x = rng.normal(size=(length, num_heads * size))
    given = {"x": x, "num_heads": num_heads}
    got = answer(x, num_heads)
    expect(
        isinstance(got, (tuple, list)) and len(got) == 2,
        "the answer is two arrays",
        given=given,
        got=got,
        hint="Return heads, merged.",
    )
    parts, merged = got
    expect_shape(parts, (num_heads, length, size), "heads are (num_heads, T, D)", given=given)
    expect(
        not np.array_equal(parts, x.reshape(num_heads, length, size)),
        "a head has a part of every token",
        given=given,
        hint="reshape alone mixes tokens: head 0 got all of the first tokens. Cut the last axis, "
        "then move axes with transpose.",
    )
    wanted = x.reshape(length, num_heads, size).transpose(1, 0, 2)
    expect_equal(parts, wanted, "head h has the h-th part of every token", given=given)
    expect_shape(merged, x.shape, "merged is (T, width)", given=given)
    expect(
        not np.array_equal(merged, np.asarray(parts).reshape(x.shape)),
        "merging undoes the cut",
        given=given,
        hint="Move the axes back with transpose before you reshape.",
    )
    expect_equal(merged, x, "merging undoes the cut", given=given)


@exercise(
    "05a.hide",
    title="hide some frames",
    hints=(
        "Random numbers below a threshold give a different count in each clip.",
        "Random numbers have an order: the `count` smallest of each row are `count` frames.",
        "rng.random((num_clips, num_frames)).argsort(axis=1) < count",
    ),
)
def hide(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_clips, num_frames, count = 600, int(rng.integers(8, 13)), int(rng.integers(2, 6))
    seed = int(rng.integers(1000))
    given = {
        "num_clips": num_clips, "num_frames": num_frames, "count": count, "seed": seed,
    }  # fmt: skip
    got = answer(num_clips, num_frames, count, seed)
    expect_shape(got, (num_clips, num_frames), "there is a row per clip", given=given)
    expect_dtype(got, bool, "the mask is bool", given=given)
    got = np.asarray(got)
    counts = got.sum(axis=1)
    expect(
        (counts == count).all(),
        "in every clip exactly `count` frames are hidden",
        given=given,
        expected=count,
        got=f"{counts.min()} to {counts.max()}",
        hint="A draw for each frame by itself hides more in one clip and less in another.",
    )
    expect(
        not (got == got[0]).all(),
        "the clips differ",
        given=given,
        hint="You drew once and used it for all clips. Draw for each clip.",
    )
    # A frame is hidden in 600 * count / num_frames clips, give or take; six spreads is far.
    chance = count / num_frames
    spread = np.sqrt(chance * (1 - chance) / num_clips)
    shares = got.mean(axis=0)
    expect(
        bool(np.abs(shares - chance).max() < 6 * spread),
        "every frame has the same chance",
        given=given,
        expected=f"each frame in about {chance:.0%} of the clips",
        got=f"{shares.min():.0%} to {shares.max():.0%}",
        hint="Some frames are hidden more often than others. Are they drawn from all frames?",
    )
    blocks = got[:, :-1] & got[:, 1:]
    expect(
        bool(blocks.sum() < 0.9 * num_clips * (count - 1)),
        "frames are drawn one by one",
        given=given,
        hint="Your hidden frames always stand together. Any set of frames must be possible.",
    )
    expect_equal(got, answer(num_clips, num_frames, count, seed), "a seed decides", given=given)
    expect(
        not np.array_equal(got, answer(num_clips, num_frames, count, seed + 1)),
        "another seed gives others",
        given=given,
        hint="Make the generator from the seed: np.random.default_rng(seed).",
    )


@exercise(
    "05a.repair",
    title="repair causal attention",
    hints=(
        "Add up a row of the weights. What should it be?",
        "The later frames are in the denominator of the softmax before the mask removes them.",
        "Put the mask into the scores, as -np.inf, before the exponential.",
    ),
)
def repair(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    length, size, width = 6, int(rng.integers(3, 6)), int(rng.integers(2, 4))
    query, key = (rng.normal(size=(length, size)) for _ in range(2))
    value = rng.normal(size=(length, width))
    given = {"query": query, "key": key, "value": value}
    got = answer(query, key, value)
    expect_shape(got, (length, width), "there is one answer per frame", given=given)
    later = key.copy()
    later[5] += 3
    changed = answer(query, later, value)
    difference = np.abs(np.asarray(got) - changed)[:5].max()
    expect(
        bool(difference < 1e-9),
        "what frames 0 to 4 find does not depend on frame 5",
        given=given,
        expected="no change",
        got=f"a change of {difference:.2g}",
        hint="Frame 5's score is still in the sum that the weights are divided by.",
    )
    expect_close(
        np.asarray(got)[0],
        value[0],
        "frame 0 sees only itself, so it finds its own value",
        given=given,
        hint="The weights of a row must add up to 1. Do yours, behind the mask?",
        atol=1e-6,
    )
    scores = np.where(np.tri(length, dtype=bool), query @ key.T / np.sqrt(size), -np.inf)
    expect(
        not np.allclose(np.asarray(got)[1], value[0]),
        "a frame sees itself",
        given=given,
        hint="Frame 1 finds only what frame 0 has: a frame may look at itself too (k=0 in np.tri).",
    )
    expect_close(
        got, softmax(scores) @ value, "each frame finds a mean of itself and earlier ones",
        given=given, atol=1e-6,
    )  # fmt: skip


MOTIONS = ("left", "right", "up", "down", "grow", "shrink")
GAP = 6  # missing frames
BAR = 0.6  # of the error of a cross-fade


@exercise(
    "05a.fill",
    title="fill the gap",
    hints=(
        "Where was the shape before the gap, and where is it behind it? In between it is between.",
        "The background is the median colour. What differs from it is the shape: its centre and "
        "its area can be measured.",
        "Take the frame before the gap, and move its shape along the line between the two centres.",
    ),
)
def fill(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    made = world.generate(
        40, size=32, num_shapes=1, actions=MOTIONS, sound=False, seed=int(rng.integers(10**6))
    )
    shares = np.arange(1, GAP + 1)[:, None, None, None] / (GAP + 1)
    errors: dict[str, list[float]] = {"yours": [], "faded": []}
    for clip in made.frames:
        first = int(rng.integers(1, 16 - GAP))
        damaged = clip.copy()
        damaged[first : first + GAP] = 0
        got: Any = answer(damaged.copy(), first)
        expect_shape(
            got, (GAP, 32, 32, 3), "the answer is the missing frames", given=damaged,
            hint="Return all six frames, in one array.",
        )  # fmt: skip
        expect_dtype(
            got, "uint8", "the frames are uint8", given=damaged,
            hint="Round, keep to 0 to 255, and convert: .astype(np.uint8).",
        )  # fmt: skip
        truth = clip[first : first + GAP].astype(float)
        faded = (1 - shares) * clip[first - 1] + shares * clip[first + GAP]
        errors["yours"].append(np.abs(np.asarray(got, float) - truth).mean())
        errors["faded"].append(np.abs(faded - truth).mean())
    ratio = float(np.mean(errors["yours"]) / np.mean(errors["faded"]))
    expect(
        ratio < 4,
        "the frames look like their neighbours",
        expected="an error like that of a cross-fade, or less",
        got=f"{ratio:.2f} times as much",
        hint="Are the missing frames still black, or is the background lost?",
    )
    expect(
        ratio <= BAR,
        f"the mean error is at most {BAR:.0%} of that of a cross-fade",
        expected=f"at most {BAR:.2f}",
        got=f"{ratio:.2f}",
        hint="A cross-fade shows the shape twice, half transparent; a copy leaves it behind. "
        "Move it instead.",
    )
