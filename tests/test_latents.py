"""Codes of clips: waves, standardising, files, batches."""

import numpy as np
import pytest

from vidlab import latents
from vidlab.latents import ClipCodes


def test_the_waves_are_orthonormal_and_give_paths_back():
    waves = latents.cosine_waves(16, 16)
    np.testing.assert_allclose(waves.T @ waves, np.eye(16), atol=1e-6)
    np.testing.assert_allclose(waves[:, 0], 0.25, atol=1e-6)  # 1 / sqrt(16)
    assert waves.dtype == np.float32


@pytest.mark.parametrize("num_waves", [0, 17])
def test_too_few_or_too_many_waves(num_waves):
    with pytest.raises(ValueError, match="num_waves: expected 1 to 16"):
        latents.cosine_waves(16, num_waves)


def test_a_code_holds_look_and_path():
    rng = np.random.default_rng(0)
    look = np.repeat(rng.normal(size=(5, 1, 10)), 16, axis=1)
    place = rng.normal(size=(5, 16, 3))
    codes = latents.join_codes(look, place, num_waves=16)
    assert codes.shape == (5, 58)
    assert codes.dtype == np.float32
    got_look, got_place = latents.split_codes(codes, 10, 16)
    np.testing.assert_allclose(got_look, look[:, 0], rtol=1e-5)
    np.testing.assert_allclose(got_place, place, atol=1e-5)


def test_slow_paths_survive_eight_waves():
    time = np.linspace(0, 1, 16)
    place = np.stack([0.5 * time, np.cos(2 * np.pi * time), np.zeros(16)], axis=1)[None]
    codes = latents.join_codes(np.zeros((1, 16, 10)), place)
    _, again = latents.split_codes(codes, 10, 16)
    assert np.abs(again - place).max() < 0.03


@pytest.mark.parametrize("places", [(5, 15, 3), (4, 16, 3), (5, 48)])
def test_looks_and_places_belong_together(places):
    with pytest.raises(ValueError, match="look and place: expected"):
        latents.join_codes(np.zeros((5, 16, 10)), np.zeros(places))


def test_codes_that_cannot_be_split():
    with pytest.raises(ValueError, match="codes: behind the look of 9 numbers there are 25, no w"):
        latents.split_codes(np.zeros((2, 34)), 9, 16)
    with pytest.raises(ValueError, match=r"codes: expected \(N, D\) with D above 34"):
        latents.split_codes(np.zeros((2, 34)), 34, 16)


def some_codes(n: int = 12) -> latents.ClipCodes:
    rng = np.random.default_rng(1)
    raw = (3 + 2 * rng.normal(size=(n, 34))).astype(np.float32)
    return latents.standardise(raw, np.arange(n) % 8, 16, {"color": np.array(["red"] * n)})


def test_standardised_codes_have_mean_0_and_spread_1():
    codes = some_codes()
    np.testing.assert_allclose(codes.codes.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(codes.codes.std(axis=0), 1, atol=1e-5)
    assert len(codes) == 12
    assert abs(float(codes.mean.mean()) - 3) < 0.5


def test_a_number_that_never_changes_is_named():
    raw = np.random.default_rng(0).normal(size=(6, 4))
    raw[:, 2] = 7
    with pytest.raises(ValueError, match=r"the numbers \[2\] are the same in all 6 clips"):
        latents.standardise(raw, np.zeros(6, int), 16)
    with pytest.raises(ValueError, match="labels: expected 6, one per code, got 5"):
        latents.standardise(raw, np.zeros(5, int), 16)


def test_rounding_does_not_hide_a_number_that_never_changes():
    raw = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    raw[:, 1] = 0.1
    assert raw.std(axis=0)[1] > 0
    with pytest.raises(ValueError, match=r"the numbers \[1\] are the same in all 4000 clips"):
        latents.standardise(raw, np.zeros(4000, int), 16)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((0, 4)), r"codes: expected numbers \(N, D\), got the shape \(0, 4\)"),
        (np.zeros(4), r"codes: expected numbers \(N, D\), got the shape \(4,\)"),
        (np.array([[1, 2], [np.nan, 3]]), "codes hold NaN or infinity"),
    ],
)
def test_no_codes_or_none_that_are_numbers(raw, message):
    with pytest.raises(ValueError, match=message):
        latents.standardise(raw, np.zeros(len(raw), int), 16)


def test_codes_are_single_precision_whatever_came():
    codes = latents.standardise(np.random.default_rng(0).normal(size=(9, 4)), np.arange(9), 16)
    assert {part.dtype for part in (codes.codes, codes.mean, codes.spread)} == {np.dtype("f4")}


