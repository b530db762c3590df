"""Measure transformers over frames and over patches: all labels, from scratch, three seeds.

FrameViT sees the 16 patches of the middle frame, VideoTransformer one token for each of 16 frames,
SpaceTimeTransformer the 16 patches of all 16 frames, with divided attention. All learn the ten
actions of the easy world from the same 6,000 clips with the same steps and order; only the learning
rate is each one's own. SpaceTimeTransformer trains once more in each framework from the random
weights that the other one drew: is it the framework or the draw that decides?

    python data_scripts/experiments/05a_patches.py            # about half an hour on 2 cores
    python data_scripts/experiments/05a_patches.py --quick    # a smoke test, a minute

Results go to notebooks/results/05a_patches.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again. Each framework runs in a process of its own
on one core, both at once; the seconds are those of one core.
"""

import argparse
import importlib
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import world
from vidlab.weights import copy_weights

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "05a_patches.csv"
COMMAND = "python data_scripts/experiments/05a_patches.py"
FIELDS = (
    "framework",
    "model",
    "weights",
    "seed",
    "num_train",
    "steps",
    "learning_rate",
    "test_accuracy",
    "num_test",
    "train_seconds",
    "parameters",
    "machine",
    "command",
)
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "model", "weights", "seed"))
FRAMEWORKS = ("torch", "keras")
# The learning rate of each. With 3e-3, SpaceTimeTransformer stays at chance for most seeds.
MODELS = {"FrameViT": 3e-3, "VideoTransformer": 3e-3, "SpaceTimeTransformer": 1e-3}
SEEDS = (0, 1, 2)
SWAPPED = "SpaceTimeTransformer"  # with the other framework's random weights, for the first seed
NUM_CLIPS, NUM_TEST = 6000, 500
STEPS = 400


def made(framework: str, name: str, weights: str, seed: int, num_classes: int) -> Any:
    """A model with random weights: its own, or those that the other framework draws."""
    room = importlib.import_module(f"vidlab.{framework}")
    room.set_seed(seed)
    model = getattr(room, name)(num_classes)
    if weights == "the other's":
        other = FRAMEWORKS[1 - FRAMEWORKS.index(framework)]
        copy_weights(made(other, name, "its own", seed, num_classes), model)
    return model


def measure(
    framework: str, name: str, weights: str, train: Any, test: Any, seed: int, quick: bool
) -> dict[str, Any]:
    """Train and test one model. FrameViT sees the middle frame only."""
    room = importlib.import_module(f"vidlab.{framework}")

    def pick(clips: Any) -> tuple[np.ndarray, np.ndarray]:
        return clips.frames[:, 8] if name == "FrameViT" else clips.frames, clips.labels

    model = made(framework, name, weights, seed, len(train.class_names))
    begin = time.perf_counter()
    room.fit(
        model, pick(train), num_steps=3 if quick else STEPS, learning_rate=MODELS[name],
        schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    return {
        "num_train": len(train),
        "steps": STEPS,
        "learning_rate": MODELS[name],
        "test_accuracy": room.evaluate(model, pick(test))["accuracy"],
        "num_test": len(test),
        "train_seconds": seconds,
        "parameters": room.count_parameters(model),
    }


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    machine = f"{platform.system()} {platform.machine()}, one core, CPU"
    for seed in SEEDS[:1] if quick else SEEDS:
        done = TABLE.finished()
        wanted = [(name, "its own") for name in MODELS]
        if seed == SEEDS[0]:
            wanted.append((SWAPPED, "the other's"))
        wanted = [pair for pair in wanted if (framework, *pair, str(seed)) not in done]
        if not wanted:
            continue
        options: dict[str, Any] = {"size": 32, "seed": seed, "sound": False}
        train = world.generate(64 if quick else NUM_CLIPS, **options)
        test = world.generate(50 if quick else NUM_TEST, split="test", **options)
        for name, weights in wanted:
            row = {
                "framework": framework,
                "model": name,
                "weights": weights,
                "seed": seed,
                "machine": machine,
                "command": COMMAND,
                **measure(framework, name, weights, train, test, seed, quick),
            }
            if quick:
                print(row)
            else:
                TABLE.add(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.quick)
        return
    run_side_by_side(__file__, FRAMEWORKS, ["--quick"] if args.quick else [])


if __name__ == "__main__":
    main()
