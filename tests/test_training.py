"""fit, train_steps, evaluate and predict: the same promises in both rooms."""

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from vidlab.clips import Clips
from vidlab.history import TrainingError
from vidlab.reuse import reusing

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 3, 40)
X = RNG.normal(size=(60, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class Room:
    """One framework: its module, and how its models are made and looked into."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.v: Any = {"torch": vt, "keras": vk}[name]

    def dense(self, num_outputs: int = 3, dropout: float = 0.0, frames: bool = False) -> Any:
        """A layer, a dropout and a layer, the same weights every time."""
        self.v.set_seed(1)
        if self.name == "torch":
            return torch.nn.Sequential(
                torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Dropout(dropout),
                torch.nn.Linear(16, num_outputs),
            )  # fmt: skip
        layers = keras.layers
        shape = (None, 6) if frames else (6,)
        return keras.Sequential(
            [keras.Input(shape), layers.Dense(16, "relu"), layers.Dropout(dropout),
             layers.Dense(num_outputs)]
        )  # fmt: skip

    def pictures(self) -> Any:
        """A network with batch normalisation."""
        self.v.set_seed(1)
        return self.v.FrameCNN(3, widths=(4, 4, 8))

    def weights(self, model: Any) -> list[np.ndarray]:
        """All weights, running statistics included."""
        if self.name == "torch":
            return [value.numpy().copy() for value in model.state_dict().values()]
        return model.get_weights()

    def mean_loss(self, outputs: Any, targets: Any) -> Any:
        """A loss of one's own, in the framework."""
        if self.name == "torch":
            return ((outputs - targets) ** 2).mean()
        return keras.ops.mean((outputs - targets) ** 2)


@pytest.fixture(params=["torch", "keras"])
def room(request) -> Room:
    return Room(request.param)


def same(one: list[np.ndarray], other: list[np.ndarray], atol: float = 1e-6) -> bool:
    return all(np.allclose(a, b, rtol=0, atol=atol) for a, b in zip(one, other, strict=True))


def quiet(room: Room, model: Any, train: Any = (X, Y), val: Any = None, **options: Any) -> Any:
    return room.v.fit(model, train, val, **{"num_steps": 8, "progress": False, **options})


def test_it_learns(room):
    model = room.dense()
    before = room.v.evaluate(model, (X, Y))
    history = quiet(room, model, num_steps=200, learning_rate=0.03, val=(X, Y), eval_every=50)
    after = room.v.evaluate(model, (X, Y))
    assert after["accuracy"] > 0.95 > before["accuracy"]
    assert history.val_steps == [50, 100, 150, 200]
    assert history.val_accuracy[-1] > 0.95
    assert history.stopped == "finished"
    assert [record.step for record in history.records] == list(range(1, 201))
    assert history.records[1].epoch == 2  # 60 items, batches of 32: one per epoch
    seconds = [record.seconds for record in history.records]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


def test_the_loss_is_that_of_each_batch(room):
    from vidlab.batches import batch_indices

    model = room.dense()
    indices = list(batch_indices(60, 16, 3, seed=5))
    expected = [room.v.evaluate(model, (X[i], Y[i]))["loss"] for i in indices]
    history = quiet(
        room, model, num_steps=3, batch_size=16, learning_rate=1e-12, schedule="constant", seed=5
    )
    assert history.loss == pytest.approx(expected, abs=1e-5)


def test_fit_and_train_steps_give_the_same_weights(room):
    options = {
        "num_steps": 6, "batch_size": 16, "augment": lambda x, rng: np.roll(x, rng.integers(3), 1),
        "class_weights": "balanced", "weight_decay": 0.01, "schedule": "one_cycle",
    }  # fmt: skip
    one, other = room.pictures(), room.pictures()
    start = room.weights(one)
    assert same(start, room.weights(other), atol=0)
    history = quiet(room, one, (PICTURES, LABELS), **options)
    records = list(room.v.train_steps(other, (PICTURES, LABELS), **options))
    assert same(room.weights(one), room.weights(other), atol=1e-5)
    assert not same(start, room.weights(one), atol=1e-2)
    assert [r.loss for r in records] == pytest.approx(history.loss, abs=1e-5)
    assert [r.learning_rate for r in records] == history.learning_rate


@pytest.mark.parametrize("make", ["dense", "pictures"])
def test_compiling_ahead_changes_nothing(room, make):
    """Not the weights, the running statistics, the dropout, the optimiser, or any loss."""
    data = (X, Y) if make == "dense" else (PICTURES, LABELS)
    results = []
    for ahead in (False, True):
        model = room.dense(dropout=0.5) if make == "dense" else room.pictures()
        steps = room.v.train_steps(model, data, num_steps=5, batch_size=16, seed=3)
        assert steps.num_steps == 5
        if ahead:
            before = room.weights(model)
            steps.compile()
            assert same(before, room.weights(model), atol=0)
        results.append(([record.loss for record in steps], room.weights(model)))
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-6)
    assert same(results[0][1], results[1][1], atol=1e-6)


def test_a_model_that_is_used_again_trains_as_a_new_one(room):
    """``fresh`` in a panel: the same weights and losses; Keras gives the same object back."""

    def run(seed: int, num_classes: int = 3) -> tuple[Any, list[float]]:
        room.v.set_seed(seed)
        model = room.v.fresh(room.v.FrameCNN, num_classes, widths=(4, 4, 8))
        steps = room.v.train_steps(
            model, (PICTURES, LABELS), num_steps=4, batch_size=16, seed=seed, weight_decay=0.01
        )
        return model, [record.loss for record in steps]

    plain = [run(seed)[1] for seed in (1, 2, 1)]
    assert plain[0] != plain[1]
    with reusing({}):
        models, losses = zip(*(run(seed) for seed in (1, 2, 1)), strict=True)
        for one, other in zip(losses, plain, strict=True):
            assert one == pytest.approx(other, abs=1e-6)
        assert (models[0] is models[1]) == (room.name == "keras")
        assert run(1, num_classes=4)[0] is not models[0]
    assert run(1)[0] is not run(1)[0]


def test_train_steps_can_be_closed_before_the_first_step(room):
    for compile_first in (False, True):
        model = room.dense()
        steps = room.v.train_steps(model, (X, Y), num_steps=5)
        if compile_first:
            steps.compile()
        steps.close()
        assert list(steps) == []
        quiet(room, model)


def test_workers_change_nothing(room):
    results = []
    for num_workers in (0, 2):
        model = room.dense()
        quiet(room, model, num_workers=num_workers, batch_size=16)
        results.append(room.weights(model))
        model = room.dense()
        for _ in room.v.train_steps(model, (X, Y), num_steps=8, num_workers=num_workers,
                                    batch_size=16):  # fmt: skip
            pass
        results.append(room.weights(model))
    assert all(same(results[0], other) for other in results[1:])


def test_a_seed_repeats_dropout_too(room):
    def trained(seed):
        model = room.dense(dropout=0.5)
        quiet(room, model, seed=seed)
        return room.weights(model)

    assert same(trained(0), trained(0))
    assert not same(trained(0), trained(1), atol=1e-4)


def test_fit_goes_on_from_the_weights_with_a_fresh_optimiser(room):
    model, fresh = room.dense(), room.dense()
    quiet(room, model)
    between = room.weights(model)
    if room.name == "torch":
        fresh.load_state_dict(model.state_dict())
    else:
        fresh.set_weights(between)
    quiet(room, model, seed=1)
    quiet(room, fresh, seed=1)
    assert same(room.weights(model), room.weights(fresh))
    assert not same(between, room.weights(model), atol=1e-3)


def test_the_best_weights_are_kept(room):
    wrong = (X, 2 - Y)  # the better it fits train, the worse it gets here
    model = room.dense()
    history = quiet(room, model, val=wrong, num_steps=40, eval_every=1, learning_rate=0.03)
    assert history.best_step == 1 + int(np.argmin(history.val_loss)) < 40
    kept = room.v.evaluate(model, wrong)["loss"]
    assert kept == pytest.approx(min(history.val_loss), abs=1e-5)
    model = room.dense()
    history = quiet(
        room, model, val=wrong, num_steps=40, eval_every=1, learning_rate=0.03, keep_best=False
    )
    assert room.v.evaluate(model, wrong)["loss"] == pytest.approx(history.val_loss[-1], abs=1e-5)


def test_patience_and_callbacks_end_it(room):
    history = quiet(
        room,
        room.dense(),
        val=(X, 2 - Y),
        num_steps=100,
        eval_every=1,
        learning_rate=0.1,
        patience=3,
    )
    assert history.stopped == "early"
    assert len(history.records) == history.best_step + 3
    history = quiet(room, room.dense(), callbacks=[lambda record: record.step == 5])
    assert history.stopped == "callback"
    assert len(history.records) == 5


def test_an_interruption_is_no_error(room):
    def interrupt(record):
        if record.step == 4:
            raise KeyboardInterrupt

    model = room.dense()
    history = quiet(room, model, val=(X, 2 - Y), eval_every=1, callbacks=[interrupt])
    assert history.stopped == "interrupted"
    assert len(history.records) == 4
    kept = room.v.evaluate(model, (X, 2 - Y))["loss"]
    assert kept == pytest.approx(min(history.val_loss), abs=1e-5)
    assert quiet(room, model).stopped == "finished"


def test_an_interruption_within_a_step_leaves_eval_mode():
    room = Room("torch")

    class Interrupted(torch.nn.Linear):
        def forward(self, x):
            if self.training:
                raise KeyboardInterrupt
            return super().forward(x)

    model = Interrupted(6, 3)
    assert quiet(room, model).stopped == "interrupted"
    assert not model.training


def test_steps_can_be_left_early(room):
    model = room.pictures()
    steps = room.v.train_steps(model, (PICTURES, LABELS), num_steps=50, num_workers=2)
    for record in steps:
        if record.step == 2:
            between = room.v.evaluate(model, (PICTURES, LABELS))
            break
    steps.close()
    assert room.v.evaluate(model, (PICTURES, LABELS)) == pytest.approx(between)
    assert room.name == "keras" or not model.training


def test_the_learning_rate_is_a_live_knob(room):
    model = room.dense()
    rates = []
    for record in room.v.train_steps(model, (X, Y), num_steps=4, learning_rate=lambda s: 0.1 * s):
        rates.append(record.learning_rate)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4])
    still = room.weights(model)
    quiet(room, model, learning_rate=lambda step: 0.0)
    assert same(still, room.weights(model), atol=0)


