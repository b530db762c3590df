"""Checks of chapter 05a, attention."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab import world
from vidlab.course import (
    call,
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_shape,
    expect_type,
    expect_unlike,
)
from vidlab.course.describe import as_array


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
    places = rng.integers(0, len(known), int(rng.integers(3, 7)))
    places[-1] = places[0]  # a word that comes twice
    sentence = " ".join(known[place] for place in places)
    wanted = (places + 2).tolist()
    given = {"sentence": sentence, "words": words}
    got = _whole_numbers(answer(sentence, words), len(wanted), given)
    expect(
        got != places.tolist(),
        "the places are counted from the start of the list",
        given=given,
        expected=wanted,
        got=got,
        hint="<pad> and <unk> stand in the list too: the first other word has number 2.",
    )
    expect_equal(got, wanted, "each word is its place", given=given)
    strange = int(rng.integers(0, len(places)))
    spoken = sentence.split()
    spoken[strange] = "dragon"
    wanted[strange] = 1
    given["sentence"] = " ".join(spoken)
    got = _whole_numbers(answer(given["sentence"], words), len(wanted), given)
    expect(
        got[strange] == 1,
        "a word that is not in the list becomes 1",
        given=given,
        expected=wanted,
        got=got,
        hint="An unknown word keeps its place in the sentence, as the number of <unk>.",
    )
    expect_equal(got, wanted, "the others stay what they are", given=given)


def _whole_numbers(got: Any, count: int, given: dict[str, Any]) -> list[int]:
    expect_type(
        got, (list, tuple, np.ndarray), "the answer is a list of numbers", given=given,
        hint="Return a list.",
    )  # fmt: skip
    expect(
        len(got) == count,
        "there is one number per word",
        given=given,
        expected=f"{count} numbers",
        got=got,
        hint="Split the sentence into words first, and keep unknown words as 1.",
    )
    expect(
        all(isinstance(number, int | np.integer) for number in got),
        "each entry is a whole number",
        given=given,
        got=str(list(got)),
        hint="dict.get without a second argument gives None for a word that is not there.",
    )
    return [int(number) for number in got]


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
    num_queries, num_keys, size, width = (int(n) for n in rng.permutation([3, 5, 13, 4]))
    query, key = (2 * rng.normal(size=(n, size)) for n in (num_queries, num_keys))
    value = rng.normal(size=(num_keys, width))
    everything = np.ones((num_queries, num_keys), bool)
    given = {"query": query, "key": key, "value": value, "mask": everything}
    got = answer(query, key, value, everything)
    expect_shape(
        got, (num_queries, width), "there is one answer per query", given=given,
        hint="Return only what is found, as one array (num_queries, V).",
    )  # fmt: skip
    allowed_all = "This mask is True everywhere: all is allowed. Yours forbids it: is it the wrong "
    expect(
        np.isfinite(as_array(got)).all(),
        "the answers are numbers",
        given=given,
        got=got,
        hint=allowed_all + "way round? Or is it 0 times -inf, which is NaN? np.where avoids that.",
    )
    scores = query @ key.T
    scaled = scores / np.sqrt(size)
    wanted = softmax(scaled) @ value
    length = "D is the length of a query: query.shape[1]."
    expect_unlike(
        got,
        wanted,
        (
            (softmax(scores) @ value, "Divide by np.sqrt(query.shape[1]): D is its length."),
            (softmax(scores / size) @ value, "You divided by D itself; it is the root of D."),
            *(
                (softmax(scores / np.sqrt(n)) @ value, length)
                for n in (num_queries, num_keys, width)
            ),
            (
                softmax(scaled.T).T @ value,
                "Your softmax runs over the queries. Each row, over all keys, must add up to 1.",
            ),
            (np.tile(value.mean(axis=0), (num_queries, 1)), allowed_all + "way round?"),
        ),
        "the weights are softmax(query key^T / sqrt(D)), over the keys",
        given=given,
    )
    expect_close(got, wanted, "found is the weighted mean of the values", given=given, atol=1e-4)

    mask: np.ndarray = rng.random((num_queries, num_keys)) < 0.5
    mask[np.arange(num_queries), rng.integers(0, num_keys, num_queries)] = True
    mask[0, 0], mask[0, 1:] = True, False
    given["mask"] = mask
    got = answer(query, key, value, mask)
    expect(
        np.isfinite(as_array(got)).all(),
        "the answers are numbers behind a mask as well",
        given=given,
        got=got,
        hint="A row became NaN, as if all its keys were forbidden; but each has one that is "
        "allowed. Is your mask the wrong way round? True may look.",
    )
    wanted = softmax(np.where(mask, scaled, -np.inf)) @ value
    after = "You set weights to zero after the softmax. Set scores to -inf before it."
    with np.errstate(invalid="ignore"):
        turned = softmax(np.where(mask, -1e9, scaled)) @ value
    expect_unlike(
        got,
        wanted,
        (
            ((softmax(scaled) * mask) @ value, after),
            (
                softmax(np.where(mask, scaled, 0)) @ value,
                "A score of 0 is no ban: exp(0) is 1. Use -np.inf.",
            ),
            (softmax(scaled) @ value, "Your answer is the one without a mask: it is not used."),
            (turned, "Your mask is the wrong way round: True may look, False may not."),
        ),
        "only allowed keys count, and the weights still add up to 1",
        given=given,
    )
    expect_close(got, wanted, "only allowed keys count", given=given, atol=1e-4)
    for allowed, hint in (
        (everything, "exp of a large number overflows. Subtract the largest score of each row."),
        (
            mask,
            "Forbid with -inf, not with a small number or afterwards, and take the largest score "
            "after the mask: a forbidden one may be the largest of all.",
        ),
    ):
        got = answer(1000 * query, key, value, allowed)
        wanted = softmax(np.where(allowed, 1000 * scaled, -np.inf)) @ value
        given = {"query": 1000 * query, "key": key, "value": value, "mask": allowed}
        expect_close(
            got, wanted, "large scores are no trouble", given=given, atol=0.05, rtol=0.0, hint=hint
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
    num_frames, reach = int(rng.integers(9, 14)), int(rng.integers(2, 4))
    length = int(rng.integers(reach + 3, num_frames - 1))
    frames, itself = np.arange(num_frames), np.eye(num_frames, dtype=bool)
    apart = np.abs(frames[:, None] - frames)
    columns = "Padding closes columns only: a padding frame may look at real neighbours."
    for window, real_frames in (
        (reach, length), (reach, num_frames), (0, length), (reach, 1),
    ):  # fmt: skip
        given = {"num_frames": num_frames, "reach": window, "length": real_frames}
        got = answer(num_frames, window, real_frames)
        expect_shape(
            got, (num_frames, num_frames), "there is a row and a column per frame", given=given
        )
        expect_dtype(
            got, bool, "the mask is bool", given=given,
            hint="Join conditions with & and |, and make the diagonal with np.eye(n, dtype=bool).",
        )  # fmt: skip
        near, real = apart <= window, frames < real_frames
        wanted = (near & real) | itself
        back = near & (frames <= frames[:, None]) & real
        forward = near & (frames >= frames[:, None]) & real
        expect_unlike(
            got,
            wanted,
            (
                (near, "Frames from `length` on are padding: nobody else may look at them."),
                (near & real, "A padding frame may look at itself, or its row becomes NaN."),
                ((near & real & real[:, None]) | itself, columns),
                (back | itself, "Your frames look back only. `reach` counts before and after."),
                (forward | itself, "Your frames look ahead only. `reach` counts both ways."),
                (
                    ((apart < window) & real) | itself,
                    "A frame that is exactly `reach` away may be looked at: <=, not <.",
                ),
                (
                    (near & (frames <= real_frames)) | itself,
                    "Frame `length` is padding already: frame t is real if t < length.",
                ),
                (wanted.T, "Rows look, columns are looked at: padding closes columns."),
                ((near & real).T, "Rows look, columns are looked at: padding closes columns."),
                (~wanted, "True means that looking is allowed; yours is the wrong way round."),
            ),
            "each frame sees its real neighbours and itself",
            given=given,
        )
        hint = "A clip may also be all real (length = num_frames) or have one real frame only."
        expect_equal(
            got, wanted, "each frame sees its real neighbours and itself", given=given,
            hint=None if (window, real_frames) == (reach, length) else hint,
        )  # fmt: skip


@exercise(
    "05a.heads",
    title="heads",
    hints=(
        "reshape cuts the last axis in two: (T, num_heads, width / num_heads).",
        "Then the heads must come first: transpose. On the way back the other way round.",
        "heads = x.reshape(len(x), num_heads, -1).transpose(1, 0, 2)",
    ),
)
def heads(answer: Any, rng: np.random.Generator) -> None:
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer)),
        "the answer is two functions",
        got=answer,
        hint="Give check both functions: (split, merge).",
    )
    split, merge = answer
    length, num_heads, size = (int(n) for n in rng.permutation([3, 4, 5]))
    x = rng.integers(-50, 50, (length, num_heads * size)).astype(float)
    given = {"x": x, "num_heads": num_heads}
    parts = call(split, x, num_heads)
    expect_shape(
        parts, (num_heads, length, size), "heads are (num_heads, T, D)", given=given,
        hint="The heads come first: cut the last axis with reshape, then transpose(1, 0, 2).",
    )  # fmt: skip
    wanted = x.reshape(length, num_heads, size).transpose(1, 0, 2)
    expect_unlike(
        parts,
        wanted,
        (
            (
                x.reshape(num_heads, length, size),
                "reshape alone mixes tokens: head 0 got all of the first tokens. Cut the last "
                "axis, then move axes with transpose.",
            ),
        ),
        "a head has a part of every token",
        given=given,
    )
    expect_equal(parts, wanted, "head h has the h-th part of every token", given=given)
    others = rng.integers(-50, 50, (num_heads, length, size)).astype(float)
    given = {"heads": others}
    merged = call(merge, others)
    expect_shape(
        merged, (length, num_heads * size), "merged is (T, width)", given=given,
        hint="One row per token again: its parts from all heads, side by side.",
    )  # fmt: skip
    together = others.transpose(1, 0, 2).reshape(length, -1)
    expect_unlike(
        merged,
        together,
        (
            (
                others.reshape(length, -1),
                "Move the axes back with transpose before you reshape.",
            ),
        ),
        "merging undoes the cut",
        given=given,
    )
    expect_equal(merged, together, "merging undoes the cut", given=given)


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
    num_clips, num_frames = int(rng.integers(500, 700)), int(rng.integers(8, 13))
    count, seed = int(rng.integers(2, 6)), int(rng.integers(1000))
    given = {
        "num_clips": num_clips, "num_frames": num_frames, "count": count, "seed": seed,
    }  # fmt: skip
    got = answer(num_clips, num_frames, count, seed)
    expect_shape(
        got, (num_clips, num_frames), "there is a row per clip, a column per frame", given=given,
        hint="Not the numbers of the hidden frames are wanted, but True or False for each frame.",
    )  # fmt: skip
    expect_dtype(
        got, bool, "the mask is bool", given=given,
        hint="A comparison gives bool; so does .astype(bool).",
    )  # fmt: skip
    got = as_array(got)
    counts = got.sum(axis=1)
    hint = "A draw for each frame by itself hides more in one clip and less in another."
    if counts.min() == counts.max():
        hint = f"You always hide {counts[0]} frames."
    elif counts.max() == count:
        hint = "The same frame was drawn twice in some clips: replace=False, or argsort."
    expect(
        (counts == count).all(),
        "in every clip exactly `count` frames are hidden",
        given=given,
        expected=count,
        got=f"{counts.min()} to {counts.max()}",
        hint=hint,
    )
    expect(
        not (got == got[0]).all(),
        "the clips differ",
        given=given,
        hint="All clips are alike. Did you draw once for all, or make the generator anew, with the "
        "same seed, for each clip?",
    )
    # How often something happens in N clips varies by the root of N p (1 - p); six of those is far.
    chance = count / num_frames
    shares = got.mean(axis=0)
    expect(
        bool(np.abs(shares - chance).max() < 6 * np.sqrt(chance * (1 - chance) / num_clips)),
        "every frame has the same chance",
        given=given,
        expected=f"each frame in about {chance:.0%} of the clips",
        got=f"{shares.min():.0%} to {shares.max():.0%}",
        hint="Some frames are hidden more often than others. Are they drawn from all frames?",
    )
    pairs = (got.T.astype(int) @ got.astype(int))[np.triu_indices(num_frames, 1)]
    both = count * (count - 1) / (num_frames * (num_frames - 1))
    far = 6 * np.sqrt(num_clips * both * (1 - both)) + 1
    expect(
        bool(np.abs(pairs - num_clips * both).max() <= far),
        "any two frames are hidden together equally often",
        given=given,
        expected=f"each pair in about {both:.0%} of the clips",
        got=f"{pairs.min() / num_clips:.0%} to {pairs.max() / num_clips:.0%}",
        hint="Your hidden frames stand in a pattern, such as side by side. Any set of frames must "
        "be possible.",
    )
    equal = 1 / math.comb(num_frames, count)
    neighbours = int((got[1:] == got[:-1]).all(axis=1).sum())
    expect(
        neighbours <= num_clips * equal + 6 * np.sqrt(num_clips * equal) + 3,
        "each clip is drawn by itself",
        given=given,
        got=f"{neighbours} times two clips in a row are alike",
        hint="Draw anew for each clip.",
    )
    expect_equal(
        got, answer(num_clips, num_frames, count, seed), "a seed decides", given=given,
        hint="The same seed must give the same frames: np.random.default_rng(seed).",
    )  # fmt: skip
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
    length, size = int(rng.integers(6, 10)), int(rng.integers(3, 6))
    width = int(rng.integers(2, 4))
    query, key = (rng.normal(size=(length, size)) for _ in range(2))
    value = rng.normal(size=(length, width))
    given = {"query": query, "key": key, "value": value}
    got = answer(query, key, value)
    expect_shape(got, (length, width), "there is one answer per frame", given=given)
    found = as_array(got)
    expect(
        np.isfinite(found).all(),
        "the answers are numbers",
        given=given,
        got=got,
        hint="A row that may look at nothing becomes NaN: a frame may look at itself (k=0 in "
        "np.tri). And 0 times -inf is NaN: use np.where.",
    )
    scores, past = query @ key.T / np.sqrt(size), np.tri(length, dtype=bool)
    wanted = softmax(np.where(past, scores, -np.inf)) @ value
    ahead = np.tri(length, k=1, dtype=bool)
    expect_unlike(
        got,
        wanted,
        (
            (softmax(scores) @ value, "There is no mask left: every frame sees all frames."),
            (softmax(scores * past) @ value, "A score of 0 is no ban: exp(0) is 1."),
            (
                softmax(np.where(ahead, scores, -np.inf)) @ value,
                "One too far: frame t sees frame t + 1.",
            ),
            (
                softmax(np.where(past.T, scores, -np.inf)) @ value,
                "The wrong way round: frames see later ones, and not earlier ones.",
            ),
            (
                softmax(np.where(past, scores * np.sqrt(size), -np.inf)) @ value,
                "The root of D got lost.",
            ),
        ),
        "each frame finds a mean of itself and earlier ones",
        given=given,
    )
    later = key.copy()
    later[-1] += 3
    changed = as_array(answer(query, later, value))
    difference = float(np.abs(found - changed)[:-1].max())
    expect(
        difference < 1e-5,
        "what a frame finds does not depend on the last frame",
        given=given,
        expected="no change",
        got=f"a change of {difference:.2g}",
        hint="The last frame's score is still in the sum that the weights are divided by.",
    )
    expect_close(
        found[0],
        value[0],
        "frame 0 sees only itself, so it finds its own value",
        given=given,
        hint="The weights of a row must add up to 1. Do yours, behind the mask?",
        atol=1e-5,
    )
    expect(
        not np.allclose(found[1], value[0], atol=1e-5),
        "a frame sees itself",
        given=given,
        hint="Frame 1 finds only what frame 0 has: a frame may look at itself too (k=0 in np.tri).",
    )
    expect_close(
        got, wanted, "each frame finds a mean of itself and earlier ones", given=given, atol=1e-5
    )


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
        hint="Is the shape there at all, and in the right place?"
        if ratio > 2
        else "A cross-fade shows the shape twice, half transparent; a copy leaves it behind. Move "
        "it instead.",
    )
