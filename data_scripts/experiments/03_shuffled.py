"""Train on clips whose frames are shuffled: what is left when the order never meant anything?

CNNLSTM (chapter 03) and Conv3DNet (chapter 04) are trained and tested on the easy world with the
frames of every clip in a random order, a new one for each clip and each batch. The pair of actions
can be seen in shuffled frames, its direction cannot, so 50 % is the most that can be expected.

    python data_scripts/experiments/03_shuffled.py            # about 6 minutes on 2 cores
    python data_scripts/experiments/03_shuffled.py --quick    # a smoke test, nothing written

Results go to notebooks/results/03_shuffled.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again.
"""

import argparse
import importlib
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable

from vidlab import world
from vidlab.clips import Clips

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "03_shuffled.csv"
COMMAND = "python data_scripts/experiments/03_shuffled.py"
FIELDS = (
    "model",
    "framework",
    "seed",
    "steps",
    "num_train",
    "num_test",
    "test_accuracy",
    "pair_accuracy",
    "train_seconds",
    "machine",
    "command",
)
TABLE = ResultsTable(OUTPUT, FIELDS, ("model", "framework", "seed"))
LEARNING_RATES = {"CNNLSTM": 1e-2, "Conv3DNet": 5e-3}
STEPS = 250
SEEDS = (0, 1, 2)
NUM_TRAIN = 4000
NUM_TEST = 500


def shuffle(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every clip's frames in an order of their own; ``(N, T, H, W, 3)``."""
    return np.stack([clip[rng.permutation(len(clip))] for clip in frames])


def partners(labels: np.ndarray) -> np.ndarray:
    """The label of each action's partner."""
    other = {a: b for pair in world.PAIRS for a, b in (pair, pair[::-1])}
    names = list(world.ACTIONS)
    return np.array([names.index(other[names[label]]) for label in labels])


def measure(name: str, framework: str, seed: int, steps: int, train: Clips, test: Clips) -> dict:
    """Train and test one model on shuffled clips."""
    room = importlib.import_module(f"vidlab.{framework}")
    room.set_seed(seed)
    model = getattr(room, name)(len(train.class_names))
    history = room.fit(
        model, train, num_steps=steps, learning_rate=LEARNING_RATES[name], schedule="one_cycle",
        augment=shuffle, seed=seed, progress=False,
    )  # fmt: skip
    frames = shuffle(test.frames, np.random.default_rng(seed))
    guess = room.predict(model, frames).argmax(axis=1)
    right = guess == test.labels
    return {
        "test_accuracy": right.mean(),
        "pair_accuracy": (right | (guess == partners(test.labels))).mean(),
        "train_seconds": history.seconds,
    }


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPU"
    steps = 3 if quick else STEPS
    options: dict[str, Any] = {"difficulty": "easy", "size": 32, "sound": False}
    for seed in SEEDS[:1] if quick else SEEDS:
        names = [n for n in LEARNING_RATES if (n, framework, str(seed)) not in TABLE.finished()]
        if not names:
            continue
        train = world.generate(64 if quick else NUM_TRAIN, split="train", seed=seed, **options)
        test = world.generate(NUM_TEST, split="test", seed=seed, **options)
        for name in names:
            row = {
                "model": name,
                "framework": framework,
                "seed": seed,
                "steps": steps,
                "num_train": len(train),
                "num_test": len(test),
                "machine": machine,
                "command": COMMAND,
                **measure(name, framework, seed, steps, train, test),
            }
            if quick:
                print(row)
            else:
                TABLE.add(row)


def main() -> None:
    """Each framework in a process of its own: their threads would slow each other down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=("torch", "keras"))
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.quick)
        return
    for framework in ("torch", "keras"):
        command = [sys.executable, __file__, "--framework", framework]
        subprocess.run(command + ["--quick"] * args.quick, check=True)


if __name__ == "__main__":
    main()