def test_labels_for_every_frame(room):
    x, y = X.reshape(20, 3, 6), Y.reshape(20, 3).copy()
    y[0], y[5, 1:] = -1, -1
    model = room.dense(frames=True)
    labelled = y >= 0
    right = (room.v.predict(model, x).argmax(-1) == y)[labelled].mean()
    assert room.v.evaluate(model, (x, y), batch_size=1)["accuracy"] == pytest.approx(right)
    whole = room.v.evaluate(model, (x, y), batch_size=20)
    assert whole == pytest.approx(room.v.evaluate(model, (x, y), batch_size=3), abs=1e-5)
    history = quiet(room, model, (x, y), batch_size=1, num_steps=40)  # one batch has no label
    assert all(map(math.isfinite, history.loss))
    assert min(history.loss) == 0


@pytest.mark.parametrize("loss", ["mse", "smooth_l1", "own"])
def test_regression(room, loss):
    target = (3 * X[:, :1] - X[:, 1:2]).astype(np.float64)
    model = room.dense(1)
    loss = room.mean_loss if loss == "own" else loss
    before = room.v.evaluate(model, (X, target), loss=loss)
    quiet(room, model, (X, target), loss=loss, num_steps=100, learning_rate=0.03)
    after = room.v.evaluate(model, (X, target), loss=loss)
    assert set(after) == {"loss"}
    assert after["loss"] < before["loss"] / 3


