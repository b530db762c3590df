"""Measure learned worlds: how long does a network's dream agree with the true game?

A network sees the first two frames of a new steerable world and a player's keys, and makes every
later frame from its own last two. After 20 keys: is the player where it is in the true world
(within a pixel), and is the whole picture right? All models are WorldModel, trained alike on random
play:

    colours            logits of five colours per pixel, cross-entropy; the likeliest is fed back
    RGB                three numbers in, three out, squared error; fed back as it is
    RGB, snapped       the same weights; the nearest of the five colours is fed back for each pixel
    RGB, long; RGB, long, snapped
                       both with three times as many steps
    RGB out            planes of colours in as for "colours", three numbers out, squared error; the
                       nearest of the five colours is fed back
    RGB out, long      the same with three times as many steps
    colours, 1 pixel   "colours" in a world where everything moves by one pixel, not by four, and
                       the rest is the same

    python data_scripts/experiments/09b_world.py --rates    # first: nine minutes on one core
    python data_scripts/experiments/09b_world.py            # about 15 minutes on 2 cores
    python data_scripts/experiments/09b_world.py --quick    # a smoke test, a minute

--rates tries six learning rates for each model, in PyTorch and on another seed's worlds:
notebooks/results/09b_rates.csv. Each model gets the best of its own, the lower one of two that are
equal (RATES below). No rate lets "RGB" dream for 20 keys, snapped or not; both have the same one,
so that they differ in what is fed back and in nothing else. The long ones have the rates of the
short.

Results go to notebooks/results/09b_world.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again. Each framework runs in a process of its own on
one core; the seconds are those of one core.
"""

import argparse
import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import world

OUTPUT = Path(__file__).resolve().parents[2] / "notebooks" / "results" / "09b_world.csv"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
COMMAND = "python data_scripts/experiments/09b_world.py"
AT = (1, 5, 10, 20)  # keys after which is looked
FIELDS = (
    "framework", "model", "seed", "steps", "learning_rate", *(f"right_{t}" for t in AT),
    *(f"exact_{t}" for t in AT), "num_train", "num_test", "parameters", "train_seconds", "machine",
    "command",
)  # fmt: skip
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "model", "seed"))
RATES_TABLE = ResultsTable(
    OUTPUT.with_name("09b_rates.csv"),
    ("model", "learning_rate", "steps", "seed", "right_5", "right_20", "num_test", "command"),
    ("model", "learning_rate"),
)
FRAMEWORKS = ("torch", "keras")
RATES = {
    "colours": 2e-2,
    "RGB": 5e-3,
    "RGB, snapped": 5e-3,
    "RGB, long": 5e-3,
    "RGB, long, snapped": 5e-3,
    "RGB out": 4e-2,
    "RGB out, long": 4e-2,
    "colours, 1 pixel": 4e-2,
}
LONGER = 3  # times as many steps where "long" is in the name
TRIED, TRIED_SEED = (2.5e-3, 5e-3, 1e-2, 2e-2, 4e-2, 8e-2), 10
SEEDS = (0, 1, 2)
STEPS, BATCH = 1000, 32
NUM_TRAIN, NUM_STEPS, NUM_TEST = 400, 30, 300
HISTORY, NUM_COLORS = 2, len(world.PALETTE)
VALUES = world.PALETTE_VALUES.astype(np.float32) / 255
Predict = Callable[[np.ndarray], np.ndarray]


def in_rgb(planes: np.ndarray) -> np.ndarray:
    """Planes of colours and keys -> three channels per frame, and the keys."""
    *shape, _ = planes.shape
    colors = planes[..., : HISTORY * NUM_COLORS].reshape(*shape, HISTORY, NUM_COLORS) @ VALUES
    keys = planes[..., HISTORY * NUM_COLORS :]
    return np.concatenate([colors.reshape(*shape, 3 * HISTORY), keys], axis=-1)


class RGBTransitions:
    """``world.Transitions`` with the next frame in RGB, and if asked for the last ones too."""

    def __init__(self, transitions: world.Transitions, rgb_input: bool) -> None:
        self.transitions, self.rgb_input = transitions, rgb_input

    def __len__(self) -> int:
        return len(self.transitions)

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.transitions.get(indices)
        return in_rgb(x) if self.rgb_input else x, VALUES[y]


def nearness(pictures: np.ndarray) -> np.ndarray:
    """RGB (..., 3) -> a score for each colour: the nearest has the highest."""
    return -((pictures[..., None, :] - VALUES) ** 2).sum(axis=-1)


