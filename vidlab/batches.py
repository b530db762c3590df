"""Where batches come from: sets in memory or on disk, and the order both frameworks see them in.

The letters: N items, B items of a batch, T frames, H height, W width.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from vidlab.clips import Clips
from vidlab.input_checks import check_inputs, check_targets, chunks

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class BatchSource(Protocol):
    """A set whose items are fetched by index, from memory or from disk.

    ``get`` takes indices (B,) and returns x, as ``vidlab.input_checks.check_inputs`` describes it,
    and y, each with B entries. A source may have ``labels`` (N,), which class_weights="balanced"
    needs. With ``num_workers`` it is used in several processes or threads at once.
    """

    def __len__(self) -> int: ...

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


Data = Clips | tuple[np.ndarray, np.ndarray] | BatchSource
Inputs = np.ndarray | Clips | BatchSource


class Arrays:
    """Pictures, clips or features and their targets in memory, checked once."""

    def __init__(self, x: np.ndarray, y: np.ndarray, loss: object, name: str) -> None:
        check_inputs(x, f"{name} x")
        self.x = x
        self.labels = check_targets(y, len(x), loss, f"{name} y")

    def __len__(self) -> int:
        return len(self.x)

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.x[indices], self.labels[indices]


class Checked:
    """A source of someone else's: every batch is checked as it comes."""

    def __init__(self, source: BatchSource, loss: object, name: str) -> None:
        if len(source) == 0:
            raise ValueError(f"{name} is empty: expected at least one item")
        self.source, self.loss, self.name = source, loss, name
        labels = getattr(source, "labels", None)
        self.labels = None if labels is None else np.asarray(labels)

    def __len__(self) -> int:
        return len(self.source)

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = (np.asarray(part) for part in self.source.get(indices))
        check_inputs(x, f"{self.name} x")
        if len(x) != len(indices):
            raise ValueError(f"{self.name}: get gave {len(x)} items for {len(indices)} indices")
        return x, check_targets(y, len(x), self.loss, f"{self.name} y")


def as_source(data: Data, loss: object = "cross_entropy", name: str = "train") -> Arrays | Checked:
    """A set of any kind as a source of checked batches.

    Args:
        data: ``Clips``, ``(x, y)`` or a ``BatchSource``.
        loss: decides what targets are right (see ``vidlab.input_checks.check_targets``).
        name: what messages call the set.

    Raises:
        ValueError: no such set, or what the checks find in it.
    """
    if isinstance(data, Arrays | Checked):
        return data
    if isinstance(data, Clips):
        return Arrays(data.frames, data.labels, loss, name)
    if isinstance(data, tuple) and len(data) == 2:
        return Arrays(np.asarray(data[0]), np.asarray(data[1]), loss, name)
    if hasattr(data, "get") and hasattr(data, "__len__") and not isinstance(data, dict):
        return Checked(data, loss, name)
    raise ValueError(
        f"{name}: expected Clips, a tuple (x, y), or a source with __len__ and get(indices), "
        f"got {type(data).__name__}. A Dataset has three sets: give its .train or .val."
    )


def input_batches(x: Inputs, batch_size: int) -> Iterator[np.ndarray]:
    """Inputs without targets, in order, in batches (the last one may be short).

    Raises:
        ValueError: what ``check_inputs`` finds.
    """
    if isinstance(x, Clips):
        x = x.frames
    if hasattr(x, "get") and not isinstance(x, np.ndarray | dict):
        for chunk in chunks(len(x), batch_size):
            batch = np.asarray(x.get(np.arange(len(x))[chunk])[0])
            check_inputs(batch)
            yield batch
        return
    array = np.asarray(x)
    check_inputs(array)
    for chunk in chunks(len(array), batch_size):
        yield array[chunk]


def to_unit(x: np.ndarray) -> np.ndarray:
    """uint8 pictures as float32 in [0, 1]; floats as float32."""
    if x.dtype == np.uint8:
        return np.multiply(x, np.float32(1 / 255), dtype=np.float32)
    return x.astype(np.float32, copy=False)


def steps_per_epoch(num_items: int, batch_size: int) -> int:
    """How many batches an epoch has: a short last one is dropped, unless it is the only one."""
    return max(1, num_items // batch_size)


def batch_indices(
    num_items: int, batch_size: int, num_steps: int, seed: int
) -> Iterator[np.ndarray]:
    """The items of each step, the same in both frameworks.

    Every epoch is a new permutation, cut into consecutive slices. The last slice of an epoch is
    dropped where it is short, unless the set is smaller than one batch.

    Yields:
        ``int64 (B,)``, num_steps times.
    """
    rng = np.random.default_rng(seed)
    per_epoch = steps_per_epoch(num_items, batch_size)
    order = np.empty(0, np.int64)
    for step in range(num_steps):
        place = step % per_epoch
        if place == 0:
            order = rng.permutation(num_items)
        yield order[place * batch_size : (place + 1) * batch_size]


class Batches:
    """The batches of a training run: ``batches[i]`` is x and y of step i + 1.

    Any batch can be asked for at any time, so workers may make them in any order.
    """

    def __init__(
        self,
        source: Arrays | Checked,
        batch_size: int,
        num_steps: int,
        seed: int,
        augment: Augment | None = None,
    ) -> None:
        self.source, self.seed, self.augment = source, seed, augment
        self.indices = list(batch_indices(len(source), batch_size, num_steps, seed))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.source.get(self.indices[index])
        if self.augment is not None:
            count = len(x)
            x = np.asarray(self.augment(x, np.random.default_rng((self.seed, index + 1))))
            check_inputs(x, "what augment returned")
            if len(x) != count:
                raise ValueError(f"augment got {count} items and returned {len(x)}")
        return x, y


class Indexed(Protocol):
    """What can be asked for its items by number, in any order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def prefetch(batches: Indexed, num_workers: int) -> Iterator[Any]:
    """The items of ``batches`` in order; num_workers threads make the next ones meanwhile."""
    if num_workers == 0:
        yield from (batches[i] for i in range(len(batches)))
        return
    with ThreadPoolExecutor(num_workers) as pool:
        waiting: deque[Future] = deque()
        try:
            for i in range(len(batches)):
                while len(waiting) < 2 * num_workers and i + len(waiting) < len(batches):
                    waiting.append(pool.submit(batches.__getitem__, i + len(waiting)))
                yield waiting.popleft().result()
        finally:  # also where the caller leaves early
            for future in waiting:
                future.cancel()
