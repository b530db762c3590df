"""Chapter 09b: the next frame of a clip, and a world that a network plays, in Keras."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from vidlab.batches import to_unit
from vidlab.input_checks import chunks
from vidlab.latents import check_clips, check_whole, to_pixels

State = tuple[Any, Any, Any]  # hidden maps, cell maps, last frame


class ConvLSTMCell(layers.Layer):
    """An LSTM whose states are maps: a convolution takes the place of the matrix product.

    After Shi et al. (2015), "Convolutional LSTM network: a machine learning approach for
    precipitation nowcasting"; without its connections from the cell state to the gates.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = layers.Conv2D(4 * channels, 3, padding="same")

    def call(self, x: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """x (N, H, W, in_channels) and the states, (N, H, W, channels) each -> the next states."""
        hidden, cell = state
        gates = self.gates(ops.concatenate([x, hidden], axis=-1))
        write, keep, show, new = ops.split(gates, 4, axis=-1)
        cell = ops.sigmoid(keep) * cell + ops.sigmoid(write) * ops.tanh(new)
        return ops.sigmoid(show) * ops.tanh(cell), cell


class NextFramePredictor(keras.Model):
    """A ConvLSTM reads frame after frame and says after each how the next one will differ.

    Takes clips ``float32 (N, T, H, W, 3)`` in [0, 1], H and W even; gives ``(N, T, H, W, 3)``:
    at place t the forecast of frame t + 1, made from frames 0 to t.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.width = width
        self.enter = layers.Conv2D(width, 2, strides=2)  # a quarter of the places: cheaper
        self.memory = ConvLSTMCell(width)
        self.leave = layers.Conv2DTranspose(3, 2, strides=2)
        self(keras.Input((2, 32, 32, 3)))  # builds the weights, for clips of any size

    def start(self, x: Any) -> State:
        """The state before a clip's first frame: empty maps, and a frame to compare with."""
        empty = ops.zeros((ops.shape(x)[0], x.shape[2] // 2, x.shape[3] // 2, self.width))
        return empty, empty, x[:, 0]

    def step(self, frame: Any, state: State) -> tuple[Any, State]:
        """One frame (N, H, W, 3) and the state -> the forecast of the next frame, new state."""
        hidden, cell, before = state
        seen = self.enter(ops.concatenate([frame, frame - before], axis=-1))
        hidden, cell = self.memory(seen, (hidden, cell))
        return frame + self.leave(hidden), (hidden, cell, frame)

    def call(self, x: Any) -> Any:
        """(N, T, H, W, 3) -> (N, T, H, W, 3)."""
        state, forecasts = self.start(x), []
        for t in range(x.shape[1]):
            forecast, state = self.step(x[:, t], state)
            forecasts.append(forecast)
        return ops.stack(forecasts, axis=1)

    def rollout(self, x: Any, num_frames: int) -> Any:
        """Frames seen (N, T, H, W, 3) -> the num_frames after them, each made from the last."""
        state, made = self.start(x), []
        for t in range(x.shape[1]):
            forecast, state = self.step(x[:, t], state)
        for _ in range(num_frames):
            made.append(ops.clip(forecast, 0, 1))
            forecast, state = self.step(made[-1], state)
        return ops.stack(made, axis=1)


class FrameConv3D(keras.Model):
    """3D convolutions that say for each frame how the next one will differ.

    Takes and gives what ``NextFramePredictor`` does. Each of its two kernels spans three frames.
    ``causal=True`` pads both zero frames before the clip, so that place t sees frames up to t.
    ``causal=False`` pads one on each side, as padding="same" does: then place t sees frame t + 1,
    which it is asked to foretell. It is here as a mistake to learn from.
    """

    def __init__(self, width: int = 24, causal: bool = True) -> None:
        super().__init__()
        before = 2 if causal else 1
        self.pad = layers.ZeroPadding3D(((before, 2 - before), (1, 1), (1, 1)))
        self.enter = layers.Conv2D(width, 2, strides=2)
        self.conv1 = layers.Conv3D(width, 3)
        self.conv2 = layers.Conv3D(width, 3)
        self.leave = layers.Conv2DTranspose(3, 2, strides=2)
        self(keras.Input((2, 32, 32, 3)))  # builds the weights, for clips of any size

    def call(self, x: Any) -> Any:
        """(N, T, H, W, 3) -> (N, T, H, W, 3)."""
        length, height, width = x.shape[1:4]
        change = x - ops.concatenate([x[:, :1], x[:, :-1]], axis=1)  # since the frame before
        seen = ops.concatenate([x, change], axis=-1)
        maps = self.enter(ops.reshape(seen, (-1, height, width, 6)))
        maps = ops.reshape(maps, (-1, length, *maps.shape[1:]))  # (N, T, H / 2, W / 2, C)
        maps = maps + ops.relu(self.conv1(self.pad(maps)))
        maps = maps + ops.relu(self.conv2(self.pad(maps)))
        change = self.leave(ops.reshape(maps, (-1, *maps.shape[2:])))  # to the next frame
        return x + ops.reshape(change, (-1, length, height, width, 3))

    def rollout(self, x: Any, num_frames: int) -> Any:
        """Frames seen (N, T, H, W, 3) -> the num_frames after them, each made from the last."""
        seen = x.shape[1]
        for _ in range(num_frames):
            x = ops.concatenate([x, ops.clip(self(x)[:, -1:], 0, 1)], axis=1)
        return x[:, seen:]


class WorldModel(keras.Model):
    """Recent frames and a key -> the next frame, as a choice among colours for each pixel.

    Takes planes ``float32 (N, H, W, num_inputs)``, see ``vidlab.world.planes``, H and W even;
    gives logits ``(N, H, W, num_outputs)``. The channels are last in both rooms.
    """

    takes = "features"

    def __init__(
        self, num_inputs: int = 15, num_outputs: int = 5, width: int = 24, depth: int = 4
    ) -> None:
        super().__init__()
        self.enter = layers.Conv2D(width, 2, strides=2)
        self.convs = [layers.Conv2D(width, 3, padding="same") for _ in range(depth)]
        self.leave = layers.Conv2DTranspose(num_outputs, 2, strides=2)
        self(keras.Input((32, 32, num_inputs)))  # builds the weights, for pictures of any size

    def call(self, x: Any) -> Any:
        """(N, H, W, num_inputs) -> (N, H, W, num_outputs)."""
        x = ops.relu(self.enter(x))
        for conv in self.convs:
            x = x + ops.relu(conv(x))
        return self.leave(x)


def next_frame_loss(forecasts: Any, targets: Any) -> Any:
    """The mean squared error of forecasts (N, T, H, W, 3)."""
    return ops.mean(ops.square(forecasts - targets))


def forecast(
    model: keras.Model, frames: np.ndarray, num_frames: int, *, batch_size: int = 64
) -> np.ndarray:
    """Let a model go on with clips, fed on nothing but its own frames.

    Args:
        model: with a ``rollout``, such as NextFramePredictor.
        frames: what it sees, uint8 (N, T, H, W, 3), H and W even.
        num_frames: how many come after them.
        batch_size: clips at once.

    Returns:
        uint8 (N, num_frames, H, W, 3).

    Raises:
        ValueError: frames are no such clips; num_frames or the batch size is below 1; NaN in what
            the model makes.
    """
    check_clips(frames)
    if frames.shape[2] % 2 or frames.shape[3] % 2:
        raise ValueError(f"frames: expected an even height and width, got {frames.shape}")
    check_whole("num_frames", num_frames)
    check_whole("batch_size", batch_size)
    from vidlab.keras.features import without_gradients  # which imports all models

    made = []
    with without_gradients():
        for part in chunks(len(frames), batch_size):
            x = ops.convert_to_tensor(to_unit(frames[part]))
            made.append(to_pixels(ops.convert_to_numpy(model.rollout(x, num_frames))))
    return np.concatenate(made)
