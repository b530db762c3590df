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
def test_clips_of_another_length_are_refused(room):
    x = clips().frames[:2, :8]
    x = channels_first(x) if room is vt else x.astype(np.float32) / 255
    with pytest.raises(ValueError, match=r"clips: expected 16 frames each, got the shape \(2, 8,"):
        room.ClipVAE().encode(x)


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


def kullback_leibler(mu: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Of N(mu, variance) from N(0, 1), summed: log of 1 / sigma + (sigma^2 + mu^2) / 2 - 1 / 2."""
    sigma = np.exp(log_variance / 2)
    return (-np.log(sigma) + (sigma**2 + mu**2) / 2 - 0.5).sum(axis=1)


def loss_and_parts(room, model, *batch):
    """training_loss of a batch, and a function that calls the model's methods, all in NumPy."""

    def tensor(x):
        return torch.as_tensor(x) if room is vt else keras.ops.convert_to_tensor(x)

    def call(name, *arrays):
        with torch.no_grad():
            found = getattr(model, name)(*map(tensor, arrays))
        return tuple(map(to_numpy, found)) if isinstance(found, tuple) else to_numpy(found)

    return float(call("training_loss", *batch)), call


@ROOMS
def test_the_loss_of_a_latent_vae_by_hand(room):
    room.set_seed(0)
    model = room.LatentVAE(8, beta=0.7)
    codes, labels = CODES.codes[:5], np.arange(5)
    epsilon = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    loss, call = loss_and_parts(room, model, codes, labels, epsilon)
    mu, log_variance = call("encode", codes, labels)
    made = call("sample", mu + np.exp(log_variance / 2) * epsilon, labels)
    kl = kullback_leibler(mu, log_variance)
    assert kl.min() > 1
    expected = (((made - codes) ** 2).sum(axis=1) + 0.7 * kl).mean()
    assert loss == pytest.approx(expected, rel=1e-4)


@ROOMS
def test_the_loss_of_a_clip_vae_by_hand(room):
    room.set_seed(0)
    model = room.ClipVAE(beta=0.3)
    x = clips().frames[:2].astype(np.float32) / 255
    x = np.moveaxis(x, -1, 2) if room is vt else x
    rng = np.random.default_rng(0)
    epsilon, frames = rng.normal(size=(2, 34)).astype(np.float32), np.array([[3, 0], [15, 7]])
    loss, call = loss_and_parts(room, model, x, np.zeros(2, int), epsilon, frames)
    mu, log_variance = call("encode", x)
    made = call("decode", mu + np.exp(log_variance / 2) * epsilon, frames)
    real = np.stack([x[0, [3, 0]], x[1, [15, 7]]])
    expected = ((made - real) ** 2).mean() + 0.3 * kullback_leibler(mu, log_variance).mean()
    assert loss == pytest.approx(expected, rel=1e-4)


@ROOMS
def test_the_loss_of_a_latent_flow_by_hand(room):
    room.set_seed(0)
    model = room.LatentFlow(8)
    rng = np.random.default_rng(0)
    codes, labels = CODES.codes[:5], np.arange(5)
    noise, time = rng.normal(size=(5, 34)).astype(np.float32), rng.random(5).astype(np.float32)
    loss, call = loss_and_parts(room, model, codes, labels, noise, time)
    way = noise + time[:, None] * (codes - noise)
    expected = ((call("velocity", way, time, labels) - (codes - noise)) ** 2).mean()
    assert loss == pytest.approx(expected, rel=1e-4)


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
    with pytest.raises(ValueError, match="seed: expected a whole number from 0, got -1"):
        room.generate(model, labels, seed=-1)
    for run in (
        lambda: room.generate(model, labels, batch_size=0),
        lambda: room.encode_clips(model.painter, clips().frames[:2], batch_size=0),
    ):
        with pytest.raises(ValueError, match="batch_size: expected a whole number from 1, got 0"):
            run()


@ROOMS
@pytest.mark.parametrize("name", ["LatentVAE", "LatentFlow"])
def test_classes_that_the_generator_does_not_know(room, name):
    model = room.TwoStage(room.FrameAutoencoder(), getattr(room, name)(8), CODES)
    with pytest.raises(ValueError, match=r"knows 8 classes, so expected \(N,\) from 0 to 7; got 3"):
        room.generate(model, [3, 8])


@ROOMS
def test_a_generator_that_reads_words_knows_no_classes(room):
    flow = room.LatentFlow(0, condition=room.BagOfWords(5))
    model = room.TwoStage(room.FrameAutoencoder(), flow, CODES)
    assert room.generate(model, np.array([[3, 4, 0]])).shape == (1, 16, 32, 32, 3)


@ROOMS
def test_frames_that_are_no_numbers_are_no_black_clips(room):
    codes = latents.ClipCodes(**{**vars(CODES), "mean": np.full(34, np.nan)})
    model = room.TwoStage(room.FrameAutoencoder(), room.LatentVAE(8), codes)
    with pytest.raises(ValueError, match="model: its frames hold NaN or infinity"):
        room.generate(model, [0])


def test_generating_and_encoding_leave_the_mode_as_it_was():
    model = vt.TwoStage(vt.FrameAutoencoder(), vt.LatentVAE(8), CODES).train()
    vt.generate(model, [0])
    vt.encode_clips(model.painter, clips().frames[:2])
    assert model.training
    assert model.painter.training
    again = vt.TwoStage(model.painter, model.generator, CODES)
    vt.generate(again, [0])
    assert not model.generator.training


def test_two_stages_go_from_room_to_room():
    first = vt.TwoStage(vt.FrameAutoencoder(), vt.LatentVAE(8), CODES)
    second = vk.TwoStage(vk.FrameAutoencoder(), vk.LatentVAE(8), CODES)
    copy_weights(first, second)
    ours = vt.generate(first, [1, 5])
    assert np.abs(ours.astype(int) - vk.generate(second, [1, 5])).max() <= 2
    third = vt.TwoStage(vt.FrameAutoencoder(), vt.LatentVAE(8), CODES)
    copy_weights(second, third)
    np.testing.assert_array_equal(ours, vt.generate(third, [1, 5]))


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


def test_an_interrupted_compilation_leaves_no_trace(monkeypatch):
    model = vk.LatentVAE(8)
    before = model.get_weights()

    def interrupted(function):
        def move(*batch):
            function(*batch)
            assert not np.array_equal(before[-1], model.get_weights()[-1])
            raise KeyboardInterrupt

        return move

    monkeypatch.setattr("vidlab.keras.generating.compiled_function", interrupted)
    steps = vk.loss_steps(model, latents.items(model, CODES.codes, CODES.labels, 8), num_steps=5)
    with pytest.raises(KeyboardInterrupt):
        steps.compile()
    for value, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, weight)


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
def test_a_loss_that_explodes_spoils_no_weights(room):
    def written() -> np.ndarray:
        return to_numpy(model.write.weight.detach() if room is vt else model.write.kernel).copy()

    model = room.LatentVAE(8)
    draws = latents.items(model, CODES.codes, CODES.labels, 8)
    count = 0

    def batches(rng):
        nonlocal count
        count += 1
        codes, *rest = draws(rng)
        return (codes * np.float32(np.nan if count == 4 else 1), *rest)

    steps = room.loss_steps(model, batches, num_steps=9)
    for _ in range(3):
        next(steps)
    before = written()
    with pytest.raises(TrainingError, match="at step 4"):
        next(steps)
    np.testing.assert_array_equal(before, written())


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
