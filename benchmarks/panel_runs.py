"""Fifty runs in one panel: does it get slower, or larger?

    python benchmarks/panel_runs.py            both frameworks
    python benchmarks/panel_runs.py torch      one of them

The panel lives in a plain process, without a browser. Each run trains CNNLSTM for a few steps.
Measured for each run: the time from the click to the first point, building and (Keras) compiling
included, and the memory of the process after it. Printed: the medians of an early and of the last
ten runs. The results go to benchmarks/results/panel_runs.csv.
"""

import csv
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).parent / "results" / "panel_runs.csv"
FIELDS = ("framework", "run", "first_point_s", "memory_mb")
RUNS, STEPS = 50, 6
EARLY, LATE = slice(5, 15), slice(40, 50)


def measure(framework: str) -> list[dict]:
    """A row per run."""
    from vidlab import world
    from vidlab.playground import Range, classifier, playground
    from vidlab.playground.panel import Panel
    from vidlab.playground.screen import process_bytes

    train = world.generate(300, size=32, sound=False)
    test = world.generate(50, size=32, sound=False, split="test")
    room = importlib.import_module(f"vidlab.{framework}")

    @playground()
    def recipe(num_steps: Range(1, 99) = STEPS):  # type: ignore[valid-type]
        room.set_seed(0)
        model = room.fresh(room.CNNLSTM, 10)
        steps = room.train_steps(model, train, num_steps=num_steps)
        yield classifier(room, model, steps, train, test)
        yield from steps

    panel = Panel(recipe)
    rows = []
    for number in range(1, RUNS + 1):
        start = time.perf_counter()
        panel.buttons["train"].click()
        while len(panel.curves.lines) < number or not panel.curves.lines[-1].points:
            time.sleep(0.002)
        first = time.perf_counter() - start
        while panel.session.state != "finished":
            time.sleep(0.01)
        rows.append(
            {
                "framework": framework,
                "run": number,
                "first_point_s": f"{first:.3f}",
                "memory_mb": f"{process_bytes() / 1e6:.0f}",
            }
        )
    return rows


def main() -> None:
    if len(sys.argv) == 3:  # a process of its own for one framework
        csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n").writerows(measure(sys.argv[1]))
        return
    rows: list[dict] = []
    for framework in sys.argv[1:] or ("torch", "keras"):
        done = subprocess.run(
            [sys.executable, __file__, framework, "--rows"],
            stdout=subprocess.PIPE, text=True, check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )  # fmt: skip
        mine = list(csv.DictReader(done.stdout.splitlines(), FIELDS))
        rows += mine
        for column in FIELDS[2:]:
            values = [float(row[column]) for row in mine]
            early, late = np.median(values[EARLY]), np.median(values[LATE])
            print(f"{framework} {column}: runs 6 to 15 {early:g}, runs 41 to 50 {late:g}")
    if not sys.argv[1:]:
        with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
