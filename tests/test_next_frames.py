"""Forecasts and the learned world: both rooms give the same, and no forecast sees the future."""

import keras
import numpy as np
import pytest
import torch

import vidlab.keras as vk
import vidlab.torch as vt
from vidlab import world
from vidlab.forecasting import NextFrames
from vidlab.keras.models import next_frames as keras_models
from vidlab.torch.models import next_frames as torch_models
from vidlab.weights import copy_weights

CLIPS = np.random.default_rng(0).integers(0, 256, (3, 6, 16, 16, 3), np.uint8)
MAKERS = {
    "ConvLSTM": lambda room: room.NextFramePredictor(8),
    "causal": lambda room: room.FrameConv3D(8, causal=True),
    "leaky": lambda room: room.FrameConv3D(8, causal=False),
}
TIMELY = ("ConvLSTM", "causal")


def twins(name: str):
    """The same model in both rooms, with the same weights, biases included."""
    torch.manual_seed(0)
    first, second = MAKERS[name](vt).eval(), MAKERS[name](vk)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    copy_weights(first, second)
    return first, second


def forecasts(room, model, clips: np.ndarray) -> np.ndarray:
    """(N, T, H, W, 3), whatever the room's layout."""
    outputs = room.predict(model, clips)
    return np.moveaxis(outputs, 2, -1) if room is vt else outputs


@pytest.mark.parametrize("name", MAKERS)
def test_both_rooms_say_the_same(name: str) -> None:
    first, second = twins(name)
    assert vt.count_parameters(first) == vk.count_parameters(second)
    one, other = forecasts(vt, first, CLIPS), forecasts(vk, second, CLIPS)
    assert one.shape == CLIPS.shape
    assert (one - CLIPS / 255).std() > 0.05
    assert np.abs(one - other).max() < 1e-4


@pytest.mark.parametrize("name", MAKERS)
def test_both_rooms_go_on_alike(name: str) -> None:
    first, second = twins(name)
    one, other = vt.forecast(first, CLIPS, 5, batch_size=2), vk.forecast(second, CLIPS, 5)
    assert one.shape == (3, 5, 16, 16, 3)
    assert one.dtype == np.uint8
    assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("room", [vt, vk])
def test_what_cannot_be_forecast_is_named(room) -> None:
    model = room.NextFramePredictor(8)
    for clips, message in (
        (CLIPS[:0], "frames: expected clips, uint8"),
        (CLIPS / 255, "frames: expected clips, uint8"),
        (CLIPS[:, :, :15], "frames: expected an even height and width"),
    ):
        with pytest.raises(ValueError, match=message):
            room.forecast(model, clips, 2)
    with pytest.raises(ValueError, match="num_frames: expected a whole number from 1, got 0"):
        room.forecast(model, CLIPS, 0)
    with pytest.raises(ValueError, match="batch_size: expected a whole number from 1, got 0"):
        room.forecast(model, CLIPS, 2, batch_size=0)


@pytest.mark.parametrize("room", [vt, vk])
@pytest.mark.parametrize(("value", "pixel"), [(1.5, 255), (-1.0, 0), (np.nan, None)])
def test_a_rollout_out_of_range(room, value, pixel, monkeypatch) -> None:
    model = room.NextFramePredictor(8)

    def rollout(x, num_frames: int):
        if room is vt:
            assert not model.training
        return x[:, :num_frames] * 0 + value

    monkeypatch.setattr(model, "rollout", rollout)
    if pixel is None:
        with pytest.raises(ValueError, match="model: its frames hold NaN"):
            room.forecast(model, CLIPS, 2)
    else:
        assert (room.forecast(model, CLIPS, 2) == pixel).all()
    assert room is vk or model.training


def changed_places(room, model, changed: int) -> np.ndarray:
    """The places whose forecast moves where one frame is replaced by another."""
    other = CLIPS.copy()
    other[:, changed] = CLIPS[:, changed, ::-1]
    change = np.abs(forecasts(room, model, CLIPS) - forecasts(room, model, other))
    return np.flatnonzero(change.max(axis=(0, 2, 3, 4)) > 1e-6)


@pytest.mark.parametrize("room", [vt, vk])
@pytest.mark.parametrize("name", TIMELY)
def test_a_later_frame_changes_no_earlier_forecast(name: str, room) -> None:
    model = twins(name)[0 if room is vt else 1]
    for changed in range(1, 6):
        places = changed_places(room, model, changed)
        assert places.min() == changed


