"""Measure how well sentences steer a generator of clips, also in combinations it never saw.

A flow of clip codes (LatentFlow) learns from captions of the simple world; the shipped painter
makes clips of its codes, and the judge says what it sees in them. Some combinations are left out
of training: six whole triples of action, colour and shape ("three"), and three pairs in all their
combinations ("two"): no triangle goes left, nothing red orbits clockwise, no square is green. What
is asked for is told by

    bag          the mean of the vectors of the words (BagOfWords)
    lstm         an LSTM over the words (CaptionReader)
    facts        the reference: action, colour and shape as three numbers, no words
    shuffled     a control: a bag of words, trained with the captions of other clips

"wrong" is another control: a clip made from one sentence, judged by another one. LatentVAE is
measured with the bag of words, for comparison.

    python data_scripts/experiments/09a_captions.py            # about ten minutes on 2 cores
    python data_scripts/experiments/09a_captions.py --quick    # a smoke test, half a minute

Painter and codes are the shipped ones for all seeds; a seed decides first weights, batches and
noise. Results go to notebooks/results/09a_captions.csv, row by row: an interrupted run goes on
where it stopped. Each framework runs in a process of its own on one core; the seconds are those of
training, by the clock.
"""

import argparse
import importlib
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from results_table import ResultsTable, run_side_by_side

from vidlab import latents, metrics, world
from vidlab.words import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "notebooks" / "results" / "09a_captions.csv"
MACHINE = f"{platform.system()} {platform.machine()}, one core, CPU"
COMMAND = "python data_scripts/experiments/09a_captions.py"
FIELDS = (
    "framework", "generator", "reader", "asked", "seed", "steps", "learning_rate", "action",
    "color", "shape", "frechet", "num_clips", "train_clips", "train_seconds", "machine", "command",
)  # fmt: skip
TABLE = ResultsTable(OUTPUT, FIELDS, ("framework", "generator", "reader", "asked", "seed"))
SEEDS = (0, 1, 2)
STEPS, BATCH, RATE, WIDTH = 1500, 128, 2e-3, 192
RUNS = (
    ("flow", "bag"),
    ("flow", "lstm"),
    ("flow", "facts"),
    ("flow", "shuffled"),
    ("vae", "bag"),
)
TRIPLES = {
    ("left", "red", "circle"),
    ("grow", "blue", "square"),
    ("clockwise", "green", "triangle"),
    ("shrink", "yellow", "circle"),
    ("down", "purple", "square"),
    ("right", "orange", "triangle"),
}
ACTIONS = tuple(metrics.NAMES["action"])
WORDS = Vocabulary(world.VOCABULARY)


def group(action: str, color: str, shape: str) -> str:
    """Which combinations training sees: "seen", or what of it is new, "two" or "three"."""
    if (action, color, shape) in TRIPLES:
        return "three"
    pairs = ((action, shape), (action, color), (color, shape))
    new = (("left", "triangle"), ("clockwise", "red"), ("green", "square"))
    return "two" if any(pair in new for pair in pairs) else "seen"


def questions(quick: bool) -> dict[str, tuple[list[tuple[str, str, str]], list[str]]]:
    """For each group: what is asked for, and in which words."""
    rng = np.random.default_rng(90)
    found = {}
    for name, count in (("seen", 360), ("two", 204), ("three", 180)):
        kinds = [
            (action, color, shape)
            for action in ACTIONS
            for color in world.COLORS
            for shape in world.SHAPES
            if group(action, color, shape) == name
        ]
        asked = [kinds[i % len(kinds)] for i in range(24 if quick else count)]
        found[name] = (asked, [str(rng.choice(world.captions_for(*one, 1))) for one in asked])
    return found


def numbers_of(facts: list[tuple[str, str, str]]) -> np.ndarray:
    """Action, colour and shape as three numbers from 1 on, (N, 3): words of a language of 17."""
    return np.array(
        [
            (1 + ACTIONS.index(a), 9 + world.COLORS.index(c), 15 + world.SHAPES.index(s))
            for a, c, s in facts
        ]
    )


