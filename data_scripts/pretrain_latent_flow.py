"""Train the flow of clip codes that vidlab ships: name an action, get a clip.

    python data_scripts/pretrain_latent_flow.py          # about two minutes on one core
    python data_scripts/pretrain_latent_flow.py --quick  # a smoke test; writes nothing

It learns from the shipped codes (vidlab.latents.load_codes), those of 4,000 clips of the simple
world, given their action; the shipped frame autoencoder paints what it makes. The same command
gives the same weights on one machine; they replace vidlab/data/latent_flow.safetensors when they
are complete. At the end it prints the numbers of vidlab/data/latent_flow.md.
"""

import argparse
import os
import time

import numpy as np

import vidlab.torch as vt
from vidlab import latents, metrics, weights, world
from vidlab.backbones import LATENT_FLOW

NUM_STEPS, BATCH, LEARNING_RATE, SEED = 6000, 128, 2e-3, 700


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    codes = latents.load_codes()
    vt.set_seed(SEED)
    model = vt.LatentFlow(8)
    start = time.perf_counter()
    history = vt.fit_loss(
        model, latents.items(model, codes.codes, codes.labels, BATCH),
        num_steps=3 if quick else NUM_STEPS, learning_rate=LEARNING_RATE, averaged=True, seed=SEED,
    )  # fmt: skip
    print(f"{history}; {vt.count_parameters(model):,} parameters; "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    measure(vt.TwoStage(vt.load_frame_autoencoder(), model, codes), 16 if quick else 1000)
    if not quick:
        new = LATENT_FLOW.with_suffix(".new")
        weights.save(model, new, {"made_by": "data_scripts/pretrain_latent_flow.py"})
        os.replace(new, LATENT_FLOW)


def measure(clips: vt.TwoStage, count: int) -> None:
    """Print what the judge says of new clips, and how near they are to training clips."""
    options = {"size": 32, "num_shapes": 1, "sound": False, "seed": SEED}
    judge, labels = vt.load_judge(), np.arange(count) % 8
    real = world.generate(count, split="val", **options)
    made = vt.generate(clips, labels, seed=SEED)
    features = vt.judge(judge, real.frames).features
    found = metrics.report(vt.judge(judge, made), features, labels)
    print({name: round(value, 3) for name, value in found.items()})
    known = world.generate(4000, **options).frames  # those whose codes it learned
    for name, frames in (("generated", made[:100]), ("new real", real.frames[:100])):
        _, distances = metrics.nearest_clips(frames, known)
        print(f"{name}: nearest training clip at {np.median(distances):.4f} (median), "
              f"{distances.min():.4f} (least)")  # fmt: skip


if __name__ == "__main__":
    main()
