"""What a GAN gives in 1,000 steps, and what each of its parts is worth.

In each framework and for each of three seeds:

    classic 3D GAN                 the pair of introductions, on pixels; it knows no classes
    codes: LOSSES, penalty         a GAN of clip codes with one of four losses, with a gradient
    codes: LOSSES                  penalty (R1; with relativistic losses R1 + R2) or without
    VAE of codes, equal seconds    chapter 07's conditional VAE of the same codes; it gets as many
                                   seconds as "codes: relativistic, penalty" took with this seed

All GANs of codes are measured by the running mean of the generator. The painter and the codes are
those that vidlab ships. The judge looks at 400 generated clips; the Frechet distance is that from
400 real ones.

    python data_scripts/experiments/08_gan.py            # about 6 minutes on 2 cores
    python data_scripts/experiments/08_gan.py --quick    # a smoke test, a minute

Results go to notebooks/results/08_gan.csv, row by row: an interrupted run goes on where it stopped.
Delete the file to measure everything again. Each framework runs in a process of its own on one
core, both at once; the seconds are those of one core.
"""

import argparse
import importlib
import platform
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import metrics, world
from vidlab.adversarial import LOSSES
from vidlab.latents import items, load_codes

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "08_gan.csv"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
COMMAND = "python data_scripts/experiments/08_gan.py"
FIELDS = (
    "framework",
    "seed",
    "model",
    "steps",
    "seconds",
    "class_consistency",
    "frechet",
    "color_diversity",
    "shape_diversity",
    "colors_per_class",
    "machine",
    "command",
)
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "model", "seed"))
FRAMEWORKS = ("torch", "keras")
SEEDS = (0, 1, 2)
NUM_JUDGED, NUM_CLASSES = 400, 8
SIMPLE: dict[str, Any] = {"size": 32, "num_shapes": 1, "sound": False}
CLASSIC: dict[str, Any] = {
    "num_steps": 320,
    "batch_size": 16,
    "generator_rate": 1e-3,
    "discriminator_rate": 1e-3,
}
GAME: dict[str, Any] = {
    "num_steps": 1000,
    "batch_size": 128,
    "generator_rate": 2e-3,
    "discriminator_rate": 2e-3,
    "schedule": "cosine",
    "betas": (0.0, 0.99),
}
PENALTY = 0.3
OURS, VAE = "codes: relativistic, penalty", "VAE of codes, equal seconds"
GAMES = {
    f"codes: {losses}{', penalty' if penalty else ''}": {"losses": losses, "penalty": penalty}
    for losses in ("relativistic", *(name for name in LOSSES if name != "relativistic"))
    for penalty in (PENALTY, 0.0)
}
del GAMES["codes: minimax, penalty"]  # minimax is there to be compared with non-saturating


def train_classic(room: Any, seed: int, frames: np.ndarray, quick: bool) -> tuple[Any, int, float]:
    """The generator of clips, its steps and seconds."""
    room.set_seed(seed)
    players = room.Generator3D(num_channels=32), room.Discriminator3D(num_channels=32)
    options = {**CLASSIC, "num_steps": 3} if quick else CLASSIC
    history = room.fit_adversarial(*players, frames, **options, seed=seed, progress=False)
    return players[0], len(history.records), history.seconds


def train_game(
    room: Any, painter: Any, codes: Any, seed: int, quick: bool, **changes: Any
) -> tuple[Any, int, float]:
    """The running mean as a generator of clips, its steps and seconds."""
    sizes = NUM_CLASSES, codes.codes.shape[1]
    room.set_seed(seed)
    generator = room.LatentGenerator(*sizes)
    discriminator = room.LatentDiscriminator(*sizes)
    average = room.LatentGenerator(*sizes)
    options = {**GAME, **changes, **({"num_steps": 3} if quick else {})}
    history = room.fit_adversarial(
        generator, discriminator, (codes.codes, codes.labels), average=average, **options,
        seed=seed, progress=False,
    )  # fmt: skip
    return room.TwoStage(painter, average, codes), len(history.records), history.seconds


def train_vae(
    room: Any, painter: Any, codes: Any, seed: int, seconds: float
) -> tuple[Any, int, float]:
    """The VAE after about so many seconds as a generator of clips, its steps and seconds."""
    sizes = NUM_CLASSES, codes.codes.shape[1]
    room.set_seed(seed)
    trial, vae = room.LatentVAE(*sizes), room.LatentVAE(*sizes)
    batches = items(trial, codes.codes, codes.labels, batch_size=128)
    seconds_at = [
        record.seconds
        for record in room.fit_loss(trial, batches, num_steps=110, progress=False).records
    ]
    start_up, pace = seconds_at[9], (seconds_at[-1] - seconds_at[9]) / 100  # Keras compiles first
    num_steps = max(1, 10 + round((seconds - start_up) / pace))
    history = room.fit_loss(vae, batches, num_steps=num_steps, seed=seed, progress=False)
    return room.TwoStage(painter, vae, codes), num_steps, history.seconds


def measures(room: Any, clips: Any, judge: Any, real_features: np.ndarray) -> dict[str, float]:
    """What the judge says of generated clips."""
    asked = np.arange(NUM_JUDGED) % (NUM_CLASSES)
    found = metrics.report(room.judge(judge, room.generate(clips, asked)), real_features, asked)
    return {
        "class_consistency": found["class_consistency"],
        "frechet": found["frechet"],
        "color_diversity": found["colors"],
        "shape_diversity": found["shapes"],
        "colors_per_class": found["colors_per_class"],
    }


def seconds_of_ours(framework: str, seed: int) -> float:
    """What the table says of the GAN that the VAE is compared with."""
    import csv

    with OUTPUT.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if (row["framework"], row["model"], row["seed"]) == (framework, OURS, str(seed)):
                return float(row["seconds"])
    raise RuntimeError(f"{OUTPUT} has no row of {OURS!r}")


def run(framework: str, seeds: tuple[int, ...], quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    codes, painter, judge = load_codes(), room.load_frame_autoencoder(), room.load_judge()
    real = world.generate(NUM_JUDGED, split="val", **SIMPLE).frames
    real_features = room.judge(judge, real).features
    frames = world.generate(64 if quick else 2000, seed=0, **SIMPLE).frames
    for seed in seeds[:1] if quick else seeds:
        for model in ("classic 3D GAN", *GAMES, VAE):
            if (framework, model, str(seed)) in TABLE.finished() and not quick:
                continue
            if model in GAMES:
                made = train_game(room, painter, codes, seed, quick, **GAMES[model])
            elif model == VAE:
                seconds = 1.0 if quick else seconds_of_ours(framework, seed)
                made = train_vae(room, painter, codes, seed, seconds)
            else:
                made = train_classic(room, seed, frames, quick)
            clips, steps, seconds = made
            row = {
                "framework": framework,
                "seed": seed,
                "model": model,
                "steps": steps,
                "seconds": seconds,
                **measures(room, clips, judge, real_features),
                "machine": MACHINE,
                "command": COMMAND,
            }
            if quick:
                print(row)
            else:
                TABLE.add(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="only these")
    args = parser.parse_args()
    if args.framework:
        run(args.framework, tuple(args.seeds), args.quick)
        return
    options = ["--seeds", *map(str, args.seeds), *(["--quick"] if args.quick else [])]
    run_side_by_side(__file__, FRAMEWORKS, options)


if __name__ == "__main__":
    main()
