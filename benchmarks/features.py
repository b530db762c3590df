"""Measure feature extraction: many frames at a time against one frame at a time.

    python benchmarks/features.py           # both frameworks, about a minute
    python benchmarks/features.py torch     # one of them

framenet turns the frames of clips of the world into features, with extract_features in batches and
frame by frame: with extract_features(x) on single frames, with a bare model(x), and in Keras also
with model.predict(x), the usual way, which is slow by itself. The cases take turns, several rounds,
so that a busy moment of the machine hits all alike; the medians go to
benchmarks/results/features.csv. The bar: batches are at least 10 times faster at 32x32.

What batches save is the fixed cost of a call, so the ratio falls with the size of the frames, and
with how little a call costs.
"""

import csv
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vidlab import world

OUTPUT = Path(__file__).parent / "results" / "features.csv"
FIELDS = ("framework", "size", "way", "frames_per_second", "slowest", "fastest", "ratio", "machine")
BAR = 10
ROUNDS = 5
SIZES = (16, 32, 64, 112)
PIXELS = 256 * 32 * 32  # in a batch; larger ones leave the processor's caches and are slower
NUM_CLIPS, NUM_FRAMES = 32, 16
NUM_SINGLE = {
    "extract_features(x)": 100,
    "model(x)": 100,
    "model.predict(x)": 10,
}  # frames per round, one at a time

Way = Callable[[np.ndarray], object]


def torch_ways() -> tuple[str, dict[str, Way]]:
    import torch

    from vidlab.torch.features import extract_features, pretrained_features

    model = pretrained_features().cpu()

    def single(frames: np.ndarray) -> None:
        with torch.no_grad():
            for frame in frames:
                x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
                model.features(x).numpy()

    def batched(clips: np.ndarray) -> None:
        size = PIXELS // (clips.shape[2] * clips.shape[3])
        extract_features(model, clips, batch_size=size, device="cpu")

    def extracted(frames: np.ndarray) -> None:
        for frame in frames:
            extract_features(model, frame[None], device="cpu")

    version = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
    return version, {"batched": batched, "extract_features(x)": extracted, "model(x)": single}


def keras_ways() -> tuple[str, dict[str, Way]]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    from vidlab.keras.features import extract_features, pretrained_features

    model = pretrained_features()

    def single(frames: np.ndarray) -> None:
        for frame in frames:
            x = keras.ops.convert_to_tensor(frame[None].astype(np.float32) / 255)
            keras.ops.convert_to_numpy(model.features(x))

    inputs = keras.Input((None, None, 3))
    features = keras.Model(inputs, model.features(inputs))

    def predicted(frames: np.ndarray) -> None:
        for frame in frames:
            features.predict(frame[None].astype(np.float32) / 255, verbose=0)

    def batched(clips: np.ndarray) -> None:
        size = PIXELS // (clips.shape[2] * clips.shape[3])
        extract_features(model, clips, batch_size=size, device="cpu")

    def extracted(frames: np.ndarray) -> None:
        for frame in frames:
            extract_features(model, frame[None], device="cpu")

    version = f"Keras {keras.__version__} on {keras.backend.backend()}"
    singles = {"extract_features(x)": extracted, "model(x)": single, "model.predict(x)": predicted}
    return version, {"batched": batched, **singles}


def frames_per_second(way: Way, clips: np.ndarray) -> float:
    start = time.perf_counter()
    way(clips)
    num_frames = len(clips) * clips.shape[1] if clips.ndim == 5 else len(clips)
    return num_frames / (time.perf_counter() - start)


def measure(ways: dict[str, Way]) -> dict[tuple[int, str], list[float]]:
    """size, way -> frames per second in each round."""
    sets = {}
    for size in SIZES:
        frames = world.generate(NUM_CLIPS, size=size, num_frames=NUM_FRAMES, sound=False).frames
        for way in ways:
            single = frames.reshape(-1, size, size, 3)[: NUM_SINGLE.get(way, 0)]
            sets[size, way] = frames if way == "batched" else single
    for (_, way), clips in sets.items():
        ways[way](clips)  # the first call builds graphs and buffers
    found: dict[tuple[int, str], list[float]] = {case: [] for case in sets}
    for _ in range(ROUNDS):
        for (size, way), clips in sets.items():
            found[size, way].append(frames_per_second(ways[way], clips))
    return found


def main() -> None:
    rooms = {"torch": torch_ways, "keras": keras_ways}
    chosen = sys.argv[1:] or list(rooms)
    rows: list[dict[str, object]] = []
    if OUTPUT.exists():
        with OUTPUT.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["framework"] not in chosen]
    for name in chosen:
        version, ways = rooms[name]()
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {version}"
        found = measure(ways)
        for (size, way), speeds in found.items():
            middle = statistics.median(speeds)
            batched = statistics.median(found[size, "batched"])
            slowest, fastest = round(min(speeds)), round(max(speeds))
            values = (name, size, way, round(middle), slowest, fastest)
            values += (round(batched / middle, 1), machine)
            rows.append(dict(zip(FIELDS, values, strict=True)))
            print(f"{name:<6} {size:>3}x{size:<4}{way:<20}{middle:>8.0f} frames/s", end="")
            print("" if way == "batched" else f"  batched is {batched / middle:.1f} times faster")
        for way in ("extract_features(x)", "model(x)"):
            ratio = statistics.median(found[32, "batched"]) / statistics.median(found[32, way])
            verdict = "holds" if ratio >= BAR else "FAILS"
            print(f"{name}: bar of {BAR} times at 32x32 against {way}: {verdict} with {ratio:.1f}")

    OUTPUT.parent.mkdir(exist_ok=True)
    unfinished = OUTPUT.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(unfinished, OUTPUT)


if __name__ == "__main__":
    main()
