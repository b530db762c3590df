"""Measure generators of clips: which of them makes clips that look like the real ones?

Every model learns from 3,000 clips of the easy world (one shape, 32 x 32 pixels, 16 frames).

    real                       new clips of the world itself: the best that can be asked for
    plain autoencoder          strided convolutions: new real clips, encoded and painted again
    plain autoencoder, VAE     codes of whole clips under it, made by a LatentVAE
    frame autoencoder          look and place apart: new real clips, encoded and painted again
    Gaussian per class         its codes, drawn from a normal distribution fitted to each class
    VAE                        its codes, made by a LatentVAE
    flow                       its codes, made by a LatentFlow (chapter 09a)
    clip VAE ...               in one piece; a decoder of frames (2D) or of whole clips (3D); z is
                               drawn from N(0, I) ("prior") or from a normal distribution fitted
                               to the z of each class's training clips ("fitted"). It knows no
                               classes, so with "prior" the class is chance

Measured: the mean squared error of new clips that are encoded and decoded; how well x and y of the
shape can be read off the code by a linear fit (R squared); and for 1,000 generated clips what the
judge says of them, their Frechet distance from 1,000 new real ones, and the median distance of 200
of them to the nearest training clip.

    python data_scripts/experiments/07_vae.py            # about 12 minutes on 2 cores
    python data_scripts/experiments/07_vae.py --quick    # a smoke test, a minute

Results go to notebooks/results/07_vae.csv, row by row: an interrupted run goes on where it stopped.
Delete the file to measure everything again. Each framework runs in a process of its own on one
core. The seconds are those of training, the first stage included.
"""

import argparse
import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import latents, metrics, world

OUTPUT = Path(__file__).resolve().parents[2] / "notebooks" / "results" / "07_vae.csv"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
COMMAND = "python data_scripts/experiments/07_vae.py"
FIELDS = (
    "framework", "model", "seed", "steps", "seconds", "error", "place_r2", "class_consistency",
    "frechet", "colors", "shapes", "constancy", "nearest", "parameters", "machine", "command",
)  # fmt: skip
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "model", "seed"))
FRAMEWORKS = ("torch", "keras")
SEEDS = (0, 1, 2)
NUM_TRAIN, NUM_JUDGED, NUM_NEAREST, NUM_CLASSES = 3000, 1000, 200, 8
AUTOENCODER_STEPS, AUTOENCODER_RATE = 900, 5e-3
PLAIN_STEPS, PLAIN_RATE = 2000, 2e-3  # about as many seconds
SECOND_STAGE_STEPS = {"vae": 2000, "flow": 5000}
BATCH, RATE = 128, 2e-3  # of codes
CLIP_STEPS, CLIP_RATE, CLIP_BATCH = 200, 5e-3, 16
ASKED = np.arange(NUM_JUDGED) % NUM_CLASSES


class Room:
    """A framework, its judge, and the clips of one seed."""

    def __init__(self, framework: str, seed: int, quick: bool) -> None:
        self.framework, self.seed, self.quick = framework, seed, quick
        self.room: Any = importlib.import_module(f"vidlab.{framework}")
        options: dict[str, Any] = {"size": 32, "num_shapes": 1, "sound": False, "seed": seed}
        self.train = world.generate(NUM_TRAIN, **options)
        self.new = world.generate(NUM_JUDGED, split="val", **options)
        self.other = world.generate(NUM_JUDGED, split="test", **options)
        self.judge = self.room.load_judge()
        self.real = self.room.judge(self.judge, self.new.frames).features

    def fit(self, model: Any, batches: latents.Draw, num_steps: int, **options: Any) -> float:
        """Train; returns the seconds."""
        history = self.room.fit_loss(
            model, batches, num_steps=5 if self.quick else num_steps, progress=False,
            seed=self.seed, **options,
        )  # fmt: skip
        return float(history.seconds)

    def made(self, build: Callable[[], Any]) -> Any:
        """A model whose first weights come from this seed."""
        self.room.set_seed(self.seed)
        return build()

    def call(self, function: Callable[..., Any], *arrays: np.ndarray, size: int = 800) -> Any:
        """A model's function on NumPy arrays, some rows at once."""
        parts = [
            self._call(function, *(array[start : start + size] for array in arrays))
            for start in range(0, len(arrays[0]), size)
        ]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
        return np.concatenate(parts)

    def _call(self, function: Callable[..., Any], *arrays: np.ndarray) -> Any:
        if self.framework == "torch":
            import torch

            with torch.no_grad():
                found = function(*map(torch.from_numpy, arrays))
            numbers = lambda tensor: tensor.numpy()  # noqa: E731
        else:
            from keras import ops

            found = function(*map(ops.convert_to_tensor, arrays))
            numbers = ops.convert_to_numpy
        return tuple(map(numbers, found)) if isinstance(found, tuple) else numbers(found)

    def inputs(self, frames: np.ndarray) -> np.ndarray:
        """Pictures uint8 (..., H, W, 3) as the framework's models take them."""
        x = frames.astype(np.float32) / 255
        return np.ascontiguousarray(np.moveaxis(x, -1, -3)) if self.framework == "torch" else x

    def pictures(self, x: np.ndarray) -> np.ndarray:
        """Back to uint8 (..., H, W, 3)."""
        x = np.moveaxis(x, -3, -1) if self.framework == "torch" else x
        return np.round(np.clip(x, 0, 1) * 255).astype(np.uint8)

    def paint(self, decode: Callable[..., Any], *parts: np.ndarray) -> np.ndarray:
        """Parts of codes (N, T, ...) -> clips uint8."""
        count, length = parts[0].shape[:2]
        flat = (np.ascontiguousarray(p.reshape(count * length, -1), np.float32) for p in parts)
        frames = self.pictures(self.call(decode, *flat))
        return frames.reshape(count, length, *frames.shape[1:])

    def judged(self, frames: np.ndarray, asked: np.ndarray = ASKED) -> dict[str, float]:
        """The measures of generated clips."""
        found = metrics.report(self.room.judge(self.judge, frames), self.real, asked)
        _, distances = metrics.nearest_clips(frames[:NUM_NEAREST], self.train.frames)
        kept = ("class_consistency", "frechet", "colors", "shapes")
        return {name: found[name] for name in kept} | {
            "constancy": metrics.color_constancy(frames),
            "nearest": float(np.median(distances)),
        }

    def error(self, frames: np.ndarray) -> float:
        """Of new clips that come back."""
        gap = frames.astype(np.float32) - self.new.frames
        return float(np.square(gap / 255).mean())


