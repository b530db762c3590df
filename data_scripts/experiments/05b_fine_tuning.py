"""Measure what a GPT-2 brings to video: four starts, four ways to fine-tune, three seeds.

GPT2Video reads the thumbnails of 16 frames (8 x 8 pixels, less the clip's median) and names the
action, after training on 1,200 labelled clips of the easy world. Its GPT-2 has the size of minigpt
and starts from

    random       random weights
    language     minigpt, which learned to say the next word of stories made of captions
    shuffled     the control: the same stories with the words of each in random order
    video        random weights, then trained to say the features of the next frame of 6,000 clips
                 without labels

and of it learn: nothing (frozen), the last block, LoRA adapters, or everything (full). The layers
around it always learn.

    python data_scripts/experiments/05b_fine_tuning.py            # about an hour on 2 cores
    python data_scripts/experiments/05b_fine_tuning.py --quick    # a smoke test, a minute

Results go to notebooks/results/05b_fine_tuning.csv, row by row: an interrupted run goes on where
it stopped. Delete the file to measure everything again. Video-pretrained models wait in
build/05b_fine_tuning until then. Each framework runs in a process of its own on one core, both at
once; the seconds are those of one core.
"""

import argparse
import csv
import importlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from vidlab import weights, world
from vidlab.thumbnails import thumbnails

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "05b_fine_tuning.csv"
PRETRAINED = ROOT / "build" / "05b_fine_tuning"
COMMAND = "python data_scripts/experiments/05b_fine_tuning.py"
FIELDS = (
    "framework",
    "start",
    "parts",
    "seed",
    "num_labels",
    "steps",
    "learning_rate",
    "test_accuracy",
    "num_test",
    "trained_parameters",
    "parameters",
    "train_seconds",
    "pretrain_steps",
    "pretrain_seconds",
    "machine",
    "command",
)
FRAMEWORKS = ("torch", "keras")
STARTS = ("random", "language", "shuffled", "video")
PARTS = ("frozen", "last_block", "lora", "full")
SEEDS = (0, 1, 2)
NUM_CLIPS, NUM_LABELS, NUM_TEST = 6000, 1200, 500
STEPS, LEARNING_RATE = 400, 3e-3
PRETRAIN_STEPS, PRETRAIN_RATE = 2000, 1e-3


def features_of(frames: np.ndarray) -> np.ndarray:
    """What moves in each frame, (N, T, 192)."""
    small = thumbnails(frames)
    return small - np.median(small, axis=1, keepdims=True)


def data_for(seed: int, quick: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features and labels for training, and for the test; scaled to a spread of 1."""
    options: dict[str, Any] = {"size": 32, "seed": seed, "sound": False}
    train = world.generate(64 if quick else NUM_CLIPS, **options)
    test = world.generate(50 if quick else NUM_TEST, split="test", **options)
    x, test_x = features_of(train.frames), features_of(test.frames)
    spread = x.std()
    return x / spread, train.labels, test_x / spread, test.labels


def pretrained_on_video(room: Any, x: np.ndarray, seed: int, quick: bool) -> tuple[Any, float]:
    """A GPT-2 that learned to foresee frames, and the seconds that it took."""
    path = PRETRAINED / f"{room.__name__}_{seed}.safetensors"
    gpt2 = room.load_gpt2("minigpt", pretrained=False, seed=seed)
    if path.is_file() and not quick:
        return gpt2, float(weights.load(gpt2, path)["seconds"])
    room.set_seed(seed)
    model = room.NextFeatures(room.GPT2Video(len(world.ACTIONS), gpt2, x.shape[2]))
    begin = time.perf_counter()
    room.fit(
        model, (x, x[:, 1:]), num_steps=3 if quick else PRETRAIN_STEPS, loss="mse",
        learning_rate=PRETRAIN_RATE, schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    if not quick:
        PRETRAINED.mkdir(parents=True, exist_ok=True)
        weights.save(gpt2, path, {"seconds": f"{seconds:.1f}"})
    return gpt2, seconds


def start_from(
    room: Any, start: str, x: np.ndarray, seed: int, quick: bool
) -> tuple[Any, int, float]:
    """A GPT-2, and the steps and seconds of its pretraining in this experiment."""
    if start == "video":
        gpt2, seconds = pretrained_on_video(room, x, seed, quick)
        return gpt2, PRETRAIN_STEPS, seconds
    if start == "random":
        return room.load_gpt2("minigpt", pretrained=False, seed=seed), 0, 0.0
    return room.load_gpt2({"language": "minigpt", "shuffled": "minigpt-shuffled"}[start]), 0, 0.0


def measure(
    room: Any, gpt2: Any, parts: str, data: tuple[np.ndarray, ...], seed: int, quick: bool
) -> dict[str, Any]:
    """Fine-tune one model."""
    x, y, test_x, test_y = data
    if parts == "lora":
        gpt2 = room.add_lora(gpt2, seed=seed)
    room.set_seed(seed + 100)
    model = room.GPT2Video(len(world.ACTIONS), gpt2, x.shape[2])
    room.set_trainable(model, parts)
    begin = time.perf_counter()
    room.fit(
        model, (x[:NUM_LABELS], y[:NUM_LABELS]), num_steps=3 if quick else STEPS,
        learning_rate=LEARNING_RATE, schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    return {
        "num_labels": min(NUM_LABELS, len(x)),
        "steps": STEPS,
        "learning_rate": LEARNING_RATE,
        "test_accuracy": room.evaluate(model, (test_x, test_y))["accuracy"],
        "num_test": len(test_y),
        "trained_parameters": room.count_parameters(model),
        "parameters": room.count_parameters(model, trainable_only=False),
        "train_seconds": time.perf_counter() - begin,
    }


def finished() -> set[tuple[str, ...]]:
    """The rows that are on disk already."""
    if not OUTPUT.is_file():
        return set()
    with OUTPUT.open(newline="", encoding="utf-8") as stream:
        return {
            (row["framework"], row["start"], row["parts"], row["seed"])
            for row in csv.DictReader(stream)
        }


def write(row: dict[str, Any]) -> None:
    """Add one row."""
    row = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}
    new = not OUTPUT.is_file()
    with OUTPUT.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(*(f"{key} {row[key]}" for key in FIELDS[:12]), sep=", ", flush=True)


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    machine = f"{platform.system()} {platform.machine()}, one core, CPU"
    for seed in SEEDS[:1] if quick else SEEDS:
        data = data_for(seed, quick)
        for start in STARTS:
            done = finished()
            for parts in PARTS:
                if (framework, start, parts, str(seed)) in done:
                    continue
                gpt2, steps, seconds = start_from(room, start, data[0], seed, quick)
                row = {
                    "framework": framework,
                    "start": start,
                    "parts": parts,
                    "seed": seed,
                    "pretrain_steps": steps,
                    "pretrain_seconds": seconds,
                    "machine": machine,
                    "command": COMMAND,
                    **measure(room, gpt2, parts, data, seed, quick),
                }
                if quick:
                    print(row)
                else:
                    write(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.quick)
        return
    one_core = {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--framework", name, *(["--quick"] if args.quick else [])],
            env={**os.environ, **one_core},
        )
        for name in FRAMEWORKS
    ]
    failed = [process.wait() for process in running]  # all of them, before the first is judged
    if any(failed):
        sys.exit("a framework's process failed; what it wrote is kept, run the command again")


if __name__ == "__main__":
    main()
