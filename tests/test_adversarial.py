"""Adversarial training and its models, in both rooms."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

from torch import nn  # noqa: E402

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402
from vidlab.adversarial import LOSSES, GameRecord  # noqa: E402
from vidlab.history import TrainingError  # noqa: E402
from vidlab.keras.models.generative_adversarial import (  # noqa: E402
    BlockConv3D,
    BlockConv3DTranspose,
)
from vidlab.weights import copy_weights  # noqa: E402

ROOMS = pytest.mark.parametrize("room", [vt, vk], ids=["torch", "keras"])
CODES = {"num_classes": 3, "code_dim": 5}
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5)).astype(np.float32)
Y = rng.integers(0, 3, 40)
CLIPS = rng.integers(0, 256, (12, 16, 32, 32, 3), dtype=np.uint8)


def tensor(room, array):
    if room is vt:
        return torch.as_tensor(array)
    array = array.astype(np.int32) if array.dtype == np.int64 else array
    return keras.ops.convert_to_tensor(array)


def array(value) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value.numpy()


def number(value) -> float:
    return float(array(value))


def logit(p: float) -> np.ndarray:
    return np.array([math.log(p / (1 - p))], np.float32)


def pair(room, seed: int = 0, **options):
    room.set_seed(seed)
    return (
        room.LatentGenerator(**CODES, noise_dim=4, width=8, **options),
        room.LatentDiscriminator(**CODES, width=8),
    )


def weights_of(model) -> np.ndarray:
    if isinstance(model, nn.Module):
        return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    return np.concatenate([np.asarray(w).ravel() for w in model.get_weights()])


# ---------------------------------------------------------------- losses


@ROOMS
@pytest.mark.parametrize(
    ("losses", "of_discriminator", "of_generator"),
    [
        # real items get p = 0.6 (logit 0.405), generated ones p = 0.2 (logit -1.386)
        ("minimax", -math.log(0.6) - math.log(0.8), math.log(0.8)),
        ("non_saturating", -math.log(0.6) - math.log(0.8), -math.log(0.2)),
        ("hinge", 1 - math.log(1.5), math.log(4)),
        # the difference of the logits is log(1.5 * 4): p = 6 / 7
        ("relativistic", -math.log(6 / 7), -math.log(1 / 7)),
    ],
)
def test_worked_losses(room, losses, of_discriminator, of_generator):
    real, generated = tensor(room, logit(0.6)), tensor(room, logit(0.2))
    assert number(room.discriminator_loss(real, generated, losses)) == pytest.approx(
        of_discriminator, abs=1e-5
    )
    assert number(room.generator_loss(real, generated, losses)) == pytest.approx(
        of_generator, abs=1e-5
    )


@ROOMS
def test_a_discriminator_that_knows_nothing_has_a_loss_of_two_log_two(room):
    nothing = tensor(room, np.zeros(4, np.float32))
    assert number(room.discriminator_loss(nothing, nothing)) == pytest.approx(2 * math.log(2))
    assert number(room.discriminator_loss(nothing, nothing, "relativistic")) == pytest.approx(
        math.log(2)
    )
    assert number(room.discriminator_loss(nothing, nothing, "hinge")) == pytest.approx(2)


@ROOMS
def test_losses_are_means_over_the_batch(room):
    real, generated = (rng.normal(size=7).astype(np.float32) for _ in range(2))
    for losses in LOSSES:
        for loss in (room.discriminator_loss, room.generator_loss):
            whole = number(loss(tensor(room, real), tensor(room, generated), losses))
            pieces = [
                (tensor(room, real[i : i + 1]), tensor(room, generated[i : i + 1]))
                for i in range(7)
            ]
            parts = [number(loss(*piece, losses)) for piece in pieces]
            assert whole == pytest.approx(np.mean(parts), abs=1e-5)


@ROOMS
def test_unknown_losses_and_logits_of_two_shapes_are_refused(room):
    flat = tensor(room, np.zeros(4, np.float32))
    upright = tensor(room, np.zeros((4, 1), np.float32))
    for loss in (room.discriminator_loss, room.generator_loss):
        with pytest.raises(ValueError, match=r"losses: expected one of .* got 'hings'"):
            loss(flat, flat, "hings")
        with pytest.raises(ValueError, match=r"one shape, \(B,\), got \(4, 1\) and \(4,\)"):
            loss(upright, flat, "relativistic")
    assert number(room.generator_loss(None, flat)) == pytest.approx(math.log(2))


# ---------------------------------------------------------------- penalty


def linear_discriminator(room, weights):
    """D(x) = w x + 3, as a model."""
    if room is vt:

        class Linear(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Linear(len(weights), 1)
                with torch.no_grad():
                    self.w.weight.copy_(torch.tensor([weights]))
                    self.w.bias.fill_(3.0)

            def forward(self, x):
                return self.w(x)[:, 0]

        return Linear()

    class LinearKeras(keras.Model):
        def __init__(self):
            super().__init__()
            self.w = keras.layers.Dense(1)
            self(keras.Input((len(weights),)))
            self.w.set_weights([np.array(weights)[:, None], np.array([3.0])])

        def call(self, x):
            return self.w(x)[:, 0]

    return LinearKeras()


@ROOMS
def test_penalty_of_a_linear_discriminator_is_the_square_of_its_weights(room):
    model = linear_discriminator(room, [2.0, -1.0, 0.5])
    x = tensor(room, rng.normal(size=(6, 3)).astype(np.float32))
    assert number(room.gradient_penalty(model, x)) == pytest.approx(4 + 1 + 0.25, rel=1e-5)


class Nothing(nn.Module):
    """A generator of constants."""

    noise_shape = (2,)

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(3))

    def forward(self, noise):
        return self.value.expand(len(noise), 3)


class KerasNothing(keras.Model):
    noise_shape = (2,)

    def __init__(self):
        super().__init__()
        self.value = self.add_weight(shape=(3,), initializer="zeros", name="value")
        self(keras.Input((2,)))

    def call(self, noise):
        return keras.ops.zeros_like(noise[:, :1]) + self.value


@ROOMS
@pytest.mark.parametrize(("losses", "times"), [("non_saturating", 1), ("relativistic", 2)])
def test_a_step_adds_half_the_penalty_and_pulls_at_the_weights(room, losses, times):
    model = linear_discriminator(room, [2.0, -1.0, 0.5])
    generator = Nothing() if room is vt else KerasNothing()
    (record,) = room.train_adversarial_steps(
        generator, model, np.zeros((8, 3), np.float32), num_steps=1, batch_size=8, losses=losses,
        penalty=10.0, discriminator_rate=0.1, who="discriminator",
    )  # fmt: skip
    assert record.penalty == pytest.approx(times * 5 * 5.25, rel=1e-5)
    # Real and generated items are all zeros, so only the penalty has a gradient for w.
    left = np.abs(weights_of(model)[:3])
    np.testing.assert_allclose(left, [1.9, 0.9, 0.4], atol=1e-4)


# ---------------------------------------------------------------- models


def test_block_convolutions_do_what_keras_layers_do():
    x = rng.normal(size=(2, 4, 6, 8, 3)).astype(np.float32)
    for blocks, plain in (
        (BlockConv3D(5), keras.layers.Conv3D(5, 2, strides=2)),
        (BlockConv3DTranspose(5), keras.layers.Conv3DTranspose(5, 2, strides=2)),
    ):
        expected = plain(x)
        blocks(x)
        blocks.set_weights([w + 0.1 for w in plain.get_weights()])
        plain.set_weights(blocks.get_weights())
        assert blocks(x).shape == expected.shape
        np.testing.assert_allclose(array(blocks(x)), array(plain(x)), atol=1e-5)


def classic(room):
    return room.Generator3D(8, 8), room.Discriminator3D(8)


def test_twins_agree():
    vt.set_seed(1)
    (g, d), (kg, kd) = classic(vt), classic(vk)
    with torch.no_grad():  # statistics of a trained model
        g.norm1.running_mean.uniform_(-0.3, 0.3)
        g.norm1.running_var.uniform_(0.5, 1.5)
    copy_weights(g, kg)
    copy_weights(d, kd)
    noise = rng.normal(size=(3, 8)).astype(np.float32)
    with torch.no_grad():
        made = g.eval()(torch.as_tensor(noise))
        opinion = d(made).numpy()
    keras_made = array(kg(noise))
    assert made.shape == (3, 16, 3, 32, 32)
    assert keras_made.shape == (3, 16, 32, 32, 3)
    assert keras_made.min() >= 0
    assert keras_made.max() <= 1
    assert keras_made.std() > 0.005
    np.testing.assert_allclose(made.movedim(2, -1).numpy(), keras_made, atol=1e-5)
    np.testing.assert_allclose(array(kd(keras_made)), opinion, atol=1e-5)

    (g, d), (kg, kd) = pair(vt), pair(vk)
    copy_weights(g, kg)
    copy_weights(d, kd)
    noise, labels = rng.normal(size=(6, 4)).astype(np.float32), Y[:6]
    with torch.no_grad():
        made = g.sample(torch.as_tensor(noise), torch.as_tensor(labels))
        opinion = d(made, torch.as_tensor(labels)).numpy()
    keras_made = array(kg.sample(noise, labels.astype(np.int32)))
    assert keras_made.shape == (6, 5)
    np.testing.assert_allclose(made.numpy(), keras_made, atol=1e-5)
    np.testing.assert_allclose(array(kd(keras_made, labels.astype(np.int32))), opinion, atol=1e-5)


@ROOMS
def test_the_class_matters(room):
    g, d = pair(room)
    noise = tensor(room, rng.normal(size=(1, 4)).astype(np.float32).repeat(3, axis=0))
    made = g.sample(noise, tensor(room, np.arange(3)))
    same = tensor(room, X[:1].repeat(3, axis=0))
    opinion = d(same, tensor(room, np.arange(3)))
    for values in (made, opinion):
        values = array(values)
        assert np.abs(np.diff(values, axis=0)).max() > 1e-3


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_three_steps_are_equal_in_both_rooms(losses, penalty):
    (g, d), (kg, kd) = pair(vt), pair(vk, seed=5)
    copy_weights(g, kg)
    copy_weights(d, kd)
    mean, keras_mean = pair(vt, seed=8)[0], pair(vk, seed=9)[0]
    records = []
    for room, players, average in ((vt, (g, d), mean), (vk, (kg, kd), keras_mean)):
        steps = room.train_adversarial_steps(
            *players, (X, Y), num_steps=3, batch_size=16, losses=losses, penalty=penalty,
            generator_rate=1e-3, discriminator_rate=2e-3, schedule="cosine", average=average,
            decay=0.5, seed=3,
        )  # fmt: skip
        steps.compile()
        records.append(list(steps))
    for one, other in zip(*records, strict=True):
        for name in ("generator_loss", "discriminator_loss", "penalty", "real", "generated"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=2e-5), name
        assert one.generator_rate == other.generator_rate
    for model, other in ((g, kg), (d, kd), (mean, keras_mean)):
        fresh = pair(vt)[0 if other is not kd else 1]
        copy_weights(other, fresh)
        np.testing.assert_allclose(weights_of(model), weights_of(fresh), atol=2e-5)


def test_three_steps_of_the_classic_pair_are_equal_in_both_rooms():
    (g, d), (kg, kd) = classic(vt), classic(vk)
    copy_weights(g, kg)
    copy_weights(d, kd)
    options = {"num_steps": 3, "batch_size": 4, "generator_rate": 1e-3, "discriminator_rate": 1e-3}
    one = list(vt.train_adversarial_steps(g, d, CLIPS, **options))
    other = list(vk.train_adversarial_steps(kg, kd, CLIPS, **options))
    for first, second in zip(one, other, strict=True):
        assert first.generator_loss == pytest.approx(second.generator_loss, abs=1e-3)
        assert first.discriminator_loss == pytest.approx(second.discriminator_loss, abs=1e-3)
    noise = rng.normal(size=(3, 8)).astype(np.float32)
    with torch.no_grad():
        made = g(torch.as_tensor(noise)).movedim(2, -1).numpy()
    np.testing.assert_allclose(made, array(kg(noise)), atol=5e-3)


@ROOMS
@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_one_player_alone(room, who):
    g, d = pair(room)
    before = weights_of(g), weights_of(d)
    records = list(room.train_adversarial_steps(g, d, (X, Y), num_steps=2, batch_size=8, who=who))
    moved = [not np.array_equal(a, weights_of(m)) for a, m in zip(before, (g, d), strict=True)]
    assert moved == [who == "generator", who == "discriminator"]
    for record in records:
        assert record.who == who
        assert (record.generator_loss is None) == (who == "discriminator")
        assert (record.discriminator_loss is None) == (who == "generator")
        assert 0 < record.real < 1
        assert 0 < record.generated < 1


@ROOMS
def test_players_take_turns(room):
    g, d = pair(room)
    steps = room.train_adversarial_steps(
        g, d, (X, Y), num_steps=4, batch_size=8,
        who=lambda step: "generator" if step % 2 == 0 else "discriminator",
    )  # fmt: skip
    assert [record.who for record in steps] == ["discriminator", "generator"] * 2


@ROOMS
def test_the_running_mean_follows(room):
    g, d = pair(room)
    mean = pair(room, seed=7)[0]
    seen = [weights_of(g)]
    steps = room.train_adversarial_steps(
        g, d, (X, Y), num_steps=3, batch_size=8, average=mean, decay=0.25, generator_rate=1e-2
    )
    wanted = seen[0]
    for step, _ in enumerate(steps, start=1):
        kept = min(0.25, (1 + step) / (10 + step))
        wanted = kept * wanted + (1 - kept) * weights_of(g)
        np.testing.assert_allclose(weights_of(mean), wanted, atol=1e-6)
    assert np.abs(weights_of(mean) - weights_of(g)).max() > 1e-4


@ROOMS
def test_the_mean_must_be_a_generator_of_the_same_kind(room):
    g, d = pair(room)
    options = {"num_steps": 2, "batch_size": 8}
    for average in (d, room.LatentGenerator(**CODES, noise_dim=4, width=9)):
        with pytest.raises(ValueError, match="average: expected a generator of the same kind"):
            room.train_adversarial_steps(g, d, (X, Y), average=average, **options)


@ROOMS
def test_generator_and_mean_that_are_not_built_yet(room):
    if room is vt:
        g, mean = nn.LazyLinear(5), nn.LazyLinear(5)
    else:
        g, mean = (keras.Sequential([keras.layers.Dense(5)]) for _ in range(2))
    g.noise_shape = (2,)
    d = linear_discriminator(room, [1.0] * 5)
    list(room.train_adversarial_steps(g, d, X, average=mean, num_steps=2, batch_size=8))
    assert weights_of(mean).shape == weights_of(g).shape
    assert np.abs(weights_of(mean) - weights_of(g)).max() > 0


def test_a_weight_that_no_loss_uses_does_not_disturb():
    """In Keras only its torch backend needs care: tests/model_twins.py plays such a game there."""
    d = linear_discriminator(vt, [2.0, -1.0, 0.5])
    d.unused = nn.Parameter(torch.ones(2))
    list(vt.train_adversarial_steps(Nothing(), d, X[:, :3], num_steps=2, batch_size=8))
    np.testing.assert_array_equal(array(d.unused), 1)


def test_an_interrupted_compilation_changes_nothing(monkeypatch):
    g, d = classic(vk)
    before = weights_of(g)
    steps = vk.train_adversarial_steps(g, d, CLIPS, num_steps=2, batch_size=4)

    def interrupt(*_):
        assert not np.array_equal(before, weights_of(g))  # statistics of the first move
        raise KeyboardInterrupt

    monkeypatch.setattr("vidlab.keras.adversarial._Game.generate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        steps.compile()
    np.testing.assert_array_equal(before, weights_of(g))


@ROOMS
def test_compile_changes_nothing(room):
    g, d = pair(room)
    before = weights_of(g), weights_of(d)
    steps = room.train_adversarial_steps(g, d, (X, Y), num_steps=2, batch_size=8, penalty=1.0)
    steps.compile()
    assert np.array_equal(before[0], weights_of(g))
    assert np.array_equal(before[1], weights_of(d))
    assert steps.num_steps == 2


@ROOMS
def test_it_learns_a_normal_distribution(room):
    """One dimension: mean 2, spread 0.5; the generator starts near 0."""
    room.set_seed(0)
    real = np.random.default_rng(1).normal(2, 0.5, (2000, 1)).astype(np.float32)
    if room is vt:
        g = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))

        class D(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))

            def forward(self, x):
                return self.net(x)[:, 0]

        d = D()
    else:
        g = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
        inputs = keras.Input((1,))
        hidden = keras.layers.Dense(16, "relu")(inputs)
        d = keras.Model(inputs, keras.layers.Dense(1)(hidden)[:, 0])
        g(keras.Input((2,)))
    g.noise_shape = (2,)
    history = room.fit_adversarial(
        g, d, real, num_steps=400, batch_size=128, generator_rate=5e-3, discriminator_rate=1e-2,
        penalty=0.1, progress=False,
    )  # fmt: skip
    noise = np.random.default_rng(2).normal(size=(1000, 2)).astype(np.float32)
    made = g(tensor(room, noise))
    made = array(made)
    assert abs(made.mean() - 2) < 0.3
    assert 0.2 < made.std() < 1.0
    assert len(history.records) == 400
    assert "400 steps" in repr(history)


@ROOMS
def test_history_and_interruption(room):
    g, d = pair(room)
    seen: list[GameRecord] = []

    def stop(record):
        seen.append(record)
        return record.step == 2

    options = {"num_steps": 9, "batch_size": 8, "progress": False}
    history = room.fit_adversarial(g, d, (X, Y), callbacks=[stop], **options)
    assert history.stopped == "callback"
    assert history.records == seen
    assert history.curve("real")[0] == [1, 2]
    assert history.seconds > 0

    def interrupt(record):
        if record.step == 3:
            raise KeyboardInterrupt

    history = room.fit_adversarial(g, d, (X, Y), callbacks=[interrupt], **options)
    assert history.stopped == "interrupted"
    assert len(history.records) == 3
    if room is vt:
        assert not g.training
        assert not d.training


@ROOMS
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"losses": "wasserstein"}, "losses: expected one of"),
        ({"penalty": -1.0}, "penalty: expected a weight from 0"),
        ({"num_steps": 0}, "num_steps: expected a whole number from 1"),
        ({"batch_size": 41}, "batch_size: 41, but train has only 40 items"),
        ({"generator_rate": -1e-3}, "generator_rate: expected a number from 0"),
        ({"schedule": "linear"}, "schedule: expected one of"),
        ({"betas": (0.5, 1.0)}, "betas: expected two numbers"),
        ({"decay": 1.0}, "decay: expected a number from 0 to below 1"),
        ({"who": "nobody"}, "who: expected one of"),
        ({"seed": -1}, "seed: expected a whole number from 0, got -1"),
        ({"seed": 1.5}, "seed: expected a whole number from 0, got 1.5"),
        ({"betas": 0.5}, "betas: expected two numbers from 0 to below 1, got 0.5"),
        ({"betas": ("a", "b")}, "betas: expected two numbers"),
        ({"discriminator_rate": math.inf}, "discriminator_rate: expected a number from 0"),
        ({"penalty": "much"}, "penalty: expected a weight from 0"),
        ({"decay": None}, "decay: expected a number from 0"),
    ],
)
def test_wrong_options(room, options, message):
    g, d = pair(room)
    with pytest.raises(ValueError, match=message):
        room.train_adversarial_steps(g, d, (X, Y), **{"num_steps": 1, "batch_size": 8, **options})


@ROOMS
def test_models_and_data_that_do_not_fit(room):
    g, d = pair(room)
    with pytest.raises(ValueError, match="train labels: expected 40 whole numbers"):
        room.train_adversarial_steps(g, d, (X, Y[:-1]), num_steps=1)
    with pytest.raises(ValueError, match="knows 3 classes, so labels are 0 to 2; got 7"):
        room.train_adversarial_steps(g, d, (X, np.append(Y[:-1], 7)), num_steps=1)
    with pytest.raises(ValueError, match=r"takes 'labels' beside .* give a pair \(x, labels\)"):
        room.train_adversarial_steps(g, d, X, num_steps=1, batch_size=8)
    with pytest.raises(ValueError, match="has no noise_shape"):
        room.train_adversarial_steps(d, d, (X, Y), num_steps=1)
    narrow = room.LatentGenerator(3, 4, noise_dim=4, width=8)
    with pytest.raises(ValueError, match=r"makes items \(4,\), the real ones are \(5,\)"):
        room.train_adversarial_steps(narrow, d, (X, Y), num_steps=1, batch_size=8)
    with pytest.raises(ValueError, match="holds NaN"):
        room.train_adversarial_steps(g, d, (X * np.nan, Y), num_steps=1)
    steps = room.train_adversarial_steps(
        g, d, (X, Y), num_steps=2, batch_size=8, who=lambda step: "me"
    )
    with pytest.raises(ValueError, match="got 'me' at step 1"):
        next(steps)
    steps = room.train_adversarial_steps(
        g, d, (X, Y), num_steps=2, batch_size=8, generator_rate=lambda step: math.nan
    )
    with pytest.raises(ValueError, match="generator_rate: expected a number from 0, got nan at st"):
        next(steps)


@ROOMS
def test_a_loss_that_is_no_number_ends_training(room):
    g, d = pair(room)
    steps = room.train_adversarial_steps(
        g, d, (1e30 * X, Y), num_steps=20, batch_size=8, losses="hinge", penalty=1e30,
        discriminator_rate=1e10,
    )  # fmt: skip
    with pytest.raises(TrainingError, match="no finite number at step"):
        list(steps)


@ROOMS
def test_a_loss_that_is_no_number_spoils_neither_generator_nor_mean(room):
    g, d = pair(room)
    mean = pair(room, seed=7)[0]

    def rate(step):
        return 1e30 if step == 4 else 1e-3  # the discriminator moves first

    steps = room.train_adversarial_steps(
        g, d, (X, Y), num_steps=9, batch_size=8, average=mean, losses="hinge",
        generator_rate=rate, discriminator_rate=rate,
    )  # fmt: skip
    for _ in range(3):
        next(steps)
    before = weights_of(g), weights_of(mean)
    with pytest.raises(TrainingError, match="at step 4"):
        next(steps)
    np.testing.assert_array_equal(before, [weights_of(g), weights_of(mean)])
    assert np.isfinite(weights_of(d)).all()


@ROOMS
def test_a_discriminator_that_gives_no_number_moves_nothing(room):
    g, d = pair(room)
    mean = pair(room, seed=7)[0]
    # Finite numbers whose sums are not.
    steps = room.train_adversarial_steps(
        g, d, (3e38 * np.ones_like(X), Y), num_steps=2, batch_size=8, average=mean
    )
    before = weights_of(g), weights_of(d)
    with pytest.raises(TrainingError, match="at step 1"):
        next(steps)
    np.testing.assert_array_equal(before[0], weights_of(g))
    np.testing.assert_array_equal(before[1], weights_of(d))
    np.testing.assert_array_equal(before[0], weights_of(mean))


@ROOMS
def test_two_logits_per_item_are_refused(room):
    g, _ = pair(room)
    with pytest.raises(ValueError, match="one logit per item"):
        # a generator of five numbers, as a discriminator
        room.train_adversarial_steps(g, _Wide(room), (X, Y), num_steps=1, batch_size=8)


def _Wide(room):
    if room is vt:

        class Wide(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Linear(5, 1)

            def forward(self, x, labels):
                return self.w(x)

        return Wide()

    class WideKeras(keras.Model):
        def __init__(self):
            super().__init__()
            self.w = keras.layers.Dense(1)

        def call(self, x, labels):
            return self.w(x)

    return WideKeras()


# ---------------------------------------------------------------- what the package ships


def test_the_shipped_gan_makes_the_same_good_clips_in_both_rooms():
    from vidlab import metrics

    asked = np.arange(96) % 8
    clips = vt.generate(vt.load_latent_gan(), asked)
    keras_clips = vk.generate(vk.load_latent_gan(), asked)
    assert (np.abs(clips.astype(int) - keras_clips) > 1).mean() < 1e-3
    judged = vt.judge(vt.load_judge(), clips)
    assert metrics.class_consistency(judged, asked) >= 0.85
    assert metrics.diversity(judged.color) > 5


@ROOMS
@pytest.mark.parametrize("asked", [[8], [-1], [[0, 1]]])
def test_the_shipped_gan_refuses_other_classes(room, asked):
    with pytest.raises(ValueError, match=r"knows 8 classes, so expected \(N,\) from 0 to 7"):
        room.generate(room.load_latent_gan(), asked)
