"""Pretrain framenet, the backbone that vidlab ships, on tasks of its own.

    python data_scripts/pretrain_framenet.py                 # minutes on 2 cores
    python data_scripts/pretrain_framenet.py --max-seconds 150   # a part; the same command goes on

FrameCNN learns four tasks at once, whose answers come with the pictures:

* which photograph: a crop, and the ten photographs to choose from (the head that is shipped);
* which rotation: a crop turned by 0, 90, 180 or 270 degrees (Gidaris et al., 2018, "Unsupervised
  representation learning by predicting image rotations");
* which crop came first: two crops of one photograph in random order, one of them higher up (after
  Doersch et al., 2015, "Unsupervised visual representation learning by context prediction");
* which view: two views of each of many pictures, to be paired (Chen et al., 2020, "A simple
  framework for contrastive learning of visual representations"). The pictures come in groups of
  eight in the same colours, so that colour alone does not pair them.

The pictures are the photographs that the world keeps for training, the world's textures, and
noise: smooth random fields cut at a level, some under a bell so that one blob is left. There is
no drawn shape among them, and no task asks for a shape or a colour.

The same command gives the same weights on one machine. A checkpoint is written as it goes and is
removed at the end; the weights replace vidlab/data/framenet.safetensors when all is done.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from vidlab import weights, world
from vidlab.torch.models import FrameCNN
from vidlab.world import backgrounds

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "vidlab" / "data" / "framenet.safetensors"
PHOTOGRAPHS = world.PHOTOGRAPHS["train"]

SIZE = 32  # of a crop, in pixels
SHIFT = 5  # how far two views of one picture are apart, at most, in pixels
CANVAS = SIZE + 2 * SHIFT
GROUP = 8  # pictures in the same colours
NUM_TEXTURES = 3000

NUM_STEPS = 2000
NUM_TURNED, NUM_PAIRS = 48, 24  # crops, and pairs of crops, in each step
NUM_NEAR, NUM_BLOBS, NUM_TEXTURED = 24, 128, 8  # pictures of which each step sees two views
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 3e-3, 1e-3, 50
TEMPERATURE = 0.1
TASKS = {"photograph": 0.2, "rotation": 0.3, "first": 0.2, "view": 1.0}  # shares of the loss
CHECKPOINT_EVERY = 200


class Pictures:
    """Crops of photographs at many scales, textures and noise: what the network gets to see."""

    def __init__(self, seed: int) -> None:
        self.scales = [scales_of(name) for name in PHOTOGRAPHS]
        rng = np.random.default_rng(seed)
        white = np.full(3, 255.0)  # textures keep away from this colour, so they stay dull
        self.textures = np.stack(
            [backgrounds.texture(CANVAS, white, rng) for _ in range(NUM_TEXTURES)]
        )

    def photograph(self, rng: np.random.Generator) -> tuple[int, np.ndarray]:
        """The index of a random photograph, and the photograph at a random scale."""
        index = int(rng.integers(len(self.scales)))
        return index, self.scales[index][rng.integers(len(self.scales[index]))]

    def turned(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Turned crops (count, SIZE, SIZE, 3); which photograph, which quarter turn (count,)."""
        crops, which = [], []
        quarters = rng.integers(4, size=count)
        for quarter in quarters:
            index, picture = self.photograph(rng)
            crops.append(np.rot90(crop(picture, SIZE, rng), quarter))
            which.append(index)
        return np.stack(crops), np.array(which), quarters

    def pairs(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Two crops (count, SIZE, SIZE, 3) each, and whether the second is the upper one."""
        pairs = []
        second_is_upper = rng.integers(2, size=count)
        for swapped in second_is_upper:
            picture = self.photograph(rng)[1]
            height = picture.shape[0]
            middle = rng.integers(SIZE, height - SIZE + 1)
            upper, lower = crop(picture[:middle], SIZE, rng), crop(picture[middle:], SIZE, rng)
            pairs.append((lower, upper) if swapped else (upper, lower))
        first, second = (np.stack(crops) for crops in zip(*pairs, strict=True))
        return first, second, second_is_upper

    def canvases(self, rng: np.random.Generator) -> np.ndarray:
        """Pictures a little larger than a view, ``float32 (N, CANVAS, CANVAS, 3)``, 0 to 255."""
        near = [self.near(rng) for _ in range(NUM_NEAR // GROUP)]
        blobs = [noise_blobs(rng) for _ in range(NUM_BLOBS // GROUP)]
        textures = self.textures[rng.integers(len(self.textures), size=NUM_TEXTURED)]
        return np.concatenate([*near, *blobs, textures]).astype(np.float32)

    def near(self, rng: np.random.Generator) -> np.ndarray:
        """A group of crops of one photograph, mostly with its colours exchanged and stretched."""
        picture = self.photograph(rng)[1]
        crops = np.stack([crop(picture, CANVAS, rng) for _ in range(GROUP)]).astype(np.float32)
        if rng.random() < 0.6:
            crops = crops[..., rng.permutation(3)]
            grey = crops.mean(axis=-1, keepdims=True)
            crops = (grey + rng.uniform(0.5, 2.5) * (crops - grey)) * rng.uniform(0.4, 1.1, 3)
        return np.clip(crops, 0, 255)


def scales_of(name: str) -> list[np.ndarray]:
    """A photograph at many scales: its shorter side from 100 pixels up to its own."""
    with Image.open(backgrounds._photograph_path(name)) as image:
        rgb = image.convert("RGB")
    shorter, side = min(rgb.size), 100
    scales = []
    while side <= shorter:
        size = (round(rgb.width * side / shorter), round(rgb.height * side / shorter))
        scales.append(np.asarray(rgb.resize(size, Image.Resampling.LANCZOS)))
        side = int(side * 1.4)
    return scales


def crop(picture: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    row = rng.integers(picture.shape[0] - size + 1)
    column = rng.integers(picture.shape[1] - size + 1)
    return picture[row : row + size, column : column + size]


def noise_blobs(rng: np.random.Generator) -> np.ndarray:
    """A group of smooth random fields cut at one level, all in the same two colours.

    Where several fields must be above the level, the blobs have corners, else they are round.
    """
    cells = int(rng.choice([4, 6, 9, 12, 15]))
    coarse = rng.standard_normal((GROUP, 3, cells, cells), dtype=np.float32)
    fields = functional.interpolate(
        torch.from_numpy(coarse), (CANVAS, CANVAS), mode="bicubic", align_corners=True
    ).numpy()
    together = rng.integers(1, 4, (GROUP, 1, 1))  # how many of the fields count, in each picture
    field = np.where(together > 1, np.minimum(fields[:, 0], fields[:, 1]), fields[:, 0])
    field = np.where(together > 2, np.minimum(field, fields[:, 2]), field) + 0.4 * (together - 1)
    if rng.random() < 0.7:  # under a bell: one blob is left, at a random place
        rows, columns = np.mgrid[:CANVAS, :CANVAS]
        row, column = rng.uniform(13, CANVAS - 13, (2, GROUP, 1, 1))
        distance = ((rows - row) ** 2 + (columns - column) ** 2) / rng.uniform(2.5, 6) ** 2
        field, level, steepness = 0.8 * field + 1.5 - distance, 0.5, 3.0
    else:
        level, steepness = rng.uniform(0, 1), 1.5 * CANVAS / cells
    cover = 1 / (1 + np.exp(-np.clip((field - level) * steepness, -30, 30)))
    behind = rng.uniform(0, 130 if rng.random() < 0.7 else 255, 3)
    while True:
        front = rng.uniform(0, 255, 3)
        if np.abs(front - behind).max() >= 80:
            return behind + cover[..., None] * (front - behind)


def view(canvases: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One view of each picture: shifted, maybe mirrored, a little brighter or darker, noisy."""
    count = len(canvases)
    corners = rng.integers(0, CANVAS - SIZE + 1, (count, 2))
    views = np.stack(
        [
            canvas[row : row + SIZE, column : column + SIZE]
            for canvas, (row, column) in zip(canvases, corners, strict=True)
        ]
    )
    mirrored = rng.random(count) < 0.5
    views[mirrored] = views[mirrored][:, :, ::-1]
    views *= rng.uniform(0.85, 1.15, (count, 1, 1, 1)).astype(np.float32)
    level = rng.uniform(0, 6, (count, 1, 1, 1)).astype(np.float32)
    views += level * rng.standard_normal(views.shape, dtype=np.float32)
    return np.clip(views, 0, 255)


def as_input(crops: np.ndarray) -> torch.Tensor:
    """(N, H, W, 3), 0 to 255 -> float32 (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 255


class Pretraining(nn.Module):
    """The backbone, whose own head names the photograph, and a head for each other task."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = FrameCNN(len(PHOTOGRAPHS))
        width = self.backbone.head.in_features
        self.rotation = nn.Linear(width, 4)
        self.first = nn.Sequential(nn.Linear(2 * width, 128), nn.ReLU(), nn.Linear(128, 2))
        self.view = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 64))

    def losses(
        self, pictures: Pictures, rng: np.random.Generator
    ) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """The loss, and the share of right answers, of each task on a new batch."""
        turned, photograph, quarters = pictures.turned(NUM_TURNED, rng)
        first, second, swapped = pictures.pairs(NUM_PAIRS, rng)
        canvases = pictures.canvases(rng)
        crops = (turned, first, second, view(canvases, rng), view(canvases, rng))
        parts = [as_input(part) for part in crops]
        features = self.backbone.features(
            torch.cat(parts).contiguous(memory_format=torch.channels_last)
        ).split([len(part) for part in parts])
        one, other = (functional.normalize(self.view(f), dim=1) for f in features[3:])
        alike = one @ other.T / TEMPERATURE  # (N, N): the right pairs are on the diagonal
        answers = {
            "photograph": (self.backbone.head(features[0]), torch.from_numpy(photograph)),
            "rotation": (self.rotation(features[0]), torch.from_numpy(quarters)),
            "first": (
                self.first(torch.cat([features[1], features[2]], dim=1)),
                torch.from_numpy(swapped),
            ),
            "view": (torch.cat([alike, alike.T]), torch.arange(len(alike)).repeat(2)),
        }
        losses = {task: functional.cross_entropy(*answer) for task, answer in answers.items()}
        right = {
            task: float((logits.argmax(dim=1) == truth).float().mean())
            for task, (logits, truth) in answers.items()
        }
        return losses, right


