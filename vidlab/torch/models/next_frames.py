"""Chapter 09b: the next frame of a clip, and a world that a network plays, in PyTorch."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from vidlab.input_checks import chunks
from vidlab.latents import check_clips, check_whole, to_pixels
from vidlab.torch.evaluation import evaluating
from vidlab.torch.inputs import as_input
from vidlab.torch.models.initial import initialize

State = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # hidden maps, cell maps, last frame


class ConvLSTMCell(nn.Module):
    """An LSTM whose states are maps: a convolution takes the place of the matrix product.

    After Shi et al. (2015), "Convolutional LSTM network: a machine learning approach for
    precipitation nowcasting"; without its connections from the cell state to the gates.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(in_channels + channels, 4 * channels, 3, padding=1)

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """x (N, in_channels, H, W) and the states, (N, channels, H, W) each -> the next states."""
        hidden, cell = state
        gates = self.gates(torch.cat([x, hidden], dim=1))
        write, keep, show, new = gates.chunk(4, dim=1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(new)
        return torch.sigmoid(show) * torch.tanh(cell), cell


class NextFramePredictor(nn.Module):
    """A ConvLSTM reads frame after frame and says after each how the next one will differ.

    Takes clips ``float32 (N, T, 3, H, W)`` in [0, 1], H and W even; gives ``(N, T, 3, H, W)``:
    at place t the forecast of frame t + 1, made from frames 0 to t.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.width = width
        self.enter = nn.Conv2d(6, width, 2, stride=2)  # a quarter of the places: cheaper
        self.memory = ConvLSTMCell(width, width)
        self.leave = nn.ConvTranspose2d(width, 3, 2, stride=2)
        self.apply(initialize)

    def start(self, x: torch.Tensor) -> State:
        """The state before a clip's first frame: empty maps, and a frame to compare with."""
        empty = x.new_zeros(len(x), self.width, x.shape[3] // 2, x.shape[4] // 2)
        return empty, empty, x[:, 0]

    def step(self, frame: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """One frame (N, 3, H, W) and the state -> the forecast of the next frame, new state."""
        hidden, cell, before = state
        seen = self.enter(torch.cat([frame, frame - before], dim=1))
        hidden, cell = self.memory(seen, (hidden, cell))
        return frame + self.leave(hidden), (hidden, cell, frame)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, T, 3, H, W)."""
        state, forecasts = self.start(x), []
        for t in range(x.shape[1]):
            forecast, state = self.step(x[:, t], state)
            forecasts.append(forecast)
        return torch.stack(forecasts, dim=1)

    def rollout(self, x: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Frames seen (N, T, 3, H, W) -> the num_frames after them, each made from the last."""
        state, made = self.start(x), []
        for t in range(x.shape[1]):
            forecast, state = self.step(x[:, t], state)
        for _ in range(num_frames):
            made.append(forecast.clamp(0, 1))
            forecast, state = self.step(made[-1], state)
        return torch.stack(made, dim=1)


class FrameConv3D(nn.Module):
    """3D convolutions that say for each frame how the next one will differ.

    Takes and gives what ``NextFramePredictor`` does. Each of its two kernels spans three frames.
    ``causal=True`` pads both zero frames before the clip, so that place t sees frames up to t.
    ``causal=False`` pads one on each side, as padding="same" does: then place t sees frame t + 1,
    which it is asked to foretell. It is here as a mistake to learn from.
    """

    def __init__(self, width: int = 24, causal: bool = True) -> None:
        super().__init__()
        self.before = 2 if causal else 1
        self.enter = nn.Conv2d(6, width, 2, stride=2)
        self.conv1 = nn.Conv3d(width, width, 3)
        self.conv2 = nn.Conv3d(width, width, 3)
        self.leave = nn.ConvTranspose2d(width, 3, 2, stride=2)
        self.apply(initialize)

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, T, H, W) -> (N, C, T + 2, H + 2, W + 2)."""
        return F.pad(x, (1, 1, 1, 1, self.before, 2 - self.before))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 3, H, W) -> (N, T, 3, H, W)."""
        change = x - torch.cat([x[:, :1], x[:, :-1]], dim=1)  # since the frame before
        seen = torch.cat([x, change], dim=2).flatten(0, 1)
        maps = self.enter(seen).unflatten(0, x.shape[:2])
        maps = maps.transpose(1, 2)  # (N, C, T, H / 2, W / 2)
        maps = maps + torch.relu(self.conv1(self.pad(maps)))
        maps = maps + torch.relu(self.conv2(self.pad(maps)))
        change = self.leave(maps.transpose(1, 2).flatten(0, 1))  # to the next frame
        return x + change.unflatten(0, x.shape[:2])

    def rollout(self, x: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Frames seen (N, T, 3, H, W) -> the num_frames after them, each made from the last."""
        seen = x.shape[1]
        for _ in range(num_frames):
            x = torch.cat([x, self(x)[:, -1:].clamp(0, 1)], dim=1)
        return x[:, seen:]


class WorldModel(nn.Module):
    """Recent frames and a key -> the next frame, as a choice among colours for each pixel.

    Takes planes ``float32 (N, H, W, num_inputs)``, see ``vidlab.world.planes``, H and W even;
    gives logits ``(N, H, W, num_outputs)``. The channels are last in both rooms.
    """

    takes = "features"

    def __init__(
        self, num_inputs: int = 15, num_outputs: int = 5, width: int = 24, depth: int = 4
    ) -> None:
        super().__init__()
        self.enter = nn.Conv2d(num_inputs, width, 2, stride=2)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.leave = nn.ConvTranspose2d(width, num_outputs, 2, stride=2)
        self.apply(initialize)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, H, W, num_inputs) -> (N, H, W, num_outputs)."""
        x = torch.relu(self.enter(x.movedim(-1, 1)))
        for conv in self.convs:
            x = x + torch.relu(conv(x))
        return self.leave(x).movedim(1, -1)


def next_frame_loss(forecasts: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean squared error of forecasts (N, T, 3, H, W); targets are (N, T, H, W, 3)."""
    return F.mse_loss(forecasts, targets.movedim(-1, -3))


def forecast(
    model: nn.Module, frames: np.ndarray, num_frames: int, *, batch_size: int = 64
) -> np.ndarray:
    """Let a model go on with clips, fed on nothing but its own frames.

    Args:
        model: with a ``rollout``, such as NextFramePredictor. It runs in eval mode and is in
            its former mode afterwards.
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
    device = next(model.parameters()).device
    rollout: Any = model.rollout
    made = []
    with evaluating(model):
        for part in chunks(len(frames), batch_size):
            x = as_input(frames[part], device)
            made.append(to_pixels(rollout(x, num_frames).movedim(-3, -1).cpu().numpy()))
    return np.concatenate(made)