@pytest.mark.parametrize("room", [vt, vk])
def test_the_leaky_one_sees_the_future(room) -> None:
    model = twins("leaky")[0 if room is vt else 1]
    assert changed_places(room, model, 4).min() == 2  # two layers, one frame each


@pytest.mark.parametrize("name", MAKERS)
def test_a_rollout_is_made_from_what_it_made(name: str) -> None:
    first, _ = twins(name)
    x = vt.to_input(CLIPS)
    with torch.no_grad():
        made = first.rollout(x, 3)
        one = first(x)[:, -1].clamp(0, 1)
        two = first(torch.cat([x, one[:, None]], dim=1))[:, -1].clamp(0, 1)
    assert torch.allclose(made[:, 0], one, atol=1e-5)
    assert torch.allclose(made[:, 1], two, atol=1e-5)


def test_a_convlstm_step_by_hand() -> None:
    """One place, one channel: the equations of an LSTM."""
    cell = torch_models.ConvLSTMCell(1, 1)
    with torch.no_grad():
        cell.gates.weight.zero_()
        weights = np.array([[0.5, -1.0], [1.5, 0.3], [-0.7, 0.8], [0.9, 0.4]])
        cell.gates.weight[:, :, 1, 1] = torch.tensor(weights)
        bias = np.array([0.1, 0.2, -0.3, 0.05])
        cell.gates.bias.copy_(torch.tensor(bias))
        x, hidden, memory = 0.6, -0.4, 0.9
        tensors = [torch.full((1, 1, 1, 1), value) for value in (x, hidden, memory)]
        got = cell(tensors[0], (tensors[1], tensors[2]))
    write, keep, show, new = weights @ [x, hidden] + bias

    def sigmoid(value: float) -> float:
        return 1 / (1 + np.exp(-value))

    memory = sigmoid(keep) * memory + sigmoid(write) * np.tanh(new)
    assert np.isclose(got[1].item(), memory, atol=1e-6)
    assert np.isclose(got[0].item(), sigmoid(show) * np.tanh(memory), atol=1e-6)


@pytest.mark.parametrize("room", [vt, vk])
@pytest.mark.parametrize("name", MAKERS)
def test_training_lowers_the_error(name: str, room) -> None:
    clips = world.generate(24, size=16, num_shapes=1, sound=False).frames
    room.set_seed(0)
    model = MAKERS[name](room)
    history = room.fit(
        model, NextFrames(clips, 4), num_steps=20, batch_size=8, learning_rate=1e-2,
        loss=room.next_frame_loss, progress=False,
    )  # fmt: skip
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_world_models_say_the_same() -> None:
    episodes = world.steer(2, 6, seed=3)
    x, _ = world.Transitions(episodes).get(np.arange(10))
    torch.manual_seed(0)
    first, second = vt.WorldModel(width=8), vk.WorldModel(width=8)
    copy_weights(first, second)
    one, other = vt.predict(first, x), vk.predict(second, x)
    assert one.shape == (10, 32, 32, 5)
    assert one.std() > 0.01
    assert np.abs(one - other).max() < 1e-4
    assert vt.count_parameters(first) == vk.count_parameters(second)


@pytest.mark.parametrize("room", [vt, vk])
def test_a_world_model_learns_and_dreams(room) -> None:
    episodes = world.steer(20, 10, seed=0)
    room.set_seed(0)
    model = room.WorldModel(width=8, depth=1)
    history = room.fit(
        model, world.Transitions(episodes), num_steps=30, batch_size=8, progress=False,
        learning_rate=2e-2,
    )  # fmt: skip
    assert history.loss[-1] < 0.3 * history.loss[0]
    made = world.dream(
        lambda x: room.predict(model, x), episodes.frames[:, :2], episodes.actions[:, 1:]
    )
    assert made.shape == (20, 9, 32, 32)
    still = made[:, -1] == episodes.frames[:, 1]
    assert still.mean() > 0.5  # the floor stays


def test_wider_input_and_other_outputs() -> None:
    for room in (vt, vk):
        model = room.WorldModel(num_inputs=11, num_outputs=3, width=8, depth=2)
        assert room.predict(model, np.zeros((2, 16, 16, 11), np.float32)).shape == (2, 16, 16, 3)


def test_both_rooms_have_the_same_names() -> None:
    names = ("ConvLSTMCell", "NextFramePredictor", "FrameConv3D", "WorldModel", "forecast")
    for name in names:
        assert hasattr(torch_models, name)
        assert hasattr(keras_models, name)
    assert isinstance(vk.WorldModel(), keras.Model)
