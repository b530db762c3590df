"""Answers to the exercises of chapter 08."""

import math

import numpy as np

from answers import Case


def value(real, generated):
    return np.log(real).mean() + np.log(1 - generated).mean()


def value_by_loop(real, generated):
    first = sum(math.log(p) for p in real) / len(real)
    return first + sum(math.log(1 - p) for p in generated) / len(generated)


def value_without_one_minus(real, generated):
    return np.log(real).mean() + np.log(generated).mean()


def value_of_means(real, generated):
    return np.log(real.mean()) + np.log(1 - generated.mean())


def value_of_sums(real, generated):
    return np.log(real).sum() + np.log(1 - generated).sum()


def value_all_together(real, generated):
    return np.concatenate([np.log(real), np.log(1 - generated)]).mean()


def best(p, q):
    return np.divide(p, p + q, out=np.full_like(p, 0.5), where=p + q > 0)


def best_with_where(p, q):
    total = p + q
    return np.where(total > 0, p / np.where(total > 0, total, 1), 0.5)


def best_turned(p, q):
    return best(q, p)


def best_plain(p, q):
    with np.errstate(all="ignore"):
        return p / (p + q)


def best_decision(p, q):
    return (p > q).astype(float)


def best_scaled(p, q):
    return best(p / p.sum(), q / q.sum())


def softplus(x):
    return np.logaddexp(0, x)


def losses(real, generated):
    return softplus(generated - real).mean(), softplus(real - generated).mean()


def losses_by_hand(real, generated):
    gap = real - generated
    positive = np.maximum(gap, 0) + np.log1p(np.exp(-np.abs(gap)))
    return (positive - gap).mean(), positive.mean()


def losses_in_an_array(real, generated):
    return np.array(losses(real, generated))


def losses_per_pair(real, generated):
    return np.stack([softplus(generated - real), softplus(real - generated)])


def losses_exchanged(real, generated):
    return losses(generated, real)


def losses_without_pairs(real, generated):
    return (softplus(-real) + softplus(generated)).mean(), softplus(-generated).mean()


def losses_zero_sum(real, generated):
    return losses(real, generated)[0], -losses(real, generated)[0]


def losses_overflowing(real, generated):
    with np.errstate(all="ignore"):
        gap = real - generated
        return np.log(1 + np.exp(-gap)).mean(), np.log(1 + np.exp(gap)).mean()


def losses_all_pairs(real, generated):
    gaps = generated[:, None] - real
    return softplus(gaps).mean(), softplus(-gaps).mean()


def running_mean(weights, decay):
    mean = weights[0]
    for step, row in enumerate(weights[1:], start=1):
        kept = min(decay, (1 + step) / (10 + step))
        mean = kept * mean + (1 - kept) * row
    return mean


def running_mean_in_place(weights, decay):
    mean = weights[0].copy()
    for step in range(1, len(weights)):
        mean += (1 - min(decay, (1 + step) / (10 + step))) * (weights[step] - mean)
    return mean


def mean_turned(weights, decay):
    mean = weights[0]
    for step, row in enumerate(weights[1:], start=1):
        kept = min(decay, (1 + step) / (10 + step))
        mean = kept * row + (1 - kept) * mean
    return mean


def mean_cold(weights, decay):
    mean = weights[0]
    for row in weights[1:]:
        mean = decay * mean + (1 - decay) * row
    return mean


def mean_plain(weights, decay):
    return weights.mean(axis=0)


def mean_one_late(weights, decay):
    mean = weights[0]
    for step, row in enumerate(weights[1:]):
        kept = min(decay, (1 + step) / (10 + step))
        mean = kept * mean + (1 - kept) * row
    return mean


def spectral(weight, v, num_rounds):
    for _ in range(num_rounds):
        v = weight.T @ (weight @ v)
        v = v / np.linalg.norm(v)
    return np.linalg.norm(weight @ v)


def spectral_with_two_vectors(weight, v, num_rounds):
    for _ in range(num_rounds):
        u = weight @ v
        u /= np.linalg.norm(u)
        v = weight.T @ u
        v /= np.linalg.norm(v)
    u = weight @ v / np.linalg.norm(weight @ v)
    return u @ weight @ v


def spectral_squared(weight, v, num_rounds):
    return spectral(weight, v, num_rounds) ** 2


def frobenius(weight, v, num_rounds):
    return np.linalg.norm(weight)


def not_turned(weight, v, num_rounds):
    return np.linalg.norm(weight @ v) / np.linalg.norm(v)


def exact_always(weight, v, num_rounds):
    return np.linalg.svd(weight, compute_uv=False)[0]


def batch(frames, generated):
    x = np.concatenate([frames / 127.5 - 1, generated])
    labels = np.concatenate([np.ones(len(frames)), np.zeros(len(generated))])
    return x, labels, np.ones(len(generated))


def batch_in_float32(frames, generated):
    x = np.concatenate([frames.astype(np.float32) / 255 * 2 - 1, generated])
    labels = np.array([1] * len(frames) + [0] * len(generated))
    return x, labels, np.ones(len(generated), int)


def batch_as_published(frames, generated):
    x = np.concatenate([frames / 255, generated])
    labels = np.concatenate([np.zeros(len(frames)), np.ones(len(generated))])
    return x, labels, np.ones(len(generated))


