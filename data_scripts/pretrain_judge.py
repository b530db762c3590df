"""Train the judge of generated clips that vidlab ships, on clips that no chapter uses.

    python data_scripts/pretrain_judge.py              # about three minutes on one core
    python data_scripts/pretrain_judge.py --quick      # a smoke test; writes nothing

It learns the action, the colour and the shape of 8,640 clips of the easy world with one shape.
Beside that it has to say where the shape is, how large it is and which colour is behind it, with a
head that is thrown away: else its features would hold nothing but the three answers, and their
Frechet distance would not see that a generator draws everything in one corner.
Half of the clips of a batch are damaged a little (blur, light, noise), as generated clips are.
The same command gives the same weights on one machine; they replace vidlab/data/judge.safetensors
when they are complete. At the end it prints the numbers of vidlab/data/judge.md.
"""

import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import vidlab.torch as vt
from vidlab import metrics, weights, world
from vidlab.backbones import JUDGE
from vidlab.clips import Clips

NUM_CLIPS, NUM_STEPS, LEARNING_RATE, SEED = 8640, 1200, 5e-3, 900


def clips_of(count: int, split: str, seed: int) -> Clips:
    return world.generate(count, size=32, num_shapes=1, sound=False, split=split, seed=seed)


def answers(clips: Clips) -> np.ndarray:
    """The action, the colour and the shape of each clip: int64 (N, 3)."""
    colors = [world.COLORS.index(color) for color in clips.attributes["color"]]
    shapes = [world.SHAPES.index(shape) for shape in clips.attributes["shape"]]
    return np.stack([clips.labels, colors, shapes], axis=1).astype(np.int64)


def scene(clips: Clips) -> np.ndarray:
    """Where the shape is, how large, and what is behind it: (N, 6), with mean 0 and spread 1."""
    where = [clips.attributes[name].mean(axis=1) for name in ("x", "y", "radius_t")]
    behind = np.median(clips.frames[:, 0].reshape(len(clips), -1, 3), axis=1)  # (N, 3)
    numbers = np.concatenate([np.stack(where, axis=1), behind], axis=1)
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)


class Pupil(nn.Module):
    """The judge with one more head, for the scene: logits (N, 17) and numbers (N, 6) in one."""

    def __init__(self) -> None:
        super().__init__()
        self.judge = vt.Judge()
        self.scene = nn.Linear(self.judge.num_features, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.judge.features(x)
        return torch.cat(
            [self.judge.opinions(features), self.scene(features / self.judge.feature_scale)], dim=1
        )


def four_losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross-entropies of action, colour and shape, and the scene's squared error, added up."""
    *logits, numbers = outputs.split((*vt.Judge.parts, 6), dim=1)
    loss = F.mse_loss(numbers, targets[:, 3:])
    for i, part in enumerate(logits):
        loss = loss + F.cross_entropy(part, targets[:, i].long())
    return loss


def damage(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur half of the clips uint8 (N, T, H, W, 3) a little, change their light, add noise."""
    x = x.astype(np.float32)
    for i in np.flatnonzero(rng.random(len(x)) < 0.5):
        clip = x[i]
        blurred = np.pad(clip, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        blurred = (blurred[:, :-2] + blurred[:, 1:-1] + blurred[:, 2:]) / 3
        blurred = (blurred[:, :, :-2] + blurred[:, :, 1:-1] + blurred[:, :, 2:]) / 3
        clip = clip + rng.uniform(0, 0.8) * (blurred - clip)
        clip = clip * rng.uniform(0.9, 1.1) + rng.uniform(-8, 8)
        x[i] = clip + rng.uniform(0, 10) * rng.standard_normal(clip.shape, dtype=np.float32)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def measure(model: vt.Judge, count: int) -> None:
    """Print how right the judge is on new clips, and how far real clips are from real clips."""
    new = clips_of(count, "val", SEED)
    asked = dict(zip(("action", "color", "shape"), answers(new).T, strict=True))
    damaged = damage(new.frames, np.random.default_rng(SEED))
    mixed = new.frames[:, np.random.default_rng(SEED).permutation(16)]
    found = {
        name: vt.judge(model, frames)
        for name, frames in [("new", new.frames), ("damaged", damaged), ("out of order", mixed)]
    }
    for name, judged in found.items():
        shares = metrics.attribute_accuracy(judged, **asked)
        print(f"{name}:", ", ".join(f"{part} {share:.4f}" for part, share in shares.items()))
    seen = vt.judge(model, clips_of(count, "train", SEED + 1).frames).features
    one_action = found["new"].features[asked["action"] == 0]
    corner = new.frames[(new.attributes["x"].mean(1) < 12) & (new.attributes["y"].mean(1) < 12)]
    print(f"Frechet distance of {count} clips of the training split from {count} new ones: "
          f"{metrics.frechet_distance(seen, found['new'].features):.3f}")  # fmt: skip
    print(f"  from the new ones damaged: "
          f"{metrics.frechet_distance(seen, found['damaged'].features):.2f}, out of order: "
          f"{metrics.frechet_distance(seen, found['out of order'].features):.2f}, of one action: "
          f"{metrics.frechet_distance(seen, one_action):.2f}, in one corner: "
          f"{metrics.frechet_distance(seen, vt.judge(model, corner).features):.2f}")  # fmt: skip
    print(f"  the features' variances add up to {seen.var(axis=0).sum():.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    clips = clips_of(144 if quick else NUM_CLIPS, "train", SEED)
    vt.set_seed(SEED)
    pupil = Pupil()
    targets = np.concatenate([answers(clips), scene(clips)], axis=1).astype(np.float32)
    start = time.perf_counter()
    history = vt.fit(
        pupil, (clips.frames, targets), num_steps=3 if quick else NUM_STEPS,
        loss=four_losses, learning_rate=LEARNING_RATE, schedule="one_cycle", augment=damage,
        seed=SEED,
    )  # fmt: skip
    print(
        f"loss {np.mean(history.loss[:10]):.3f} -> {np.mean(history.loss[-100:]):.4f}, "
        f"{vt.count_parameters(pupil.judge):,} parameters, {time.perf_counter() - start:.0f} s"
    )
    measure(pupil.judge, 144 if quick else 1000)
    if not quick:
        new = JUDGE.with_suffix(".new")
        weights.save(pupil.judge, new, {"made_by": "data_scripts/pretrain_judge.py"})
        os.replace(new, JUDGE)


if __name__ == "__main__":
    main()
