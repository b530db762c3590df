"""Measure accuracy against cost: flow and four models, in both frameworks, over three seeds.

Each row trains one model on fresh clips of the world (32 x 32 pixels, 16 frames) and tests it on
clips as filmed and with their frames shuffled. The models are those of chapters 02 to 04, the
recipe is the same for all: Adam, one cycle, batches of 32, a fixed number of steps per difficulty;
only the learning rate is chosen per model and difficulty. On "hard" the steps are as many as
CNN+LSTM and the 3D network can take within 90 s, which are more in PyTorch.
"flow" is the baseline without deep learning: five numbers from optical flow, a linear classifier.

    python data_scripts/experiments/04_cost_accuracy.py            # about 50 minutes on 2 cores
    python data_scripts/experiments/04_cost_accuracy.py --quick    # a smoke test, a minute
    python data_scripts/experiments/04_cost_accuracy.py --first    # the settings before these

Results go to notebooks/results/04_cost_accuracy.csv, row by row: an interrupted run goes on where
it stopped. Delete the file to measure everything again. train_seconds is the time inside the
training steps, building and compiling included; a multiply-add is counted for one clip.

The settings are the second ones: with the first, some networks stayed near guessing. Those runs
stand in notebooks/results/04_first_settings.csv; "hard" was measured in PyTorch only.
"""

import argparse
import importlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable

from vidlab import world
from vidlab.clips import Clips
from vidlab.flow import motion_features

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "04_cost_accuracy.csv"
FIRST_OUTPUT = OUTPUT.with_name("04_first_settings.csv")
COMMAND = "python data_scripts/experiments/04_cost_accuracy.py"
FIELDS = (
    "difficulty",
    "model",
    "framework",
    "seed",
    "steps",
    "learning_rate",
    "num_train",
    "num_test",
    "test_accuracy",
    "shuffled_accuracy",
    "train_seconds",
    "parameters",
    "multiply_adds",
    "machine",
    "command",
)
KEY = ("difficulty", "model", "framework", "seed")
DIFFICULTIES = ("easy", "medium", "hard")
# The learning rate on each difficulty. With larger ones some seeds stay at chance.
MODELS = {
    "FrameCNN": (5e-3, 5e-3, 5e-3),
    "CNNLSTM": (1e-2, 1e-2, 1e-2),
    "Conv3DNet": (5e-3, 5e-3, 2e-3),
    "Conv2Plus1DNet": (5e-3, 3e-3, 2e-3),
}
STEPS = {
    "sklearn": (0, 0, 0),
    "torch": (150, 300, 1200),
    "keras": (150, 300, 800),
}
SEEDS = (0, 1, 2)
NUM_TRAIN = (4800, 6000, 8000)
# The first settings, where they were others: {difficulty: (frameworks, models)}.
FIRST_RATES = {"FrameCNN": 5e-3, "CNNLSTM": 1e-2, "Conv3DNet": 5e-3, "Conv2Plus1DNet": 5e-3}
FIRST_STEPS, FIRST_NUM_TRAIN = 300, 6000
FIRST_RUNS = {
    "medium": (("torch", "keras"), ("Conv2Plus1DNet",)),
    "hard": (("torch",), tuple(FIRST_RATES)),
}
NUM_TEST = 500
NUM_FLOW_TRAIN = 1500


def clips_for(difficulty: str, seed: int, num_train: int) -> tuple[Clips, Clips]:
    """Training and test clips of one difficulty and seed."""
    options: dict[str, Any] = {"difficulty": difficulty, "size": 32, "seed": seed, "sound": False}
    train = world.generate(num_train, split="train", **options)
    return train, world.generate(NUM_TEST, split="test", **options)


def shuffled(frames: np.ndarray, seed: int) -> np.ndarray:
    """Every clip's frames in an order of their own."""
    rng = np.random.default_rng(seed)
    return np.stack([clip[rng.permutation(len(clip))] for clip in frames])


