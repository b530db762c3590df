"""The generators of chapter 07 in both rooms: the same weights, training and clips."""

from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402
from vidlab import latents, world  # noqa: E402
from vidlab.clips import Clips  # noqa: E402
from vidlab.history import TrainingError  # noqa: E402
from vidlab.plan import running_share  # noqa: E402
from vidlab.weights import copy_weights  # noqa: E402

ROOMS = pytest.mark.parametrize("room", [vt, vk], ids=["torch", "keras"])
CODES = latents.standardise(
    np.random.default_rng(0).normal(0.3, 0.1, (40, 34)).astype(np.float32), np.arange(40) % 8, 16
)


@cache
def clips() -> Clips:
    return world.generate(64, size=32, num_shapes=1, sound=False)


def twins(name: str, *args, **options):
    vt.set_seed(0)
    first, second = getattr(vt, name)(*args, **options), getattr(vk, name)(*args, **options)
    copy_weights(first, second)
    return first.eval(), second


def channels_first(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).movedim(-1, -3).float() / 255


def to_numpy(x) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("name", ["PlainAutoencoder", "FrameAutoencoder"])
def test_autoencoders_of_frames_are_twins(name):
    first, second = twins(name)
    frames = clips().frames[:6, 3]
    with torch.no_grad():
        ours = first(channels_first(frames)).movedim(1, -1).numpy()
    theirs = to_numpy(second(frames.astype(np.float32) / 255))
    assert ours.shape == frames.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert vt.count_parameters(first) == vk.count_parameters(second)


@pytest.mark.parametrize("decoder", ["2d", "3d"])
def test_clip_vaes_are_twins(decoder):
    first, second = twins("ClipVAE", decoder)
    x = clips().frames[:3]
    with torch.no_grad():
        ours = first(channels_first(x)).movedim(2, -1).numpy()
        some = first.decode(
            first.encode(channels_first(x))[0], torch.tensor([[3, 0], [1, 2], [9, 9]])
        )
    theirs = to_numpy(second(x.astype(np.float32) / 255))
    assert ours.shape == x.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(some[0, 0].movedim(0, -1).numpy(), ours[0, 3], atol=1e-5)


@ROOMS
def test_an_unknown_decoder_is_named(room):
    with pytest.raises(ValueError, match="decoder: expected '2d' or '3d', got '4d'"):
        room.ClipVAE("4d")


@pytest.mark.parametrize("name", ["LatentVAE", "LatentFlow"])
def test_generators_of_codes_are_twins(name):
    first, second = twins(name, 8)
    labels = np.arange(8)
    noise = np.random.default_rng(2).standard_normal((8, *first.noise_shape)).astype(np.float32)
    with torch.no_grad():
        ours = first.sample(torch.from_numpy(noise), torch.from_numpy(labels)).numpy()
    theirs = to_numpy(second.sample(noise, labels))
    assert ours.shape == (8, 34)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


@pytest.mark.parametrize("name", ["LatentVAE", "LatentFlow"])
def test_both_rooms_take_the_same_steps(name):
    first, second = twins(name, 8)
    losses = [
        room.fit_loss(
            model, latents.items(model, CODES.codes, CODES.labels, 16),
            num_steps=10, averaged=True, progress=False,
        ).loss
        for room, model in ((vt, first), (vk, second))
    ]  # fmt: skip
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-3)
    assert losses[0][-1] < losses[0][0]
    labels = np.arange(8)
    zeros = np.zeros((8, *first.noise_shape), np.float32)
    with torch.no_grad():
        ours = first.sample(torch.from_numpy(zeros), torch.from_numpy(labels)).numpy()
    np.testing.assert_allclose(ours, to_numpy(second.sample(zeros, labels)), atol=0.02)


def test_both_rooms_generate_the_same_clips():
    painters, generators = twins("FrameAutoencoder"), twins("LatentFlow", 8)
    labels = np.arange(5)
    made = [
        room.generate(room.TwoStage(painter, generator, CODES), labels, seed=3, batch_size=2)
        for room, painter, generator in zip((vt, vk), painters, generators, strict=True)
    ]
    assert made[0].shape == (5, 16, 32, 32, 3)
    assert made[0].dtype == np.uint8
    assert np.abs(made[0].astype(int) - made[1]).max() <= 2  # rounded grey levels


