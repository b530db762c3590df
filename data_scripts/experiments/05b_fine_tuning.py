"""Measure what a GPT-2 brings to video: five starts, four ways to fine-tune, three seeds.

GPT2Video reads 64 numbers for each of 16 frames: how far each pixel of its thumbnail is from the
frame's own background. One frame's numbers say next to nothing about the action. After training on
1,200 labelled clips of the easy world the model names the action. Its GPT-2 has the size of minigpt
and starts from

    random       random weights
    language     minigpt, which learned to say the next word of stories made of captions
    shuffled     the control: the same stories with the words of each in random order
    scrambled    a second control: minigpt with the numbers of each tensor in random order
    video        random weights, then trained to say the features of the next frame of 6,000 clips
                 without labels

and of it learn: nothing (frozen), the last block, LoRA adapters, or everything (full). The layers
around it always learn. A linear classifier of all the numbers is the baseline.

    python data_scripts/experiments/05b_fine_tuning.py --rates    # first: half an hour
    python data_scripts/experiments/05b_fine_tuning.py            # about 40 minutes on 2 cores
    python data_scripts/experiments/05b_fine_tuning.py --quick    # a smoke test, a minute

--rates tries five learning rates for each way to fine-tune, in PyTorch, on another seed and on
validation clips, with random weights and with language: notebooks/results/05b_rates.csv. The best
mean of the two starts is the rate of that way in all runs (LEARNING_RATES below).

Results go to notebooks/results/05b_fine_tuning.csv, row by row: an interrupted run goes on where
it stopped. Delete the file to measure everything again. Video-pretrained models wait in
build/05b_fine_tuning until then. Each framework runs in a process of its own on one core, both at
once; the seconds are those of one core.
"""

import argparse
import importlib
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

from vidlab import weights, world
from vidlab.gpt2 import find_gpt2, read_settings, read_weights
from vidlab.thumbnails import thumbnails

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "05b_fine_tuning.csv"
PRETRAINED = ROOT / "build" / "05b_fine_tuning"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
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
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "start", "parts", "seed"))
RATES_TABLE = ResultsTable(
    OUTPUT.with_name("05b_rates.csv"),
    ("start", "parts", "learning_rate", "steps", "seed", "val_accuracy", "num_val", "command"),
    ("start", "parts", "learning_rate"),
)
FRAMEWORKS = ("sklearn", "torch", "keras")
STARTS = ("random", "language", "shuffled", "scrambled", "video")
PARTS = ("frozen", "last_block", "lora", "full")
SEEDS = (0, 1, 2)
NUM_CLIPS, NUM_LABELS, NUM_TEST = 6000, 1200, 500
STEPS = 600
LEARNING_RATES = {"frozen": 3e-2, "last_block": 1e-2, "lora": 1e-2, "full": 3e-3}
RATES, RATES_SEED = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), 10
PRETRAIN_STEPS, PRETRAIN_RATE = 2000, 1e-3


def features_of(frames: np.ndarray) -> np.ndarray:
    """How far each pixel of a thumbnail is from its frame's own background, (N, T, 64)."""
    small = thumbnails(frames).reshape(*frames.shape[:2], 64, 3)
    return np.abs(small - np.median(small, axis=2, keepdims=True)).max(axis=3)