def measure_flow(train: Clips, test: Clips, seed: int) -> dict[str, Any]:
    """The baseline: five numbers of optical flow and a linear classifier."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    start = time.perf_counter()
    features = np.stack([motion_features(clip) for clip in train.frames])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=100, max_iter=2000))
    classifier.fit(features, train.labels)
    seconds = time.perf_counter() - start

    def accuracy(frames: np.ndarray) -> float:
        return classifier.score(np.stack([motion_features(clip) for clip in frames]), test.labels)

    return {
        "steps": 0,
        "learning_rate": "",
        "num_train": len(train),
        "test_accuracy": accuracy(test.frames),
        "shuffled_accuracy": accuracy(shuffled(test.frames, seed)),
        "train_seconds": seconds,
        "parameters": classifier[-1].coef_.size + classifier[-1].intercept_.size,
        "multiply_adds": "",
    }


def measure_model(
    name: str, framework: str, train: Clips, test: Clips, rate: float, seed: int, steps: int
) -> dict[str, Any]:
    """Train one model in one framework. FrameCNN sees the middle frame only."""
    room = importlib.import_module(f"vidlab.{framework}")
    room.set_seed(seed)
    model = getattr(room, name)(len(train.class_names))
    single = model.takes == "frames"

    def pick(frames: np.ndarray) -> np.ndarray:
        return frames[:, frames.shape[1] // 2] if single else frames

    records = list(room.train_steps(
        model, (pick(train.frames), train.labels), num_steps=steps, learning_rate=rate,
        schedule="one_cycle", seed=seed,
    ))  # fmt: skip

    def accuracy(frames: np.ndarray) -> float:
        return room.evaluate(model, (pick(frames), test.labels))["accuracy"]

    return {
        "steps": steps,
        "learning_rate": rate,
        "num_train": len(train),
        "test_accuracy": accuracy(test.frames),
        "shuffled_accuracy": accuracy(shuffled(test.frames, seed)),
        "train_seconds": records[-1].seconds,
        "parameters": room.count_parameters(model),
        "multiply_adds": multiply_adds(name, test.frames[:1]) if framework == "torch" else "",
    }


def multiply_adds(name: str, clip: np.ndarray) -> int:
    """Multiply-adds of one clip in the convolutions, recurrent and linear layers, by hooks."""
    from torch import nn

    import vidlab.torch as room

    model = getattr(room, name)(10).eval()
    counts: list[int] = []

    def count(layer: Any, inputs: Any, output: Any) -> None:
        if isinstance(layer, nn.LSTM | nn.GRU):
            per_step = sum(w.numel() for n, w in layer.named_parameters() if "weight" in n)
            counts.append(per_step * inputs[0].shape[1])
        elif isinstance(layer, nn.Linear):
            counts.append(layer.weight.numel())
        else:
            counts.append(layer.weight.numel() * output.numel() // layer.out_channels)

    kinds = (nn.Conv2d, nn.Conv3d, nn.Linear, nn.LSTM, nn.GRU)
    for layer in model.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(count)
    model(room.to_input(clip[:, 8] if model.takes == "frames" else clip))
    return sum(counts)


def run(framework: str, difficulties: tuple[str, ...], quick: bool, first: bool = False) -> None:
    """All rows of one framework that are not there yet."""
    table = ResultsTable(FIRST_OUTPUT if first else OUTPUT, FIELDS, KEY)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPU"
    for difficulty in difficulties:
        for seed in SEEDS[:1] if quick else SEEDS:
            names = ("flow",) if framework == "sklearn" else tuple(MODELS)
            if first:
                frameworks, names = FIRST_RUNS.get(difficulty, ((), ()))
                names = names if framework in frameworks else ()
            done = table.finished()
            names = tuple(n for n in names if (difficulty, n, framework, str(seed)) not in done)
            if not names:
                continue
            place = DIFFICULTIES.index(difficulty)
            steps = 3 if quick else FIRST_STEPS if first else STEPS[framework][place]
            num_train = FIRST_NUM_TRAIN if first else NUM_TRAIN[place]
            num_train = NUM_FLOW_TRAIN if framework == "sklearn" else num_train
            data = clips_for(difficulty, seed, 64 if quick else num_train)
            for name in names:
                if framework == "sklearn":
                    values = measure_flow(*data, seed)
                else:
                    rate = FIRST_RATES[name] if first else MODELS[name][place]
                    values = measure_model(name, framework, *data, rate, seed, steps)
                row = {
                    "difficulty": difficulty,
                    "model": name,
                    "framework": framework,
                    "seed": seed,
                    "num_test": NUM_TEST,
                    "machine": machine,
                    "command": f"{COMMAND} --first" if first else COMMAND,
                    **values,
                }
                if quick:
                    print(row)
                else:
                    table.add(row)


def main() -> None:
    """Every framework in a process of its own: their threads would slow each other down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--first", action="store_true", help="the settings before these")
    parser.add_argument("--framework", choices=("sklearn", "torch", "keras"))
    parser.add_argument("--difficulty", choices=DIFFICULTIES)
    args = parser.parse_args()
    difficulties = (args.difficulty,) if args.difficulty else DIFFICULTIES
    if args.framework:
        run(args.framework, difficulties, args.quick, args.first)
        return
    for framework in ("sklearn", "torch", "keras"):
        options = ["--quick"] if args.quick else []
        options += ["--first"] if args.first else []
        options += ["--difficulty", args.difficulty] if args.difficulty else []
        command = [sys.executable, __file__, "--framework", framework, *options]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
