"""Measure how fast the world is generated: clips per second on one core.

    python benchmarks/world.py

The cases take turns, several rounds, so that a busy moment of the machine hits all alike; the
medians go to benchmarks/results/world.csv. The bar: 500 clips/s of 16 frames of 64x64 at the
easy difficulty, without sound.
"""

import csv
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from vidlab import world

OUTPUT = Path(__file__).parent / "results" / "world.csv"
FIELDS = ("difficulty", "size", "sound", "clips_per_second", "slowest", "fastest", "machine")
BAR = 500
ROUNDS = 7
NUM_CLIPS = 150


def clips_per_second(difficulty: str, size: int, sound: bool, seed: int) -> float:
    start = time.perf_counter()
    world.generate(NUM_CLIPS, difficulty=difficulty, size=size, sound=sound, seed=seed)
    return NUM_CLIPS / (time.perf_counter() - start)


def use_one_core() -> None:
    """NumPy's element-wise work is done by one thread; keep it on one core too."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> None:
    use_one_core()
    cases = [
        (difficulty, size, sound)
        for difficulty in world.DIFFICULTIES
        for size in (64, 32)
        for sound in (False, True)
    ]
    for case in cases:
        clips_per_second(*case, seed=0)
    found: dict[tuple[str, int, bool], list[float]] = {case: [] for case in cases}
    for seed in range(1, ROUNDS + 1):
        for case in cases:
            found[case].append(clips_per_second(*case, seed=seed))

    OUTPUT.parent.mkdir(exist_ok=True)
    machine = f"1 of {os.cpu_count()} cores, Python {platform.python_version()}"
    machine += f", NumPy {np.__version__}"
    unfinished = OUTPUT.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["difficulty", "size", "sound", "clips_per_second", "slowest", "fastest", "machine"]
        )
        for (difficulty, size, sound), speeds in found.items():
            middle = round(statistics.median(speeds))
            slowest, fastest = round(min(speeds)), round(max(speeds))
            writer.writerow([difficulty, size, sound, middle, slowest, fastest, machine])
            noise = "with sound" if sound else "silent"
            print(f"{difficulty:<7} {size}x{size} {noise:<10} {middle:>6} clips/s")
    os.replace(unfinished, OUTPUT)
    speed = statistics.median(found["easy", 64, False])
    verdict = "holds" if speed >= BAR else "FAILS"
    print(f"bar of {BAR} clips/s (easy, 64x64, silent): {verdict} with {speed:.0f}")


if __name__ == "__main__":
    main()
