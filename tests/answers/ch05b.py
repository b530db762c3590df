"""Answers to the exercises of chapter 05b."""

import math

import numpy as np

from answers import Case


def perplexity(log_p, numbers):
    return np.exp(-log_p[np.arange(len(log_p)), np.asarray(numbers)[1:]].mean())


def perplexity_by_loop(log_p, numbers):
    losses = [-row[word] for row, word in zip(log_p, numbers[1:], strict=True)]
    return math.exp(sum(losses) / len(losses))


def in_nats(log_p, numbers):
    return np.log(perplexity(log_p, numbers))


def turned_sign(log_p, numbers):
    return 1 / perplexity(log_p, numbers)


def of_the_sum(log_p, numbers):
    return perplexity(log_p, numbers) ** len(log_p)


def of_the_same_word(log_p, numbers):
    return np.exp(-log_p[np.arange(len(log_p)), np.asarray(numbers)[:-1]].mean())


def lora(x, weight, bias, down, up, scale):
    merged = weight + scale * down @ up
    return x @ merged + bias, merged


def lora_in_two_steps(x, weight, bias, down, up, scale):
    return x @ weight + bias + (x @ down) @ up * scale, weight + scale * (down @ up)


def without_scale(x, weight, bias, down, up, scale):
    return lora(x, weight, bias, down, up, 1.0)


def without_bias(x, weight, bias, down, up, scale):
    return lora(x, weight, 0, down, up, scale)


def scaled_all(x, weight, bias, down, up, scale):
    return scale * (x @ (weight + down @ up)) + bias, weight + scale * down @ up


def adapter_only(x, weight, bias, down, up, scale):
    return scale * x @ down @ up, weight + scale * down @ up


def unscaled_merge(x, weight, bias, down, up, scale):
    return lora(x, weight, bias, down, up, scale)[0], weight + down @ up


def highest_rank(num_inputs, num_outputs):
    return (num_inputs * num_outputs - 1) // (num_inputs + num_outputs)


def highest_rank_by_search(num_inputs, num_outputs):
    rank = 0
    while (rank + 1) * (num_inputs + num_outputs) < num_inputs * num_outputs:
        rank += 1
    return rank


def choose(names, parts, num_layers):
    chosen = []
    for name in names:
        adapter = name.endswith((".down", ".up"))
        last = name.startswith((f"h.{num_layers - 1}.", "ln_f."))
        learns = {
            "frozen": False,
            "lora": adapter,
            "last_block": last and not adapter,
            "full": not adapter and name != "wte.weight",
        }[parts]
        if learns:
            chosen.append(name)
    return chosen


def one_block_late(names, parts, num_layers):
    return choose(names, parts, num_layers + 1)


def first_digit(names, parts, num_layers):
    if parts != "last_block":
        return choose(names, parts, num_layers)
    return [n for n in names if n.startswith("h.1") and not n.endswith((".down", ".up"))]


def all_of_it(names, parts, num_layers):
    return list(names) if parts == "full" else choose(names, parts, num_layers)


def adapters_always(names, parts, num_layers):
    right = choose(names, parts, num_layers)
    return right + [n for n in names if n.endswith((".down", ".up")) and n not in right]


def chances(log_p, temperature, top):
    scores = np.array(log_p) / temperature
    scores[np.argsort(scores)[: len(scores) - top]] = -np.inf
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def chances_from_powers(log_p, temperature, top):
    powers = np.exp(np.asarray(log_p)) ** (1 / temperature)
    limit = np.sort(powers)[-top]
    powers = np.where(powers >= limit, powers, 0)
    return powers / powers.sum()


def multiplied(log_p, temperature, top):
    return chances(log_p, 1 / temperature, top)


def no_temperature(log_p, temperature, top):
    return chances(log_p, 1.0, top)


def no_limit(log_p, temperature, top):
    return chances(log_p, temperature, len(log_p))


def not_divided(log_p, temperature, top):
    powers = np.exp(np.asarray(log_p) / temperature)
    powers[np.argsort(powers)[: len(powers) - top]] = 0
    return powers


def worst_kept(log_p, temperature, top):
    scores = np.array(log_p) / temperature
    scores[np.argsort(scores)[top:]] = -np.inf
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def pairs(features, reach):
    return features[:, :-reach], features[:, reach:]


def pairs_by_index(features, reach):
    last = features.shape[1] - reach
    return features[:, np.arange(last)], features[:, np.arange(last) + reach]


def describe(frames):
    background = np.median(frames.reshape(-1, 3), axis=0)
    shapes = np.abs(frames.astype(float) - background).sum(axis=-1) > 60
    grid = np.mgrid[:32, :32]
    measures = []
    for mass in shapes:
        total = mass.sum() + 1e-6
        row, column = (mass * grid).sum(axis=(1, 2)) / total
        spread = np.sqrt((mass * ((grid[0] - row) ** 2 + (grid[1] - column) ** 2)).sum() / total)
        measures.append((total, spread, row, column))
    change = np.mean(measures[-4:], axis=0) - np.mean(measures[:4], axis=0)
    steps = zip("szrc", change, (12, 1, 1.5, 1.5), strict=True)
    return " ".join(f"{name}{int(np.clip(round(v / step), -3, 3))}" for name, v, step in steps)


def only_across(frames):
    return next(word for word in describe(frames).split() if word.startswith("c"))


def not_rounded(frames):
    return " ".join(f"{value:.9f}" for value in frames.astype(float).mean(axis=(1, 2, 3)))