def dream_in_rgb(
    predict: Predict, frames: np.ndarray, actions: np.ndarray, snapped: bool
) -> np.ndarray:
    """``world.dream`` of a network that reads and gives RGB; seen through the nearest colours.

    What is fed back is the network's RGB as it is, or if ``snapped`` the nearest of the colours.
    """
    recent, made = VALUES[frames], []  # (N, history, H, W, 3)
    keys = np.eye(len(world.KEYS), dtype=np.float32)[actions]
    count, _, height, width, _ = recent.shape
    for t in range(actions.shape[1]):
        pressed = np.broadcast_to(keys[:, t, None, None], (count, height, width, len(world.KEYS)))
        colors = np.moveaxis(recent, 1, 3).reshape(count, height, width, 3 * HISTORY)
        picture = predict(np.concatenate([colors, pressed], axis=-1)).clip(0, 1)
        made.append(nearness(picture).argmax(axis=-1).astype(np.uint8))
        fed = VALUES[made[-1]] if snapped else picture
        recent = np.concatenate([recent[:, 1:], fed[:, None]], axis=1)
    return np.stack(made, axis=1)


def measure(made: np.ndarray, test: world.Episodes) -> dict[str, float]:
    """Shares of worlds in which the player is in the right place, and the picture is exact."""
    true, places = test.frames[:, HISTORY:], test.positions[:, HISTORY:]
    right = np.abs(world.find_player(made) - places).max(axis=-1) <= 1  # NaN is not
    exact = (made == true).all(axis=(2, 3))
    found = {f"right_{t}": float(right[:, t - 1].mean()) for t in AT}
    return found | {f"exact_{t}": float(exact[:, t - 1].mean()) for t in AT}


def measure_model(room: Any, name: str, seed: int, rate: float, quick: bool) -> dict[str, Any]:
    """Train one model and let it dream."""
    stride = 1 if name == "colours, 1 pixel" else 4
    train = world.steer(20 if quick else NUM_TRAIN, NUM_STEPS, seed=seed, stride=stride)
    test = world.steer(NUM_TEST, max(AT) + HISTORY - 1, seed=1000 + seed, stride=stride)
    transitions: Any = world.Transitions(train, HISTORY)
    num_items, loss = len(transitions), "cross_entropy"
    rgb = name.startswith("RGB")
    rgb_input = rgb and not name.startswith("RGB out")
    num_steps = STEPS * (LONGER if "long" in name else 1)
    num_inputs = HISTORY * (3 if rgb_input else NUM_COLORS) + len(world.KEYS)
    if rgb:
        transitions, loss = RGBTransitions(transitions, rgb_input), "mse"
    room.set_seed(seed)
    model = room.WorldModel(num_inputs=num_inputs, num_outputs=3 if rgb else NUM_COLORS)
    history = room.fit(
        model, transitions, num_steps=3 if quick else num_steps, batch_size=BATCH,
        learning_rate=rate, schedule="one_cycle", loss=loss, progress=False, seed=seed,
    )  # fmt: skip
    first, keys = test.frames[:, :HISTORY], test.actions[:, HISTORY - 1 :]
    if rgb_input:
        made = dream_in_rgb(lambda x: room.predict(model, x), first, keys, "snapped" in name)
    elif rgb:
        made = world.dream(lambda x: nearness(room.predict(model, x)), first, keys)
    else:
        made = world.dream(lambda x: room.predict(model, x), first, keys)
    return {
        **measure(made, test),
        "steps": num_steps,
        "num_train": num_items,
        "parameters": room.count_parameters(model),
        "train_seconds": history.seconds,
    }


def run(framework: str, quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    for seed in SEEDS[:1] if quick else SEEDS:
        for name, rate in RATES.items():
            if (framework, name, str(seed)) in TABLE.finished() and not quick:
                continue
            row = {
                "framework": framework, "model": name, "seed": seed,
                "learning_rate": rate, "num_test": NUM_TEST, "machine": MACHINE,
                "command": COMMAND, **measure_model(room, name, seed, rate, quick),
            }  # fmt: skip
            print(row) if quick else TABLE.add(row)


def try_rates(quick: bool) -> None:
    """Every learning rate of every model, in PyTorch, on a seed that is not in the table."""
    room = importlib.import_module("vidlab.torch")
    for name in RATES:
        for rate in () if "long" in name else TRIED:
            if (name, f"{rate:.4g}") in RATES_TABLE.finished() and not quick:
                continue
            found = measure_model(room, name, TRIED_SEED, rate, quick)
            row = {
                "model": name, "learning_rate": rate, "steps": STEPS, "seed": TRIED_SEED,
                "right_5": found["right_5"], "right_20": found["right_20"], "num_test": NUM_TEST,
                "command": f"{COMMAND} --rates",
            }  # fmt: skip
            print(row) if quick else RATES_TABLE.add(row)


def main() -> None:
    """Each framework in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--rates", action="store_true", help="try learning rates instead")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    args = parser.parse_args()
    if args.rates:
        try_rates(args.quick)
    elif args.framework:
        run(args.framework, args.quick)
    else:
        run_side_by_side(__file__, FRAMEWORKS, ["--quick"] if args.quick else [])


if __name__ == "__main__":
    main()