@ROOMS
def test_the_seed_decides_the_clips(room):
    model = room.TwoStage(room.FrameAutoencoder(), room.LatentVAE(8), CODES)
    labels = np.zeros(2, int)
    first, again, other = (room.generate(model, labels, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    with pytest.raises(ValueError, match="labels: expected whole numbers"):
        room.generate(model, np.zeros(2))


@ROOMS
def test_the_frame_autoencoder_finds_places_and_keeps_them_out_of_the_look(room):
    room.set_seed(0)
    model = room.FrameAutoencoder()
    room.fit_loss(
        model, latents.pairs_of_frames(clips().frames), num_steps=60, learning_rate=5e-3,
        progress=False,
    )  # fmt: skip
    look, place = room.encode_clips(model, clips().frames)
    assert look.shape == (64, 16, 10)
    assert place.shape == (64, 16, 3)
    for number, name in enumerate(("x", "y")):
        true = clips().attributes[name].ravel()
        assert np.corrcoef(place[..., number].ravel(), true)[0, 1] > 0.98, name
    size = np.log(clips().attributes["radius_t"]).ravel()
    assert np.corrcoef(place[..., 2].ravel(), size)[0, 1] > 0.9
    # Within a clip the look hardly moves, between clips it does.
    assert look.std(axis=1).mean() < 0.3 * look.mean(axis=1).std(axis=0).mean()


@ROOMS
def test_training_can_be_left(room):
    model = room.LatentVAE(8)
    steps = room.loss_steps(
        model, latents.items(model, CODES.codes, CODES.labels, 8), num_steps=50, averaged=True
    )
    steps.compile()
    first = next(steps)
    assert first.step == 1
    assert np.isfinite(first.loss)
    assert steps.num_steps == 50
    next(steps)
    steps.close()
    history = room.fit_loss(
        model, latents.items(model, CODES.codes, CODES.labels, 8), num_steps=50,
        callbacks=[lambda record: record.step == 3], progress=False,
    )  # fmt: skip
    assert len(history.records) == 3
    assert history.stopped == "callback"


@ROOMS
def test_averaged_weights_are_the_running_mean_of_the_steps(room):
    def written(model) -> np.ndarray:
        if room is vt:
            return model.write.weight.detach().numpy().copy()
        return to_numpy(model.write.kernel).copy()

    def steps_of(averaged: bool):
        room.set_seed(0)
        model = room.LatentVAE(8)
        batches = latents.items(model, CODES.codes, CODES.labels, 8)
        options = {"num_steps": 6, "schedule": "constant", "averaged": averaged}
        return model, room.loss_steps(model, batches, **options)

    plain, steps = steps_of(averaged=False)
    mean = written(plain)
    for record in steps:
        share = running_share(record.step, 0.99)
        mean = share * mean + (1 - share) * written(plain)
    averaged, steps = steps_of(averaged=True)
    list(steps)
    np.testing.assert_allclose(written(averaged), mean, atol=1e-5)
    assert np.abs(written(plain) - mean).max() > 1e-3


def test_compiling_leaves_no_trace():
    model = vk.LatentVAE(8)
    before = [to_numpy(variable) for variable in model.variables]
    vk.loss_steps(model, latents.items(model, CODES.codes, CODES.labels, 8), num_steps=5).compile()
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), value)


@ROOMS
def test_bad_arguments_are_named_at_once(room):
    model = room.LatentVAE(8)
    batches = latents.items(model, CODES.codes, CODES.labels, 8)
    for options, message in (
        ({"num_steps": 0}, "num_steps: expected a whole number from 1"),
        ({"num_steps": 5, "learning_rate": -1}, "learning_rate"),
        ({"num_steps": 5, "schedule": "stairs"}, "schedule"),
        ({"num_steps": 5, "clip_norm": 0}, "clip_norm"),
        ({"num_steps": 5, "seed": -1}, "seed"),
    ):
        with pytest.raises(ValueError, match=message):
            room.loss_steps(model, batches, **options)


@ROOMS
def test_a_loss_that_explodes_is_named(room):
    model = room.LatentVAE(8)
    codes = np.full_like(CODES.codes, np.nan)
    with pytest.raises(TrainingError, match="at step 1"):
        room.fit_loss(
            model, latents.items(model, codes, CODES.labels, 8), num_steps=5, progress=False
        )


@ROOMS
def test_the_shipped_painter_knows_new_clips(room):
    new = world.generate(24, size=32, num_shapes=1, sound=False, split="test", seed=5)
    model, codes = room.load_frame_autoencoder(), latents.load_codes()
    assert len(codes) == 4000
    assert set(codes.attributes) >= {"action", "color", "shape", "caption"}
    raw = latents.join_codes(*room.encode_clips(model, new.frames))
    standard = (raw - codes.mean) / codes.spread
    assert np.abs(standard).mean() < 1.2  # new clips lie where the training clips do
    x = new.frames[:, 0].astype(np.float32) / 255
    if room is vt:
        with torch.no_grad():
            back = model(channels_first(new.frames[:, 0])).movedim(1, -1).numpy()
    else:
        back = to_numpy(model(x))
    assert ((back - x) ** 2).mean() < 5e-4
