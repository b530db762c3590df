"""Measure what ``fit`` costs: time per step against loops written by hand, for CNNLSTM.

    python benchmarks/training.py            both frameworks
    python benchmarks/training.py torch      one of them

Each framework runs in a process of its own. The cases take turns: each trains a fresh model for
some steps on the same clips, again and again. The first steps of a run, which compile, do not
count; of the others a run's median does. Ratios compare runs of the same round.
The bar: a step of ``fit`` takes at most 5 % longer (median over the rounds) than one of the loop
written by hand. Keras's own ``model.fit`` runs beside it for comparison; it reads its batches in
threads of its own. The results go to benchmarks/results/training.csv.
"""

import csv
import os
import platform
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
FIELDS = ("framework", "case", "milliseconds_per_step", "ratio_to_bare_loop", "first_step_s")
BAR = 1.05
ROUNDS, STEPS, SKIPPED, BATCH = 21, 24, 4, 32
CASES = {
    "torch": ("fit", "bare loop"),
    "keras": ("fit", "bare loop", "model.fit"),
}

Note = Callable[..., None]  # called after each step
Case = Callable[[Note], object]


def step_seconds(case: Case) -> np.ndarray:
    """Seconds of each step of one run, (STEPS,)."""
    stamps = [time.perf_counter()]

    def note(*_: object, **__: object) -> None:
        stamps.append(time.perf_counter())

    case(note)
    return np.diff(stamps)


def clips() -> tuple[np.ndarray, np.ndarray]:
    made = world.generate(
        STEPS * BATCH, difficulty="easy", size=32, num_frames=16, seed=0, sound=False
    )
    return made.frames, made.labels


def torch_cases(x: np.ndarray, y: np.ndarray) -> dict[str, Case]:
    import torch
    from torch.nn.functional import cross_entropy

    import vidlab.torch as vt
    from vidlab.torch.models.lstm_sequences import CNNLSTM

    def fit(note: Note) -> None:
        vt.fit(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH, callbacks=[note],
               progress=False, device="cpu")  # fmt: skip

    def bare(note: Note) -> None:
        model = CNNLSTM(10)
        model.train()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for indices in batch_indices(len(x), BATCH, STEPS, 0):
            clip = torch.from_numpy(x[indices]).permute(0, 1, 4, 2, 3).float() / 255
            loss = cross_entropy(model(clip), torch.from_numpy(y[indices]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
            note()

    return dict(zip(CASES["torch"], (fit, bare), strict=True))


def keras_cases(x: np.ndarray, y: np.ndarray) -> dict[str, Case]:
    import keras
    import tensorflow as tf

    import vidlab.keras as vk
    from vidlab.keras.models.lstm_sequences import CNNLSTM

    whole = x.astype(np.float32) / 255  # what one would do by hand where memory allows it

    def fit(note: Note) -> None:
        vk.fit(CNNLSTM(10), (x, y), num_steps=STEPS, batch_size=BATCH, callbacks=[note],
               progress=False)  # fmt: skip

    def bare_loop(note: Note) -> None:
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
        for indices in batch_indices(len(x), BATCH, STEPS, 0):
            clip = tf.constant(x[indices].astype(np.float32) / 255)
            float(step(clip, tf.constant(y[indices])))
            note()

    def keras_fit(note: Note) -> None:
        model = CNNLSTM(10)
        model.compile(
            optimizer=keras.optimizers.Adam(3e-3, global_clipnorm=1.0),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        noting = keras.callbacks.LambdaCallback(on_train_batch_end=note)
        epochs = STEPS * BATCH // len(x)
        model.fit(whole, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[noting])

    return dict(zip(CASES["keras"], (fit, bare_loop, keras_fit), strict=True))


def measure(framework: str) -> list[dict]:
    """One row per case."""
    cases = {"torch": torch_cases, "keras": keras_cases}[framework](*clips())
    taken: dict[str, list[float]] = {name: [] for name in cases}
    first: dict[str, float] = {}
    for turn in range(ROUNDS):
        # Back and forth, so that a machine that gets slower is slower for all.
        for name in list(cases)[:: 1 if turn % 2 else -1]:
            steps = step_seconds(cases[name])
            taken[name].append(float(np.median(steps[SKIPPED:])))
            first.setdefault(name, float(steps[0]))
    return [
        {
            "framework": framework,
            "case": case,
            "milliseconds_per_step": f"{1000 * np.median(values):.2f}",
            "ratio_to_bare_loop": f"{np.median(np.divide(values, taken['bare loop'])):.3f}",
            "first_step_s": f"{first[case]:.2f}",
        }
        for case, values in taken.items()
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
            passed &= float(row["ratio_to_bare_loop"]) <= BAR
    print(f"bar of {BAR} for fit: {'holds' if passed else 'FAILS'}")
    if len(frameworks) == len(CASES):
        packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "keras", "tensorflow"))
        OUTPUT.parent.mkdir(exist_ok=True)
        with OUTPUT.open("w", newline="", encoding="utf-8") as file:
            file.write(
                f"# {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                f"Python {platform.python_version()}, {packages}; CNNLSTM, batch {BATCH}, 32x32, "
                f"16 frames; medians of {ROUNDS} runs of {STEPS - SKIPPED} steps\n"
            )
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"written to {OUTPUT.relative_to(Path(__file__).parents[1])}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
