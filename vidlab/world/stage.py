"""Put a scene on a stage and film it: background, distractors, shapes, camera, noise.

Everything but the shapes' track is drawn at random here, independently of the action.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from vidlab.world import backgrounds, render, scene

COLOR_VALUES = {
    "red": (205, 5, 25),
    "orange": (233, 137, 0),
    "yellow": (250, 243, 70),
    "green": (20, 140, 100),
    "blue": (0, 160, 255),
    "purple": (148, 68, 176),
}
COLORS = tuple(COLOR_VALUES)


@dataclass(frozen=True)
class Look:
    """What a difficulty adds to a clip."""

    drift: float  # reach of the camera's drift, in widths of the picture
    brightness: float  # brightness varies from clip to clip by up to this share
    flicker: float  # and within a clip by up to this one
    noise: float  # standard deviation of the noise in every value, in grey levels
    hiss: float  # standard deviation of the noise in the sound


LOOKS = {
    "easy": Look(drift=0.0, brightness=0.0, flicker=0.0, noise=0.0, hiss=0.0),
    "medium": Look(drift=0.02, brightness=0.12, flicker=0.03, noise=5.0, hiss=0.01),
    "hard": Look(drift=0.03, brightness=0.18, flicker=0.05, noise=8.0, hiss=0.03),
}
DIFFICULTIES = tuple(LOOKS)

# Normal noise in 256 steps: one random byte per value is many times faster than a normal
# deviate, and comes out the same everywhere.
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)], np.float32)


@dataclass(frozen=True)
class Track:
    """Where the shapes of one clip are, in pixels, frame by frame; every array is (T,)."""

    shape: int
    num_shapes: int
    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray
    gap: np.ndarray
    half_x: np.ndarray
    half_y: np.ndarray

    def centers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """x (T,) and y (T,) of each shape's centre."""
        if self.num_shapes == 1:
            return [(self.x, self.y)]
        return [
            (self.x - self.half_x, self.y - self.half_y),
            (self.x + self.half_x, self.y + self.half_y),
        ]

    def boxes(self, size: int) -> np.ndarray:
        """Tight boxes, ``float32 (T, K, 4)``."""
        each = [render.box(self.shape, x, y, self.radius, size) for x, y in self.centers()]
        return np.stack(each, axis=1)


def tracks_from(paths: np.ndarray, shapes: np.ndarray, num_shapes: int, size: int) -> list[Track]:
    """Tracks of the paths (n, T, 6) of ``scene`` in pictures of this size, without any drift."""
    half_x, half_y = scene.half_offset(paths, shapes[:, None])
    radii = np.exp(paths[..., scene.LOG_RADIUS])
    gaps = np.maximum(paths[..., scene.GAP], 0.0)
    lengths = size * np.stack(
        [paths[..., scene.X], paths[..., scene.Y], radii, gaps, half_x, half_y], axis=1
    )
    return [Track(int(shape), num_shapes, *one) for shape, one in zip(shapes, lengths, strict=True)]


def camera_drift(
    difficulty: str, num_frames: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """How far the whole picture is shifted in each frame, (T, 2) in pixels, x and y."""
    reach = LOOKS[difficulty].drift * size
    return backgrounds.wander(num_frames, reach, rng) if reach else np.zeros((num_frames, 2))


def shoot(
    track: Track,
    color: str,
    difficulty: str,
    drift: np.ndarray,
    photograph: str | None,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Film one clip.

    Args:
        track: of the shapes, with the camera's drift already in it.
        color: one of ``COLORS``.
        difficulty: one of ``DIFFICULTIES``.
        drift: (T, 2) of the camera, in pixels.
        photograph: the background at "hard".
        size: of the picture, in pixels.
        rng: draws everything else.

    Returns:
        ``uint8 (T, size, size, 3)``.
    """
    rgb = np.array(COLOR_VALUES[color], np.float32)
    if difficulty == "easy":
        plain = np.floor(backgrounds.plain_color(rgb, rng) + 0.5).astype(np.uint8)
        still = np.empty((len(drift), size, size, 3), np.uint8)
        still.reshape(-1, 3 * size)[:] = np.tile(plain, size)
        _draw_shapes(still, track, rgb)
        return still

    look = LOOKS[difficulty]
    canvas_size = size + 2 * (int(np.ceil(look.drift * size)) + 1)
    if photograph is None:
        canvas = backgrounds.texture(canvas_size, rgb, rng)
    else:
        canvas = backgrounds.photograph(photograph, canvas_size, rng)
    frames = backgrounds.film(canvas, drift, size)
    if difficulty == "hard":
        _draw_distractors(frames, drift, rng)
    _draw_shapes(frames, track, rgb)
    flicker = backgrounds.wander(len(drift), look.flicker, rng)[:, 0]
    bright = 1 + look.brightness * rng.uniform(-1, 1) + flicker
    frames *= bright.astype(np.float32)[:, None, None, None]
    noise = (look.noise * _NORMAL + 0.5).astype(np.float32)
    frames += noise[np.frombuffer(rng.bytes(frames.size), np.uint8)].reshape(frames.shape)
    return np.clip(frames, 0, 255, out=frames).astype(np.uint8)


def hiss(difficulty: str, num_samples: int, rng: np.random.Generator) -> np.ndarray | None:
    """The noise in the sound, (S,), or None where there is none."""
    level = LOOKS[difficulty].hiss
    return level * rng.standard_normal(num_samples) if level else None


def _draw_shapes(frames: np.ndarray, track: Track, rgb: np.ndarray) -> None:
    for x, y in track.centers():
        render.draw(frames, scene.SHAPES[track.shape], rgb, x, y, track.radius)


def _draw_distractors(frames: np.ndarray, drift: np.ndarray, rng: np.random.Generator) -> None:
    """Two to four small grey forms that wander about behind the shapes."""
    num_frames, size = frames.shape[:2]
    for _ in range(rng.integers(2, 5)):
        form = render.FORMS[rng.integers(len(render.FORMS))]
        grey = np.full(3, rng.uniform(20, 235), np.float32)
        radius = np.full(num_frames, size * rng.uniform(0.04, 0.06))
        reach = size * rng.uniform(0.05, 0.2)
        x, y = (
            size * rng.uniform(0.1, 0.9, (1, 2))
            + backgrounds.wander(num_frames, reach, rng)
            + drift
        ).T
        render.draw(frames, form, grey, x, y, radius)
