"""Answers to the exercises of chapter 09a."""

import numpy as np

from answers import Case


def on_the_way(noise, codes, time):
    t = time[:, None]
    return (1 - t) * noise + t * codes, codes - noise


def on_the_way_by_loop(noise, codes, time):
    rows = [n + t * (c - n) for n, c, t in zip(noise, codes, time, strict=True)]
    return np.array(rows), codes - noise


def swapped(noise, codes, time):
    return on_the_way(codes, noise, time)


def backwards(noise, codes, time):
    return on_the_way(noise, codes, time)[0], noise - codes


def along_columns(noise, codes, time):
    if len(time) != noise.shape[1]:
        return on_the_way(noise, codes, time)
    return (1 - time) * noise + time * codes, codes - noise


def what_is_left(noise, codes, time):
    x, _ = on_the_way(noise, codes, time)
    return x, codes - x


def euler(velocity, noise, num_steps):
    x = noise
    for step in range(num_steps):
        x = x + velocity(x, step / num_steps) / num_steps
    return x


def euler_by_times(velocity, noise, num_steps):
    x = np.array(noise)
    for t in np.linspace(0, 1, num_steps, endpoint=False):
        x += velocity(x, t) / num_steps
    return x


def in_place(velocity, noise, num_steps):
    for step in range(num_steps):
        noise += velocity(noise, step / num_steps) / num_steps
    return noise


def one_late(velocity, noise, num_steps):
    return euler(lambda x, t: velocity(x, t + 1 / num_steps), noise, num_steps)


def wrong_way(velocity, noise, num_steps):
    return euler(lambda x, t: velocity(x, 1 - t), noise, num_steps)


def whole_steps(velocity, noise, num_steps):
    return euler(lambda x, t: num_steps * velocity(x, t), noise, num_steps)


def to_the_end(velocity, noise, num_steps):
    return euler(lambda x, t: velocity(x, t * num_steps / (num_steps - 1)), noise, num_steps)


def step_as_time(velocity, noise, num_steps):
    return euler(lambda x, t: velocity(x, round(t * num_steps)), noise, num_steps)


def in_one_go(velocity, noise, num_steps):
    return noise + velocity(noise, 0.0)


def keep(facts, left_out):
    kept = np.ones(len(facts), bool)
    for one in left_out:
        columns = [c for c, value in enumerate(one) if value is not None]
        kept &= ~np.all([facts[:, c] == one[c] for c in columns], axis=0)
    return kept


def keep_by_loop(facts, left_out):
    return np.array(
        [
            not any(
                all(v is None or v == f for f, v in zip(row, one, strict=True)) for one in left_out
            )
            for row in facts
        ]
    )


def any_fact(facts, left_out):
    kept = np.ones(len(facts), bool)
    for one in left_out:
        for column, value in enumerate(one):
            if value is not None:
                kept &= facts[:, column] != value
    return kept


def last_only(facts, left_out):
    return keep(facts, left_out[-1:])


def literally(facts, left_out):
    return np.array([tuple(row) not in set(left_out[:2]) for row in facts.tolist()])


def mean_of_words(table, words):
    there = (words != 0)[:, :, None]
    return (table[words] * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


def mean_by_loop(table, words):
    rows = [row[row != 0] for row in words]
    return np.stack(
        [table[row].mean(axis=0) if len(row) else np.zeros(table.shape[1]) for row in rows]
    )


def summed_padding(table, words):
    return table[words].sum(axis=1) / np.maximum((words != 0).sum(axis=1), 1)[:, None]


def divided_by_length(table, words):
    return (table[words] * (words != 0)[:, :, None]).mean(axis=1)


def each_word_once(table, words):
    return np.stack([table[np.unique(row[row != 0])].mean(axis=0) for row in words])


def not_finite(table, words):
    there = (words != 0)[:, :, None]
    with np.errstate(invalid="ignore"):
        return (table[words] * there).sum(axis=1) / there.sum(axis=1)


def describe(path):
    x, y, radius = path.T
    size = (radius[-4:].mean() - radius[:4].mean()) / radius.mean()
    dx, dy = np.diff(x), np.diff(y)
    if abs(size) > 0.25:
        return "grow" if size > 0 else "shrink"
    if np.hypot(x[-1] - x[0], y[-1] - y[0]) < 0.8 * np.hypot(dx, dy).sum():
        turn = (dx[:-1] * dy[1:] - dy[:-1] * dx[1:]).sum()
        return "clockwise" if turn > 0 else "anticlockwise"
    if abs(x[-1] - x[0]) > abs(y[-1] - y[0]):
        return "right" if x[-1] > x[0] else "left"
    return "down" if y[-1] > y[0] else "up"


def renamed(*pair):
    other = dict([pair, pair[::-1]])
    return lambda path: other.get(describe(path), describe(path))


def no_orbits(path):
    found = describe(path)
    return "left" if "clockwise" in found else found


def no_size(path):
    found = describe(path)
    return "up" if found in ("grow", "shrink") else found


ANSWERS = {
    "09a.on_the_way": Case(
        right=[on_the_way, on_the_way_by_loop],
        wrong=[
            (swapped, "Noise and code are swapped"),
            (backwards, "backwards in time"),
            (along_columns, "a time of its own"),
            (what_is_left, "the way that is left"),
            (lambda *given: on_the_way(*given)[0], "Return x, velocity"),
            (lambda *given: on_the_way(*given)[::-1], "Position first"),
        ],
    ),
    "09a.euler": Case(
        right=[euler, euler_by_times, in_place],
        wrong=[
            (one_late, "The first step starts at time 0"),
            (wrong_way, "Time runs the wrong way"),
            (whole_steps, "not all of it"),
            (to_the_end, "starts before time 1"),
            (step_as_time, "divide the step"),
            (in_one_go, "once in each step"),
        ],
    ),
    "09a.keep": Case(
        right=[keep, keep_by_loop],
        wrong=[
            (lambda *given: ~keep(*given), "The other way round"),
            (any_fact, "All facts of a combination"),
            (last_only, "Only the last combination"),
            (literally, "skip that column"),
        ],
    ),
    "09a.pitch": Case(
        right=[
            lambda y: 200 * 6 ** ((1 - y) / 2),
            lambda y: np.exp(np.log(1200) + (y + 1) / 2 * np.log(1 / 6)),
        ],
        wrong=[
            (lambda y: 200 * 6 ** ((1 + y) / 2), "y points down"),
            (lambda y: 200 + 500 * (1 - y), "a power, not a sum"),
            (lambda y: 200 + 500 * (1 + y), "and y points down"),
            (lambda y: 200 * 6 ** (1 - y), "halve it"),
        ],
    ),
    "09a.repair": Case(
        right=[mean_of_words, mean_by_loop],
        wrong=[
            (lambda table, words: table[words].mean(axis=1), "Padding still counts"),
            (divided_by_length, "still divide by L"),
            (summed_padding, "are in the sum"),
            (each_word_once, "counts twice"),
            (not_finite, "0 / 0"),
        ],
    ),
    "09a.describe": Case(
        right=[describe],
        wrong=[
            (renamed("up", "down"), "falling means"),
            (renamed("clockwise", "anticlockwise"), "sense of rotation"),
            (no_orbits, "walks far and arrives near"),
            (no_size, "Look at the radius"),
            (lambda path: "sideways", "Return one of"),
        ],
        seeds=3,
    ),
}
