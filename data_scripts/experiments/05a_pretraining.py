"""Measure what pretraining by masking is worth, by how many labels there are; three seeds.

A VideoTransformer first learns to say what is in hidden frames of 6,000 clips of the easy world,
without any label (MaskedFrames). Then it learns the actions from 1 %, 5 %, 20 % and all of the
labels, and so does one that starts from scratch: same clips, same order, same steps, same rate.
A control is pretrained just as long on the same clips with the frames of each in random order:
it sees every frame, and no motion.

    python data_scripts/experiments/05a_pretraining.py            # about 90 minutes on 2 cores
    python data_scripts/experiments/05a_pretraining.py --quick    # a smoke test, a minute

Results go to notebooks/results/05a_pretraining.csv, row by row: an interrupted run goes on where
it stopped. Delete the file to measure everything again. Pretrained encoders wait in
build/05a_pretraining until then. Each framework runs in a process of its own on one core, both
at once; the seconds are those of one core.
"""

import argparse
import importlib
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import weights, world
from vidlab.clips import Clips
from vidlab.thumbnails import thumbnails

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "05a_pretraining.csv"
ENCODERS = ROOT / "build" / "05a_pretraining"
COMMAND = "python data_scripts/experiments/05a_pretraining.py"
FIELDS = (
    "framework",
    "start",
    "seed",
    "label_share",
    "num_labels",
    "steps",
    "learning_rate",
    "test_accuracy",
    "num_test",
    "train_seconds",
    "pretrain_steps",
    "pretrain_seconds",
    "parameters",
    "machine",
    "command",
)
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "start", "seed", "label_share"))
FRAMEWORKS = ("torch", "keras")
STARTS = ("scratch", "masked", "masked, shuffled frames")
SEEDS = (0, 1, 2)
NUM_CLIPS, NUM_TEST = 6000, 500
STEPS = {0.01: 200, 0.05: 200, 0.2: 300, 1.0: 400}  # share of the labels -> steps
PRETRAIN_STEPS, LEARNING_RATE = 2500, 3e-3


def clips_for(seed: int, quick: bool) -> tuple[Clips, Clips]:
    options: dict[str, Any] = {"size": 32, "seed": seed, "sound": False}
    train = world.generate(64 if quick else NUM_CLIPS, **options)
    return train, world.generate(50 if quick else NUM_TEST, split="test", **options)


def targets_of(frames: np.ndarray) -> np.ndarray:
    """What moves in each frame: its thumbnail less the clip's median, scaled to a spread of 1."""
    small = thumbnails(frames)
    moving = small - np.median(small, axis=1, keepdims=True)
    return moving / moving.std()


def pretrained(room: Any, frames: np.ndarray, start: str, seed: int, quick: bool) -> Any:
    """An encoder that learned from clips without labels, and the seconds that it took."""
    name = f"{room.__name__}_{STARTS.index(start)}_{seed}.safetensors"
    path = ENCODERS / name
    room.set_seed(seed)
    encoder = room.VideoEncoder()
    if path.is_file() and not quick:
        return encoder, float(weights.load(encoder, path)["seconds"])
    if start == STARTS[2]:
        rng = np.random.default_rng(seed)
        frames = np.stack([clip[rng.permutation(len(clip))] for clip in frames])
    model = room.MaskedFrames(encoder)
    begin = time.perf_counter()
    room.fit(
        model, (frames, targets_of(frames)), num_steps=3 if quick else PRETRAIN_STEPS,
        loss=room.masked_mse, learning_rate=LEARNING_RATE, schedule="one_cycle",
        progress=False, seed=seed,
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    if not quick:
        ENCODERS.mkdir(parents=True, exist_ok=True)
        weights.save(encoder, path, {"seconds": f"{seconds:.1f}"})
    return encoder, seconds


def measure(
    room: Any, encoder: Any, train: Clips, test: Clips, share: float, seed: int, quick: bool
) -> dict[str, Any]:
    """Learn from some of the labels; ``encoder`` gives the start, or None for scratch."""
    room.set_seed(seed + 100)
    model = room.VideoTransformer(len(train.class_names))
    if encoder is not None:
        weights.copy_weights(encoder, model.encoder)
    num_labels = max(10, round(share * len(train)))
    steps = 3 if quick else STEPS[share]
    begin = time.perf_counter()
    room.fit(
        model, train[:num_labels], num_steps=steps, learning_rate=LEARNING_RATE,
        schedule="one_cycle", progress=False, seed=seed,
    )  # fmt: skip
    return {
        "label_share": share,
        "num_labels": num_labels,
        "steps": steps,
        "learning_rate": LEARNING_RATE,
        "test_accuracy": room.evaluate(model, test)["accuracy"],
        "num_test": len(test),
        "train_seconds": time.perf_counter() - begin,
        "parameters": room.count_parameters(model),
    }


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    machine = f"{platform.system()} {platform.machine()}, one core, CPU"
    for start in STARTS:
        for seed in SEEDS[:1] if quick else SEEDS:
            done = TABLE.finished()
            shares = [s for s in STEPS if (framework, start, str(seed), f"{s:.4g}") not in done]
            if not shares:
                continue
            train, test = clips_for(seed, quick)
            encoder, seconds = None, 0.0
            if start != "scratch":
                encoder, seconds = pretrained(room, train.frames, start, seed, quick)
            for share in shares:
                row = {
                    "framework": framework,
                    "start": start,
                    "seed": seed,
                    "pretrain_steps": 0 if encoder is None else PRETRAIN_STEPS,
                    "pretrain_seconds": seconds,
                    "machine": machine,
                    "command": COMMAND,
                    **measure(room, encoder, train, test, share, seed, quick),
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
