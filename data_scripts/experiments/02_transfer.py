"""Measure what pretrained features are worth: from scratch, frozen and fine-tuned, few labels.

A FrameCNN learns to tell the shapes of the world's frames (easy, 32 x 32) from 20, 100 and 1,000
labelled frames, in both frameworks, with three seeds:

* scratch: all weights start at random and are trained,
* frozen: a linear classifier on the features of framenet, which stays as it is,
* fine-tuned: the network starts with framenet's weights, and all of them are trained,
* random frozen: the control. Like frozen, on the features of a network with random weights.

    python data_scripts/experiments/02_transfer.py          # about 8 minutes on 2 cores
    python data_scripts/experiments/02_transfer.py --quick  # a smoke test, seconds
    python data_scripts/experiments/02_transfer.py --max-seconds 150  # a part; call it again

Results go to notebooks/results/02_transfer.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again.
"""

import argparse
import csv
import os
import platform
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from vidlab import world

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "02_transfer.csv"
COMMAND = "python data_scripts/experiments/02_transfer.py"
KEYS = ("framework", "method", "num_labels", "seed")
FIELDS = (*KEYS, "test_accuracy", "num_test", "num_steps", "seconds", "machine", "command")
ROOMS = {"PyTorch": "vidlab.torch", "Keras": "vidlab.keras"}
METHODS = ("scratch", "frozen", "fine-tuned", "random frozen")
NUM_LABELS = (20, 100, 1000)
RATES = {"scratch": 3e-3, "fine-tuned": 1e-3}
NUM_CLASSES = len(world.SHAPES)

Set = tuple[np.ndarray, np.ndarray]


def labelled_frames(num_clips: int, split: str, seed: int) -> Set:
    """Four frames of each clip, uint8 (N, 32, 32, 3), and their shapes, int (N,)."""
    clips = world.generate(num_clips, size=32, num_frames=4, split=split, seed=seed, sound=False)
    labels = [world.SHAPES.index(shape) for shape in clips.attributes["shape"]]
    return clips.frames.reshape(-1, 32, 32, 3), np.repeat(labels, 4)


def probe(room: ModuleType, model: Any, train: Set, test: Set) -> float:
    """Test accuracy of a linear classifier on the model's features."""
    features = room.extract_features(model, train[0])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(features, train[1])
    return float(classifier.score(room.extract_features(model, test[0]), test[1]))


def measure(framework: str, method: str, train: Set, test: Set, seed: int, num_steps: int) -> float:
    """Test accuracy of one method."""
    room = import_module(ROOMS[framework])
    room.set_seed(seed)
    if method in ("frozen", "fine-tuned"):
        model = room.pretrained_features("framenet", num_classes=NUM_CLASSES)
    else:
        model = room.FrameCNN(NUM_CLASSES)
    if method not in RATES:
        return probe(room, model, train, test)
    rate = RATES[method]
    room.fit(model, train, num_steps=num_steps, learning_rate=rate, seed=seed, progress=False)
    return float(room.evaluate(model, test)["accuracy"])


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
    import keras
    import torch

    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, Keras {keras.__version__} on {keras.backend.backend()}"
    )


def plan(quick: bool) -> list[tuple[str, str, int, int]]:
    """The keys of every row."""
    return [
        (framework, method, num_labels, seed)
        for seed in ((0,) if quick else (0, 1, 2))
        for framework in ROOMS
        for method in METHODS
        for num_labels in (NUM_LABELS[:2] if quick else NUM_LABELS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, little training")
    parser.add_argument("--output", type=Path, help="the table (with --quick: nowhere)")
    parser.add_argument("--max-seconds", type=float, default=float("inf"), help="stop after this")
    arguments = parser.parse_args()
    output = arguments.output or (None if arguments.quick else OUTPUT)
    num_steps = 10 if arguments.quick else 150
    num_train, num_test = (100, 50) if arguments.quick else (1200, 500)

    began = time.perf_counter()
    rows = read_rows(output) if output else []
    done = {tuple(str(row[key]) for key in KEYS) for row in rows}
    sets: dict[int, tuple[Set, Set]] = {}
    for keys in tqdm(plan(arguments.quick), unit="run"):
        framework, method, num_labels, seed = keys
        if tuple(map(str, keys)) in done:
            continue
        if time.perf_counter() - began > arguments.max_seconds:
            print("time is up; the same command goes on")
            break
        if seed not in sets:
            train_set = labelled_frames(num_train, "train", seed)
            sets = {seed: (train_set, labelled_frames(num_test, "test", seed))}
        (frames, labels), test = sets[seed]
        chosen = np.random.default_rng(seed).permutation(len(frames))[:num_labels]
        start = time.perf_counter()
        train = frames[chosen], labels[chosen]
        accuracy = measure(framework, method, train, test, seed, num_steps)
        row: dict[str, object] = dict(zip(KEYS, keys, strict=True))
        row |= {
            "test_accuracy": round(accuracy, 4),
            "num_test": len(test[0]),
            "num_steps": num_steps if method in RATES else 0,
            "seconds": round(time.perf_counter() - start, 1),
            "machine": machine(),
            "command": COMMAND,
        }
        rows.append(row)
        if output:
            write_rows(output, rows)

    for framework in ROOMS:
        for method in METHODS:
            for num_labels in NUM_LABELS:
                same = [
                    float(str(row["test_accuracy"]))
                    for row in rows
                    if (row["framework"], row["method"], str(row["num_labels"]))
                    == (framework, method, str(num_labels))
                ]
                if same:
                    numbers = f"{np.mean(same):.3f} ({min(same):.3f} to {max(same):.3f})"
                    print(f"{framework:<8} {method:<14} {num_labels:>5} {numbers}")


if __name__ == "__main__":
    main()
