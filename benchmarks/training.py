"""Measure what ``fit`` costs: time per step against loops written by hand, for CNNLSTM.

    python benchmarks/training.py            both frameworks
    python benchmarks/training.py torch      one of them

Each framework runs in a process of its own. Its cases take turns, several rounds, on the same
clips and batches with a fresh model each time, so that a busy moment of the machine hits all
alike. The first steps, which compile, are left out, as is the time before them. The bar: the
median step of ``fit`` takes at most 5 % longer than that of the fastest loop written by hand. The
results go to benchmarks/results/training.csv.
"""

import csv
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from vidlab import world
from vidlab.batches import batch_indices

OUTPUT = Path(__file__).parent / "results" / "training.csv"
FIELDS = ("framework", "case", "milliseconds_per_step", "ratio_to_fastest_bare", "first_step_s")
BAR = 1.05
ROUNDS = 5
STEPS, SKIPPED, BATCH = 24, 4, 32
CASES = {
    "torch": ("fit", "train_steps", "bare loop"),
    "keras": ("fit", "train_steps", "bare model.fit", "bare tf.function loop"),
}

Stamps = list[float]


def clips() -> tuple[np.ndarray, np.ndarray]:
    made = world.generate(
        STEPS * BATCH // 2, difficulty="easy", size=32, num_frames=16, seed=0, sound=False
    )
    return made.frames, made.labels


def torch_cases(x: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Stamps]]:
    import torch
    from torch.nn.functional import cross_entropy

    import vidlab.torch as vt
    from vidlab.torch.models.lstm_sequences import CNNLSTM

    def fit() -> Stamps:
        stamps = [time.perf_counter()]
        note = [lambda record: stamps.append(time.perf_counter())]
        vt.fit(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH, callbacks=note,
               progress=False, device="cpu")  # fmt: skip
        return stamps

    def train_steps() -> Stamps:
        stamps = [time.perf_counter()]
        for _ in vt.train_steps(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH,
                                device="cpu"):  # fmt: skip
            stamps.append(time.perf_counter())
        return stamps

    def bare() -> Stamps:
        model = CNNLSTM(10)
        model.train()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        stamps = [time.perf_counter()]
        for indices in batch_indices(len(x), BATCH, STEPS, 0):
            clip = torch.from_numpy(x[indices]).permute(0, 1, 4, 2, 3).float() / 255
            loss = cross_entropy(model(clip), torch.from_numpy(y[indices]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
            stamps.append(time.perf_counter())
        return stamps

    return dict(zip(CASES["torch"], (fit, train_steps, bare), strict=True))


def keras_cases(x: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Stamps]]:
    import keras
    import tensorflow as tf

    import vidlab.keras as vk
    from vidlab.keras.models.lstm_sequences import CNNLSTM

    whole = x.astype(np.float32) / 255  # what one would do by hand where memory allows it

    def fit() -> Stamps:
        stamps = [time.perf_counter()]
        note = [lambda record: stamps.append(time.perf_counter())]
        vk.fit(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH, callbacks=note,
               progress=False)  # fmt: skip
        return stamps

    def train_steps() -> Stamps:
        stamps = [time.perf_counter()]
        for _ in vk.train_steps(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH):
            stamps.append(time.perf_counter())
        return stamps

    def bare_fit() -> Stamps:
        model = CNNLSTM(10)
        model.compile(
            optimizer=keras.optimizers.Adam(3e-3, global_clipnorm=1.0),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        stamps = [time.perf_counter()]
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: stamps.append(time.perf_counter())
        )
        epochs = STEPS * BATCH // len(x)
        model.fit(whole, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[note])
        return stamps

    def bare_loop() -> Stamps:
        model = CNNLSTM(10)
        optimizer = keras.optimizers.Adam(3e-3, global_clipnorm=1.0)
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        @tf.function
        def step(clip: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(clip, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        optimizer.build(model.trainable_variables)
        stamps = [time.perf_counter()]
        for indices in batch_indices(len(x), BATCH, STEPS, 0):
            clip = tf.constant(x[indices].astype(np.float32) / 255)
            float(step(clip, tf.constant(y[indices])))
            stamps.append(time.perf_counter())
        return stamps

    return dict(zip(CASES["keras"], (fit, train_steps, bare_fit, bare_loop), strict=True))


def measure(framework: str) -> list[dict]:
    """One row per case."""
    cases = {"torch": torch_cases, "keras": keras_cases}[framework](*clips())
    steps: dict[str, list[float]] = {case: [] for case in cases}
    first: dict[str, list[float]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case, run in cases.items():
            stamps = run()
            taken = np.diff(stamps)
            first[case].append(float(taken[0]))
            steps[case].append(float((stamps[-1] - stamps[SKIPPED]) / (len(taken) - SKIPPED)))
    middle = {case: statistics.median(values) for case, values in steps.items()}
    bare = min(value for case, value in middle.items() if case.startswith("bare"))
    return [
        {
            "framework": framework,
            "case": case,
            "milliseconds_per_step": f"{1000 * value:.2f}",
            "ratio_to_fastest_bare": f"{value / bare:.3f}",
            "first_step_s": f"{statistics.median(first[case]):.2f}",
        }
        for case, value in middle.items()
    ]


def main() -> int:
    if len(sys.argv) == 3:  # a process of its own for one framework
        writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
        writer.writerows(measure(sys.argv[1]))
        return 0
    frameworks = sys.argv[1:] or list(CASES)
    rows: list[dict] = []
    for framework in frameworks:
        done = subprocess.run(
            [sys.executable, __file__, framework, "--rows"],
            stdout=subprocess.PIPE, text=True, check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )  # fmt: skip
        rows += csv.DictReader(done.stdout.splitlines(), FIELDS)
    passed = True
    for row in rows:
        print("  ".join(f"{row[name]:>22}" for name in FIELDS))
        if row["case"] == "fit":
            passed &= float(row["ratio_to_fastest_bare"]) <= BAR
    print(f"bar of {BAR} for fit: {'holds' if passed else 'FAILS'}")
    if len(frameworks) == len(CASES):
        packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "keras", "tensorflow"))
        OUTPUT.parent.mkdir(exist_ok=True)
        with OUTPUT.open("w", newline="", encoding="utf-8") as file:
            file.write(
                f"# {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                f"Python {platform.python_version()}, {packages}; CNNLSTM, batch {BATCH}, 32x32, "
                f"16 frames; median of {ROUNDS} rounds of {STEPS - SKIPPED} steps\n"
            )
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"written to {OUTPUT.relative_to(Path(__file__).parents[1])}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