def batch_from_0_to_1(frames, generated):
    return np.concatenate([frames / 255, (generated + 1) / 2]), *batch(frames, generated)[1:]


def batch_with_turned_labels(frames, generated):
    x, labels, wanted = batch(frames, generated)
    return x, 1 - labels, wanted


def batch_with_all_turned(frames, generated):
    x, labels, wanted = batch(frames, generated)
    return x, 1 - labels, 1 - wanted


def batch_that_helps(frames, generated):
    x, labels, wanted = batch(frames, generated)
    return x, labels, 0 * wanted


def batch_of_bytes(frames, generated):
    return np.concatenate([frames, generated]), *batch(frames, generated)[1:]


def settle_by_looking_ahead(slopes, x, y):
    for _ in range(200):
        dx, dy = slopes(x, y)
        dx, dy = slopes(x - 0.3 * dx, y + 0.3 * dy)
        x, y = x - 0.3 * dx, y + 0.3 * dy
    return x, y


def settle_by_the_mean(slopes, x, y):
    places = []
    for _ in range(240):
        x = x - slopes(x, y)[0]
        y = y + slopes(x, y)[1]
        places.append((x, y))
    return np.mean(places, axis=0)


def settle_by_the_mean_of_slow_steps(slopes, x, y):
    places = []
    for _ in range(40):
        x = x - 0.15 * slopes(x, y)[0]
        y = y + 0.15 * slopes(x, y)[1]
        places.append((x, y))
    return np.mean(places, axis=0)


def settle_by_memory(slopes, x, y):
    """Optimistic steps: twice the present slope less the one before."""
    before = slopes(x, y)
    for _ in range(400):
        now = slopes(x, y)
        x -= 0.25 * (2 * now[0] - before[0])
        y += 0.25 * (2 * now[1] - before[1])
        before = now
    return x, y


def settle_at_once(slopes, x, y):
    for _ in range(300):
        dx, dy = slopes(x, y)
        x, y = x - 0.1 * dx, y + 0.1 * dy
    return x, y


def settle_in_circles(slopes, x, y):
    for _ in range(240):
        x = x - 0.1 * slopes(x, y)[0]
        y = y + 0.1 * slopes(x, y)[1]
    return x, y


def settle_not(slopes, x, y):
    return x, y


def settle_too_slowly(slopes, x, y):
    for _ in range(12):
        dx, dy = slopes(x, y)
        dx, dy = slopes(x - 0.3 * dx, y + 0.3 * dy)
        x, y = x - 0.3 * dx, y + 0.3 * dy
    return x, y


ANSWERS = {
    "08.value": Case(
        right=[value, value_by_loop],
        wrong=[
            (lambda real, generated: -value(real, generated), "a loss is minus"),
            (value_without_one_minus, "log(1 - D)"),
            (value_of_means, "First the logarithm"),
            (value_of_sums, "The means, not the sums"),
            (value_all_together, "Each of the two means for itself"),
        ],
    ),
    "08.best": Case(
        right=[best, best_with_where],
        wrong=[
            (best_turned, "how many are generated"),
            (best_plain, "0 / 0 is NaN"),
            (best_decision, "Not a decision"),
            (best_scaled, "densities already"),
        ],
    ),
    "08.losses": Case(
        right=[losses, losses_by_hand, losses_in_an_array],
        wrong=[
            (losses_per_pair, "one number"),
            (losses_exchanged, "Exchanged"),
            (losses_without_pairs, "without pairs"),
            (losses_zero_sum, "softplus of the turned difference"),
            (losses_overflowing, "too large for a computer"),
            (losses_all_pairs, "Pair by pair"),
        ],
    ),
    "08.mean": Case(
        right=[running_mean, running_mean_in_place],
        wrong=[
            (mean_turned, "Exchanged"),
            (mean_cold, "In the first moves less is kept"),
            (mean_plain, "the plain mean"),
            (mean_one_late, "is step 1"),
        ],
    ),
    "08.spectral": Case(
        right=[spectral, spectral_with_two_vectors],
        wrong=[
            (spectral_squared, "That is its square"),
            (frobenius, "counts all directions together"),
            (not_turned, "Turn it with"),
            (exact_always, "v is turned once"),
        ],
    ),
    "08.repair": Case(
        right=[batch, batch_in_float32],
        wrong=[
            (batch_as_published, "frames / 255 from 0 to 1"),
            (batch_from_0_to_1, "All clips in [0, 1] would do as well"),
            (batch_with_turned_labels, "call the generated clips real"),
            (batch_with_all_turned, "call the generated clips real"),
            (batch_that_helps, "would help the discriminator"),
            (batch_of_bytes, "uint8 reaches from 0 to 255"),
        ],
    ),
    "08.settle": Case(
        right=[settle_by_looking_ahead, settle_by_the_mean, settle_by_memory],
        wrong=[
            (settle_at_once, "no nearer than at the start"),
            (settle_in_circles, "See the hints"),
            (settle_not, "Call slopes"),
            (settle_too_slowly, "Nearer, but not there"),
            (settle_by_the_mean_of_slow_steps, "several whole rounds"),
        ],
        seeds=100,
    ),
}
