"""A trained frame classifier cannot tell the actions apart, though it can tell the shapes.

A short form of data_scripts/experiments/world_single_frame.py.
"""

from collections.abc import Callable

import numpy as np
import pytest

from vidlab import world
from vidlab.clips import Clips

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def clips_of() -> Callable[[str, int], Clips]:
    made: dict[tuple[str, int], Clips] = {}

    def make(split: str, seed: int) -> Clips:
        if (split, seed) not in made:
            num_clips = 1500 if split == "train" else 1000
            made[split, seed] = world.generate(
                num_clips, size=32, split=split, seed=seed, sound=False
            )
        return made[split, seed]

    return make


class FrameCNN(torch.nn.Module):
    """Sees where things are (coarse positions) and what they are (features anywhere)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        layers: list = []
        for channels, width, stride in ((3, 8, 1), (8, 16, 2), (16, 32, 2)):
            layers += [torch.nn.Conv2d(channels, width, 3, stride, padding=1)]
            layers += [torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
        self.features = torch.nn.Sequential(*layers)
        self.classes = torch.nn.Linear(2 * 32 + 32 * 4 * 4, num_classes)

    def forward(self, frames: "torch.Tensor") -> "torch.Tensor":
        features = self.features(frames)
        where = torch.nn.functional.adaptive_avg_pool2d(features, 4).flatten(1)
        return self.classes(torch.cat([features.amax((2, 3)), features.mean((2, 3)), where], dim=1))


def frame_accuracy(train: tuple, test: tuple, num_classes: int, seed: int) -> float:
    """Test accuracy of a small CNN after four epochs on single frames."""
    torch.manual_seed(seed)
    model = FrameCNN(num_classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    inputs, labels = torch.from_numpy(train[0]), torch.from_numpy(train[1])
    steps = 4 * -(-len(labels) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(4):
        for batch in torch.randperm(len(labels)).split(32):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        predicted = model(torch.from_numpy(test[0])).argmax(1).numpy()
    return float((predicted == test[1]).mean())


def one_frame(clips: Clips, frame: int) -> np.ndarray:
    return clips.frames[:, frame].transpose(0, 3, 1, 2).astype(np.float32) / 255


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("frame", [0, 7, 15])
def test_one_frame_cannot_tell_the_action(
    clips_of: Callable[[str, int], Clips], frame: int, seed: int
) -> None:
    train, test = clips_of("train", seed), clips_of("test", seed)
    accuracy = frame_accuracy(
        (one_frame(train, frame), train.labels), (one_frame(test, frame), test.labels), 10, seed
    )
    assert accuracy <= 0.20


def test_the_same_classifier_tells_the_colour_and_the_shape(
    clips_of: Callable[[str, int], Clips],
) -> None:
    train, test = clips_of("train", 0), clips_of("test", 0)
    for attribute, least in (("color", 0.95), ("shape", 0.9)):
        names = np.unique(train.attributes[attribute])
        truth = [np.searchsorted(names, clips.attributes[attribute]) for clips in (train, test)]
        accuracy = frame_accuracy(
            (one_frame(train, 7), truth[0]), (one_frame(test, 7), truth[1]), len(names), 0
        )
        assert accuracy >= least
