"""Checks of chapter 08, generative adversarial networks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_range,
    expect_shape,
    expect_unlike,
)
from vidlab.course.describe import as_array


def _is_number(got: Any) -> bool:
    """One finite number, of Python, NumPy or a framework."""
    try:
        array = as_array(got)
    except Exception:  # a learner's answer can be anything, and some things refuse
        return False
    return array.ndim == 0 and array.dtype.kind in "iuf" and bool(np.isfinite(array))


def _is_pair(got: Any) -> bool:
    """Two things in a row, in whatever holds them."""
    if isinstance(got, np.ndarray):
        return got.shape[:1] == (2,)
    return isinstance(got, (tuple, list)) and len(got) == 2


def _expect_number(got: Any, given: Any, hint: str) -> None:
    expect(_is_number(got), "the answer is one number", given=given, got=got, hint=hint)


@exercise(
    "08.value",
    title="the value of the game",
    hints=(
        "Two means: of log D over the real items, and of log(1 - D) over the generated ones.",
        "np.log(real).mean() is the first of them.",
        "np.log(real).mean() + np.log(1 - generated).mean()",
    ),
)
def value(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    what = "it is the mean of log D(x) plus the mean of log(1 - D(G(z)))"
    for real, generated in (
        (rng.uniform(0.1, 0.9, 5), rng.uniform(0.1, 0.9, 3)),
        (np.full(4, 0.5), np.full(4, 0.5)),
    ):
        given = {"real": real, "generated": generated}
        got = answer(real, generated)
        _expect_number(got, given, "The mean over the items gives one number.")
        right = np.log(real).mean() + np.log(1 - generated).mean()
        everything = np.concatenate([np.log(real), np.log(1 - generated)])
        expect_unlike(
            got,
            right,
            (
                (-right, "The sign: this is what the discriminator makes large; a loss is minus."),
                (
                    np.log(real).mean() + np.log(generated).mean(),
                    "For generated items it is log(1 - D): the probability of being right.",
                ),
                (np.log(real).mean(), "The second term is missing: log(1 - D) of generated items."),
                (
                    np.log(real).sum() + np.log(1 - generated).sum(),
                    "The means, not the sums: the two sets may differ in size.",
                ),
                (
                    everything.mean(),
                    "Each of the two means for itself: the sets may differ in size.",
                ),
                (
                    np.log(real.mean()) + np.log(1 - generated.mean()),
                    "First the logarithm of each opinion, then the mean.",
                ),
                (
                    np.log2(real).mean() + np.log2(1 - generated).mean(),
                    "The natural logarithm, np.log.",
                ),
            ),
            what,
            given=given,
        )
        expect_close(got, right, what, given=given, rtol=1e-4)


@exercise(
    "08.best",
    title="the best discriminator",
    hints=(
        "At a place x, how many of all items found there are real?",
        "p / (p + q), place by place.",
        "np.divide(p, p + q, out=np.full_like(p, 0.5), where=p + q > 0)",
    ),
)
def best(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    p, q = rng.uniform(0.1, 2, 6), rng.uniform(0.1, 2, 6)
    p[1], q[2] = 0.0, 0.0
    what = "it is p / (p + q)"
    given = {"p": p, "q": q}
    got = answer(p, q)
    expect_shape(got, p.shape, "one opinion per place", given=given)
    right = p / (p + q)
    expect_unlike(
        got,
        right,
        (
            (q / (p + q), "That is how many are generated. D is the opinion that x is real."),
            (
                np.divide(p, q, out=np.zeros_like(p), where=q > 0),
                "p / q is a ratio; as a probability it is p / (p + q).",
            ),
            (
                (p > q).astype(float),
                "Not a decision but a probability: where both are as dense it is 0.5.",
            ),
            (
                p / p.sum() / (p / p.sum() + q / q.sum()),
                "p and q are densities already, and the places are only some of all: do not "
                "scale them.",
            ),
            (p, "p alone does not know how much is generated there."),
        ),
        what,
        given=given,
    )
    expect_close(got, right, what, given=given, atol=1e-6)
    p[3] = q[3] = 0.0
    given = {"p": p, "q": q}
    got = as_array(answer(p, q))
    expect(
        bool(np.isfinite(got).all()) and abs(float(got[3]) - 0.5) < 1e-6,
        "where neither has anything, it says 0.5",
        given=given,
        got=got,
        hint="0 / 0 is NaN. Nothing is known there: say 0.5, such as with np.divide(..., out=..., "
        "where=p + q > 0).",
    )


@exercise(
    "08.losses",
    title="relativistic losses",
    hints=(
        "Both losses are softplus of a difference, log(1 + exp(d)), and the two differences are "
        "each other's negative.",
        "The discriminator wants real - generated large: its loss is small where generated - real "
        "is very negative.",
        "np.logaddexp(0, generated - real).mean(), np.logaddexp(0, real - generated).mean()",
    ),
)
def losses(answer: Callable[..., tuple[float, float]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    real, generated = rng.normal(1, 1, 5), rng.normal(-1, 1, 5)

    def softplus(x: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, x)

    def ask(real: np.ndarray, generated: np.ndarray) -> tuple[Any, Any]:
        given = {"real": real, "generated": generated}
        got = answer(real, generated)
        expect(
            _is_pair(got),
            "the answer is two numbers",
            given=given,
            got=got,
            hint="Return discriminator_loss, generator_loss.",
        )
        return got[0], got[1]

    given = {"real": real, "generated": generated}
    first, second = ask(real, generated)
    for part in (first, second):
        _expect_number(part, given, "Each loss is the mean over the pairs: one number.")
    right = softplus(generated - real).mean(), softplus(real - generated).mean()
    expect_unlike(
        first,
        right[0],
        (
            (right[1], "Exchanged: the discriminator is content where real is above generated."),
            (
                softplus(-real).mean() + softplus(generated).mean(),
                "That is the loss without pairs. Here only the difference of each pair counts.",
            ),
            (
                softplus((generated - real).mean()),
                "First softplus of each pair's difference, then the mean.",
            ),
            (softplus(generated - real).sum(), "The mean, not the sum."),
            (-right[0], "The sign: a loss of -log(p) is above 0."),
            (
                softplus(generated[:, None] - real).mean(),
                "Pair by pair: the first real one with the first generated one.",
            ),
        ),
        "the discriminator's loss is the mean of softplus(generated - real)",
        given=given,
    )
    expect_close(
        first, right[0], "the discriminator's loss is the mean of softplus(generated - real)",
        given=given, rtol=1e-4,
    )  # fmt: skip
    expect_unlike(
        second,
        right[1],
        (
            (-right[0], "The generator does not make minus the other's loss small: its own is "
             "softplus of the turned difference."),
            (right[0], "That is the discriminator's loss: the generator wants the opposite."),
            (
                softplus(-generated).mean(),
                "The generator's loss, too, compares with the real one of the pair.",
            ),
        ),
        "the generator's loss is the mean of softplus(real - generated)",
        given=given,
    )  # fmt: skip
    expect_close(
        second, right[1], "the generator's loss is the mean of softplus(real - generated)",
        given=given, rtol=1e-4,
    )  # fmt: skip
    far = np.array([2000.0]), np.array([-2000.0])
    with np.errstate(all="ignore"):
        ends = [float(as_array(part)) for part in ask(*far)]
    expect(
        bool(np.isfinite(ends).all()) and abs(ends[0]) < 1e-6 and abs(ends[1] - 4000) < 1e-3,
        "large logits are no problem",
        given={"real": far[0], "generated": far[1]},
        expected="0 and 4000",
        got=str(ends),
        hint="exp(4000) is too large for a computer. np.logaddexp(0, d) is log(1 + exp(d)) without "
        "that.",
    )


def _means(weights: np.ndarray, decay: float, warm: bool = True) -> np.ndarray:
    mean = weights[0]
    for step, row in enumerate(weights[1:], start=1):
        kept = min(decay, (1 + step) / (10 + step)) if warm else decay
        mean = kept * mean + (1 - kept) * row
    return mean


@exercise(
    "08.mean",
    title="a running mean",
    hints=(
        "Begin with row 0. Each later row moves the mean a little towards itself.",
        "kept = min(decay, (1 + step) / (10 + step)), where the first move is step 1.",
        "for step, row in enumerate(weights[1:], start=1): mean = kept * mean + (1 - kept) * row",
    ),
)
def running_mean(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    what = "each move keeps min(decay, (1 + step) / (10 + step)) of the mean"
    for decay, count in ((0.3, 4), (0.9, 30), (0.999, 12)):
        weights = rng.normal(size=(count, 3)) + np.linspace(0, 4, count)[:, None]
        given = {"weights": weights, "decay": decay}
        kept_copy = weights.copy()
        got = answer(weights, decay)
        expect_shape(got, (3,), "one number per weight", given=given,
                     hint="Return the mean after the last move, (P,).")  # fmt: skip
        right = _means(kept_copy, decay)
        turned = kept_copy[0]
        for step, row in enumerate(kept_copy[1:], start=1):
            kept = min(decay, (1 + step) / (10 + step))
            turned = kept * row + (1 - kept) * turned
        late = kept_copy[0]
        for step, row in enumerate(kept_copy[1:]):
            kept = min(decay, (1 + step) / (10 + step))
            late = kept * late + (1 - kept) * row
        zero = np.zeros(3)
        for step, row in enumerate(kept_copy, start=0):
            kept = min(decay, (1 + step) / (10 + step))
            zero = kept * zero + (1 - kept) * row
        expect_unlike(
            got,
            right,
            (
                (turned, "Exchanged: kept is the share of the mean, 1 - kept that of the new row."),
                (
                    _means(kept_copy, decay, warm=False),
                    "In the first moves less is kept: min(decay, (1 + step) / (10 + step)).",
                ),
                (kept_copy.mean(axis=0), "That is the plain mean: all rows count alike."),
                (kept_copy[-1], "That is the last row; the mean follows it only slowly."),
                (late, "The first move, towards row 1, is step 1."),
                (zero, "The mean begins as row 0, not as zeros."),
            ),
            what,
            given=given,
        )
        expect_close(got, right, what, given=given, atol=1e-6)


@exercise(
    "08.spectral",
    title="how much a layer can stretch",
    hints=(
        "Multiply a vector by the matrix and back by its transpose, again and again: it turns into "
        "the direction that is stretched most.",
        "v = W.T @ (W @ v), then v / |v|, num_rounds times. The stretch is |W v| at the end.",
        "for _ in range(num_rounds): v = weight.T @ (weight @ v); v = v / np.linalg.norm(v)",
    ),
)
def spectral(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for rows, columns in ((4, 7), (8, 3)):
        weight, start = rng.normal(size=(rows, columns)), rng.normal(size=columns)
        given = {"weight": weight, "v": start, "num_rounds": 300}
        got = answer(weight.copy(), start.copy(), 300)
        _expect_number(got, given, "Return the length of weight @ v, one number.")
        singular = np.linalg.svd(weight, compute_uv=False)
        expect_unlike(
            got,
            singular[0],
            (
                (singular[0] ** 2, "That is its square: W.T W stretches twice. Take |W v| with "
                 "|v| = 1."),
                (np.linalg.norm(weight), "That is the root of the sum of all squares (Frobenius), "
                 "which counts all directions together."),
                (np.linalg.norm(weight @ start), "v must have the length 1, and be turned first."),
                (
                    np.linalg.norm(weight @ start) / np.linalg.norm(start),
                    "That is how much the first v is stretched. Turn it with W.T @ (W @ v) first.",
                ),
                (np.abs(weight).max(), "The largest entry is not the largest stretch."),
                (1.0, "v has the length 1; asked for is the length of W @ v."),
            ),
            "it is the largest stretch, the largest singular value",
            given=given,
        )  # fmt: skip
        expect_close(
            got, singular[0], "it is the largest stretch, the largest singular value",
            given=given, rtol=1e-3,
        )  # fmt: skip
        one = answer(weight.copy(), start.copy(), 1)
        v = weight.T @ (weight @ start)
        expect_close(
            one, np.linalg.norm(weight @ v) / np.linalg.norm(v),
            "num_rounds says how often v is turned",
            given={**given, "num_rounds": 1}, rtol=1e-3,
            hint="With num_rounds=1, v is turned once, and then |W v| is measured.",
        )  # fmt: skip


@exercise(
    "08.repair",
    title="repair this snippet",
    hints=(
        "Two things are wrong: one in the numbers of the real clips, one in the labels.",
        "The generator ends with tanh, so its clips reach from -1 to 1. In which range are yours? "
        "And which label has a real clip, if D(x) is the probability that x is real?",
        "real = frames / 127.5 - 1; labels are 1 for real ones; the generator wants its clips to "
        "be called real.",
    ),
)
def repair(answer: Callable[..., tuple], rng: np.random.Generator) -> None:
    expect_callable(answer)
    shape = (3, 2, 4, 4, 3)
    frames = rng.integers(0, 256, shape, dtype=np.uint8)
    frames[0, 0, 0, 0] = (0, 128, 255)
    generated = np.tanh(rng.normal(size=(2, *shape[1:]))).astype(np.float32)
    given = {"frames": frames, "generated": generated}
    got = answer(frames, generated)
    expect(
        isinstance(got, (tuple, list)) and len(got) == 3,
        "the answer is three arrays",
        given=given,
        got=got,
        hint="Return x, labels, wanted, as the snippet does.",
    )
    x, labels, wanted = got
    expect_shape(x, (5, *shape[1:]), "real clips, then generated ones", given=given)
    values = as_array(x).astype(float)
    real = frames.astype(float)
    expect_range(
        x, -1, 1, "all clips lie between -1 and 1", given=given,
        hint="uint8 reaches from 0 to 255, tanh from -1 to 1.",
    )  # fmt: skip
    expect_unlike(
        values[3:],
        generated,
        (
            (
                (generated + 1) / 2,
                "All clips in [0, 1] would do as well, but this discriminator takes clips from -1 "
                "to 1: the generated ones are there already, bring the real ones there.",
            ),
        ),
        "generated clips stay as they are",
        given=given,
    )
    expect_close(
        values[3:], generated, "generated clips stay as they are", given=given, atol=1e-5,
        hint="The generator's clips are in the right range already.",
    )  # fmt: skip
    expect_unlike(
        values[:3],
        real / 127.5 - 1,
        (
            (
                real / 255,
                "tanh reaches from -1 to 1, but frames / 255 from 0 to 1: at first the "
                "discriminator needs only ask whether there is anything below 0.",
            ),
            (real / 127.5 - 0.5, "127.5 grey levels are 1; black is -1, so take 1 away."),
            (real / 255 - 0.5, "This reaches from -0.5 to 0.5 only."),
            (real / 255 - 1, "This reaches from -1 to 0 only."),
        ),
        "real clips use the whole range, as the generated ones do",
        given=given,
    )
    expect_close(
        values[:3], real / 127.5 - 1, "real clips use the whole range, as the generated ones do",
        given=given, atol=1e-2,
    )  # fmt: skip
    expect_shape(labels, (5,), "one label per clip", given=given)
    expect(
        not np.array_equal(as_array(labels), [0, 0, 0, 1, 1]),
        "a label is 1 for a real clip",
        given=given,
        got=labels,
        hint="These labels call the generated clips real. D(x) is the probability that x is real: "
        "what the generator wants to hear follows from that, too.",
    )
    expect_close(
        labels, np.array([1.0, 1, 1, 0, 0]), "a label is 1 for a real clip", given=given,
        hint="First the real clips, with 1, then the generated ones, with 0, as in x.",
    )  # fmt: skip
    expect_shape(wanted, (2,), "what the generator wants: one label per generated clip",
                 given=given)  # fmt: skip
    expect_close(
        wanted, np.ones(2), "the generator wants its clips to be called real", given=given,
        hint="With 0 the generator would help the discriminator. It wants to hear 1.",
    )  # fmt: skip


@exercise(
    "08.settle",
    title="settle the game",
    hints=(
        "Plain steps walk in circles around the place that you look for. What do all places on a "
        "circle have in common?",
        "Two ways: move x, ask again, then move y (never both from one question), with a rate near "
        "1, and return the mean of all places that you came by; or look ahead, that is, take a "
        "step for trial, ask for the slopes there, and take them for the real step.",
        "Looking ahead: tried = x - rate * dx, y + rate * dy; dx, dy = slopes(*tried); then "
        "x -= rate * dx, y += rate * dy, with a rate of 0.3",
    ),
)
def settle(answer: Callable[..., tuple[float, float]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for _ in range(12):
        goal, start = rng.uniform(-2, 2, 2), rng.uniform(-2, 2, 2)
        start += np.sign(start - goal) * 0.7
        strength = float(rng.uniform(0.7, 1.4))
        asked = [0]

        def slopes(
            x: float,
            y: float,
            goal: np.ndarray = goal,
            strength: float = strength,
            asked: list[int] = asked,
        ) -> tuple[float, float]:
            asked[0] += 1
            if asked[0] > 500:
                raise RuntimeError("slopes was asked more than 500 times")
            return strength * (float(y) - goal[1]), strength * (float(x) - goal[0])

        given = {"x": float(start[0]), "y": float(start[1]), "the place": tuple(goal.round(2))}
        got = answer(slopes, float(start[0]), float(start[1]))
        expect(
            _is_pair(got) and all(_is_number(part) for part in got),
            "the answer is two finite numbers",
            given=given,
            got=got,
            hint="Return x, y. Infinite or NaN: the steps grow from round to round; take a "
            "smaller rate.",
        )
        away = float(np.hypot(float(got[0]) - goal[0], float(got[1]) - goal[1]))
        before = float(np.hypot(*(start - goal)))
        expect(
            asked[0] > 0,
            "it asks for the slopes",
            given=given,
            got=got,
            hint="Call slopes(x, y): where the place is can only be found by asking.",
        )
        hint = (
            "Nearer, but not there: use more of the 500 questions, or a larger rate. A mean of "
            "places needs x and y moved in turn, and several whole rounds."
        )
        if away > 0.9 * before:
            hint = (
                "It is no nearer than at the start. x goes against its slope, y along its own; "
                "even so, plain steps circle around the place. See the hints."
            )
        expect(
            away < 0.1,
            "it ends within 0.1 of the place where both slopes are 0",
            given=given,
            expected="a distance below 0.1",
            got=f"{away:.2f}, at the start {before:.2f}",
            hint=hint,
        )
