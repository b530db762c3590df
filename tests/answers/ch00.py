"""Answers to the exercises of chapter 00."""

import numpy as np

from answers import Case


def by_centre(frames):
    background = frames[0, 0, 0].astype(int)
    differs = np.abs(frames.astype(int) - background).sum(axis=-1) > 40
    columns = [np.nonzero(part)[1].mean() if part.any() else 0.0 for part in differs]
    return "left" if columns[-1] < columns[0] else "right"


def backwards(frames):
    return "right" if by_centre(frames) == "left" else "left"


def by_wrapped_difference(frames):
    # uint8 wraps around, so every small change counts as a large one
    change = frames[-1] - frames[0]
    middle = frames.shape[2] // 2
    return "left" if change[:, :middle].sum() > change[:, middle:].sum() else "right"


def loop_accuracy(probabilities, labels):
    right = [
        int(np.argmax(row)) == int(label) for row, label in zip(probabilities, labels, strict=True)
    ]
    return sum(right) / len(right)


ANSWERS = {
    "00.clip_bytes": Case(
        right=[
            lambda t, h, w: 3 * t * h * w,
            lambda t, h, w: np.zeros((t, h, w, 3), np.uint8).nbytes,
        ],
        wrong=[
            (lambda t, h, w: t * h * w, "red, green and blue"),
            (lambda t, h, w: t * h * w * 3 * 4, "one byte for each number"),
        ],
    ),
    "00.reverse": Case(
        right=[lambda frames: frames[::-1], lambda frames: np.flip(frames, 0)],
        wrong=[
            (lambda frames: frames[:, ::-1], "You turned the rows"),
            (lambda frames: frames[..., ::-1], "You turned the colours"),
            (lambda frames: np.flip(frames), "every axis"),
            (lambda frames: frames, "came back as it was"),
        ],
    ),
    "00.accuracy": Case(
        right=[loop_accuracy, lambda p, y: np.mean(p.argmax(1) == y)],
        wrong=[
            (lambda p, y: (p.argmax(1) == y).sum(), "Divide by the number of clips"),
            (lambda p, y: 100 * (p.argmax(1) == y).mean(), "percentage"),
            (lambda p, y: (p.argmax(1) != y).mean(), "share of mistakes"),
            (lambda p, y: p.argmax(1) == y, "Average over the clips"),
            (lambda p, y: p[np.arange(len(y)), y].mean(), "argmax over axis 1"),
        ],
    ),
    "00.half_speed": Case(
        right=[
            lambda frames: frames[: len(frames) // 2].repeat(2, axis=0),
            lambda frames: frames[np.arange(len(frames)) // 2],
        ],
        wrong=[
            (lambda frames: frames.repeat(2, axis=0), "doubled the whole clip"),
            (lambda frames: frames[::2].repeat(2, axis=0), "dropped every second frame"),
            (lambda frames: np.concatenate([frames[: len(frames) // 2]] * 2), "first half twice"),
        ],
    ),
    "00.left_or_right": Case(
        right=[by_centre],
        wrong=[
            (backwards, "wrong way round"),
            (lambda frames: "left", "every time"),
            (lambda frames: 0, "not a number"),
            (by_wrapped_difference, "astype(int)"),
        ],
        seeds=3,
    ),
}