def test_the_losses_are_the_same_in_both_rooms():
    outputs = RNG.normal(size=(9, 4)).astype(np.float32) * 3
    y = np.array([0, 1, 2, 3, -1, 1, 2, 3, 0])
    weights = np.array([1, 2, 0.5, 3], np.float32)
    from vidlab.keras.evaluation import loss_of as keras_loss
    from vidlab.torch.evaluation import loss_of as torch_loss

    for loss, targets in (
        ("cross_entropy", y),
        ("mse", outputs[::-1]),
        ("smooth_l1", outputs[::-1]),
    ):
        for w in (None, weights) if loss == "cross_entropy" else (None,):
            one = torch_loss(torch.tensor(outputs), torch.tensor(targets.copy()), loss,
                             None if w is None else torch.tensor(w))  # fmt: skip
            other = keras_loss(keras.ops.convert_to_tensor(outputs),
                               keras.ops.convert_to_tensor(targets.copy()), loss, w)  # fmt: skip
            assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_predict_takes_all_kinds(room):
    model = room.pictures()
    clips = Clips(PICTURES.reshape(20, 2, 12, 12, 3), LABELS[:20], ("a", "b", "c"), ("s",) * 20, 8)
    got = room.v.predict(model, PICTURES, batch_size=7)
    assert got.dtype == np.float32
    assert got.shape == (40, 3)
    assert got == pytest.approx(room.v.predict(model, np.float32(PICTURES / 255)), abs=1e-4)
    lstm = room.v.CNNLSTM(3)
    assert room.v.predict(lstm, clips).shape == (20, 3)
    backwards = clips.frames[:, ::-1]  # a view with a negative stride
    assert np.array_equal(room.v.predict(lstm, backwards), room.v.predict(lstm, backwards.copy()))
    assert room.v.evaluate(lstm, clips)["loss"] > 0


def test_what_a_model_is_given(room):
    x = room.v.to_input(PICTURES[:2])
    values = np.asarray(keras.ops.convert_to_numpy(x)) if room.name == "keras" else x.numpy()
    assert values.dtype == np.float32
    assert values.shape == ((2, 12, 12, 3) if room.name == "keras" else (2, 3, 12, 12))
    values = values if room.name == "keras" else values.transpose(0, 2, 3, 1)
    assert values == pytest.approx(PICTURES[:2] / 255, abs=1e-6)


