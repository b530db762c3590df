"""Measure what framenet's features are worth: a linear classifier on frozen features of frames.

Frame 7 of each clip of the world, a logistic regression on its features, 20, 100 and 1,000
labels, for the shape and for the colour: framenet, the same network with random weights, and the
pixels themselves. framenet learned neither shapes nor colours (vidlab/data/framenet.md).

    python data_scripts/experiments/framenet_probe.py          # a few minutes on 2 cores
    python data_scripts/experiments/framenet_probe.py --quick  # a smoke test, seconds

Results go to notebooks/results/framenet_probe.csv, row by row: an interrupted run goes on where
it stopped. Delete the file to measure everything again.
"""

import argparse
import csv
import hashlib
import os
import platform
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from vidlab import world
from vidlab.backbones import FRAMENET
from vidlab.clips import Clips
from vidlab.torch.features import extract_features, pretrained_features
from vidlab.torch.models import FrameCNN

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "framenet_probe.csv"
COMMAND = "python data_scripts/experiments/framenet_probe.py"
FIELDS = (
    "difficulty",
    "target",
    "features",
    "num_labels",
    "seed",
    "test_accuracy",
    "num_test",
    "seconds",
    "framenet_sha256",
    "machine",
    "command",
)
SIZE, FRAME = 32, 7
FEATURES = ("framenet", "random", "pixels")
LABELS = (20, 100, 1000)


def features_of(frames: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Frames (N, H, W, 3) -> (N, D)."""
    if kind == "pixels":
        return frames.reshape(len(frames), -1) / np.float32(255)
    torch.manual_seed(seed)
    model = pretrained_features() if kind == "framenet" else FrameCNN(10)
    return extract_features(model, frames)


def measure(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], seed: int
) -> float:
    """Test accuracy of a linear classifier on features (N, D) and labels (N,)."""
    # n examples span at most n directions, and a classifier with an L2 penalty uses no others: to
    # turn pixels into these changes nothing but the time.
    steps = [StandardScaler(), LogisticRegression(max_iter=200, random_state=seed)]
    if train[0].shape[1] > len(train[0]):
        steps.insert(1, PCA(svd_solver="full"))
    probe = make_pipeline(*steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(probe.fit(*train).score(*test))


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
        f"PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )


def key(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in FIELDS[:5])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, few clips")
    parser.add_argument("--output", type=Path, help="the table (with --quick: nowhere)")
    arguments = parser.parse_args()
    output = arguments.output or (None if arguments.quick else OUTPUT)
    seeds, labels = ((0,), (20,)) if arguments.quick else ((0, 1, 2), LABELS)
    num_test = 200 if arguments.quick else 2000

    fingerprint = hashlib.sha256(FRAMENET.read_bytes()).hexdigest()[:12]
    rows = [r for r in read_rows(output) if r["framenet_sha256"] == fingerprint] if output else []
    done = {key(row) for row in rows}
    sets = [(difficulty, seed) for difficulty in world.DIFFICULTIES for seed in seeds]
    for difficulty, seed in tqdm(sets, unit="set"):
        plan = [
            {"difficulty": difficulty, "target": t, "features": f, "num_labels": n, "seed": seed}
            for f in FEATURES
            for t in ("shape", "color")
            for n in labels
        ]
        plan = [row for row in plan if key(row) not in done]
        if not plan:
            continue
        train, test = (
            world.generate(
                number, difficulty=difficulty, size=SIZE, split=split, seed=seed, sound=False
            )
            for number, split in ((max(labels), "train"), (num_test, "test"))
        )
        found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for row in plan:
            start = time.perf_counter()
            kind = str(row["features"])
            if kind not in found:
                found[kind] = tuple(
                    features_of(c.frames[:, FRAME], kind, seed) for c in (train, test)
                )
            accuracy = measure_row(row, found[kind], train, test)
            rows.append(
                row
                | {"test_accuracy": round(accuracy, 4), "num_test": num_test}
                | {"seconds": round(time.perf_counter() - start, 1)}
                | {"framenet_sha256": fingerprint, "machine": machine(), "command": COMMAND}
            )
            if output:
                write_rows(output, rows)
    report(rows)


def measure_row(
    row: dict[str, object], features: tuple[np.ndarray, np.ndarray], train: Clips, test: Clips
) -> float:
    """One probe: on a random choice of the training clips, the same for all kinds of features."""
    seed, count = int(str(row["seed"])), int(str(row["num_labels"]))
    truth = [clips.attributes[str(row["target"])] for clips in (train, test)]
    chosen = np.random.default_rng(seed).permutation(len(train))[:count]
    return measure((features[0][chosen], truth[0][chosen]), (features[1], truth[1]), seed)


def report(rows: list[dict[str, object]]) -> None:
    for difficulty in world.DIFFICULTIES:
        for target in ("shape", "color"):
            for kind in FEATURES:
                means = []
                for count in LABELS:
                    found = [
                        float(str(row["test_accuracy"]))
                        for row in rows
                        if key(row)[:4] == (difficulty, target, kind, str(count))
                    ]
                    means.append(f"{np.mean(found):.3f}" if found else "    -")
                print(f"{difficulty:<7} {target:<6} {kind:<9} {'  '.join(means)}")


if __name__ == "__main__":
    main()
