"""Answers to the exercises of chapter 07."""

import numpy as np

from answers import Case


def kl(mu, log_variance):
    return 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)


def kl_by_loop(mu, log_variance):
    sigma = np.exp(log_variance / 2)
    rows = [(s**2 + m**2 - 1 - 2 * np.log(s)).sum() / 2 for m, s in zip(mu, sigma, strict=True)]
    return np.array(rows)


def kl_of_all(mu, log_variance):
    return kl(mu, log_variance).sum()


def kl_turned(mu, log_variance):
    return -kl(mu, log_variance)


def kl_mean(mu, log_variance):
    return kl(mu, log_variance) / mu.shape[1]


def kl_of_spread(mu, log_variance):
    return 0.5 * (np.exp(0.5 * log_variance) + mu**2 - 1 - log_variance).sum(axis=1)


def kl_without_half(mu, log_variance):
    return 2 * kl(mu, log_variance)


def kl_one_too_few(mu, log_variance):
    return 0.5 * ((np.exp(log_variance) + mu**2 - log_variance).sum(axis=1) - 1)


def kl_as_list(mu, log_variance):
    return list(kl(mu, log_variance))


def kl_of_absolute_mean(mu, log_variance):
    return 0.5 * (np.exp(log_variance) + abs(mu) - 1 - log_variance).sum(axis=1)


def kl_in_bits(mu, log_variance):
    return kl(mu, log_variance) / np.log(2)


def kl_with_log2(mu, log_variance):
    variance = np.exp(log_variance)
    return 0.5 * (variance + mu**2 - 1 - np.log2(variance)).sum(axis=1)


def kl_mean_as_list(mu, log_variance):
    return [float(nats) for nats in kl_mean(mu, log_variance)]


def _loss(z, codes, mu, log_variance, decode, beta):
    return (((decode(z) - codes) ** 2).sum(axis=1) + beta * kl(mu, log_variance)).mean()


def loss(codes, mu, log_variance, epsilon, decode, beta):
    z = mu + np.exp(0.5 * log_variance) * epsilon
    return _loss(z, codes, mu, log_variance, decode, beta)


def loss_in_sums(codes, mu, log_variance, epsilon, decode, beta):
    z = mu + np.sqrt(np.exp(log_variance)) * epsilon
    total = ((decode(z) - codes) ** 2).sum() + beta * kl(mu, log_variance).sum()
    return float(total / len(codes))


def loss_with_variance(codes, mu, log_variance, epsilon, decode, beta):
    return _loss(mu + np.exp(log_variance) * epsilon, codes, mu, log_variance, decode, beta)


def loss_without_draw(codes, mu, log_variance, epsilon, decode, beta):
    return _loss(mu, codes, mu, log_variance, decode, beta)


def loss_of_means(codes, mu, log_variance, epsilon, decode, beta):
    z = mu + np.exp(0.5 * log_variance) * epsilon
    return ((decode(z) - codes) ** 2).mean() + beta * kl(mu, log_variance).mean()


def loss_of_all_means(codes, mu, log_variance, epsilon, decode, beta):
    z = mu + np.exp(0.5 * log_variance) * epsilon
    return ((decode(z) - codes) ** 2).mean() + beta * kl(mu, log_variance).mean() / mu.shape[1]


def loss_with_minus(codes, mu, log_variance, epsilon, decode, beta):
    return loss(codes, mu, log_variance, epsilon, decode, -beta)


def loss_per_clip(codes, mu, log_variance, epsilon, decode, beta):
    z = mu + np.exp(0.5 * log_variance) * epsilon
    return ((decode(z) - codes) ** 2).sum(axis=1) + beta * kl(mu, log_variance)


def loss_without_beta(codes, mu, log_variance, epsilon, decode, beta):
    return loss(codes, mu, log_variance, epsilon, decode, 1.0)


def active(mu, threshold=0.01):
    variance = mu.var(axis=0)
    return [int(k) for k in np.argsort(-variance) if variance[k] > threshold]


def active_by_loop(mu, threshold=0.01):
    found = [(mu[:, k].var(), k) for k in range(mu.shape[1]) if mu[:, k].var() > threshold]
    return [k for _, k in sorted(found, reverse=True)]


def active_smallest_first(mu, threshold=0.01):
    return active(mu, threshold)[::-1]


def active_by_size(mu, threshold=0.01):
    size = np.square(mu).mean(axis=0)
    return [int(k) for k in np.argsort(-size) if size[k] > threshold]


def active_unsorted(mu, threshold=0.01):
    return np.flatnonzero(mu.var(axis=0) > threshold)


def active_fixed(mu, threshold=0.01):
    return active(mu, 0.01)


def active_as_mask(mu, threshold=0.01):
    return mu.var(axis=0) > threshold


def fitted(rows, noise):
    root = np.linalg.cholesky(np.cov(rows.T))
    return rows.mean(axis=0) + noise @ root.T


def fitted_by_eigenvalues(rows, noise):
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    return rows.mean(axis=0) + (noise * np.sqrt(values)) @ vectors.T


