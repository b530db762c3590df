"""Answers to the exercises of chapter 03."""

import numpy as np

from answers import Case


def centre_and_area(frames):
    background = frames[0, 0, 0].astype(int)
    differs = np.abs(frames.astype(int) - background).sum(axis=-1) > 40
    area = differs.sum(axis=(1, 2)).clip(1)
    x = (differs * np.arange(32)).sum(axis=(1, 2)) / area
    y = (differs * np.arange(32)[:, None]).sum(axis=(1, 2)) / area
    return x[-1] - x[0], y[-1] - y[0], area[-1] - area[0]


def six_motions(frames):
    x, y, area = centre_and_area(frames)
    if max(abs(x), abs(y)) < 2:
        return "grow" if area > 0 else "shrink"
    if abs(x) > abs(y):
        return "right" if x > 0 else "left"
    return "down" if y > 0 else "up"


def only_position(frames):
    x, y, _ = centre_and_area(frames)
    if abs(x) > abs(y):
        return "right" if x > 0 else "left"
    return "down" if y > 0 else "up"


def opposite(frames):
    return six_motions(frames[::-1])


def guess(frames):
    # grow and shrink are right, the rest is a guess
    x, y, _ = centre_and_area(frames)
    return six_motions(frames) if max(abs(x), abs(y)) < 2 else "left"


def signed_difference(clip):
    return clip[1:].astype(int) - clip[:-1]