def learning_rate(step: int, num_steps: int) -> float:
    """A linear warm-up, then a cosine down to 0."""
    cosine = 0.5 * (1 + np.cos(np.pi * step / num_steps))
    return float(LEARNING_RATE * min(1, (step + 1) / WARM_UP) * cosine)


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, note: dict
) -> None:
    """All that the next step depends on, under another name first."""
    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value.contiguous() for name, value in state.items()}
    unfinished = path.with_suffix(".unfinished")
    save_file(tensors, unfinished)
    os.replace(unfinished, path)
    path.with_suffix(".json").write_text(json.dumps(note))


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict:
    tensors = load_file(path)
    model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    state = optimizer.state_dict()
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, index, name = key.split(".")
            state["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(state)
    return json.loads(path.with_suffix(".json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--steps", type=int, default=NUM_STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-seconds", type=float, help="stop then; the same command goes on")
    arguments = parser.parse_args()

    torch.set_num_threads(2)  # sums depend on how they are divided
    torch.manual_seed(arguments.seed)
    model = Pretraining().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    checkpoint = arguments.output.with_suffix(".checkpoint")
    note = {"seed": arguments.seed, "steps": arguments.steps, "done": 0, "seconds": 0.0}
    if checkpoint.exists():
        found = load_checkpoint(checkpoint, model, optimizer)
        if (found["seed"], found["steps"]) != (arguments.seed, arguments.steps):
            raise SystemExit(f"{checkpoint} is of another run ({found}); remove it to start anew")
        note = found
    pictures = Pictures(arguments.seed)
    before, start = note["seconds"], time.perf_counter()
    right: dict[str, float] = {}
    model.train()
    for step in (bar := tqdm(range(note["done"], arguments.steps), unit="step")):
        optimizer.param_groups[0]["lr"] = learning_rate(step, arguments.steps)
        losses, now = model.losses(pictures, np.random.default_rng((arguments.seed, step)))
        optimizer.zero_grad()
        sum(TASKS[task] * loss for task, loss in losses.items()).backward()
        optimizer.step()
        right = {task: 0.95 * right.get(task, share) + 0.05 * share for task, share in now.items()}
        bar.set_postfix({task: f"{share:.2f}" for task, share in right.items()}, refresh=False)
        note |= {"done": step + 1, "seconds": before + time.perf_counter() - start}
        late = arguments.max_seconds and time.perf_counter() - start > arguments.max_seconds
        if (step + 1) % CHECKPOINT_EVERY == 0 or late:
            save_checkpoint(checkpoint, model, optimizer, note)
        if late and step + 1 < arguments.steps:
            print(f"stopped after step {step + 1}; the same command goes on")
            return

    weights.save(
        model.backbone.eval(),
        arguments.output,
        {
            "model": "FrameCNN",
            "classes": json.dumps(PHOTOGRAPHS),
            "seed": str(arguments.seed),
            "steps": str(arguments.steps),
        },
    )
    for leftover in (checkpoint, checkpoint.with_suffix(".json")):
        leftover.unlink(missing_ok=True)
    shares = ", ".join(f"{task} {share:.3f}" for task, share in right.items())
    print(f"{arguments.steps} steps in {note['seconds']:.0f} s; right: {shares}")


if __name__ == "__main__":
    main()