def add_missing(rows: list[dict[str, Any]]) -> None:
    """Write the rows of one model that are not in the table yet.

    The row of "seen" comes last and says that the model is finished: one that was interrupted
    before it is measured again as a whole, and some of its rows are there already.
    """
    finished = TABLE.finished()
    for row in sorted(rows, key=lambda row: row["asked"] == "seen"):
        if tuple(str(row[name]) for name in TABLE.key) not in finished:
            TABLE.add(row)


def main_run(framework: str, quick: bool, seeds: tuple[int, ...]) -> None:
    """All rows of one framework that are not there yet."""
    room = importlib.import_module(f"vidlab.{framework}")
    models = importlib.import_module(f"vidlab.{framework}.models.latent_generators")
    conditions = importlib.import_module(f"vidlab.{framework}.models.text_conditions")
    training = importlib.import_module(f"vidlab.{framework}.generating")
    painter, judge = room.load_frame_autoencoder(), room.load_judge()
    codes = latents.load_codes()
    facts = list(zip(*(map(str, codes.attributes[n]) for n in ("action", "color", "shape")),
                     strict=True))  # fmt: skip
    seen = np.array([group(*one) == "seen" for one in facts])
    words = WORDS.encode_all([str(caption) for caption in codes.attributes["caption"]], 10)
    asked = questions(quick)
    real = world.generate(800, size=32, num_shapes=1, sound=False, split="val", seed=0)
    real_features = room.judge(judge, real.frames).features

    for seed in seeds:
        for kind, reader in RUNS:
            if (framework, kind, reader, "seen", str(seed)) in TABLE.finished() and not quick:
                continue
            room.set_seed(seed)
            size = 18 if reader == "facts" else len(WORDS)
            maker = conditions.CaptionReader if reader == "lstm" else conditions.BagOfWords
            condition = maker(size, WIDTH)
            maker = models.LatentFlow if kind == "flow" else models.LatentVAE
            model = maker(0, codes.codes.shape[1], width=WIDTH, condition=condition)
            told = numbers_of(facts)[seen] if reader == "facts" else words[seen]
            if reader == "shuffled":
                told = np.random.default_rng(seed).permutation(told)
            begin = time.perf_counter()
            training.fit_loss(
                model, latents.items(model, codes.codes[seen], told, BATCH),
                num_steps=3 if quick else STEPS, learning_rate=RATE, averaged=True,
                progress=False, seed=seed,
            )  # fmt: skip
            seconds = time.perf_counter() - begin
            clips = models.TwoStage(painter, model, codes)
            rows = []
            for name, (wanted, sentences) in asked.items():
                if reader == "shuffled" and name != "seen":
                    continue
                given = numbers_of(wanted) if reader == "facts" else WORDS.encode_all(sentences, 10)
                judged = room.judge(judge, training.generate(clips, given, seed=seed))
                answers = {name: wanted}
                if name == "seen" and reader == "bag":
                    other = np.random.default_rng(seed).permutation(len(wanted))
                    answers["wrong"] = [wanted[i] for i in other]
                for label, right in answers.items():
                    action, color, shape = zip(*right, strict=True)
                    shares = metrics.attribute_accuracy(
                        judged, action=action, color=color, shape=shape
                    )
                    rows.append({
                        "framework": framework, "generator": kind, "reader": reader,
                        "asked": label, "seed": seed, "steps": STEPS, "learning_rate": RATE,
                        **shares,
                        "frechet": metrics.frechet_distance(judged.features, real_features)
                        if label == "seen" else "",
                        "num_clips": len(wanted), "train_clips": int(seen.sum()),
                        "train_seconds": seconds, "machine": MACHINE, "command": COMMAND,
                    })  # fmt: skip
            if quick:
                print(*rows, sep="\n")
            else:
                add_missing(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 steps, one seed, nothing written")
    parser.add_argument("--framework", choices=("torch", "keras"))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    args = parser.parse_args()
    seeds = (0,) if args.quick else tuple(args.seeds)
    if args.framework:
        main_run(args.framework, args.quick, seeds)
        return
    options = ["--seeds", *map(str, args.seeds), *(["--quick"] if args.quick else [])]
    run_side_by_side(__file__, ("torch", "keras"), options)


if __name__ == "__main__":
    main()
