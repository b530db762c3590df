"""Answers to the exercises of chapter 05a."""

import numpy as np

from answers import Case


def softmax(scores, axis=-1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def attend(query, key, value, mask):
    scores = query @ key.T / np.sqrt(query.shape[1])
    return softmax(np.where(mask, scores, -np.inf)) @ value


def attend_by_loop(query, key, value, mask):
    found = []
    for row, allowed in zip(query, mask, strict=True):
        scores = np.array([row @ k for k in key[allowed]]) / len(row) ** 0.5
        found.append(softmax(scores) @ value[allowed])
    return np.stack(found)


def not_divided(query, key, value, mask):
    return softmax(np.where(mask, query @ key.T, -np.inf)) @ value


def wrong_axis(query, key, value, mask):
    scores = np.where(mask, query @ key.T / np.sqrt(query.shape[1]), -np.inf)
    return softmax(scores, axis=0) @ value


def mask_after(query, key, value, mask):
    return (softmax(query @ key.T / np.sqrt(query.shape[1])) * mask) @ value


def mask_as_zero(query, key, value, mask):
    return softmax(np.where(mask, query @ key.T / np.sqrt(query.shape[1]), 0)) @ value


def turned_mask(query, key, value, mask):
    with np.errstate(invalid="ignore"):
        return attend(query, key, value, mask if mask.all() else ~mask)


def turned_mask_everywhere(query, key, value, mask):
    with np.errstate(all="ignore"):
        return attend(query, key, value, ~mask)


def nothing_times_infinity(query, key, value, mask):
    with np.errstate(all="ignore"):
        scores = query @ key.T / np.sqrt(query.shape[1]) + (1 - mask) * -np.inf
        return softmax(scores) @ value


def divided_by_the_number_of_keys(query, key, value, mask):
    return softmax(np.where(mask, query @ key.T / np.sqrt(len(key)), -np.inf)) @ value


def in_single_precision(query, key, value, mask):
    return attend(*(array.astype(np.float32) for array in (query, key, value)), mask)


def largest_before_the_mask(query, key, value, mask):
    weights = softmax(query @ key.T / np.sqrt(query.shape[1])) * mask
    with np.errstate(all="ignore"):
        return np.nan_to_num(weights / weights.sum(axis=1, keepdims=True)) @ value


def overflows(query, key, value, mask):
    with np.errstate(all="ignore"):
        weights = np.exp(query @ key.T / np.sqrt(query.shape[1])) * mask
        return weights / weights.sum(axis=1, keepdims=True) @ value


def window(num_frames, reach, length):
    mask = np.zeros((num_frames, num_frames), bool)
    for row in range(num_frames):
        for column in range(num_frames):
            mask[row, column] = abs(row - column) <= reach and column < length
        mask[row, row] = True
    return mask


def without_padding(num_frames, reach, length):
    frames = np.arange(num_frames)
    return np.abs(frames[:, None] - frames) <= reach


def without_itself(num_frames, reach, length):
    return without_padding(num_frames, reach, length) & (np.arange(num_frames) < length)


def looks_back(num_frames, reach, length):
    return np.tril(window(num_frames, reach, length))


def too_near(num_frames, reach, length):
    return window(num_frames, reach - 1, length)


def counts_the_length(num_frames, reach, length):
    return window(num_frames, reach, length + 1)


def closes_rows(num_frames, reach, length):
    real = np.arange(num_frames) < length
    return (window(num_frames, reach, length) & real[:, None]) | np.eye(num_frames, dtype=bool)


def slices_from_behind(num_frames, reach, length):
    mask = without_padding(num_frames, reach, length)
    mask[:, length - num_frames :] = False
    return mask | np.eye(num_frames, dtype=bool)


def split(x, num_heads):
    size = x.shape[1] // num_heads
    return np.stack([x[:, h * size : (h + 1) * size] for h in range(num_heads)])


def merge(heads):
    return np.concatenate(list(heads), axis=1)


def split_in_place(x, num_heads):
    return x.reshape(len(x), num_heads, -1)


def hide(num_clips, num_frames, count, seed):
    rng = np.random.default_rng(seed)
    hidden = np.zeros((num_clips, num_frames), bool)
    for row in hidden:
        row[rng.choice(num_frames, count, replace=False)] = True
    return hidden


def by_threshold(num_clips, num_frames, count, seed):
    return np.random.default_rng(seed).random((num_clips, num_frames)) < count / num_frames


def once_for_all(num_clips, num_frames, count, seed):
    return np.repeat(hide(1, num_frames, count, seed), num_clips, axis=0)


def never_the_first(num_clips, num_frames, count, seed):
    hidden = np.zeros((num_clips, num_frames), bool)
    hidden[:, 1:] = hide(num_clips, num_frames - 1, count, seed)
    return hidden


def always_together(num_clips, num_frames, count, seed):
    starts = np.random.default_rng(seed).integers(0, num_frames, num_clips)
    places = (starts[:, None] + np.arange(count)) % num_frames
    hidden = np.zeros((num_clips, num_frames), bool)
    np.put_along_axis(hidden, places, True, axis=1)
    return hidden


def fixed_seed(num_clips, num_frames, count, seed):
    return hide(num_clips, num_frames, count, 0)


def without_seed(num_clips, num_frames, count, seed):
    return hide(num_clips, num_frames, count, None)


def in_equal_pairs(num_clips, num_frames, count, seed):
    return np.repeat(hide(-(-num_clips // 2), num_frames, count, seed), 2, axis=0)[:num_clips]


def with_repeats(num_clips, num_frames, count, seed):
    places = np.random.default_rng(seed).integers(0, num_frames, (num_clips, count))
    hidden = np.zeros((num_clips, num_frames), bool)
    np.put_along_axis(hidden, places, True, axis=1)
    return hidden


def one_too_many(num_clips, num_frames, count, seed):
    return hide(num_clips, num_frames, count + 1, seed)


def causal(query, key, value):
    return attend(query, key, value, np.tri(len(query), dtype=bool))


def not_repaired(query, key, value):
    return mask_after(query, key, value, np.tri(len(query)))


def sees_all(query, key, value):
    return attend(query, key, value, np.ones((len(query), len(query)), bool))


def strictly_before(query, key, value):
    mask = np.tri(len(query), k=-1, dtype=bool)
    mask[0, 0] = True
    return attend(query, key, value, mask)


def renormalised(query, key, value):
    query, key, value = (array.astype(np.float32) for array in (query, key, value))
    weights = softmax(query @ key.T / np.float32(np.sqrt(query.shape[1]))) * np.tri(len(query))
    return (weights / weights.sum(axis=1, keepdims=True)) @ value


def in_torch(query, key, value):
    import torch

    tensors = (torch.tensor(array, dtype=torch.float32) for array in (query, key, value))
    return torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)


def never_itself(query, key, value):
    with np.errstate(all="ignore"):
        return attend(query, key, value, np.tri(len(query), k=-1, dtype=bool))


def zeros_before(query, key, value):
    return softmax(query @ key.T / np.sqrt(query.shape[1]) * np.tri(len(query))) @ value


def centre_and_area(frame, background):
    covers = (np.abs(frame - background).sum(axis=-1) / 100).clip(0, 1)
    grid = np.mgrid[:32, :32]
    return (covers * grid).sum(axis=(1, 2)) / covers.sum(), covers.sum()


def moved(frames, first):
    """The nearer one of the two frames beside the gap, moved and scaled for each missing frame."""
    ends = [frames[first - 1].astype(float), frames[first + 6].astype(float)]
    background = np.median(ends[0].reshape(-1, 3), axis=0)
    facts = [centre_and_area(frame, background) for frame in ends]
    painted = []
    for step in range(1, 7):
        share = step / 7
        near = int(share > 0.5)
        centre = (1 - share) * facts[0][0] + share * facts[1][0]
        radius = (1 - share) * np.sqrt(facts[0][1]) + share * np.sqrt(facts[1][1])
        own, area = facts[near]
        place = (np.mgrid[:32, :32] - centre[:, None, None]) * np.sqrt(area) / radius
        row, column = (place + own[:, None, None]).round().astype(int).clip(0, 31)
        painted.append(ends[near][row, column])
    return np.stack(painted).astype(np.uint8)


def cross_fade(frames, first):
    before, after = frames[first - 1].astype(float), frames[first + 6].astype(float)
    shares = np.arange(1, 7)[:, None, None, None] / 7
    return ((1 - shares) * before + shares * after).astype(np.uint8)


def copied(frames, first):
    return np.repeat(frames[first - 1 : first], 6, axis=0)


def left_black(frames, first):
    return frames[first : first + 6]


def background_only(frames, first):
    background = np.median(frames[0].reshape(-1, 3), axis=0)
    return np.tile(background, (6, 32, 32, 1)).astype(np.uint8)


def float_frames(frames, first):
    return moved(frames, first).astype(float)


def one_frame(frames, first):
    return moved(frames, first)[2]


ANSWERS = {
    "05a.encode": Case(
        right=[
            lambda sentence, words: [
                words.index(word) if word in words else 1 for word in sentence.split()
            ],
            lambda sentence, words: np.array(
                [{w: n for n, w in enumerate(words)}.get(word, 1) for word in sentence.split()]
            ),
        ],
        wrong=[
            (lambda sentence, words: [words.index(c) if c in words else 1 for c in sentence],
             "Split the sentence"),
            (lambda sentence, words: [words[2:].index(w) if w in words else 1
                                      for w in sentence.split()], "the first other word has"),
            (lambda sentence, words: [words.index(w) for w in sentence.split() if w in words],
             "keep unknown words"),
            (lambda sentence, words: [words.index(w) if w in words else 0
                                      for w in sentence.split()], "as the number of <unk>"),
            (lambda sentence, words: [{w: n for n, w in enumerate(words)}.get(word)
                                      for word in sentence.split()], "gives None for a word"),
            (lambda sentence, words: 3, "Return a list"),
        ],
    ),
    "05a.attention": Case(
        right=[attend, attend_by_loop, in_single_precision],
        wrong=[
            (not_divided, "D is its length"),
            (divided_by_the_number_of_keys, "D is the length of a query"),
            (wrong_axis, "runs over the queries"),
            (mask_after, "Set scores to -inf before it"),
            (turned_mask, "wrong way round"),
            (turned_mask_everywhere, "Yours forbids it"),
            (nothing_times_infinity, "0 times -inf"),
            (mask_as_zero, "A score of 0 is no ban"),
            (overflows, "Subtract the largest score"),
            (largest_before_the_mask, "take the largest score"),
            (lambda q, k, v, m: attend(q, k, v, m | True), "it is not used"),
            (lambda q, k, v, m: (attend(q, k, v, m), m), "Return only what is found"),
        ],
    ),
    "05a.window_mask": Case(
        right=[window],
        wrong=[
            (without_padding, "are padding"),
            (without_itself, "its row becomes NaN"),
            (looks_back, "look back only"),
            (too_near, "exactly `reach` away"),
            (counts_the_length, "is padding already"),
            (closes_rows, "may look at real neighbours"),
            (slices_from_behind, "may also be all real"),
            (lambda n, r, length: window(n, r, length).T, "padding closes columns"),
            (lambda n, r, length: ~window(n, r, length), "wrong way round"),
            (lambda n, r, length: window(n, r, length).astype(int), "np.eye(n, dtype=bool)"),
        ],
    ),
    "05a.heads": Case(
        right=[(split, merge)],
        wrong=[
            ((lambda x, n: x.reshape(n, len(x), -1), merge), "reshape alone mixes tokens"),
            ((split, lambda heads: heads.reshape(heads.shape[1], -1)), "before you reshape"),
            ((split_in_place, merge), "The heads come first"),
            ((lambda x, n: np.split(x, n, axis=1), merge), "The heads come first"),
            (split, "Give check both functions"),
        ],
    ),
    "05a.hide": Case(
        right=[hide],
        wrong=[
            (by_threshold, "A draw for each frame by itself"),
            (with_repeats, "was drawn twice"),
            (one_too_many, "You always hide"),
            (once_for_all, "All clips are alike"),
            (never_the_first, "drawn from all frames"),
            (always_together, "stand in a pattern"),
            (in_equal_pairs, "Draw anew for each clip"),
            (fixed_seed, "Make the generator from the seed"),
            (without_seed, "The same seed must give"),
        ],
    ),
    "05a.repair": Case(
        right=[causal, renormalised, in_torch],
        wrong=[
            (not_repaired, "still in the sum"),
            (sees_all, "There is no mask left"),
            (strictly_before, "may look at itself too"),
            (lambda q, k, v: attend(q, k, v, np.tri(len(q), k=1, dtype=bool)), "One too far"),
            (lambda q, k, v: attend(q, k, v, np.tri(len(q), dtype=bool).T), "wrong way round"),
            (never_itself, "A row that may look at nothing"),
            (zeros_before, "exp(0) is 1"),
            (lambda q, k, v: causal(q * q.shape[1] ** 0.5, k, v), "The root of D got lost"),
        ],
    ),
    "05a.fill": Case(
        right=[moved],
        wrong=[
            (cross_fade, "half transparent"),
            (copied, "half transparent"),
            (left_black, "still black"),
            (background_only, "Is the shape there at all"),
            (float_frames, ".astype(np.uint8)"),
            (one_frame, "all six"),
        ],
    ),
}  # fmt: skip
