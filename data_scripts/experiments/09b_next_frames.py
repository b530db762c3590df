"""Measure forecasts of the next frames: rolled out, and measured with two classic mistakes.

The clips are the easy world, 32 x 32 pixels. A model sees frames 0 to 7 of a new clip and goes on
with frames 8 to 15; the error is the root of the mean squared difference in grey levels (0 to 255),
for each of the 8 steps. The models:

    copy last    the last frame that was seen, again and again
    ConvLSTM     NextFramePredictor
    causal 3D    FrameConv3D: 3D convolutions that see the past only
    leaky 3D     the same with padding="same" in time: place t sees frame t + 1

and each is measured in two ways: "rolled out", fed on its own frames as it must be when there is no
truth, and "fed the truth", where every forecast gets the true frames before it; the leaky one then
sees the very frame that it foretells, all but the last one.

    python data_scripts/experiments/09b_next_frames.py            # about 5 minutes on 2 cores
    python data_scripts/experiments/09b_next_frames.py --quick    # a smoke test, a minute

Results go to notebooks/results/09b_next_frames.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again. Each framework runs in a process of its own on
one core; the seconds are those of one core.
"""

import argparse
import importlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import world
from vidlab.forecasting import NextFrames, copy_last, errors_by_step

OUTPUT = Path(__file__).resolve().parents[2] / "notebooks" / "results" / "09b_next_frames.csv"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
COMMAND = "python data_scripts/experiments/09b_next_frames.py"
SEEN, AHEAD = 8, 8
ERRORS = tuple(f"error_{step}" for step in range(1, AHEAD + 1))
FIELDS = (
    "framework", "model", "measured", "seed", "steps", "learning_rate", *ERRORS, "num_test",
    "parameters", "train_seconds", "machine", "command",
)  # fmt: skip
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "model", "measured", "seed"))
FRAMEWORKS = ("torch", "keras")
MODELS = {  # name -> class, options, steps, learning rate
    "ConvLSTM": ("NextFramePredictor", {}, 500, 2e-2),
    "causal 3D": ("FrameConv3D", {"width": 16, "causal": True}, 500, 5e-3),
    "leaky 3D": ("FrameConv3D", {"width": 16, "causal": False}, 500, 5e-3),
}
SEEDS = (0, 1, 2)
NUM_TRAIN, NUM_TEST = 2000, 300
LENGTH, BATCH = 10, 16


def clips_for(seed: int, quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Training and test frames, uint8 (N, 16, 32, 32, 3)."""
    options: dict[str, Any] = {"size": 32, "num_shapes": 1, "sound": False, "seed": seed}
    train = world.generate(60 if quick else NUM_TRAIN, split="train", **options)
    return train.frames, world.generate(NUM_TEST, split="test", **options).frames


def fed_the_truth(room: Any, framework: str, model: Any, test: np.ndarray) -> np.ndarray:
    """The forecasts of frames 8 to 15, each made from the true frames, uint8."""
    said = room.predict(model, test[:, : SEEN + AHEAD - 1])
    if framework == "torch":
        said = np.moveaxis(said, 2, -1)
    return np.round(255 * said[:, SEEN - 1 :].clip(0, 1)).astype(np.uint8)


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    for seed in SEEDS[:1] if quick else SEEDS:
        done = set() if quick else TABLE.finished()
        train, test = clips_for(seed, quick)
        truth = test[:, SEEN : SEEN + AHEAD]

        def add(name: str, measured: str, forecast: np.ndarray, **values: Any) -> None:
            errors = errors_by_step(forecast, truth)  # noqa: B023
            row = {
                "framework": framework, "model": name, "measured": measured,
                "seed": seed, "num_test": len(test), "machine": MACHINE,  # noqa: B023
                "command": COMMAND, "steps": 0, "learning_rate": "", "parameters": 0,
                "train_seconds": 0.0,
                **dict(zip(ERRORS, map(float, errors), strict=True)), **values,
            }  # fmt: skip
            print(row) if quick else TABLE.add(row)

        if (framework, "copy last", "rolled out", str(seed)) not in done:
            add("copy last", "rolled out", copy_last(test[:, :SEEN], AHEAD))
        for name, (kind, options, steps, rate) in MODELS.items():
            if (framework, name, "fed the truth", str(seed)) in done:
                continue
            room.set_seed(seed)
            model = getattr(room, kind)(**options)
            history = room.fit(
                model, NextFrames(train, LENGTH), num_steps=3 if quick else steps,
                batch_size=BATCH, learning_rate=rate, schedule="one_cycle",
                loss=room.next_frame_loss, progress=False, seed=seed,
            )  # fmt: skip
            values = {
                "steps": steps,
                "learning_rate": rate,
                "parameters": room.count_parameters(model),
                "train_seconds": history.seconds,
            }
            if (framework, name, "rolled out", str(seed)) not in done:
                add(name, "rolled out", room.forecast(model, test[:, :SEEN], AHEAD), **values)
            add(name, "fed the truth", fed_the_truth(room, framework, model, test), **values)


def main() -> None:
    """Each framework in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.quick)
    else:
        run_side_by_side(__file__, FRAMEWORKS, ["--quick"] if args.quick else [])


if __name__ == "__main__":
    main()
