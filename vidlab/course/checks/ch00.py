"""Checks of chapter 00, start_here."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_shape,
    expect_type,
)


def random_clip(rng: np.random.Generator, num_frames: int = 0) -> np.ndarray:
    """A small uint8 clip of noise whose height and width differ, so that a swap shows."""
    count = num_frames or int(rng.integers(3, 9)) * 2
    height, width = rng.choice(np.arange(4, 12), 2, replace=False)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@exercise(
    "00.clip_bytes",
    title="how large is a clip",
    hints=(
        "How many pixels has one frame? How many numbers has one pixel?",
        "A uint8 number takes one byte, so count the numbers of the array (T, H, W, 3).",
        "return num_frames * height * width * 3",
    ),
)
def clip_bytes(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for _ in range(5):
        num_frames, height, width = (int(n) for n in rng.integers(2, 200, 3))
        given = f"num_frames={num_frames}, height={height}, width={width}"
        got = answer(num_frames, height, width)
        expected = num_frames * height * width * 3
        expect(
            got != expected // 3,
            "every pixel has three numbers",
            given=given,
            expected=expected,
            got=got,
            hint="You counted the pixels. Each pixel holds red, green and blue.",
        )
        expect(
            got not in (expected * 4, expected * 8),
            "a uint8 number takes one byte",
            given=given,
            expected=expected,
            got=got,
            hint="A clip is stored as uint8: one byte for each number, not four or eight.",
        )
        expect_equal(got, expected, "the number of bytes is right", given=given)


@exercise(
    "00.reverse",
    title="run it backwards",
    hints=(
        "Time is the first axis of the array.",
        "A slice start:stop:step may have a negative step.",
        "return frames[::-1]",
    ),
)
def reverse(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    frames = random_clip(rng)
    got = answer(frames)
    expect_shape(got, frames.shape, "the clip keeps its shape", given=frames)
    expect_dtype(got, "uint8", "the clip stays uint8", given=frames)
    for axes, what, hint in (
        (1, "the pictures are not upside down", "You turned the rows. Time is axis 0."),
        (2, "the pictures are not mirrored", "You turned the columns. Time is axis 0."),
        (3, "the colours stay in their order", "You turned the colours. Time is axis 0."),
        ((0, 1), "only time is turned", "You turned more than one axis. Turn axis 0 alone."),
        ((0, 1, 2), "only time is turned", "You turned more than one axis. Turn axis 0 alone."),
        ((0, 1, 2, 3), "only time is turned", "You turned every axis. Turn axis 0 alone."),
    ):
        wrong = np.array_equal(got, np.flip(frames, axes))
        expect(not wrong, what, given=frames, hint=hint)
    expect(
        not np.array_equal(got, frames),
        "the last frame comes first",
        given=frames,
        hint="The clip came back as it was. Does your function return what it made?",
    )
    expect_equal(got, frames[::-1], "frame t of the answer is frame T - 1 - t", given=frames)


@exercise(
    "00.accuracy",
    title="accuracy",
    hints=(
        "First find the predicted class of each clip, then count how many are right.",
        "probabilities.argmax(axis=1) gives the predicted classes, (N,).",
        "return float((probabilities.argmax(axis=1) == labels).mean())",
    ),
)
def accuracy(answer: Callable[..., float], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for num_clips, num_classes in ((12, 3), (7, 10), (40, 4)):
        probabilities = rng.dirichlet(np.ones(num_classes), num_clips)
        labels = rng.integers(0, num_classes, num_clips)
        # Make at least two right and at least one wrong, so that 0 and 1 are never the truth.
        labels[:2] = probabilities[:2].argmax(axis=1)
        labels[2] = probabilities[2].argmin()
        right = probabilities.argmax(axis=1) == labels
        given = {"probabilities": probabilities, "labels": labels}
        got = answer(probabilities, labels)
        expect_shape(
            np.asarray(got),
            (),
            "the accuracy is one number",
            given=given,
            hint="Average over the clips: (predicted == labels).mean().",
        )
        value = float(got)
        expect(
            abs(value - right.sum()) > 1e-9,
            "the accuracy is a share, not a count",
            given=given,
            expected=float(right.mean()),
            got=value,
            hint="You counted the right ones. Divide by the number of clips.",
        )
        expect(
            abs(value - 100 * right.mean()) > 1e-9,
            "the accuracy lies in [0, 1]",
            given=given,
            expected=float(right.mean()),
            got=value,
            hint="You return a percentage. Return the share itself, between 0 and 1.",
        )
        expect(
            abs(value - (1 - right.mean())) > 1e-9 or abs(right.mean() - 0.5) < 1e-9,
            "it is the share of the right ones",
            given=given,
            expected=float(right.mean()),
            got=value,
            hint="You return the share of mistakes. Compare with ==, not with !=.",
        )
        expect_close(
            value,
            float(right.mean()),
            "it is the share of clips whose most probable class is the label",
            given=given,
            hint="The predicted class has the largest probability of its row: argmax over axis 1.",
        )


@exercise(
    "00.half_speed",
    title="a control: half speed",
    hints=(
        "The second half of the clip is not needed at all.",
        "np.repeat, or the method repeat, writes each frame twice in a row: choose the axis.",
        "return frames[: len(frames) // 2].repeat(2, axis=0)",
    ),
)
def half_speed(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    frames = random_clip(rng)
    half = len(frames) // 2
    got = answer(frames)
    if np.shape(got) == (2 * len(frames), *frames.shape[1:]):
        hint = "You doubled the whole clip. Take the first half of the frames, then double those."
        expect_shape(got, frames.shape, "the clip keeps its length", given=frames, hint=hint)
    expect_shape(got, frames.shape, "the clip keeps its shape", given=frames)
    expect(
        not np.array_equal(got, np.concatenate([frames[:half]] * 2)),
        "each frame is doubled in place",
        given=frames,
        hint="You play the first half twice. The order must be 0, 0, 1, 1, 2, 2, ...",
    )
    expect(
        not np.array_equal(got, frames[::2].repeat(2, axis=0)),
        "motion is half as fast",
        given=frames,
        hint="You dropped every second frame and doubled the rest: things move as fast as before, "
        "in jerks. Take the first half of the frames.",
    )
    expect_equal(
        got, frames[:half].repeat(2, axis=0), "the frames are 0, 0, 1, 1, 2, 2, ...", given=frames
    )


@exercise(
    "00.left_or_right",
    title="direction without learning (open)",
    points=2,
    hints=(
        "Where is the shape in the first frame, and where in the last?",
        "The background has one colour, so a pixel that differs from it belongs to the shape. "
        "Average the columns of those pixels.",
        "background = frames[0, 0, 0] is nearly always right; shape = np.abs(frames.astype(int) - "
        "background).sum(-1) > 30; compare the mean column of shape[0] with that of shape[-1].",
    ),
)
def left_or_right(answer: Callable[..., str], rng: np.random.Generator) -> None:
    from vidlab import world

    expect_callable(answer)
    clips = world.generate(
        60,
        actions=["left", "right"],
        num_shapes=1,
        size=32,
        seed=int(rng.integers(1_000, 1_000_000)),
        split="test",
        sound=False,
    )
    truth = [clips.class_names[label] for label in clips.labels]
    given = "60 fresh clips of one shape, left or right"
    guesses: list[Any] = [answer(frames) for frames in clips.frames]
    hint = 'Return a string, "left" or "right", not a number.'
    expect_type(guesses[0], str, "the answer is a string", given=given, hint=hint)
    for guess in guesses:
        expect(
            guess in ("left", "right"),
            'the answer is "left" or "right"',
            given=given,
            expected='"left" or "right"',
            got=guess,
            hint='Return exactly the string "left" or the string "right".',
        )
    share = float(np.mean([guess == action for guess, action in zip(guesses, truth, strict=True)]))
    if share < 0.1:
        hint = "You have the direction, but the wrong way round. Columns count from the left."
    elif len(set(guesses)) == 1:
        hint = f"You said {guesses[0]!r} every time. Compare where the shape is early and late."
    else:
        hint = (
            "uint8 numbers wrap around below 0: convert with frames.astype(int) before you "
            "subtract. Then look at the first and the last frame of a clip that you get wrong."
        )
    expect(
        share >= 0.9,
        "at least 90 % of the clips are named right",
        given=given,
        expected="at least 90%",
        got=f"{share:.0%}",
        hint=hint,
    )
