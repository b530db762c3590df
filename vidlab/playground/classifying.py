"""What a panel shows of a classifier of clips or frames."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from vidlab.clips import Clips
from vidlab.history import Steps
from vidlab.metrics import softmax
from vidlab.playground.records import Confusion, OverTime, Ready, Samples

NUM_SAMPLES = 6  # clips that are shown
NUM_COUNTED = 200  # test clips in the confusion matrix


def classifier(
    room: ModuleType,
    model: Any,
    steps: Steps,
    train: Clips,
    test: Clips,
    *,
    select: Callable[[np.ndarray], np.ndarray] = lambda frames: frames,
    inspect: Callable[[np.ndarray], Mapping[str, OverTime]] | None = None,
    draw: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Ready:
    """The ``Ready`` of a recipe that trains a classifier.

    The panel then shows test clips of different classes with the model's opinion, a confusion
    matrix, and the sizes of model and data.

    Args:
        room: ``vidlab.torch`` or ``vidlab.keras``.
        model: gives logits (N, K).
        steps: what ``train_steps`` returned; yield from it afterwards.
        train, test: the sets.
        select: uint8 (N, T, H, W, 3) -> what the model takes, such as some of the frames or the
            middle one.
        inspect: one clip, uint8 (T, H, W, 3) -> title -> OverTime.
        draw: a path (P, 2) -> a clip, such as ``vidlab.world.animate``.
    """
    chosen = first_of_each(test.labels)[:NUM_SAMPLES]

    def predict(frames: np.ndarray) -> np.ndarray:
        return softmax(room.predict(model, select(frames)))

    def confusion() -> Confusion:
        guess = predict(test.frames[:NUM_COUNTED]).argmax(axis=1)
        return Confusion.of(test.labels[:NUM_COUNTED], guess, test.class_names)

    return Ready(
        num_steps=steps.num_steps,
        compile=steps.compile,
        num_parameters=room.count_parameters(model),
        data_bytes=train.frames.nbytes,
        samples=Samples(test.frames[chosen], test.labels[chosen], test.class_names, fps=test.fps),
        predict=predict,
        inspect=inspect,
        views={f"{min(len(test), NUM_COUNTED)} test clips": confusion},
        draw=draw,
    )


def first_of_each(labels: np.ndarray) -> np.ndarray:
    """Indices of the first item of each class, and then of the second of each, and so on."""
    seen: dict[int, int] = {}
    order = []
    for index, label in enumerate(labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        order.append((seen[label], index))
    return np.array([index for _, index in sorted(order)])
