"""Pretrain the MaskedFrames model that vidlab ships: 6,000 clips of the easy world, no labels.

    python data_scripts/pretrain_masked_frames.py              # about three minutes on 2 cores
    python data_scripts/pretrain_masked_frames.py --quick      # a smoke test; writes nothing

It is the first of the encoders that data_scripts/experiments/05a_pretraining.py measures (PyTorch,
seed 0), with the part that draws the hidden frames. The same command gives the same weights on one
machine; they replace vidlab/data/masked_frames.safetensors when they are complete.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

import vidlab.torch as vt
from vidlab import weights, world
from vidlab.thumbnails import thumbnails

OUTPUT = Path(__file__).resolve().parents[1] / "vidlab" / "data" / "masked_frames.safetensors"
NUM_CLIPS, NUM_STEPS, LEARNING_RATE, SEED = 6000, 2500, 3e-3, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    frames = world.generate(64 if quick else NUM_CLIPS, size=32, sound=False, seed=SEED).frames
    small = thumbnails(frames)
    moving = small - np.median(small, axis=1, keepdims=True)
    vt.set_seed(SEED)
    model = vt.MaskedFrames(vt.VideoEncoder())
    start = time.perf_counter()
    history = vt.fit(
        model, (frames, moving / moving.std()), num_steps=3 if quick else NUM_STEPS,
        loss=vt.masked_mse, learning_rate=LEARNING_RATE, schedule="one_cycle", seed=SEED,
    )  # fmt: skip
    print(
        f"error {np.mean(history.loss[:10]):.3f} -> {np.mean(history.loss[-100:]):.3f}, "
        f"{vt.count_parameters(model):,} parameters, {time.perf_counter() - start:.0f} s"
    )
    if not quick:
        new = OUTPUT.with_suffix(".new")
        weights.save(model, new, {"made_by": "data_scripts/pretrain_masked_frames.py"})
        os.replace(new, OUTPUT)


if __name__ == "__main__":
    main()
