"""Checks of chapter 07, variational autoencoders."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_equal,
    expect_shape,
    expect_type,
    expect_unlike,
)
from vidlab.course.describe import as_array


def _divergence(mu: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    return 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance)


def _posteriors(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means and logarithms of variances of a few clips, in several latents."""
    shape = (int(rng.integers(4, 7)), int(rng.integers(8, 11)))
    return rng.normal(0, 1.5, shape), rng.uniform(-3, -0.5, shape)


def _array_of_list(got: Any) -> Any:
    """A list of numbers as an array: in this chapter that is an answer, too."""
    if not isinstance(got, list | tuple):
        return got
    try:
        array = np.array([as_array(part) for part in got])
    except Exception:  # rows of unequal length, or anything else that a learner's list may hold
        return got
    return array if array.dtype.kind in "iuf" else got


@exercise(
    "07.kl",
    title="KL by hand",
    hints=(
        "Section 3.2 has the formula for one latent; what is added up, and along which axis?",
        "sigma squared is np.exp(log_variance), and log sigma squared is log_variance itself.",
        "0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)",
    ),
)
def kl(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    mu, log_variance = _posteriors(rng)
    given = {"mu": mu, "log_variance": log_variance}
    got = _array_of_list(answer(mu, log_variance))
    each = _divergence(mu, log_variance)
    expect_shape(
        got, (len(mu),), "one number for each clip", given=given,
        hint="Add up over the latents only, axis=1: one number for each clip.",
    )  # fmt: skip
    _expect_divergence(got, mu, log_variance, given)
    nothing = np.zeros((3, 5))
    expect_close(
        answer(nothing, nothing), np.zeros(3), "it is 0 where q is p(z)",
        given={"mu": nothing, "log_variance": nothing}, atol=1e-9,
    )  # fmt: skip
    expect_close(got, each.sum(axis=1), "it is the sum of the formula", given=given, rtol=1e-5)


def _expect_divergence(
    got: Any, mu: np.ndarray, log_variance: np.ndarray, given: dict[str, np.ndarray]
) -> None:
    """None of the usual mistakes in the KL term of a batch, (N,)."""
    each, variance = _divergence(mu, log_variance), np.exp(log_variance)
    right = each.sum(axis=1)
    sign = "The sign: a KL term is never negative. It is variance + mu^2 - 1 - log variance."
    spread = (
        "log_variance is the logarithm of the variance, sigma squared; you took it for another."
    )
    bits = "Nats, not bits: all logarithms are natural ones, without np.log2 and np.log(2)."
    expect_unlike(
        got,
        right,
        (
            (-right, sign),
            (-2 * right, sign),
            (each.mean(axis=1), "The sum over the latents, not the mean: nats add up."),
            (2 * right, "The factor of one half is missing."),
            (
                0.5 * (np.exp(0.5 * log_variance) + mu**2 - 1 - log_variance).sum(axis=1),
                "The variance is np.exp(log_variance); np.exp(0.5 * log_variance) is the spread.",
            ),
            (0.5 * (variance**2 + mu**2 - 1 - 2 * log_variance).sum(axis=1), spread),
            (0.5 * (log_variance**2 + mu**2 - 1 - np.log(log_variance**2)).sum(axis=1), spread),
            (
                0.5 * (variance + mu - 1 - log_variance).sum(axis=1),
                "The mean counts squared: mu**2.",
            ),
            (
                0.5 * (variance + np.abs(mu) - 1 - log_variance).sum(axis=1),
                "The mean counts squared, not as an absolute value: mu**2.",
            ),
            (right / np.log(2), bits),
            (
                0.5 * (variance + mu**2 - 1 - log_variance / np.log(2)).sum(axis=1),
                bits,
            ),
            (
                0.5 * (variance + mu**2 - log_variance).sum(axis=1),
                "The 1 is missing, once for each latent.",
            ),
            (
                0.5 * ((variance + mu**2 - log_variance).sum(axis=1) - 1),
                "Take away 1 for each latent: inside the sum.",
            ),
            (
                0.5 * (variance + mu**2 - 1 + log_variance).sum(axis=1),
                "The logarithm of the variance is taken away, not added.",
            ),
        ),
        "it is the KL term of section 3.2",
        given=given,
    )


@exercise(
    "07.loss",
    title="the loss",
    hints=(
        "Three steps: z, the error of decode(z), and the KL term.",
        "z = mu + np.exp(0.5 * log_variance) * epsilon. Sum over the numbers (axis=1), then mean.",
        "error = ((decode(z) - codes) ** 2).sum(axis=1); return (error + beta * kl).mean()",
    ),
)
def loss(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    mu, log_variance = _posteriors(rng)
    epsilon = rng.standard_normal(mu.shape)
    matrix = rng.normal(size=(mu.shape[1], int(rng.integers(5, 8))))
    codes = rng.normal(size=(len(mu), matrix.shape[1]))
    beta = float(rng.uniform(0.2, 0.8))

    def decode(z: np.ndarray) -> np.ndarray:
        return np.tanh(np.asarray(z) @ matrix)

    given = {
        "codes": codes, "mu": mu, "log_variance": log_variance, "epsilon": epsilon,
        "decode": "z -> codes", "beta": beta,
    }  # fmt: skip
    got = answer(codes, mu, log_variance, epsilon, decode, beta)
    expect(
        _is_number(got), "the answer is one number", given=given, got=got,
        hint="Sum over the numbers of a clip, then take the mean over the batch: one number.",
    )  # fmt: skip

    def squares(z: np.ndarray) -> np.ndarray:
        return (decode(z) - codes) ** 2

    good = squares(mu + np.exp(0.5 * log_variance) * epsilon)
    each = _divergence(mu, log_variance)
    terms = each.sum(axis=1)
    right = (good.sum(axis=1) + beta * terms).mean()
    half = "The spread is np.exp(0.5 * log_variance): the network gives the log of the variance."
    expect_unlike(
        got,
        right,
        (
            (
                (squares(mu + np.exp(log_variance) * epsilon).sum(axis=1) + beta * terms).mean(),
                half,
            ),
            ((squares(mu + log_variance * epsilon).sum(axis=1) + beta * terms).mean(), half),
            (
                (squares(mu).sum(axis=1) + beta * terms).mean(),
                "z is mu without any draw: epsilon is not used.",
            ),
            (
                (good.mean(axis=1) + beta * terms).mean(),
                "Sum the squared error over the numbers of a code; a mean makes beta much larger.",
            ),
            (
                (good.sum(axis=1) + beta * each.mean(axis=1)).mean(),
                "Sum the KL term over the latents; you took their mean.",
            ),
            (
                good.mean() + beta * each.mean(),
                "Sums over the numbers, a mean over the batch only.",
            ),
            (
                (good.sum(axis=1) - beta * terms).mean(),
                "The KL term is added: the bound has a minus, and the loss is the bound turned.",
            ),
            ((good.sum(axis=1) + terms).mean(), "beta is missing."),
            (beta * (good.sum(axis=1) + terms).mean(), "beta belongs to the KL term alone."),
            (good.sum(axis=1).mean(), "The KL term is missing."),
            ((good.sum(axis=1) + beta * terms).sum(), "The mean over the batch, not the sum."),
            (
                (good.sum(axis=1) + 2 * beta * terms).mean(),
                "The factor of one half of the KL term is missing.",
            ),
        ),
        "it is the summed error plus beta times KL, averaged over the batch",
        given=given,
    )
    expect_close(
        got, right, "it is the summed error plus beta times KL, averaged over the batch",
        given=given, rtol=1e-5,
    )  # fmt: skip


def _is_number(got: Any) -> bool:
    """One finite number, of Python, NumPy or a framework."""
    try:
        array = as_array(got)
    except Exception:  # a learner's answer can be anything, and some things refuse
        return False
    return array.ndim == 0 and array.dtype.kind in "iuf" and bool(np.isfinite(array))


@exercise(
    "07.active",
    title="which latents say something?",
    hints=(
        "Which axis holds the clips? The variance over them gives one number for each latent.",
        "np.argsort(-variance) has the largest first. Keep those above the threshold.",
        "[int(k) for k in np.argsort(-variance) if variance[k] > threshold]",
    ),
)
def active(answer: Callable[..., list[int]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    num_latents = int(rng.integers(7, 10))
    silent = int(rng.integers(2, 4))
    spread = np.concatenate([rng.uniform(0.01, 0.06, silent), rng.uniform(0.3, 1.2, num_latents)])
    spread = rng.permutation(spread)
    offset = rng.normal(0, 3, len(spread))  # a mean that is far from 0 says nothing
    mu = offset + spread * rng.standard_normal((200, len(spread)))
    given = {"mu": mu, "threshold": 0.01}
    got = answer(mu)
    expect(
        isinstance(got, list | tuple | np.ndarray) and all(_is_number(k) for k in got),
        "the answer is a list of ints", given=given, got=got,
        hint="Return a list of the latents' numbers, such as [3, 0, 5].",
    )  # fmt: skip
    found = [int(k) for k in got]
    variance = mu.var(axis=0)
    order = np.argsort(-variance)
    right = [int(k) for k in order if variance[k] > 0.01]
    large = set(np.flatnonzero(np.square(mu).mean(axis=0) > 0.01).tolist())
    expect(
        set(found) == set(right) or set(found) != large,
        "a latent with a mean far from 0 that never varies is not active", given=given, got=got,
        hint="The variance, not the size: a number that is the same for all clips says nothing.",
    )  # fmt: skip
    by_spread = {int(k) for k in order if np.sqrt(variance[k]) > 0.01}
    expect(
        set(found) == set(right) or set(found) != by_spread,
        "the variance is above the threshold", given=given, got=got,
        hint="Compare the variance with the threshold, not the standard deviation.",
    )  # fmt: skip
    expect(
        set(found) == set(right), "exactly the active latents are named", given=given,
        expected=sorted(right), got=sorted(found),
        hint="mu.var(axis=0) > threshold: one variance for each latent, over the clips.",
    )  # fmt: skip
    expect(
        found != right[::-1], "the largest variance comes first", given=given, got=got,
        hint="np.argsort has the smallest first; sort the negative variances.",
    )  # fmt: skip
    expect_equal(
        found, right, "the largest variance comes first", given=given,
        hint="The order is that of the variances, from the largest down: np.argsort(-variance).",
    )  # fmt: skip
    high = float(np.sort(variance)[-3:-1].mean())
    expect_equal(
        [int(k) for k in answer(mu, high)], [int(k) for k in order if variance[k] > high],
        "the threshold that is given counts", given={"mu": mu, "threshold": high},
        hint="Use the argument threshold in place of 0.01.",
    )  # fmt: skip


@exercise(
    "07.fitted",
    title="draw from a fitted normal distribution",
    hints=(
        "First give the noise the right shape (a matrix), then put it in the right place (a mean).",
        "np.cov wants the numbers in rows: np.cov(rows.T). cholesky gives A with A A^T = cov.",
        "rows.mean(axis=0) + noise @ np.linalg.cholesky(np.cov(rows.T)).T",
    ),
)
def fitted(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    dim = int(rng.integers(3, 6))
    rows = rng.normal(0, 3, dim) + rng.standard_normal((60, dim)) @ rng.normal(size=(dim, dim))
    count = dim + int(rng.integers(1, 4))
    noise = rng.standard_normal((count, dim))
    given = {"rows": rows, "noise": noise}
    got = _array_of_list(answer(rows, noise))
    expect_shape(
        got, (count, dim), "one draw for each row of noise", given=given,
        hint="noise @ root.T gives (M, D), as many draws as noise has rows.",
    )  # fmt: skip
    zero = as_array(answer(rows, np.zeros((1, dim))))[0]
    nothing = {"rows": rows, "noise": "zeros (1, D)"}
    expect_close(
        zero, rows.mean(axis=0), "without noise it is the mean", given=nothing, rtol=1e-5,
        atol=1e-8, hint="Add rows.mean(axis=0), the mean over the clips.",
    )  # fmt: skip
    # What each unit of noise does: with all of them, A^T, whichever root A was taken.
    root = (as_array(answer(rows, np.eye(dim))) - zero).T
    covariance, made = np.cov(rows.T), root @ root.T
    units = {"rows": rows, "noise": "each unit vector (D, D)"}
    spreads = np.diag(np.diag(covariance))
    expect(
        not np.allclose(made, spreads, rtol=1e-3, atol=1e-6),
        "the numbers vary together as in rows",
        given=units,
        hint="Only the spreads are right. Numbers that vary together need the whole covariance.",
    )  # fmt: skip
    expect(
        not np.allclose(made, covariance @ covariance.T, rtol=1e-3), "a root of the covariance",
        given=units, hint="You took the covariance itself. Its root has A A^T equal to it.",
    )  # fmt: skip
    expect(
        not np.allclose(root @ root.T, root.T @ root)
        or np.allclose(made, covariance, rtol=1e-2)
        or not np.allclose(made, np.eye(dim), atol=1e-6),
        "the noise is shaped", given=units, hint="The noise is added as it is: multiply it first.",
    )  # fmt: skip
    turned = np.linalg.cholesky(covariance)
    expect(
        not np.allclose(made, turned.T @ turned, rtol=1e-3), "the root is turned the right way",
        given=units,
        hint="noise @ root.T: each draw is root @ its noise, and the draws stand in rows.",
    )  # fmt: skip
    expect_close(
        made, covariance, "the draws have the covariance of rows", given=units, rtol=0.02,
        atol=0.02 * float(np.abs(covariance).max()),
        hint="Use A = np.linalg.cholesky(np.cov(rows.T)) and noise @ A.T.",
    )  # fmt: skip


@exercise(
    "07.combine",
    title="motion of one, look of another",
    hints=(
        "Which numbers of the code are the look, which are wave 0, which are the other waves?",
        "Look and mean place are the first look_dim + place_dim numbers. The rest is motion.",
        "np.concatenate([a[: look_dim + place_dim], b[look_dim + place_dim :]])",
    ),
)
def combine(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    look_dim = int(rng.integers(4, 9))
    for place_dim in (3, 2):
        dim = look_dim + place_dim * int(rng.integers(4, 7))
        a, b = rng.normal(size=dim), rng.normal(size=dim)
        given = {"a": a, "b": b, "look_dim": look_dim, "place_dim": place_dim}
        got = _array_of_list(answer(a, b, look_dim, place_dim))
        expect_shape(
            got, (dim,), "the answer is one code", given=given,
            hint="Take the first part of a and the rest of b: as many numbers as before.",
        )  # fmt: skip
        still = look_dim + place_dim
        right = np.concatenate([a[:still], b[still:]])
        expect_unlike(
            got,
            right,
            (
                (
                    np.concatenate([a[:look_dim], b[look_dim:]]),
                    "That is the whole path of b. Wave 0, its mean place, should come from a.",
                ),
                (np.concatenate([b[:still], a[still:]]), "The other way round: a gives the look."),
                (np.concatenate([a[: still - 1], b[still - 1 :]]), "Wave 0 has place_dim numbers."),
                (
                    np.concatenate([a[: look_dim + 1], b[look_dim + 1 :]]),
                    "Wave 0 has place_dim numbers: x, y and size.",
                ),
                (
                    np.concatenate([a[: look_dim + 3], b[look_dim + 3 :]]),
                    "Use place_dim: it need not be 3.",
                ),
                (a, "There is nothing of b in it: the waves from 1 on are the motion."),
                (b, "There is nothing of a in it."),
                (
                    np.concatenate([a[:look_dim], a[look_dim:] + b[look_dim:]]),
                    "The motions are added. Take that of b alone.",
                ),
            ),
            "look and mean place of a, motion of b",
            given=given,
        )
        expect_close(got, right, "look and mean place of a, motion of b", given=given, rtol=1e-6)


@exercise(
    "07.repair",
    title="repair this snippet",
    hints=(
        "Two lines, two mistakes. A loss below zero: which of its terms can be negative?",
        "A KL term is never negative. And what has to be multiplied with epsilon: which spread?",
        "np.exp(0.5 * log_variance) for z; variance + mu**2 - 1 - log_variance for KL.",
    ),
)
def repair(answer: Callable[..., tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> None:
    expect_callable(answer)
    mu, log_variance = _posteriors(rng)
    epsilon = rng.standard_normal(mu.shape)
    given = {"mu": mu, "log_variance": log_variance, "epsilon": epsilon}
    got = answer(mu, log_variance, epsilon)
    expect_type(got, (tuple, list), "the answer is z and the KL term", given=given)
    expect(
        len(got) == 2, "the answer is z and the KL term", given=given, got=got,
        hint="Return z, kl.",
    )  # fmt: skip
    z, term = (_array_of_list(part) for part in got)
    expect_shape(z, mu.shape, "z has a row for each clip", given=given, hint="Return z first.")
    right = mu + np.exp(0.5 * log_variance) * epsilon
    variance = "np.exp(log_variance) is the variance; epsilon is multiplied with the spread."
    expect_unlike(
        z,
        right,
        (
            (mu + np.exp(log_variance) * epsilon, variance),
            (mu + log_variance * epsilon, "log_variance is a logarithm: np.exp comes first."),
            (mu, "z has no draw any more: epsilon must stay."),
            (mu + np.exp(-0.5 * log_variance) * epsilon, "A plus in the exponent: 0.5 * log."),
        ),
        "z = mu + spread times epsilon",
        given=given,
    )
    expect_close(z, right, "z = mu + spread times epsilon", given=given, rtol=1e-5, atol=1e-8)
    expect_shape(
        term, (len(mu),), "one KL term for each clip", given=given,
        hint="Add up over the latents only, axis=1.",
    )  # fmt: skip
    _expect_divergence(term, mu, log_variance, given)
    expect_close(
        term, _divergence(mu, log_variance).sum(axis=1), "KL is that of section 3.2",
        given=given, rtol=1e-5,
    )  # fmt: skip
