"""Measure what beta does to a variational autoencoder of clip codes.

A LatentVAE learns the codes of 3,000 clips under a frame autoencoder. Its loss is the squared error
plus beta times the KL term. Measured, for each beta: the error of new codes that come back, per
standardised number; the KL term in nats; how many latents are active (their mean varies over new
clips with a variance above 0.01); and what the judge says of 1,000 generated clips, once with z
from N(0, I) ("prior"), and once with z from a normal distribution fitted to the z of each class's
training clips ("fitted").

    python data_scripts/experiments/07_betas.py            # about 12 minutes on 2 cores
    python data_scripts/experiments/07_betas.py --quick    # a smoke test, a minute

Results go to notebooks/results/07_betas.csv, row by row: an interrupted run goes on where it
stopped. Delete the file to measure everything again. Each framework runs in a process of its own on
one core.
"""

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import latents, metrics

HERE = Path(__file__).resolve()
spec = importlib.util.spec_from_file_location("vae_07", HERE.with_name("07_vae.py"))
assert spec is not None
assert spec.loader is not None
vae_07 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(vae_07)

OUTPUT = HERE.parents[2] / "notebooks" / "results" / "07_betas.csv"
COMMAND = "python data_scripts/experiments/07_betas.py"
FIELDS = (
    "framework", "beta", "seed", "steps", "error", "kl", "active", "num_latents",
    "prior_class", "prior_frechet", "fitted_class", "fitted_frechet", "prior_colors",
    "machine", "command",
)  # fmt: skip
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "beta", "seed"))
BETAS = (0.0005, 0.01, 0.2, 1.0, 5.0, 30.0)
STEPS, RATE = 1500, 2e-3
NUM_CLASSES, ASKED = vae_07.NUM_CLASSES, vae_07.ASKED


def measure(
    room: Any, painter: Any, codes: latents.ClipCodes, new: np.ndarray, beta: float
) -> dict[str, Any]:
    """Train one VAE and look at it."""
    model = room.made(lambda: room.room.LatentVAE(NUM_CLASSES, beta=beta))
    batches = latents.items(model, codes.codes, codes.labels, vae_07.BATCH)
    room.fit(model, batches, STEPS, learning_rate=RATE, averaged=True)
    labels = room.new.labels.astype(np.int64)
    mu, log_variance = room.call(model.encode, new, labels)
    back = room.call(model.sample, mu, labels)
    kl = 0.5 * (np.exp(log_variance) + mu**2 - 1 - log_variance).sum(axis=1)
    found = {
        "error": float(np.square(back - new).mean()), "kl": float(kl.mean()),
        "active": int((mu.var(axis=0) > 0.01).sum()), "num_latents": mu.shape[1],
    }  # fmt: skip
    rng = np.random.default_rng(room.seed)
    posterior, _ = room.call(model.encode, codes.codes, codes.labels.astype(np.int64))
    both = {
        "prior": rng.standard_normal((len(ASKED), mu.shape[1])).astype(np.float32),
        "fitted": vae_07.per_class(posterior, codes.labels, room.seed),
    }
    stages = room.room.TwoStage(painter, model, codes)
    for name, z in both.items():
        frames = room.pictures(room.call(stages.generate, z, ASKED, size=100))
        judged = metrics.report(room.room.judge(room.judge, frames), room.real, ASKED)
        found[f"{name}_class"], found[f"{name}_frechet"] = (
            judged["class_consistency"],
            judged["frechet"],
        )
        if name == "prior":
            found["prior_colors"] = judged["colors"]
    return found


def run(framework: str, seeds: list[int], quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    for seed in seeds[:1] if quick else seeds:
        missing = [b for b in BETAS if (framework, f"{b:.4g}", str(seed)) not in TABLE.finished()]
        if not missing and not quick:
            continue
        room = vae_07.Room(framework, seed, quick)
        painter = room.made(room.room.FrameAutoencoder)
        room.fit(
            painter, latents.pairs_of_frames(room.train.frames), vae_07.AUTOENCODER_STEPS,
            learning_rate=vae_07.AUTOENCODER_RATE,
        )  # fmt: skip
        raw, new_raw = (
            latents.join_codes(*room.room.encode_clips(painter, clips.frames))
            for clips in (room.train, room.new)
        )
        codes = latents.standardise(raw, room.train.labels, room.train.frames.shape[1])
        new = ((new_raw - codes.mean) / codes.spread).astype(np.float32)
        for beta in BETAS[-2:] if quick else missing:
            row = {
                "framework": framework, "beta": beta, "seed": seed, "steps": STEPS,
                "machine": vae_07.MACHINE, "command": COMMAND,
                **measure(room, painter, codes, new, beta),
            }  # fmt: skip
            print(row) if quick else TABLE.add(row)


def main() -> None:
    """Each framework in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=vae_07.FRAMEWORKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(vae_07.SEEDS))
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.seeds, args.quick)
    else:
        options = ["--seeds", *map(str, args.seeds), *(["--quick"] if args.quick else [])]
        run_side_by_side(__file__, vae_07.FRAMEWORKS, options)


if __name__ == "__main__":
    main()
