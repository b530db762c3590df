"""Answers to the exercises of chapter 01."""

import cv2
import numpy as np

from answers import Case


def frame_at_loop(times, t):
    index = 0
    for i, time in enumerate(times):
        if time <= t:
            index = i
    return index


def shrink_loop(frames, factor):
    total = sum(
        frames[:, i::factor, j::factor].astype(float) for i in range(factor) for j in range(factor)
    )
    return np.rint(total / factor**2).astype(np.uint8)


def shrink_wrapped(frames, factor):
    total = sum(frames[:, i::factor, j::factor] for i in range(factor) for j in range(factor))
    return total // np.uint8(factor**2)


def shrink_cut_off(frames, factor):
    T, H, W, _ = frames.shape
    blocks = frames.reshape(T, H // factor, factor, W // factor, factor, 3)
    return blocks.mean(axis=(2, 4)).astype(np.uint8)


def reader(interpolation=cv2.INTER_AREA, last=None, reverse=True):
    def read(path, size):
        capture = cv2.VideoCapture(str(path))
        frames = []
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            frame = cv2.resize(frame, (size, size), interpolation=interpolation)
            frames.append(frame[..., ::-1] if reverse else frame)
        return np.stack(frames[:last]).astype(np.float32) / 255

    return read


def by_median(frames, num_frames):
    unusual = np.abs(frames - np.median(frames, axis=0)).mean(axis=(1, 2, 3))
    return np.sort(np.argsort(unusual)[-num_frames:])


def by_brightness(frames, num_frames):
    brightness = frames.reshape(len(frames), -1).mean(axis=1)
    return np.sort(np.argsort(brightness)[-num_frames:])


def uniform(frames, num_frames):
    return ((np.arange(num_frames) + 0.5) * len(frames) / num_frames).astype(int)


ANSWERS = {
    "01.to_rgb": Case(
        right=[lambda frames: frames[..., ::-1], lambda frames: frames[..., [2, 1, 0]]],
        wrong=[
            (lambda frames: frames[::-1], "the order of the frames"),
            (lambda frames: frames[:, :, ::-1], "the columns"),
            (lambda frames: frames, "came back as they were"),
            (lambda frames: np.roll(frames, 1, -1), "by one"),
        ],
    ),
    "01.frame_at": Case(
        right=[frame_at_loop, lambda ts, t: max(0, int((ts <= t).sum()) - 1)],
        wrong=[
            (lambda ts, t: int(np.abs(ts - t).argmin()), "Not the nearest frame"),
            (lambda ts, t: max(0, int(np.searchsorted(ts, t)) - 1), "side='right'"),
            (lambda ts, t: int((ts <= t).sum()) - 1, "max(0"),
        ],
    ),
    "01.uniform_indices": Case(
        right=[
            lambda total, n: ((np.arange(n) + 0.5) * total / n).astype(int),
            lambda total, n: [int((i + 0.5) * total / n) for i in range(n)],
        ],
        wrong=[
            (lambda total, n: np.arange(n) * total // n, "start of each part"),
            (lambda total, n: np.linspace(0, total - 1, n).astype(int), "on the film's ends"),
            (lambda total, n: (np.arange(n) + 0.5) * total / n, ".astype(int)"),
            (lambda total, n: np.arange(1, n + 1) * total // n, "num_total - 1"),
        ],
    ),
    "01.shrink": Case(
        right=[shrink_loop],
        wrong=[
            (lambda frames, factor: frames[:, ::factor, ::factor], "keep one pixel"),
            (shrink_wrapped, "wraps around"),
            (shrink_cut_off, "cuts off"),
            (lambda frames, factor: shrink_loop(frames, factor).astype(float), "np.rint"),
        ],
    ),
    "01.frames_needed": Case(
        right=[
            lambda duration, shortest: int(np.ceil(duration / shortest)),
            lambda duration, shortest: int(-(-duration // shortest)),
        ],
        wrong=[
            (lambda duration, shortest: int(duration / shortest), "round up"),
            (lambda duration, shortest: round(duration / shortest), "round up"),
            (lambda duration, shortest: int(np.ceil(duration / shortest)) + 1, "Fewer would do"),
            (lambda duration, shortest: int(duration // shortest) + 1, "need 4, not 5"),
            (lambda duration, shortest: duration / shortest, "int(...)"),
        ],
    ),
    "01.to_mono": Case(
        right=[lambda s: (s.mean(axis=1) / 32768).astype(np.float32)],
        wrong=[
            (lambda s: s[:, 0].astype(np.float32) / 32768, "kept one channel"),
            (lambda s: ((s[:, 0] + s[:, 1]) / 2 / 32768).astype(np.float32), "int16 wraps"),
            (
                lambda s: (s.astype(float).sum(axis=1) / 32768).astype(np.float32),
                "instead of adding",
            ),
            (lambda s: s.mean(axis=1) / 32768, ".astype(np.float32)"),
        ],
    ),
    "01.repair_reader": Case(
        right=[reader()],
        wrong=[
            (reader(last=-1), "drops one more"),
            (reader(interpolation=cv2.INTER_NEAREST), "INTER_AREA averages"),
            (reader(reverse=False), "blue, green, red"),
        ],
        seeds=3,
    ),
    "01.choose_frames": Case(
        right=[by_median, by_brightness],
        wrong=[
            (uniform, "one film in five"),
            (lambda frames, n: np.arange(n), "one film in five"),
            (lambda frames, n: by_median(frames, n)[::-1], "np.sort"),
        ],
        seeds=3,
    ),
}
