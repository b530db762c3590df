"""Augmentation of video: all frames alike, labels kept true, inputs left alone."""

import numpy as np
import pytest

from vidlab import augment, world

AUGMENTATIONS = {
    "random_crop": augment.random_crop(5),
    "horizontal_flip": augment.horizontal_flip(["grow", "shrink"]),
    "time_shift": augment.time_shift(3),
    "speed_change": augment.speed_change(2.0),
    "brightness_contrast": augment.brightness_contrast(0.3, 0.3),
    "cutout": augment.cutout(8),
}
# Those that treat every frame of a clip by itself, and all alike.
SPATIAL = ("random_crop", "horizontal_flip", "cutout")


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 6, 20, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_dtype_and_input_stay(name, clips):
    before = clips.copy()
    result = AUGMENTATIONS[name](clips, np.random.default_rng(1))
    assert result.shape == clips.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(clips, before)
    assert not np.shares_memory(result, clips)
    assert (result != clips).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_same_generator_same_result(name, clips):
    first, second = (AUGMENTATIONS[name](clips, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = AUGMENTATIONS[name](clips, np.random.default_rng(8))
    assert (first != other).any()


@pytest.mark.parametrize("name", SPATIAL)
def test_all_frames_of_a_clip_change_alike(name, clips):
    still = np.repeat(clips[:, :1], 6, axis=1)
    result = AUGMENTATIONS[name](still, np.random.default_rng(2))
    np.testing.assert_array_equal(result, np.repeat(result[:, :1], 6, axis=1))
    changes = {clip.tobytes() for clip in (result[:, 0] != still[:, 0])}
    assert len(changes) > 1  # but clips differ


def test_brightness_is_that_of_the_clip():
    still = np.repeat(np.full((8, 1, 4, 4, 3), 100, np.uint8), 5, axis=1)
    result = augment.brightness_contrast(0.2, 0.0)(still, np.random.default_rng(0))
    assert (result == result[:, :1, :1, :1, :1]).all()
    levels = result[:, 0, 0, 0, 0].astype(int)
    assert levels.min() >= 49
    assert levels.max() <= 151
    assert len(set(levels)) > 4


def test_contrast_keeps_the_mean(clips):
    result = augment.brightness_contrast(0.0, 0.4)(clips // 2 + 64, np.random.default_rng(0))
    before = (clips // 2 + 64).mean(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(result.mean(axis=(1, 2, 3, 4)), before, atol=0.5)


def test_crop_moves_the_picture(clips):
    result = augment.random_crop(5)(clips, np.random.default_rng(3))
    for before, after in zip(clips, result, strict=True):
        places = [
            (down, right)
            for down in range(-5, 6)
            for right in range(-5, 6)
            if np.array_equal(
                after[:, max(down, 0) : 20 + min(down, 0), max(right, 0) : 24 + min(right, 0)],
                before[:, max(-down, 0) : 20 - max(down, 0), max(-right, 0) : 24 - max(right, 0)],
            )
        ]
        assert len(places) == 1


def test_flip_mirrors_the_share_it_should(clips):
    result = augment.horizontal_flip([], 0.25)(clips, np.random.default_rng(4))
    mirrored = [np.array_equal(a, b[:, :, ::-1]) for a, b in zip(result, clips, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(result, clips, strict=True)]
    assert all(m or s for m, s in zip(mirrored, same, strict=True))
    assert 3 <= sum(mirrored) <= 18


@pytest.mark.parametrize(
    "names",
    [world.ACTIONS, ["walk", "turn left"], ["Right-hand", "x"], ["anticlockwise"]],
)
def test_flip_refuses_classes_with_a_side(names):
    with pytest.raises(ValueError, match="keep their label"):
        augment.horizontal_flip(names)


@pytest.mark.parametrize("names", [["grow", "shrink"], ["upright", "bright light"], ["copyright"]])
def test_flip_takes_other_classes(names):
    augment.horizontal_flip(names)


def test_a_mirrored_left_is_a_right():
    """Why the flip refuses: the boxes of a mirrored clip of "left" move to the right."""
    clips = world.generate(20, size=32, actions=["left", "right"], num_shapes=1, sound=False)
    left = clips[clips.labels == 0]
    columns = np.arange(32)

    def speed(frames):
        bright = (frames.max(axis=-1) > 110).sum(axis=2)  # (N, T, W)
        place = (bright * columns).sum(-1) / bright.sum(-1)
        return place[:, -1] - place[:, 0]

    mirrored = augment.horizontal_flip([], 1.0)(left.frames, np.random.default_rng(0))
    assert (speed(left.frames) < -3).all()
    assert (speed(mirrored) > 3).all()


def frame_numbers(num_clips=30, num_frames=12):
    numbers = np.arange(num_frames, dtype=np.uint8)[None, :, None, None, None]
    return np.broadcast_to(numbers, (num_clips, num_frames, 2, 2, 3)).copy()


def test_time_shift_lets_the_ends_stand():
    result = augment.time_shift(3)(frame_numbers(), np.random.default_rng(0))[:, :, 0, 0, 0]
    shifts = set()
    for times in result.astype(int):
        shift = {b - a for a, b in zip(range(3, 9), times[3:9], strict=True)}
        assert len(shift) == 1
        shifts |= shift
        np.testing.assert_array_equal(times, np.clip(np.arange(12) + shift.pop(), 0, 11))
    assert shifts == {-3, -2, -1, 0, 1, 2, 3}


def test_speed_change_keeps_the_direction_of_time():
    result = augment.speed_change(2.0)(frame_numbers(200), np.random.default_rng(0))
    steps = np.diff(result[:, :, 0, 0, 0].astype(int), axis=1)
    assert steps.min() == 0
    assert steps.max() == 2
    seen = result[:, -1, 0, 0, 0].astype(int) - result[:, 0, 0, 0, 0]
    assert seen.min() in (5, 6)
    assert seen.max() == 11
    assert 0.3 < np.mean(seen < 11) < 0.7  # slower as often as faster


def test_cutout_covers_at_most_its_square(clips):
    result = augment.cutout(8, fill=7)(clips, np.random.default_rng(0))
    changed = (result != clips).any(axis=(1, 4))
    assert 0 < changed.sum(axis=(1, 2)).max() <= 64
    assert set(result[result != clips]) == {7}


def test_compose_goes_in_order(clips):
    def dark(x, rng):
        return x // 2

    def plus(x, rng):
        return x + np.uint8(1)

    both = augment.compose(dark, plus)(clips, np.random.default_rng(0))
    np.testing.assert_array_equal(both, clips // 2 + 1)
    np.testing.assert_array_equal(augment.compose()(clips, np.random.default_rng(0)), clips)


@pytest.mark.parametrize("name", SPATIAL)
def test_pictures_are_clips_of_one_frame(name, clips):
    pictures = AUGMENTATIONS[name](clips[:, 0], np.random.default_rng(5))
    frames = AUGMENTATIONS[name](clips[:, :1], np.random.default_rng(5))
    np.testing.assert_array_equal(pictures, frames[:, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: augment.random_crop(0), "1 pixel or more"),
        (lambda: augment.horizontal_flip("left"), "list of names"),
        (lambda: augment.horizontal_flip([], 1.5), "from 0 to 1"),
        (lambda: augment.time_shift(0), "1 frame or more"),
        (lambda: augment.speed_change(1.0), "above 1"),
        (lambda: augment.brightness_contrast(contrast=2), "from 0 to 1"),
        (lambda: augment.cutout(0), "1 pixel or more"),
        (lambda: augment.cutout(4, fill=300), "0 to 255"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("one", "x", "message"),
    [
        (augment.cutout(3), np.zeros((2, 4, 8, 8, 3), np.float32), "expected clips uint8"),
        (augment.cutout(3), np.zeros((2, 4, 3, 8, 8), np.uint8), "expected clips uint8"),
        (augment.random_crop(8), np.zeros((2, 4, 8, 8, 3), np.uint8), "leaves nothing"),
        (augment.time_shift(4), np.zeros((2, 4, 8, 8, 3), np.uint8), "4 frames of clips with 4"),
    ],
)
def test_wrong_inputs_are_refused(one, x, message):
    with pytest.raises(ValueError, match=message):
        one(x, np.random.default_rng(0))