def split_sources(sources, seed):
    names = sorted(set(sources))
    chosen = set(np.random.default_rng(seed).choice(names, len(names) // 3, replace=False))
    test = [n for n, name in enumerate(sources) if name in chosen]
    train = [n for n, name in enumerate(sources) if name not in chosen]
    return np.array(train), np.array(test)


def split_clips(sources, seed):
    order = np.random.default_rng(seed).permutation(len(sources))
    cut = int(0.7 * len(order))
    return order[:cut], order[cut:]


def split_always_alike(sources, seed):
    return split_sources(sources, 0)


def split_loses_clips(sources, seed):
    train, test = split_sources(sources, seed)
    return train[1:], test


def split_one_source(sources, seed):
    names, counts = np.unique(sources, return_counts=True)
    held = np.asarray(sources) == names[counts.argmin()]
    return np.flatnonzero(~held), np.flatnonzero(held)


def split_unseeded(sources, seed):
    return split_sources(sources, int(np.random.default_rng().integers(10**6)))


def masked_by_product(states, lengths):
    mask = np.arange(states.shape[1]) < np.asarray(lengths)[:, None]
    return (states * mask[..., None]).sum(axis=1) / np.asarray(lengths)[:, None]


def masked_by_where(states, lengths):
    mask = np.arange(states.shape[1]) < np.asarray(lengths)[:, None]
    return np.where(mask[..., None], states, 0).sum(axis=1) / np.asarray(lengths)[:, None]


def off_by_one(states, lengths):
    return np.stack([s[: n + 1].mean(axis=0) for s, n in zip(states, lengths, strict=True)])


def sum_over_length(states, lengths):
    # right only while the padding is zero
    return states.sum(axis=1) / np.asarray(lengths)[:, None]


def repaired(batch_first=True):
    def last_state(features, hidden_size=5):
        import torch

        torch.manual_seed(0)
        layer = torch.nn.LSTM(features.shape[2], hidden_size, batch_first=batch_first)
        if batch_first:
            return layer(features)[0][:, -1].detach()
        return layer(features.transpose(0, 1))[0][-1].detach()

    return last_state


def not_repaired(features, hidden_size=5):
    import torch

    torch.manual_seed(0)
    layer = torch.nn.LSTM(features.shape[2], hidden_size)
    return layer(features)[0][:, -1].detach()


def first_state(features, hidden_size=5):
    import torch

    torch.manual_seed(0)
    layer = torch.nn.LSTM(features.shape[2], hidden_size, batch_first=True)
    return layer(features)[0][:, 2].detach()


def mean_of_frames(features, hidden_size=5):
    import torch

    torch.manual_seed(0)
    return torch.nn.Linear(features.shape[2], hidden_size)(features.mean(dim=1)).detach()


def by_last_hidden(features, hidden_size=5):
    import torch

    torch.manual_seed(0)
    layer = torch.nn.LSTM(features.shape[2], hidden_size, batch_first=True)
    return layer(features)[1][0][0].detach()


ANSWERS = {
    "03.frame_difference": Case(
        right=[
            lambda clip: np.abs(np.diff(clip.astype(int), axis=0)).astype(np.uint8),
            lambda clip: np.maximum(clip[1:], clip[:-1]) - np.minimum(clip[1:], clip[:-1]),
        ],
        wrong=[
            (lambda clip: clip[1:] - clip[:-1], "wrapped around"),
            (lambda clip: np.abs(clip[1:] - clip[:-1]), "wrapped around"),
            (signed_difference, "Two slices"),
            (lambda clip: np.abs(clip[:, 1:].astype(int) - clip[:, :-1]), "T - 1 neighbours"),
        ],
    ),
    "03.rnn_step": Case(
        right=[lambda x, h, W, U, b: np.tanh(x @ W.T + h @ U.T + b)],
        wrong=[
            (lambda x, h, W, U, b: W @ x + U @ h + b, "apply tanh"),
            (lambda x, h, W, U, b: np.tanh(W @ x + b), "forgets h"),
            (lambda x, h, W, U, b: np.tanh(W @ x + h @ U + b), "Write U @ h"),
            (lambda x, h, W, U, b: np.tanh(W @ x) + np.tanh(U @ h) + b, "Three terms inside"),
        ],
    ),
    "03.lstm_step": Case(
        right=[lambda c, i, f, g, o: (f * c + i * g, o * np.tanh(f * c + i * g))],
        wrong=[
            (lambda c, i, f, g, o: (i * c + f * g, o * np.tanh(i * c + f * g)), "exchanged"),
            (lambda c, i, f, g, o: (f * c + i * g, o * (f * c + i * g)), "not o * c"),
            (lambda c, i, f, g, o: (f * c + i * g, o * np.tanh(c)), "old c"),
        ],
    ),
    "03.lstm_parameters": Case(
        right=[lambda d, h: 4 * (h * d + h * h + h)],
        wrong=[
            (lambda d, h: h * (d + h + 1), "one gate"),
            (lambda d, h: 3 * h * (d + h + 1), "and g"),
            (lambda d, h: 4 * h * (d + h), "bias vector"),
            (lambda d, h: 4 * h * (d + h + 2), "PyTorch's way"),
        ],
    ),
    "03.masked_mean": Case(
        right=[masked_by_where],
        wrong=[
            (lambda states, lengths: states.mean(axis=1), "all T steps"),
            (masked_by_product, "0 times NaN"),
            (sum_over_length, "got into your sum"),
            (off_by_one, "its own length"),
        ],
    ),
    "03.split_by_source": Case(
        right=[split_sources],
        wrong=[
            (split_clips, "You split the clips"),
            (split_always_alike, "Use the seed"),
            (split_loses_clips, "no clip may get lost"),
            (split_unseeded, "from nothing else"),
            (split_one_source, "Count clips, not sources"),
        ],
    ),
    "03.repair": Case(
        right=[repaired(), repaired(batch_first=False), by_last_hidden],
        wrong=[
            (not_repaired, "took the clips for time steps"),
            (mean_of_frames, "other orders"),
            (first_state, "Take the last step"),
        ],
    ),
    "03.six_motions": Case(
        right=[six_motions],
        wrong=[
            (opposite, "the opposite"),
            (only_position, "Count the shape's pixels"),
            (guess, "display.filmstrip"),
        ],
    ),
}
