"""Checks of chapter 01, frames."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vidlab.course import (
    exercise,
    expect,
    expect_callable,
    expect_close,
    expect_dtype,
    expect_equal,
    expect_range,
    expect_shape,
)


@exercise(
    "01.to_rgb",
    title="blue first",
    hints=(
        "Which axis of (T, H, W, 3) holds the colours?",
        "Turn the last axis round and leave the others alone: the index starts with dots.",
        "return frames[..., ::-1]",
    ),
)
def to_rgb(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    frames = rng.integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)
    got = answer(frames)
    expect_shape(got, frames.shape, "the clip keeps its shape", given=frames)
    expect_dtype(got, "uint8", "the clip stays uint8", given=frames)
    for axis, name in ((0, "the order of the frames"), (1, "the rows"), (2, "the columns")):
        expect(
            not np.array_equal(got, np.flip(frames, axis)),
            "only the colours change places",
            given=frames,
            hint=f"You turned {name}. The colours stand in the last axis: frames[..., ::-1].",
        )
    expect(
        not np.array_equal(got, frames),
        "blue and red change places",
        given=frames,
        hint="The colours came back as they were. Turn the last axis round.",
    )
    expect(
        not np.array_equal(got, np.roll(frames, 1, axis=-1))
        and not np.array_equal(got, np.roll(frames, -1, axis=-1)),
        "green stays in the middle",
        given=frames,
        hint="You moved all three channels by one. Only blue and red change places.",
    )
    expect_equal(got, frames[..., ::-1], "red comes first, green stays, blue is last", given=frames)


@exercise(
    "01.frame_at",
    title="the frame shown at a time",
    hints=(
        "How many frames have a time at or before t?",
        "np.searchsorted(times, t, side='right') counts them. The index of the last one is one "
        "less, but never below 0.",
        'return max(0, int(np.searchsorted(times, t, side="right")) - 1)',
    ),
)
def frame_at(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    times = np.cumsum(rng.uniform(0.02, 0.6, 12)).round(3)

    def given(t: float) -> dict[str, object]:
        return {"times": times, "t": t}

    for i in rng.choice(11, 4, replace=False):
        t = float(times[i])
        expect_equal(
            int(answer(times, t)),
            int(i),
            "exactly at a frame's time, that frame is shown",
            given=given(t),
            hint="A frame is shown from its own time on, that time included: side='right'.",
        )
        gap = times[i + 1] - times[i]
        t = float(times[i] + 0.9 * gap)
        expect_equal(
            int(answer(times, t)),
            int(i),
            "between two frames the earlier one is shown",
            given=given(t),
            hint="Not the nearest frame: the next one is not shown before its time has come.",
        )
    t = float(times[0]) / 2
    expect_equal(
        int(answer(times, t)),
        0,
        "before the first frame's time the first is shown",
        given=given(t),
        hint="Your index falls below 0 there, and -1 would be the last frame. Use max(0, ...).",
    )
    t = float(times[-1]) + 5
    hint = "After the last frame's time the last frame stays."
    expect_equal(
        int(answer(times, t)), 11, "at the end the last is shown", given=given(t), hint=hint
    )


@exercise(
    "01.uniform_indices",
    title="uniform sampling",
    hints=(
        "np.arange(num_frames) gives the part numbers i. Where is the centre of part i?",
        "The centre is (i + 0.5) * num_total / num_frames. Rounding down gives the index.",
        "return ((np.arange(num_frames) + 0.5) * num_total / num_frames).astype(int)",
    ),
)
def uniform_indices(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    cases = [(100, 4), (int(rng.integers(40, 400)), int(rng.integers(3, 20))), (5, 8), (7, 7)]
    for num_total, num_frames in cases:
        given = f"num_total={num_total}, num_frames={num_frames}"
        truth = ((np.arange(num_frames) + 0.5) * num_total / num_frames).astype(int)
        got = np.asarray(answer(num_total, num_frames))
        expect_shape(got, (num_frames,), "there is one index for each frame wanted", given=given)
        expect(
            np.issubdtype(got.dtype, np.integer),
            "the indices are whole numbers",
            given=given,
            got=got,
            hint="An index must be an integer: finish with .astype(int).",
        )
        expect_range(
            got,
            0,
            num_total - 1,
            "every index lies in the film",
            given=given,
            hint="The last index is num_total - 1. Did you round up?",
        )
        starts = (np.arange(num_frames) * num_total / num_frames).astype(int)
        expect(
            not np.array_equal(got, starts) or np.array_equal(starts, truth),
            "the centre of each part is taken",
            given=given,
            expected=truth,
            got=got,
            hint="You take the start of each part. The centre lies half a part later: i + 0.5.",
        )
        ends = np.linspace(0, num_total - 1, num_frames)
        is_ends = np.array_equal(got, ends.astype(int)) or np.array_equal(got, ends.round())
        expect(
            not is_ends or np.array_equal(got, truth),
            "the first and the last frame are not forced in",
            given=given,
            expected=truth,
            got=got,
            hint="linspace(0, num_total - 1) puts samples on the film's ends. The centres of the "
            "parts lie inside.",
        )
        expect_equal(got, truth, "the indices are the centres, rounded down", given=given)


@exercise(
    "01.shrink",
    title="smaller without aliasing",
    hints=(
        "Give every block an axis of its own, then average over these axes.",
        "frames.reshape(T, H // factor, factor, W // factor, factor, 3): which two axes run "
        "inside a block?",
        "np.rint(frames.reshape(T, H // factor, factor, W // factor, factor, 3)"
        ".mean(axis=(2, 4))).astype(np.uint8)",
    ),
)
def shrink(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for factor in (2, 3, 5):
        T, rows, columns = (int(n) for n in rng.choice(np.arange(2, 9), 3, replace=False))
        frames = rng.integers(0, 256, (T, rows * factor, columns * factor, 3), dtype=np.uint8)
        given = {"frames": frames, "factor": factor}
        got = answer(frames, factor)
        expect_shape(got, (T, rows, columns, 3), "height and width are divided", given=given)
        expect_dtype(
            got,
            "uint8",
            "the clip stays uint8",
            given=given,
            hint="The mean is a float. Round it with np.rint, then .astype(np.uint8).",
        )
        expect(
            not np.array_equal(got, frames[:, ::factor, ::factor]),
            "every pixel of a block counts",
            given=given,
            hint="You keep one pixel of each block. That is what makes false stripes: average.",
        )
        mean = frames.reshape(T, rows, factor, columns, factor, 3).mean(axis=(2, 4))
        expect_close(
            got,
            np.rint(mean),
            "a pixel is the mean of its block, to one level",
            atol=1.0,
            rtol=0,
            given=given,
            hint="Average over the two axes inside a block. Adding up uint8 numbers wraps around; "
            ".mean() does not.",
        )
        expect(
            np.mean(np.asarray(got, float) - mean) > -0.3,
            "means are rounded, not cut off",
            given=given,
            hint=".astype(np.uint8) cuts off the digits after the point: use np.rint first.",
        )


@exercise(
    "01.frames_needed",
    title="how many frames do you need",
    hints=(
        "How far apart may two samples be, so that an event always touches one of them?",
        "N samples are duration / N apart. That must be at most `shortest`.",
        "return int(np.ceil(duration / shortest))",
    ),
)
def frames_needed(answer: Callable[..., int], rng: np.random.Generator) -> None:
    expect_callable(answer)
    for _ in range(6):
        shortest = float(rng.uniform(0.2, 3))
        duration = shortest * (int(rng.integers(3, 60)) + float(rng.uniform(0.1, 0.45)))
        truth = int(np.ceil(duration / shortest))
        given = f"duration={duration:.3f}, shortest={shortest:.3f}"
        got = answer(duration, shortest)
        expect(
            isinstance(got, int | np.integer),
            "the number of frames is an int",
            given=given,
            expected=truth,
            got=got,
            hint="You cannot take half a frame: return int(...).",
        )
        expect(
            got != truth - 1,
            "samples are never further apart than the shortest event",
            given=given,
            expected=truth,
            got=got,
            hint="You rounded down or to the nearest. With one sample less an event can slip "
            "through: round up.",
        )
        expect(
            got <= truth,
            "no more samples than needed",
            given=given,
            expected=truth,
            got=got,
            hint="Fewer would do: samples stand in the middle of their parts, so no extra one is "
            "needed at the ends.",
        )
        expect_equal(int(got), truth, "it is the smallest number that misses nothing", given=given)
    got = answer(10.0, 2.5)
    hint = "Samples may be exactly `shortest` apart: 10 s and 2.5 s need 4, not 5."
    expect_equal(
        int(got), 4, "an even division needs no extra sample", given="10.0, 2.5", hint=hint
    )


@exercise(
    "01.to_mono",
    title="stereo to mono",
    hints=(
        "Average over the axis of the two channels, then scale.",
        "samples.mean(axis=1) is a float already; 32768 is the largest possible absolute value.",
        "return (samples.astype(np.float32).mean(axis=1) / 32768).astype(np.float32)",
    ),
)
def to_mono(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    samples = rng.integers(-32768, 32768, (int(rng.integers(50, 90)), 2)).astype(np.int16)
    # Both channels loud at once: their sum does not fit into int16.
    samples[0], samples[1] = (-32768, -32768), (32767, 32767)
    truth = samples.astype(np.float64).mean(axis=1) / 32768
    got = answer(samples)
    expect_shape(got, (len(samples),), "there is one number for each time", given=samples)
    expect_dtype(
        got,
        "float32",
        "the sound is float32",
        given=samples,
        hint="Convert at the end: .astype(np.float32).",
    )
    expect(
        not np.allclose(got, samples[:, 0] / 32768, atol=1e-3)
        and not np.allclose(got, samples[:, 1] / 32768, atol=1e-3),
        "both channels count",
        given=samples,
        hint="You kept one channel. Average both.",
    )
    largest = np.abs(samples.astype(float).mean(axis=1)).max()
    expect(
        not np.allclose(got, truth * 32768 / largest, atol=1e-6) or abs(largest - 32768) < 1,
        "the scale is the same for every file",
        given=samples,
        hint="Divide by 32768, not by the loudest sample of this file.",
    )
    expect_range(
        got,
        -1,
        1,
        "all values lie in [-1, 1]",
        given=samples,
        hint="Divide by 32768, and average the channels instead of adding them.",
    )
    expect_close(
        got,
        truth,
        "it is the average of both channels, divided by 32768",
        atol=1e-4,
        given=samples,
        hint="int16 wraps around when two loud samples are added: convert to float first.",
    )


@exercise(
    "01.repair_reader",
    title="repair this snippet",
    points=2,
    hints=(
        "Look for three things: which frames are read, how they are made smaller, and their "
        "colours.",
        "Do not believe CAP_PROP_FRAME_COUNT: read until `ok` is False. INTER_AREA averages. "
        "OpenCV gives blue first.",
        "while True: ok, frame = capture.read(); if not ok: break; resize with "
        "interpolation=cv2.INTER_AREA; append frame[..., ::-1]",
    ),
)
def repair_reader(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    from vidlab import video

    expect_callable(answer)
    count = int(rng.integers(9, 15))
    y, x = np.mgrid[:96, :96]
    stripes = 127.5 + 127.5 * np.sin(2 * np.pi * (x + y) / 3.4)
    # Red sinks and blue rises along the film, so that every frame and the colours can be told.
    shares = np.linspace(0.9, 0.3, count)
    frames = np.stack(
        [np.stack([stripes * r, stripes * 0.5, stripes * (1.2 - r)], -1) for r in shares]
    )
    frames = frames.astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stripes.mp4"
        video.write_video(path, frames, fps=8, crf=10)
        truth = video.read_frames(path, size=32).astype(np.float32) / 255
        got = answer(path, 32)
    given = f"a film of {count} frames of 96 x 96 pixels, size=32"
    if np.ndim(got) == 4 and len(got) != count:
        expect_shape(
            got,
            (count, 32, 32, 3),
            "every frame is read",
            given=given,
            hint="The header's frame count is not the truth, and range(count - 1) drops one more. "
            "Read until `ok` is False.",
        )
    expect_shape(got, (count, 32, 32, 3), "the shape is (T, size, size, 3)", given=given)
    expect_dtype(got, "float32", "the clip is float32", given=given)
    expect_range(got, 0, 1, "values lie in [0, 1]", given=given, hint="Divide by 255, once.")
    got = np.asarray(got)
    means, true_means = got.mean(axis=(1, 2)), truth.mean(axis=(1, 2))
    expect(
        np.abs(means - true_means).max() < np.abs(means[:, ::-1] - true_means).max(),
        "red comes first",
        given=given,
        expected=true_means[0],
        got=means[0],
        hint="OpenCV gives blue, green, red. Turn the last axis round.",
    )
    expect(
        got.std(axis=(1, 2)).mean() < 2.5 * truth.std(axis=(1, 2)).mean(),
        "fine stripes become grey, not broad false stripes",
        given=given,
        expected=f"contrast near {truth.std(axis=(1, 2)).mean():.3f}",
        got=f"contrast {got.std(axis=(1, 2)).mean():.3f}",
        hint="INTER_NEAREST keeps one pixel of each block and makes false stripes. INTER_AREA "
        "averages.",
    )
    expect(
        float(np.abs(got - truth).mean()) < 0.05,
        "the frames agree with those of vidlab.video",
        given=given,
        expected="a mean difference below 0.05",
        got=f"{np.abs(got - truth).mean():.3f}",
        hint="The frames are in another order, or not the same ones. Append each one once.",
    )


def film_with_event(rng: np.random.Generator) -> tuple[np.ndarray, set[int]]:
    """120 noisy frames of 24 x 24, and the 3 of them in which a light square appears."""
    base = rng.uniform(40, 200, 3)
    frames = base + rng.normal(0, 6, (120, 24, 24, 3))
    start = int(rng.integers(0, 118))
    top, left = rng.integers(0, 16, 2)
    frames[start : start + 3, top : top + 8, left : left + 8] += 45
    return frames.clip(0, 255).astype(np.uint8), set(range(start, start + 3))


@exercise(
    "01.choose_frames",
    title="a sampler that does not miss (open)",
    points=2,
    hints=(
        "What does a frame look like in which nothing happens? Compare each frame with that.",
        "np.median(frames, axis=0) is the typical frame; rank the frames by how far they are "
        "from it, averaged over all pixels.",
        "unusual = np.abs(frames - np.median(frames, axis=0)).mean(axis=(1, 2, 3)); "
        "return np.sort(np.argsort(unusual)[-num_frames:])",
    ),
)
def choose_frames(answer: Callable[..., np.ndarray], rng: np.random.Generator) -> None:
    expect_callable(answer)
    given = "40 fresh films of 120 frames, num_frames=8"
    caught = 0
    for _ in range(40):
        frames, event = film_with_event(rng)
        got = np.asarray(answer(frames, 8))
        expect_shape(got, (8,), "there are num_frames indices", given=given)
        expect(
            np.issubdtype(got.dtype, np.integer),
            "the indices are whole numbers",
            given=given,
            got=got,
            hint="An index must be an integer.",
        )
        expect_range(got, 0, 119, "every index lies in the film", given=given)
        expect(
            bool(np.all(np.diff(got) > 0)),
            "the indices are sorted and different",
            given=given,
            got=got,
            hint="Take each frame once, and finish with np.sort.",
        )
        caught += bool(event & set(got.tolist()))
    expect(
        caught >= 36,
        "the event is caught in at least 90 % of the films",
        given=given,
        expected="at least 36 of 40",
        got=f"{caught} of 40",
        hint="Places that are fixed beforehand catch about one film in five. Look at the frames: "
        "which ones differ most from the typical frame? (Subtract as float: uint8 wraps around.)",
    )