def mean_of_exponentials(log_p, numbers):
    return np.exp(-log_p[np.arange(len(log_p)), np.asarray(numbers)[1:]]).mean()


def all_rows(log_p, numbers):
    return np.exp(-log_p[:, np.asarray(numbers)[1:]].mean())


def one_too_long(log_p, numbers):
    said = log_p[np.arange(len(log_p)), np.asarray(numbers)[1:]]
    return np.exp(-said.sum() / len(numbers))


def divided_by_words(log_p, numbers):
    said = log_p[np.arange(len(log_p)), np.asarray(numbers)[1:]]
    return np.exp(-said.sum() / log_p.shape[1])


def in_single_precision(x, weight, bias, down, up, scale):
    arrays = (array.astype(np.float32) for array in (x, weight, bias, down, up))
    return lora(*arrays, np.float32(scale))


def changed_in_place(x, weight, bias, down, up, scale):
    weight += scale * down @ up
    return x @ weight + bias + scale * (x @ down) @ up, weight


def cold_only(log_p, temperature, top):
    return chances(log_p, min(temperature, 1.0), top)


def not_a_number(log_p, temperature, top):
    scores = np.array(log_p) / temperature
    keep = np.zeros(len(scores))
    keep[np.argsort(scores)[len(scores) - top :]] = 1
    with np.errstate(invalid="ignore"):
        scores = scores + (1 - keep) * -np.inf
    powers = np.exp(scores - np.nanmax(scores))
    return powers / powers.sum()


def named_apart(frames):
    return " ".join(f"{word[0]} {word[1:]}" for word in describe(frames).split())


def too_fine(frames):
    rng = np.random.default_rng(frames.astype(int).sum() % 2**32)
    return " ".join(f"{word}{rng.integers(0, 60)}" for word in describe(frames).split())


ANSWERS = {
    "05b.perplexity": Case(
        right=[perplexity, perplexity_by_loop],
        wrong=[
            (in_nats, "is its exponential"),
            (turned_sign, "The sign"),
            (of_the_sum, "not the sum"),
            (of_the_same_word, "Compare with the"),
            (mean_of_exponentials, "First the mean"),
            (all_rows, "takes all rows"),
            (one_too_long, "divide by L"),
            (divided_by_words, "word t"),
            (lambda log_p, numbers: "low", "gives one number"),
        ],
    ),
    "05b.lora": Case(
        right=[lora, lora_in_two_steps, in_single_precision],
        wrong=[
            (without_scale, "lack the scale"),
            (without_bias, "The bias of the layer"),
            (scaled_all, "belongs to the adapter alone"),
            (adapter_only, "The layer itself"),
            (unscaled_merge, "into the merged weights too"),
            (changed_in_place, "counts twice"),
            (lambda *given: lora(*given)[::-1], "Outputs first"),
            (lambda *given: (lora(*given)[0], given[5] * given[3] @ given[4]), "W itself"),
        ],
    ),
    "05b.rank": Case(
        right=[highest_rank, highest_rank_by_search],
        wrong=[
            (lambda a, b: a * b // (a + b), "exactly the same number"),
            (lambda a, b: a * b / (a + b), "Divide with //"),
            (lambda a, b: min(a, b) - 1, "Both narrow matrices count"),
            (lambda a, b: 1 if a > 1 else 0, "still fewer"),
            (lambda a, b: max(1, highest_rank(a, b)), "Even rank 1"),
            (lambda a, b: highest_rank(a, b) + (a != b), "round down"),
            (lambda a, b: float("nan"), "Divide with //"),
        ],
    ),
    "05b.choose": Case(
        right=[choose],
        wrong=[
            (one_block_late, "num_layers - 1"),
            (first_digit, "num_layers - 1"),
            (all_of_it, "but the table of words"),
            (adapters_always, "nothing of the GPT-2 learns"),
            (lambda *given: sorted(choose(*given)), "Keep the order"),
            (lambda names, *given: [n in choose(names, *given) for n in names], "themselves"),
            (lambda *given: filter(None, choose(*given)), "Return a list"),
        ],
    ),
    "05b.sample": Case(
        right=[chances, chances_from_powers],
        wrong=[
            (multiplied, "Divide by it"),
            (no_temperature, "is not used"),
            (cold_only, "only for some values"),
            (no_limit, "get a score of -inf"),
            (not_divided, "divide by the sum again"),
            (worst_kept, "argsort goes from the lowest"),
            (not_a_number, "0 times -inf is NaN"),
        ],
    ),
    "05b.repair": Case(
        right=[pairs, pairs_by_index],
        wrong=[
            (lambda x, r: (x[:, r:], x[:, r:]), "copying is enough"),
            (lambda x, r: (x[:, r:], x[:, :-r]), "You ask for the past"),
            (lambda x, r: (x[:, :-1], x[:, 1:]), "have no partner"),
            (lambda x, r: (x[:, :-r], x[:, 1 : 1 + x.shape[1] - r]), "1 frame ahead"),
            (lambda x, r: (x[:-r], x[r:]), "time is the second"),
        ],
    ),
    "05b.describe": Case(
        right=[describe],
        wrong=[
            (lambda frames: "something moves", "the same of every clip"),
            (only_across, "not tell apart"),
            (not_rounded, "round your measures"),
            (named_apart, "needs its name"),
            (too_fine, "more coarsely"),
            (lambda frames: 3, "Return a string"),
        ],
        seeds=3,
    ),
}