def readable(codes: np.ndarray, train: Any, new_codes: np.ndarray, new: Any) -> float:
    """How much of x and y a linear fit reads off the code of a frame: R squared on new clips."""
    places = [np.stack([c.attributes["x"], c.attributes["y"]], axis=2) for c in (train, new)]
    inputs = [np.insert(c.reshape(-1, c.shape[2]), 0, 1, axis=1) for c in (codes, new_codes)]
    targets = [place.reshape(-1, 2) for place in places]
    fit, *_ = np.linalg.lstsq(inputs[0].astype(np.float64), targets[0], rcond=None)
    rest = np.square(inputs[1] @ fit - targets[1]).sum()
    return float(1 - rest / np.square(targets[1] - targets[1].mean(axis=0)).sum())


def per_class(x: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Draw from a normal distribution fitted to each class of x (N, D), for the asked classes."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((len(ASKED), x.shape[1]), np.float32)
    for label in range(NUM_CLASSES):
        mine, wanted = x[labels == label], label == ASKED
        cov = np.cov(mine.T)
        drawn[wanted] = rng.multivariate_normal(mine.mean(axis=0), cov, wanted.sum(), method="eigh")
    return drawn


def two_stages(
    room: Room, looks: np.ndarray, places: np.ndarray, decode: Callable[..., Any], spent: float,
    names: dict[str, str],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Generators of the codes of the training clips, under a decoder of frames."""
    look_dim, num_frames = looks.shape[2], places.shape[1]
    labels = room.train.labels
    codes = latents.standardise(latents.join_codes(looks, places), labels, num_frames)

    def painted(z: np.ndarray) -> np.ndarray:
        raw = z * codes.spread + codes.mean
        look, path = latents.split_codes(raw, look_dim, num_frames, places.shape[2])
        if not look_dim:
            return room.paint(decode, path)
        return room.paint(decode, np.repeat(look[:, None], num_frames, axis=1), path)

    rows: dict[str, dict[str, Any]] = {}
    if "gaussian" in names:
        drawn = per_class(codes.codes, labels, room.seed)
        rows[names["gaussian"]] = {"seconds": spent, "steps": 0, **room.judged(painted(drawn))}
    builders = {"vae": room.room.LatentVAE, "flow": room.room.LatentFlow}
    for kind, build in ((kind, builders[kind]) for kind in builders if kind in names):
        model = room.made(lambda build=build: build(NUM_CLASSES, code_dim=codes.codes.shape[1]))
        batches = latents.items(model, codes.codes, labels, BATCH)
        steps = SECOND_STAGE_STEPS[kind]
        seconds = spent + room.fit(model, batches, steps, learning_rate=RATE, averaged=True)
        noise = np.random.default_rng(room.seed).standard_normal((NUM_JUDGED, *model.noise_shape))
        z = room.call(model.sample, noise.astype(np.float32), ASKED)
        rows[names[kind]] = {
            "seconds": seconds, "steps": steps,
            "parameters": room.room.count_parameters(model), **room.judged(painted(z)),
        }  # fmt: skip
    return rows


def plain(room: Room) -> dict[str, dict[str, Any]]:
    """The usual first try, and generators of its codes."""
    model = room.made(room.room.PlainAutoencoder)
    flat = room.train.frames.reshape(-1, *room.train.frames.shape[2:])
    seconds = room.fit(
        model, lambda rng: (flat[rng.integers(0, len(flat), 64)],), PLAIN_STEPS,
        learning_rate=PLAIN_RATE,
    )  # fmt: skip
    num_frames = room.train.frames.shape[1]
    codes, new = (
        room.call(model.encode, room.inputs(frames.reshape(-1, *frames.shape[2:])))
        for frames in (room.train.frames, room.new.frames)
    )
    codes, new = (c.reshape(-1, num_frames, c.shape[1]) for c in (codes, new))
    frames = room.paint(model.decode, new)
    name, none = "plain autoencoder", np.zeros((*codes.shape[:2], 0), np.float32)
    names = {"vae": f"{name}, VAE"}
    return {
        name: {
            "steps": PLAIN_STEPS, "seconds": seconds, "error": room.error(frames),
            "place_r2": readable(codes, room.train, new, room.new),
            "parameters": room.room.count_parameters(model),
            **room.judged(frames, room.new.labels),
        },
        **two_stages(room, none, codes, model.decode, seconds, names),
    }  # fmt: skip


def apart(room: Room) -> dict[str, dict[str, Any]]:
    """Look and place apart, and generators of such codes."""
    model = room.made(room.room.FrameAutoencoder)
    seconds = room.fit(
        model, latents.pairs_of_frames(room.train.frames), AUTOENCODER_STEPS,
        learning_rate=AUTOENCODER_RATE,
    )  # fmt: skip
    looks, places = room.room.encode_clips(model, room.train.frames)
    new = room.room.encode_clips(model, room.new.frames)
    frames = room.paint(model.decode, *new)
    names = {"gaussian": "Gaussian per class", "vae": "VAE", "flow": "flow"}
    both, new_both = np.concatenate([looks, places], axis=2), np.concatenate(new, axis=2)
    return {
        "frame autoencoder": {
            "steps": AUTOENCODER_STEPS, "seconds": seconds, "error": room.error(frames),
            "place_r2": readable(both, room.train, new_both, room.new),
            "parameters": room.room.count_parameters(model),
            **room.judged(frames, room.new.labels),
        },
        **two_stages(room, looks, places, model.decode, seconds, names),
    }  # fmt: skip


def one_piece(room: Room, decoder: str) -> dict[str, dict[str, Any]]:
    """A clip VAE."""
    model = room.made(lambda: room.room.ClipVAE(decoder=decoder))
    batches = latents.items(model, room.train.frames, room.train.labels, CLIP_BATCH)
    seconds = room.fit(model, batches, CLIP_STEPS, learning_rate=CLIP_RATE)

    def encode(frames: np.ndarray) -> np.ndarray:
        parts = (room.inputs(frames[start : start + 50]) for start in range(0, len(frames), 50))
        return np.concatenate([room.call(lambda x: model.encode(x)[0], x) for x in parts])

    def painted(z: np.ndarray) -> np.ndarray:
        return room.pictures(room.call(model.decode, z, size=50))

    posteriors = encode(room.train.frames)
    back = painted(encode(room.new.frames))
    rng = np.random.default_rng(room.seed)
    prior = rng.standard_normal((NUM_JUDGED, *model.noise_shape)).astype(np.float32)
    fitted = per_class(posteriors, room.train.labels, room.seed)
    return {
        f"clip VAE {decoder.upper()}, {name}": {
            "steps": CLIP_STEPS, "seconds": seconds, "error": room.error(back),
            "parameters": room.room.count_parameters(model), **room.judged(painted(z)),
        }
        for name, z in (("prior", prior), ("fitted", fitted))
    }  # fmt: skip


def run(framework: str, seeds: list[int], quick: bool) -> None:
    """All rows of one framework that are not there yet."""
    parts: dict[str, tuple[str, Callable[[Room], dict[str, dict[str, Any]]]]] = {
        "real": ("real", lambda room: {"real": room.judged(room.other.frames, room.other.labels)}),
        "apart": ("flow", apart),
        "plain": ("plain autoencoder, VAE", plain),
        "2d": ("clip VAE 2D, fitted", lambda room: one_piece(room, "2d")),
        "3d": ("clip VAE 3D, fitted", lambda room: one_piece(room, "3d")),
    }
    for seed in seeds[:1] if quick else seeds:
        room: Room | None = None
        for last, measure in parts.values():
            if (framework, last, str(seed)) in TABLE.finished() and not quick:
                continue
            room = room or Room(framework, seed, quick)
            for model, found in measure(room).items():
                if (framework, model, str(seed)) in TABLE.finished() and not quick:
                    continue
                row = dict.fromkeys(FIELDS, "") | {
                    "framework": framework, "model": model, "seed": seed, "machine": MACHINE,
                    "command": COMMAND, **found,
                }  # fmt: skip
                print(row) if quick else TABLE.add(row)


def main() -> None:
    """Each framework in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=FRAMEWORKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    args = parser.parse_args()
    if args.framework:
        run(args.framework, args.seeds, args.quick)
    else:
        options = ["--seeds", *map(str, args.seeds), *(["--quick"] if args.quick else [])]
        run_side_by_side(__file__, FRAMEWORKS, options)


if __name__ == "__main__":
    main()
