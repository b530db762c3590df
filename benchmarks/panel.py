"""Measure what a live panel costs: time per step with it, against the same recipe without.

    python benchmarks/panel.py            both frameworks
    python benchmarks/panel.py torch      one of them

JupyterLab runs in a Chromium, the panel stands open on the screen. Runs through the panel and plain
runs of the same recipe take turns in one kernel; each notes the time after every step. The first
steps of a run, which compile, are left out. The bar: a step with the panel takes at most 5 % longer
than one of the plain run before it (median over the pairs; the milliseconds are medians over all
runs). The results go to benchmarks/results/panel.csv.
"""

import csv
import json
import os
import platform
import secrets
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.lab_harness import Lab, write_notebook  # noqa: E402
from tests.browser.starting import WINDOW, start_chromium, start_server  # noqa: E402
from vidlab.doctor import find_browser  # noqa: E402

OUTPUT = ROOT / "benchmarks" / "results" / "panel.csv"
FIELDS = ("framework", "milliseconds_plain", "milliseconds_panel", "ratio", "runs", "machine")
BAR = 1.05
RUNS, STEPS, SKIPPED = 9, 90, 15
SETUP = """\
import importlib, time
from vidlab import world
from vidlab.playground import Choice, Range, classifier, playground

train = world.generate(1500, size=32, sound=False)
test = world.generate(100, size=32, sound=False, split="test")
stamps = []

@playground(title="Benchmark")
def recipe(
    framework: Choice("torch", "keras") = "torch",
    learning_rate: Range(1e-4, 1, log=True, live=True) = 1e-2,
    num_steps: Range(10, 500) = 100,
):
    room = importlib.import_module(f"vidlab.{framework}")
    room.set_seed(0)
    model = room.fresh(room.CNNLSTM, 10)
    steps = room.train_steps(model, train, num_steps=num_steps, learning_rate=learning_rate)
    yield classifier(room, model, steps, train, test)
    stamps.clear()
    for record in steps:
        stamps.append(time.perf_counter())
        yield record

from vidlab.playground.panel import Panel
panel = Panel(recipe)
panel.set({"framework": "FRAMEWORK", "num_steps": STEPS})
panel
"""
MEASURE = """\
import json

def seconds_per_step():
    return (stamps[-1] - stamps[SKIPPED]) / (len(stamps) - 1 - SKIPPED)

times = {"plain": [], "panel": []}
for _ in range(RUNS):
    recipe.run(framework="FRAMEWORK", num_steps=STEPS)
    times["plain"].append(seconds_per_step())
    panel.session.train(panel.settings())
    time.sleep(0.5)
    while panel.session.state in ("building", "compiling", "ready", "training"):
        time.sleep(0.2)
    times["panel"].append(seconds_per_step())
print(json.dumps(times))
"""


def measure(framework: str) -> dict[str, list[float]]:
    """Seconds per step of each run, plain and with the panel."""
    values = {"FRAMEWORK": framework, "STEPS": STEPS, "SKIPPED": SKIPPED, "RUNS": RUNS}
    cells = [SETUP, MEASURE]
    for name, value in values.items():
        # "num_steps: STEPS" and the like; names in capitals occur nowhere else.
        cells = [cell.replace(name, str(value)) for cell in cells]
    with tempfile.TemporaryDirectory() as folder, start_server(Path(folder)) as server:
        program = find_browser()
        if program is None:
            sys.exit("this benchmark needs a Chromium: see README.md")
        name = write_notebook(server.notebooks / "panel_benchmark.ipynb", *cells)
        with start_chromium(program) as browser:
            page = browser.new_context(viewport=WINDOW).new_page()
            lab = Lab(page, server.url, server.token, workspace=secrets.token_hex(4))
            lab.open(name)
            lab.run_all(900)
            assert not lab.errors(), lab.errors()
            points = lab.notebook.locator(".vidlab-curves").get_attribute("data-points")
            assert int(points or 0) > STEPS // 2, "the panel was not on the screen"
            # TensorFlow speaks on stderr while it is imported.
            printed = [
                output["text"] for output in lab.outputs()[1] if output.get("name") == "stdout"
            ]
            lab.close()
    return json.loads("".join("".join(text) for text in printed))


def main() -> None:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPU"
    rows = []
    for framework in sys.argv[1:] or ("torch", "keras"):
        times = measure(framework)
        plain, panel = (1000 * float(np.median(times[case])) for case in ("plain", "panel"))
        ratio = float(np.median(np.divide(times["panel"], times["plain"])))
        row = (framework, f"{plain:.1f}", f"{panel:.1f}", f"{ratio:.3f}", RUNS, machine)
        rows.append(dict(zip(FIELDS, row, strict=True)))
        verdict = "holds" if ratio <= BAR else "FAILS"
        spread = ", ".join(
            f"{case} {1000 * min(t):.1f} to {1000 * max(t):.1f}" for case, t in times.items()
        )
        print(f"{framework}: plain {plain:.1f} ms, panel {panel:.1f} ms per step: {ratio:.3f}, "
              f"bar {BAR} {verdict} ({spread})")  # fmt: skip
    if not sys.argv[1:]:
        with OUTPUT.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
