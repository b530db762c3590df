"""The sound of a clip: what is seen can be heard.

- A tone whose pitch follows the height of the pair's midpoint in the picture (``pitch``).
- Its loudness follows the size of the shapes (``loudness``).
- A click at each moment at which two shapes begin or cease to touch (``CLICK``).

Frame t is on the screen from t / fps to (t + 1) / fps; pitch and loudness have that frame's
values in the middle of that time and go straight from one middle to the next.
"""

import numpy as np

from vidlab.world.scene import RADIUS_RANGE

RATE = 8000
LOW_PITCH = 200.0
HIGH_PITCH = 1200.0
LOUDEST = 0.6
CLICK_PITCH = 3000.0
CLICK_SECONDS = 0.012
CLICK_LOUDNESS = 0.35
FADE_SECONDS = 0.01

_click_time = np.arange(-int(CLICK_SECONDS / 2 * RATE), int(CLICK_SECONDS / 2 * RATE) + 1) / RATE
# A burst of a high tone under a Hann window: it is over in 12 ms, and nearly all of its energy
# lies between 2,800 and 3,200 Hz, above every pitch of the tone.
CLICK = (
    CLICK_LOUDNESS
    * np.cos(np.pi * _click_time / CLICK_SECONDS) ** 2
    * np.cos(2 * np.pi * CLICK_PITCH * _click_time)
)
CLICK.flags.writeable = False


def pitch(y: np.ndarray, size: int) -> np.ndarray:
    """Height in the picture -> frequency in Hz: 200 at the bottom, 1200 at the top.

    Equal steps of height are equal musical steps: 200 * 6 ** (1 - y / size).

    Args:
        y: in pixels from the top.
        size: of the picture, in pixels.
    """
    return LOW_PITCH * (HIGH_PITCH / LOW_PITCH) ** (1 - np.asarray(y) / size)


def height(frequency: np.ndarray, size: int) -> np.ndarray:
    """The inverse of ``pitch``: frequency in Hz -> y in pixels from the top."""
    octaves = np.log(np.asarray(frequency) / LOW_PITCH) / np.log(HIGH_PITCH / LOW_PITCH)
    return size * (1 - octaves)


def loudness(radius: np.ndarray, size: int) -> np.ndarray:
    """Radius of the shapes -> amplitude of the tone: 0.6 for the largest, in proportion.

    Args:
        radius: in pixels.
        size: of the picture, in pixels.
    """
    return LOUDEST * np.asarray(radius) / (RADIUS_RANGE[1] * size)


def synthesize(
    y: np.ndarray,
    radius: np.ndarray,
    click_time: float,
    size: int,
    fps: float,
    noise: np.ndarray | None = None,
) -> np.ndarray:
    """The sound of one clip.

    Args:
        y: (T,) midpoint of the pair in pixels from the top.
        radius: (T,) in pixels.
        click_time: of the one click, in seconds; NaN for none.
        size: of the picture, in pixels.
        fps: frames per second.
        noise: (S,) added at the end, or None.

    Returns:
        ``float32 (S,)`` at 8000 Hz with S = 8000 T / fps, in [-1, 1].
    """
    per_frame = round(RATE / fps)
    frequency = _between_frames(pitch(y, size), per_frame)
    amplitude = _between_frames(loudness(radius, size), per_frame)
    fade = round(FADE_SECONDS * RATE)
    ramp = (np.arange(fade) + 0.5) / fade
    amplitude[:fade] *= ramp
    amplitude[-fade:] *= ramp[::-1]
    # The sum of the frequencies keeps the phase continuous where the pitch changes.
    turns = np.cumsum(frequency) / RATE
    turns -= np.floor(turns)
    wave = amplitude * np.sin((2 * np.pi * turns).astype(np.float32))
    if np.isfinite(click_time):
        first = round(click_time * RATE - 0.5) - len(CLICK) // 2
        start, stop = max(first, 0), min(first + len(CLICK), len(wave))
        wave[start:stop] += CLICK[start - first : stop - first]
    if noise is not None:
        wave += noise
    return np.clip(wave, -1, 1).astype(np.float32)


def _between_frames(values: np.ndarray, per_frame: int) -> np.ndarray:
    """Values in the middle of each frame (T,) -> one for each sample (T * per_frame,)."""
    half = per_frame // 2
    part = (np.arange(per_frame) + 0.5) / per_frame
    middle = values[:-1, None] + np.diff(values)[:, None] * part
    before, after = np.full(half, values[0]), np.full(per_frame - half, values[-1])
    return np.concatenate([before, middle.ravel(), after])
