"""Train the frame autoencoder that vidlab ships, and write the codes of 4,000 clips under it.

    python data_scripts/pretrain_frame_autoencoder.py          # about three minutes on one core
    python data_scripts/pretrain_frame_autoencoder.py --quick  # a smoke test; writes nothing

The clips are those of the simple world (one shape, easy), training split, seed 700, which no
chapter trains or tests on. The same command gives the same weights on one machine; weights and
codes replace vidlab/data/frame_autoencoder.safetensors and clip_codes.npz when both are complete.
"""

import argparse
import os
import time

import numpy as np
import torch

import vidlab.torch as vt
from vidlab import latents, metrics, weights, world
from vidlab.backbones import FRAME_AUTOENCODER

NUM_CLIPS, NUM_STEPS, LEARNING_RATE, SEED = 4000, 6000, 5e-3, 700


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    clips = world.generate(
        80 if quick else NUM_CLIPS, size=32, num_shapes=1, sound=False, seed=SEED
    )
    vt.set_seed(SEED)
    model = vt.FrameAutoencoder()
    start = time.perf_counter()
    history = vt.fit_loss(
        model, latents.pairs_of_frames(clips.frames), num_steps=3 if quick else NUM_STEPS,
        learning_rate=LEARNING_RATE, averaged=True, seed=SEED,
    )  # fmt: skip
    print(f"{history}; {vt.count_parameters(model):,} parameters")
    raw = latents.join_codes(*vt.encode_clips(model, clips.frames))
    facts = {name: clips.attributes[name] for name in ("action", "color", "shape")}
    facts["caption"] = np.array(clips.captions)
    codes = latents.standardise(raw, clips.labels, clips.frames.shape[1], facts)
    print(f"{len(codes)} codes; {time.perf_counter() - start:.0f} s")
    measure(model, codes, 8 if quick else 1000)
    if not quick:
        weights.save(
            model,
            FRAME_AUTOENCODER.with_suffix(".new"),
            {"made_by": "data_scripts/pretrain_frame_autoencoder.py"},
        )
        latents.save_codes(codes, latents.SHIPPED_CODES)
        os.replace(FRAME_AUTOENCODER.with_suffix(".new"), FRAME_AUTOENCODER)


def measure(model: vt.FrameAutoencoder, codes: latents.ClipCodes, num_clips: int) -> None:
    """Print how well new clips survive: frame by frame, and as one code per clip."""
    real = world.generate(num_clips, size=32, num_shapes=1, sound=False, split="val", seed=SEED)
    judge = vt.load_judge()
    features = vt.judge(judge, real.frames).features
    raw = latents.join_codes(*vt.encode_clips(model, real.frames))
    through = vt.TwoStage(model, Given((raw - codes.mean) / codes.spread), codes)
    painted = vt.generate(through, np.arange(num_clips))
    judged = vt.judge(judge, painted)
    error = ((painted / 255 - real.frames / 255) ** 2).mean()
    names = {name: real.attributes[name] for name in ("action", "color", "shape")}
    print(
        f"clips painted from their codes: error {error:.6f}, "
        f"right {metrics.attribute_accuracy(judged, **names)}, "
        f"Frechet distance {metrics.frechet_distance(judged.features, features):.2f}"
    )


class Given(torch.nn.Module):
    """Gives codes by their numbers, in place of new ones."""

    noise_shape = ()

    def __init__(self, codes: np.ndarray) -> None:
        super().__init__()
        self.codes = torch.as_tensor(codes)

    def sample(self, noise: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.codes[labels]


if __name__ == "__main__":
    main()