def test_codes_come_back_from_disk(tmp_path):
    codes = some_codes()
    path = tmp_path / "codes.npz"
    latents.save_codes(codes, path)
    again = latents.load_codes(path)
    np.testing.assert_allclose(again.codes, codes.codes, atol=2e-3)  # kept in half precision
    np.testing.assert_array_equal(again.labels, codes.labels)
    np.testing.assert_array_equal(again.attributes["color"], codes.attributes["color"])
    assert again.num_frames == 16
    assert [file.name for file in tmp_path.iterdir()] == ["codes.npz"]


def test_large_codes_and_labels_come_back_from_disk(tmp_path):
    large = ClipCodes(**{**vars(some_codes(2)), "codes": np.full((2, 34), 1e5, np.float32)})
    large.labels[:] = 70000
    latents.save_codes(large, tmp_path / "codes.npz")
    again = latents.load_codes(tmp_path / "codes.npz")
    assert (again.codes == 1e5).all()
    assert (again.labels == 70000).all()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("mean", np.zeros(12), "attributes: the name 'mean' is taken"),
        ("file", np.zeros(12), "attributes: the name 'file' is taken"),
        ("thing", np.array([None] * 12), "attributes: 'thing' holds Python objects"),
    ],
)
def test_attributes_that_no_file_can_hold(tmp_path, name, values, message):
    codes = some_codes()
    codes.attributes[name] = values
    with pytest.raises(ValueError, match=message):
        latents.save_codes(codes, tmp_path / "codes.npz")
    assert not list(tmp_path.iterdir())


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(stream, **parts):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        latents.save_codes(some_codes(), tmp_path / "codes.npz")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        latents.load_codes(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "short.npz").write_bytes(latents.SHIPPED_CODES.read_bytes()[:5000])
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("other.npz", "text.npz", "short.npz", "array.npy"):
        with pytest.raises(ValueError, match=r"expected a file of vidlab.latents.save_codes"):
            latents.load_codes(tmp_path / name)


def test_pairs_are_two_frames_of_one_clip():
    frames = np.zeros((6, 4, 2, 2, 3), np.uint8)
    frames += np.arange(6, dtype=np.uint8)[:, None, None, None, None]
    frames[..., 1] = np.arange(4, dtype=np.uint8)[None, :, None, None]
    (pairs,) = latents.pairs_of_frames(frames, 50)(np.random.default_rng(0))
    assert pairs.shape == (50, 2, 2, 2, 3)
    assert pairs.dtype == np.uint8
    assert (pairs[:, 0, 0, 0, 0] == pairs[:, 1, 0, 0, 0]).all()  # the same clip
    assert (pairs[:, 0, 0, 0, 1] != pairs[:, 1, 0, 0, 1]).any()  # other frames


def test_batches_keep_items_and_conditions_together():
    class Model:
        def draws(self, rng, n):
            return (rng.standard_normal((n, 3)),)

    x = np.arange(10.0)[:, None]
    draw = latents.items(Model(), x, np.arange(10), 7)
    batch, labels, noise = draw(np.random.default_rng(0))
    np.testing.assert_array_equal(batch[:, 0], labels)
    assert noise.shape == (7, 3)
    with pytest.raises(ValueError, match="conditions: expected 10, one per item, got 9"):
        latents.items(Model(), x, np.arange(9))
    with pytest.raises(ValueError, match="x: expected at least one item"):
        latents.items(Model(), x[:0], np.arange(0))
    with pytest.raises(ValueError, match="batch_size: expected a whole number from 1, got 0"):
        latents.items(Model(), x, np.arange(10), 0)


def test_pairs_of_something_else():
    frames = np.zeros((6, 4, 2, 2, 3), np.uint8)
    for wrong in (frames / 255, frames[:, 0], frames[:0]):
        with pytest.raises(ValueError, match="frames: expected clips, uint8"):
            latents.pairs_of_frames(wrong)
    with pytest.raises(ValueError, match="batch_size: expected a whole number from 1, got 0"):
        latents.pairs_of_frames(frames, 0)


@pytest.mark.parametrize("labels", [np.zeros(3), [], 4, ["left"]])
def test_labels_of_what_to_generate(labels):
    with pytest.raises(ValueError, match="labels: expected whole numbers, one row per clip"):
        latents.check_conditions(labels)


def test_clips_to_encode():
    with pytest.raises(ValueError, match=r"frames: expected clips, uint8 \(N, T, H, W, 3\)"):
        latents.check_clips(np.zeros((2, 16, 32, 32, 3)))
