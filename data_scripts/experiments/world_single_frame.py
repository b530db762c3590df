"""Measure what one frame of the world gives away: for every frame index, the trained accuracy.

A CNN is trained on one frame of each clip, always the same index, to tell the ten actions. The
proof in vidlab/world/scene.py says that no classifier can exceed world.single_frame_bound(); this
experiment shows what a trained one reaches. As a reference that it is not simply weak, the same
CNN is trained to tell the shape and the colour from frame 7.

    python data_scripts/experiments/world_single_frame.py          # about 8 minutes on 2 cores
    python data_scripts/experiments/world_single_frame.py --quick  # a smoke test, seconds

Results go to notebooks/results/world_single_frame.csv, row by row: an interrupted run goes on
where it stopped. Delete the file to measure everything again.
"""

import argparse
import csv
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from vidlab import world
from vidlab.clips import Clips

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "world_single_frame.csv"
COMMAND = "python data_scripts/experiments/world_single_frame.py"
FIELDS = (
    "difficulty",
    "target",
    "frame",
    "seed",
    "test_accuracy",
    "train_accuracy",
    "num_train",
    "num_test",
    "steps",
    "seconds",
    "machine",
    "command",
)
SIZE = 32
NUM_FRAMES = 16
BATCH = 64
LEARNING_RATE = 5e-3


class FrameCNN(nn.Module):
    """Three convolutions; then where features are (a 4 x 4 grid) and whether they are anywhere."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels, width, stride in ((3, 16, 2), (16, 32, 1), (32, 32, 2)):
            layers += [nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classes = nn.Linear(2 * 32 + 32 * 4 * 4, num_classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        features = self.features(frames)  # (N, 32, 8, 8)
        where = functional.adaptive_avg_pool2d(features, 4).flatten(1)
        anywhere = [features.amax((2, 3)), features.mean((2, 3))]
        return self.classes(torch.cat([*anywhere, where], dim=1))


def frames_of(clips: Clips, frame: int) -> torch.Tensor:
    """One frame of each clip, ``float32 (N, 3, H, W)`` in [0, 1]."""
    return torch.from_numpy(clips.frames[:, frame]).permute(0, 3, 1, 2).contiguous() / 255


def truth_of(clips: Clips, target: str) -> torch.Tensor:
    names = {"action": world.ACTIONS, "shape": world.SHAPES, "color": world.COLORS}[target]
    return torch.tensor([names.index(str(name)) for name in clips.attributes[target]])


def accuracy(model: nn.Module, frames: torch.Tensor, truth: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        predicted = torch.cat([model(part).argmax(1) for part in frames.split(500)])
    return float((predicted == truth).float().mean())


def measure(
    train: Clips, test: Clips, target: str, frame: int, seed: int, num_epochs: int
) -> dict[str, object]:
    """Train on one frame index and give a row of the table."""
    torch.manual_seed(seed)
    start = time.perf_counter()
    inputs, truth = frames_of(train, frame), truth_of(train, target)
    model = FrameCNN(len(truth.unique()))
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    steps = num_epochs * -(-len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(num_epochs):
        model.train()
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[batch]), truth[batch]).backward()
            optimizer.step()
            schedule.step()
    return {
        "test_accuracy": round(accuracy(model, frames_of(test, frame), truth_of(test, target)), 4),
        "train_accuracy": round(accuracy(model, inputs, truth), 4),
        "num_train": len(train),
        "num_test": len(test),
        "steps": steps,
        "seconds": round(time.perf_counter() - start, 1),
    }


def read_rows(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Write the whole table under another name, then put it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(unfinished, path)


def machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, NumPy {np.__version__}"
    )


def plan(quick: bool) -> list[tuple[str, int, str, int]]:
    """(difficulty, seed, target, frame) of every row."""
    frames = (0, 15) if quick else range(NUM_FRAMES)
    seeds = (0,) if quick else (0, 1, 2)
    return [
        (difficulty, seed, target, frame)
        for difficulty in world.DIFFICULTIES
        for seed in seeds
        for target, frame in [("shape", 7), ("color", 7), *(("action", frame) for frame in frames)]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, little training")
    parser.add_argument("--output", type=Path, help="the table (with --quick: nowhere)")
    arguments = parser.parse_args()
    output = arguments.output or (None if arguments.quick else OUTPUT)
    num_train, num_test, num_epochs = (300, 200, 2) if arguments.quick else (3000, 2000, 5)

    rows = read_rows(output) if output else []
    done = {(r["difficulty"], int(str(r["seed"])), r["target"], int(str(r["frame"]))) for r in rows}
    made: dict[tuple[str, int], tuple[Clips, Clips]] = {}
    for difficulty, seed, target, frame in tqdm(plan(arguments.quick), unit="run"):
        if (difficulty, seed, target, frame) in done:
            continue
        if (difficulty, seed) not in made:
            made.clear()
            train, test = (
                world.generate(
                    number, difficulty=difficulty, size=SIZE, split=split, seed=seed, sound=False
                )
                for number, split in ((num_train, "train"), (num_test, "test"))
            )
            made[difficulty, seed] = train, test
        row = measure(*made[difficulty, seed], target, frame, seed, num_epochs)
        row |= {"difficulty": difficulty, "target": target, "frame": frame, "seed": seed}
        rows.append(row | {"machine": machine(), "command": COMMAND})
        if output:
            write_rows(output, rows)

    print(f"bound for the actions: {world.single_frame_bound():.3f}")
    for difficulty in world.DIFFICULTIES:
        for target in ("action", "shape", "color"):
            found = [
                float(str(r["test_accuracy"]))
                for r in rows
                if r["difficulty"] == difficulty and r["target"] == target
            ]
            print(f"{difficulty:<7} {target:<7} mean {np.mean(found):.3f} max {max(found):.3f}")


if __name__ == "__main__":
    main()
