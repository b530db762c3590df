"""Pretrain the GAN of clip codes that vidlab ships: the game of chapter 08, played longer.

    python data_scripts/pretrain_latent_gan.py              # about three minutes on one core
    python data_scripts/pretrain_latent_gan.py --quick      # a smoke test; writes nothing

It trains in PyTorch on the codes that vidlab ships and keeps the running mean of the generator. The
same command gives the same weights on one machine; they replace vidlab/data/latent_gan.safetensors
when they are complete. Then it prints the measures that stand in vidlab/data/latent_gan.md.
"""

import argparse
import os

import numpy as np

import vidlab.torch as vt
from vidlab import metrics, weights, world
from vidlab.backbones import LATENT_GAN
from vidlab.latents import load_codes

NUM_STEPS, SEED, NUM_JUDGED = 12_000, 0, 800


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    codes = load_codes()
    sizes = {"num_classes": 8, "code_dim": codes.codes.shape[1]}
    vt.set_seed(SEED)
    generator, average = (vt.LatentGenerator(**sizes) for _ in range(2))
    discriminator = vt.LatentDiscriminator(**sizes)
    history = vt.fit_adversarial(
        generator, discriminator, (codes.codes, codes.labels), average=average,
        num_steps=3 if quick else NUM_STEPS, batch_size=128, losses="relativistic", penalty=0.3,
        generator_rate=1e-3, discriminator_rate=1e-3, schedule="cosine", betas=(0.0, 0.99),
        decay=0.999, seed=SEED,
    )  # fmt: skip
    print(history)
    judge = vt.load_judge()
    real = world.generate(NUM_JUDGED, split="val", size=32, num_shapes=1, sound=False).frames
    asked = np.arange(NUM_JUDGED) % 8
    clips = vt.generate(vt.TwoStage(vt.load_frame_autoencoder(), average, codes), asked)
    found = metrics.report(vt.judge(judge, clips), vt.judge(judge, real).features, asked)
    print(*(f"{name} {value:.4g}" for name, value in found.items()), sep=", ")
    print(f"colour constancy {metrics.color_constancy(clips):.2f} grey levels")
    if not quick:
        new = LATENT_GAN.with_suffix(".new")
        weights.save(average, new, {"made_by": "data_scripts/pretrain_latent_gan.py"})
        os.replace(new, LATENT_GAN)


if __name__ == "__main__":
    main()
