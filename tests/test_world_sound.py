"""The sound of the world belongs to its picture: pitch, loudness, clicks."""

import numpy as np
import pytest

from vidlab import world
from vidlab.clips import Clips
from vidlab.world import synthesis

RATE = world.RATE
PER_FRAME = 1000  # samples in a frame at 8 frames per second


def audio_of(clips: Clips) -> np.ndarray:
    assert clips.audio is not None
    return clips.audio


def loudest_frequency(sound: np.ndarray) -> float:
    """The strongest frequency below 2 kHz, to about 1 Hz."""
    length = 1 << 14
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), length))
    return float(np.argmax(spectrum[: length // 4]) * RATE / length)


def high_band(sound: np.ndarray) -> np.ndarray:
    """What of a sound lies above 2.5 kHz, where only clicks are."""
    spectrum = np.fft.rfft(sound)
    spectrum[: int(2500 * len(sound) / RATE)] = 0
    return np.fft.irfft(spectrum, len(sound))


@pytest.mark.parametrize("difficulty", world.DIFFICULTIES)
def test_pitch_follows_height(difficulty: str) -> None:
    clips = world.generate(20, difficulty=difficulty, seed=1)
    for sound, y in zip(audio_of(clips), clips.attributes["y"], strict=True):
        for frame in range(1, 15, 3):
            part = sound[frame * PER_FRAME : (frame + 1) * PER_FRAME]
            heard = world.height(np.array(loudest_frequency(part)), 64)
            assert heard == pytest.approx(y[frame], abs=1.0)


def test_higher_is_higher() -> None:
    assert world.pitch(np.array(64), 64) == pytest.approx(200)
    assert world.pitch(np.array(0), 64) == pytest.approx(1200)
    y = np.linspace(0, 32, 9)
    np.testing.assert_allclose(world.height(world.pitch(y, 32), 32), y, atol=1e-9)


def test_loudness_follows_size() -> None:
    clips = world.generate(40, seed=2)
    for sound, radius, contact in zip(
        audio_of(clips), clips.attributes["radius_t"], clips.attributes["contact"], strict=True
    ):
        if contact:
            continue
        frames = sound.reshape(16, PER_FRAME)[1:-1]
        amplitude = np.sqrt(2 * (frames**2).mean(axis=1))
        np.testing.assert_allclose(amplitude, world.loudness(radius[1:-1], 64), rtol=0.04)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_click_where_contact_begins_or_ends(reverse: bool) -> None:
    clips = world.generate(60, actions=["meet", "part"], seed=3, reverse=reverse)
    times = clips.attributes["contact_time"]
    assert 10 < np.isfinite(times).sum() < 50
    assert (np.isfinite(times) == clips.attributes["contact"]).all()
    for sound, time, gap in zip(audio_of(clips), times, clips.attributes["gap"], strict=True):
        high = high_band(sound)
        if np.isnan(time):
            assert np.abs(high).max() < 0.05
            assert (gap > 0).all()
            continue
        assert np.abs(high).max() > 0.2
        middle = np.average(np.arange(len(high)), weights=high**2) / RATE
        assert middle == pytest.approx(time, abs=0.002)
        # The gap is open on one side of that time, closed on the other.
        frame = time * 8 - 0.5
        touching = gap == 0
        assert touching.any()
        assert not touching.all()
        change = int(np.flatnonzero(np.diff(touching))[0])
        assert change <= frame <= change + 1


def test_other_actions_do_not_click() -> None:
    clips = world.generate(40, actions=world.ACTIONS[:8], seed=4)
    assert not clips.attributes["contact"].any()
    assert (clips.attributes["gap"] == 0).all(axis=1).any()  # though some pairs touch all along
    for sound in audio_of(clips):
        assert np.abs(high_band(sound)).max() < 0.05


def test_sound_is_smooth_and_within_bounds() -> None:
    clips = world.generate(100, seed=5)
    sound = audio_of(clips)
    assert np.abs(sound).max() <= 1
    assert np.abs(sound[:, [0, -1]]).max() < 0.01
    quiet = sound[~clips.attributes["contact"]]
    # A sine of at most 1200 Hz and amplitude 0.6 moves by at most this much in one sample.
    steepest = 0.6 * 2 * np.pi * 1200 / RATE
    assert np.abs(np.diff(quiet)).max() < steepest


def test_noise_in_the_sound_grows_with_difficulty() -> None:
    levels = []
    for difficulty in world.DIFFICULTIES:
        clips = world.generate(10, difficulty=difficulty, actions=world.ACTIONS[:8], size=16)
        levels.append(np.std([high_band(sound) for sound in audio_of(clips)]))
    assert levels[0] < 0.002 < levels[1] < 0.01 < levels[2]


def test_a_click_at_the_edge_is_cut() -> None:
    still = np.full(4, 16.0)
    sound = synthesis.synthesize(still, still / 8, 0.0, 32, 8)
    assert len(sound) == 4000
    assert np.abs(high_band(sound)[:40]).max() > 0.1