def data_for(
    seed: int, quick: bool, split: str = "test"
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features and labels for training, and for the test; scaled to a spread of 1."""
    options: dict[str, Any] = {"size": 32, "seed": seed, "sound": False}
    train = world.generate(64 if quick else NUM_CLIPS, **options)
    test = world.generate(50 if quick else NUM_TEST, split=split, **options)
    x, test_x = features_of(train.frames), features_of(test.frames)
    spread = x.std()
    return x / spread, train.labels, test_x / spread, test.labels


def foreseeing(room: Any, gpt2: Any, x: np.ndarray, seed: int, quick: bool) -> Any:
    """Train a GPT-2 to foresee frames; returns the model around it."""
    room.set_seed(seed)
    model = room.NextFeatures(room.GPT2Video(len(world.ACTIONS), gpt2, x.shape[2]))
    room.fit(
        model, (x, x[:, 1:]), num_steps=3 if quick else PRETRAIN_STEPS, loss="mse",
        learning_rate=PRETRAIN_RATE, schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    return model


def pretrained_on_video(room: Any, x: np.ndarray, seed: int, quick: bool) -> tuple[Any, float]:
    """A GPT-2 that learned to foresee frames, and the seconds that it took."""
    path = PRETRAINED / f"{room.__name__}_{seed}.safetensors"
    gpt2 = room.load_gpt2("minigpt", pretrained=False, seed=seed)
    if path.is_file() and not quick:
        return gpt2, float(weights.load(gpt2, path)["seconds"])
    begin = time.perf_counter()
    foreseeing(room, gpt2, x, seed, quick)
    seconds = time.perf_counter() - begin
    if not quick:
        PRETRAINED.mkdir(parents=True, exist_ok=True)
        weights.save(gpt2, path, {"seconds": f"{seconds:.1f}"})
    return gpt2, seconds


def scrambled(seed: int) -> Path:
    """A folder with minigpt whose tensors hold their numbers in random order."""
    folder = PRETRAINED / f"scrambled_{seed}_{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    source = find_gpt2("minigpt")
    rng = np.random.default_rng(seed)
    tensors = {
        name: rng.permutation(array.ravel()).reshape(array.shape)
        for name, array in read_weights(source, read_settings(source)).items()
    }
    save_file(tensors, folder / "model.safetensors")
    shutil.copy(source / "config.json", folder)
    return folder


def start_from(
    room: Any, start: str, x: np.ndarray, seed: int, quick: bool
) -> tuple[Any, int, float]:
    """A GPT-2, and the steps and seconds of its pretraining in this experiment."""
    if start == "video":
        gpt2, seconds = pretrained_on_video(room, x, seed, quick)
        return gpt2, PRETRAIN_STEPS, seconds
    if start == "scrambled":
        folder = scrambled(seed)
        gpt2 = room.load_gpt2(folder)
        shutil.rmtree(folder)
        return gpt2, 0, 0.0
    if start == "random":
        return room.load_gpt2("minigpt", pretrained=False, seed=seed), 0, 0.0
    return room.load_gpt2({"language": "minigpt", "shuffled": "minigpt-shuffled"}[start]), 0, 0.0


def measure(
    room: Any,
    gpt2: Any,
    parts: str,
    data: tuple[np.ndarray, ...],
    rate: float,
    seed: int,
    quick: bool,
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
        learning_rate=rate, schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    return {
        "num_labels": min(NUM_LABELS, len(x)),
        "steps": STEPS,
        "learning_rate": rate,
        "test_accuracy": room.evaluate(model, (test_x, test_y))["accuracy"],
        "num_test": len(test_y),
        "trained_parameters": room.count_parameters(model),
        "parameters": room.count_parameters(model, trainable_only=False),
        "train_seconds": time.perf_counter() - begin,
    }


def run_linear(quick: bool) -> None:
    """The baseline: a linear classifier of all numbers of a clip."""
    for seed in SEEDS[:1] if quick else SEEDS:
        if ("sklearn", "none", "linear", str(seed)) in TABLE.finished():
            continue
        x, y, test_x, test_y = data_for(seed, quick)
        begin = time.perf_counter()
        linear = LogisticRegression(C=0.01, max_iter=300)
        linear.fit(x[:NUM_LABELS].reshape(len(x[:NUM_LABELS]), -1), y[:NUM_LABELS])
        row = {
            "framework": "sklearn",
            "start": "none",
            "parts": "linear",
            "seed": seed,
            "num_labels": min(NUM_LABELS, len(x)),
            "steps": 0,
            "learning_rate": "",
            "test_accuracy": linear.score(test_x.reshape(len(test_x), -1), test_y),
            "num_test": len(test_y),
            "trained_parameters": linear.coef_.size + linear.intercept_.size,
            "parameters": linear.coef_.size + linear.intercept_.size,
            "train_seconds": time.perf_counter() - begin,
            "pretrain_steps": 0,
            "pretrain_seconds": 0.0,
            "machine": MACHINE,
            "command": COMMAND,
        }
        if quick:
            print(row)
        else:
            TABLE.add(row)


def try_rates(start: str) -> None:
    """The table of learning rates, for one start; in PyTorch."""
    room = importlib.import_module("vidlab.torch")
    data = data_for(RATES_SEED, quick=False, split="val")
    for parts in PARTS:
        for rate in RATES:
            if (start, parts, f"{rate:.4g}") in RATES_TABLE.finished():
                continue
            gpt2, _, _ = start_from(room, start, data[0], RATES_SEED, quick=False)
            values = measure(room, gpt2, parts, data, rate, RATES_SEED, quick=False)
            row = {
                "start": start,
                "parts": parts,
                "learning_rate": rate,
                "steps": STEPS,
                "seed": RATES_SEED,
                "val_accuracy": values["test_accuracy"],
                "num_val": values["num_test"],
                "command": f"{COMMAND} --rates",
            }
            RATES_TABLE.add(row)


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    if framework == "sklearn":
        run_linear(quick)
        return
    room = importlib.import_module(f"vidlab.{framework}")
    for seed in SEEDS[:1] if quick else SEEDS:
        data = data_for(seed, quick)
        for start in STARTS:
            done = TABLE.finished()
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
                    "machine": MACHINE,
                    "command": COMMAND,
                    **measure(room, gpt2, parts, data, LEARNING_RATES[parts], seed, quick),
                }
                if quick:
                    print(row)
                else:
                    TABLE.add(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--rates", nargs="?", const="", choices=("", "random", "language"))
    args = parser.parse_args()
    if args.rates is not None:
        for start in [args.rates] if args.rates else ["random", "language"]:
            try_rates(start)
        return
    if args.framework:
        run(args.framework, args.quick)
        return
    run_side_by_side(__file__, FRAMEWORKS, ["--quick"] if args.quick else [])


if __name__ == "__main__":
    main()