def fitted_as_list(rows, noise):
    return [list(draw) for draw in fitted(rows, noise)]


def fitted_centred(rows, noise):
    return fitted(rows, noise) - rows.mean(axis=0)


def fitted_spreads(rows, noise):
    return rows.mean(axis=0) + rows.std(axis=0, ddof=1) * noise


def fitted_covariance(rows, noise):
    return rows.mean(axis=0) + noise @ np.cov(rows.T)


def fitted_turned(rows, noise):
    return rows.mean(axis=0) + noise @ np.linalg.cholesky(np.cov(rows.T))


def combine(a, b, look_dim, place_dim=3):
    return np.concatenate([a[: look_dim + place_dim], b[look_dim + place_dim :]])


def combine_in_a_copy(a, b, look_dim, place_dim=3):
    code = b.copy()
    code[: look_dim + place_dim] = a[: look_dim + place_dim]
    return code


def combine_lists(a, b, look_dim, place_dim=3):
    still = look_dim + place_dim
    return [*a[:still], *b[still:]]


def whole_path_as_list(a, b, look_dim, place_dim=3):
    return [*a[:look_dim], *b[look_dim:]]


def whole_path(a, b, look_dim, place_dim=3):
    return np.concatenate([a[:look_dim], b[look_dim:]])


def other_way_round(a, b, look_dim, place_dim=3):
    return combine(b, a, look_dim, place_dim)


def always_three(a, b, look_dim, place_dim=3):
    return combine(a, b, look_dim, 3)


def z_and_kl(mu, log_variance, epsilon):
    return mu + np.exp(0.5 * log_variance) * epsilon, kl(mu, log_variance)


def z_and_kl_as_list(mu, log_variance, epsilon):
    z, term = z_and_kl(mu, log_variance, epsilon)
    return [z, term.tolist()]


def z_and_kl_with_sigma(mu, log_variance, epsilon):
    sigma = np.exp(log_variance) ** 0.5
    return mu + sigma * epsilon, 0.5 * (sigma**2 + mu**2 - 1 - 2 * np.log(sigma)).sum(axis=1)


def as_it_was(mu, log_variance, epsilon):
    return mu + np.exp(log_variance) * epsilon, -kl(mu, log_variance)


def only_z(mu, log_variance, epsilon):
    return mu + np.exp(0.5 * log_variance) * epsilon, -kl(mu, log_variance)


def only_kl(mu, log_variance, epsilon):
    return mu + np.exp(log_variance) * epsilon, kl(mu, log_variance)


def one_number(mu, log_variance, epsilon):
    return mu + np.exp(0.5 * log_variance) * epsilon, kl(mu, log_variance).sum()


ANSWERS = {
    "07.kl": Case(
        right=[kl, kl_by_loop, kl_as_list],
        wrong=[
            (kl_of_all, "one number for each clip"),
            (kl_turned, "never negative"),
            (kl_mean, "not the mean"),
            (kl_of_spread, "is the spread"),
            (kl_without_half, "one half is missing"),
            (kl_one_too_few, "inside the sum"),
            (kl_of_absolute_mean, "absolute value"),
            (kl_in_bits, "not bits"),
            (kl_with_log2, "not bits"),
            (kl_mean_as_list, "not the mean"),
        ],
    ),
    "07.loss": Case(
        right=[loss, loss_in_sums],
        wrong=[
            (loss_with_variance, "0.5 * log_variance"),
            (loss_without_draw, "epsilon is not used"),
            (loss_of_means, "much larger"),
            (loss_of_all_means, "a mean over the batch only"),
            (loss_with_minus, "is added"),
            (loss_per_clip, "one number"),
            (loss_without_beta, "beta is missing"),
        ],
    ),
    "07.active": Case(
        right=[active, active_by_loop],
        wrong=[
            (active_smallest_first, "smallest first"),
            (active_by_size, "not the size"),
            (active_unsorted, "largest down"),
            (active_fixed, "argument threshold"),
            (active_as_mask, "numbers, such as"),
        ],
    ),
    "07.fitted": Case(
        right=[fitted, fitted_by_eigenvalues, fitted_as_list],
        wrong=[
            (fitted_centred, "mean over the clips"),
            (fitted_spreads, "whole covariance"),
            (fitted_covariance, "covariance itself"),
            (fitted_turned, "root.T"),
            (lambda rows, noise: rows.mean(axis=0) + noise, "multiply it first"),
        ],
    ),
    "07.combine": Case(
        right=[combine, combine_in_a_copy, combine_lists],
        wrong=[
            (whole_path, "Wave 0"),
            (whole_path_as_list, "Wave 0"),
            (other_way_round, "other way round"),
            (always_three, "need not be 3"),
        ],
    ),
    "07.repair": Case(
        right=[z_and_kl, z_and_kl_with_sigma, z_and_kl_as_list],
        wrong=[
            (as_it_was, "is the variance"),
            (only_z, "never negative"),
            (only_kl, "is the variance"),
            (one_number, "axis=1"),
        ],
    ),
}