BAD_SETS = [
    ((PICTURES.transpose(0, 3, 1, 2), LABELS), r"\(N, 3, H, W\)"),
    ((PICTURES.astype(np.float32), LABELS), "divide by 255"),
    ((PICTURES.astype(np.int32), LABELS), r"astype\(np.uint8\)"),
    ((PICTURES, LABELS + 1), "knows 3 classes, so labels are 0 to 2; got 3"),
    ((PICTURES, LABELS - 5), "labels from 0"),
    ((PICTURES, LABELS[:-1]), "expected 40 targets"),
    ((PICTURES, LABELS / 2), "integer labels"),
    ((PICTURES, np.eye(3, dtype=int)[LABELS]), "cross_entropy expects labels"),
    ((PICTURES[:0], LABELS[:0]), "empty"),
    ((np.full(PICTURES.shape, np.nan), LABELS), "NaN"),
    ((PICTURES[:, None], LABELS), "FrameCNN takes pictures"),
]


@pytest.mark.parametrize(("data", "message"), BAD_SETS, ids=[m for _, m in BAD_SETS])
def test_bad_sets(room, data, message):
    model = room.pictures()
    with pytest.raises(ValueError, match=message):
        quiet(room, model, data)
    with pytest.raises(ValueError, match=message):
        room.v.train_steps(model, data)  # at once, not at the first step
    with pytest.raises(ValueError, match=message):
        room.v.evaluate(model, data)
    with pytest.raises(ValueError, match=message):
        quiet(room, model, (PICTURES, LABELS), data)


@pytest.mark.parametrize("data", [BAD_SETS[i] for i in (0, 1, 2, 8, 9, 10)], ids=lambda d: d[1])
def test_bad_inputs(room, data):
    (x, _), message = data
    with pytest.raises(ValueError, match=message):
        room.v.predict(room.pictures(), x)
    if "FrameCNN" not in message:
        with pytest.raises(ValueError, match=message):
            room.v.to_input(x)


def test_other_bad_arguments(room):
    with pytest.raises(ValueError, match=r"expects targets of this shape; got \(60,\)"):
        quiet(room, room.dense(1), (X, X[:, 0]), loss="mse")
    with pytest.raises(ValueError, match="3 numbers"):
        quiet(room, room.dense(), class_weights=[1, 2])
    with pytest.raises(ValueError, match="not both"):
        quiet(room, room.dense(), num_epochs=2)
    with pytest.raises(ValueError, match="CUDA"):
        quiet(room, room.dense(), mixed_precision=True, device="cpu")
    with pytest.raises(ValueError, match="takes clips"):
        room.v.predict(room.v.CNNLSTM(3), PICTURES)


def test_a_source_that_turns_bad_keeps_its_message(room):
    class Source:
        def __len__(self):
            return 60

        def get(self, indices):
            x = X[indices].copy()
            if len(indices) > 1 and 7 in indices:
                x[0] = np.nan
            return x, Y[indices]

    with pytest.raises(ValueError, match="train x holds NaN"):
        quiet(room, room.dense(), Source(), batch_size=10, num_steps=6)


def test_a_loss_that_is_no_number_says_so(room):
    def explode(outputs, targets):
        return room.mean_loss(outputs, targets) * np.inf

    with pytest.raises(TrainingError, match=r"at step 1, with the learning rate 0\.003"):
        quiet(room, room.dense(6), (X, X), loss=explode)


def test_keras_on_the_torch_backend():
    code = """
import numpy as np, keras, vidlab.keras as vk
assert keras.backend.backend() == "torch"
rng = np.random.default_rng(0)
x, y = rng.integers(0, 256, (32, 4, 16, 16, 3), dtype=np.uint8), np.arange(32) % 3
def made():
    vk.set_seed(0)
    return vk.CNNLSTM(3, num_channels=4, hidden_size=8)
one, other = made(), made()
history = vk.fit(one, (x, y), (x, y), num_steps=4, batch_size=8, progress=False, keep_best=False)
assert history.val_steps == [4], history.val_steps
for record in vk.train_steps(other, (x, y), num_steps=4, batch_size=8):
    pass
assert abs(record.loss - history.loss[-1]) < 1e-5
for a, b in zip(one.get_weights(), other.get_weights()):
    assert np.allclose(a, b, atol=1e-5)
assert vk.predict(one, x).shape == (32, 3)
assert vk.evaluate(one, (x, y))["loss"] > 0
assert tuple(vk.to_input(x).shape) == x.shape
"""
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
