"""Measures of generated clips: do they show what was asked for, are they varied, are they new?

No single number says that generated clips are good. Each of these looks at one side:

    class_consistency, attribute_accuracy   does a judge see what was asked for?
    frechet_distance                        are the judge's features distributed as for real clips?
    diversity                               how many different things does the judge see?
    color_constancy                         does the shape keep its colour for the whole clip?
    nearest_clips                           is it a copy of a training clip?

The judge is a small classifier that comes with vidlab; ``load_judge`` and ``judge`` of both rooms
give its opinions. The letters: N clips, T frames, H height, W width, K classes, F features.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidlab.input_checks import chunks
from vidlab.world.scene import ACTIONS_OF_ONE, SHAPES
from vidlab.world.stage import COLORS

NAMES = {"action": ACTIONS_OF_ONE, "color": COLORS, "shape": SHAPES}
SHAPE_CONTRAST = 32.0  # grey levels: a pixel nearer to the background than this is background
CORE = 0.9  # of the greatest contrast in a frame: a pixel below it may be a mixed one, at the edge


@dataclass(frozen=True)
class Judged:
    """What a judge says of N clips.

    Attributes:
        action: ``float32 (N, 8)``, a probability per action, in the order of the world's labels.
        color: ``float32 (N, 6)``, a probability per colour of ``world.COLORS``.
        shape: ``float32 (N, 3)``, a probability per shape of ``world.SHAPES``.
        features: ``float32 (N, F)``, the numbers before the judge's heads.
    """

    action: np.ndarray
    color: np.ndarray
    shape: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) from logits (N, K)."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def class_consistency(judged: Judged, labels: Sequence[int] | np.ndarray) -> float:
    """How often the judge sees the action that was asked for.

    Args:
        judged: the judge's opinions of N clips.
        labels: the actions that were asked for, integers 0 to 7, ``(N,)``.

    Returns:
        A share, 0 to 1.

    Raises:
        ValueError: another number of labels, or labels that are no actions.
    """
    return _share_right(judged.action, labels, "labels", "action")


def attribute_accuracy(
    judged: Judged,
    *,
    action: Sequence[int] | Sequence[str] | np.ndarray | None = None,
    color: Sequence[int] | Sequence[str] | np.ndarray | None = None,
    shape: Sequence[int] | Sequence[str] | np.ndarray | None = None,
) -> dict[str, float]:
    """How often the judge sees the action, the colour and the shape that were asked for.

    Args:
        judged: the judge's opinions of N clips.
        action, color, shape: what was asked for, ``(N,)``: names, as in ``clips.attributes``, or
            indices into the world's actions of one shape, ``COLORS`` and ``SHAPES``. None leaves
            one out.

    Returns:
        A share, 0 to 1, for each that was given.

    Raises:
        ValueError: none was given, or another number of them, or unknown names or indices.
    """
    asked = {"action": action, "color": color, "shape": shape}
    found = {
        name: _share_right(getattr(judged, name), wanted, name, name)
        for name, wanted in asked.items()
        if wanted is not None
    }
    if not found:
        raise ValueError("attribute_accuracy: give at least one of action, color and shape")
    return found


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """The Frechet distance of two sets of features, each taken for a Gaussian cloud.

    |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)), in squared units of the
    features. Heusel et al. (2017), "GANs trained by a two time-scale update rule converge to a
    local Nash equilibrium", compare generated pictures with it, as FID. Small sets give larger
    distances: compare only distances between sets of the same sizes.

    The product of two covariances is not symmetric, and its root is easily thrown off by rounding.
    It has the same trace as the root of cov_a^(1/2) cov_b cov_a^(1/2), which is symmetric: that
    one is computed here, with eigenvalues below 0 (rounding) counted as 0.

    Args:
        features_a: ``(N_a, F)``, at least 2 rows.
        features_b: ``(N_b, F)``, at least 2 rows.

    Returns:
        The distance: about 0 for two large sets of one distribution, else above 0.

    Raises:
        ValueError: not two tables of as many columns, fewer than 2 rows, NaN or infinity.
    """
    a, b = _table(features_a, "features_a"), _table(features_b, "features_b")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"features_b: expected {a.shape[1]} columns as in features_a, got the shape {b.shape}"
        )
    cov_a, cov_b = (np.atleast_2d(np.cov(table, rowvar=False)) for table in (a, b))
    root_a = _root(cov_a)
    eigenvalues = np.linalg.eigvalsh(root_a @ cov_b @ root_a)
    trace_of_root = np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    shift = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return max(0.0, float(shift + np.trace(cov_a) + np.trace(cov_b) - 2 * trace_of_root))


def diversity(probabilities: np.ndarray, labels: Sequence[int] | np.ndarray | None = None) -> float:
    """How many different things the judge sees: the effective number of its mean opinion.

    The exponential of the entropy of the mean opinion: 1 where all clips look alike, K where the
    K answers are equally frequent.

    Args:
        probabilities: opinions ``(N, K)`` that add up to 1, such as ``judged.color``.
        labels: ``(N,)``; where given, the number is taken among the clips of each label and
            averaged over the labels. It then says whether a generator that is asked for one class
            varies the rest.

    Returns:
        1 to K.

    Raises:
        ValueError: no table of probabilities, or another number of labels.
    """
    p = _probabilities(probabilities, "probabilities")
    if labels is None:
        return _effective_number(p)
    wanted = _one_per_clip(labels, len(p), "labels")
    return float(np.mean([_effective_number(p[wanted == one]) for one in np.unique(wanted)]))


def color_constancy(frames: np.ndarray) -> float:
    """How much the shape's colour drifts while clips play, in grey levels.

    The background is the median of the border of all frames of a clip. How unlike it a pixel is
    counts in the channel where it differs most. The colour of a frame is the mean of the pixels
    that are unlike the background by 32 grey levels or more, and by 90 % of what the most unlike
    one is: this leaves out the edge, where shape and background mix. The drift of a clip is the
    standard deviation of that colour over its frames, averaged over the channels; the result is
    the mean over the clips. Frames without such pixels are left out, as are clips with fewer than
    two frames that have some.

    Args:
        frames: ``uint8 (N, T, H, W, 3)``.

    Returns:
        Grey levels (0 to 255): below 1 for clips of the easy world. NaN where no clip shows a
        shape in two frames.

    Raises:
        ValueError: another shape or dtype, or fewer than two frames.
    """
    frames = _frames(frames, "frames")
    if frames.shape[1] < 2:
        raise ValueError(f"frames: expected two frames or more per clip, got {frames.shape}")
    drifts: list[np.ndarray] = []
    for chunk in chunks(len(frames)):
        colors = _shape_colors(frames[chunk])  # (n, T, 3), NaN where there is no shape
        seen = np.isfinite(colors[..., 0]).sum(axis=1) >= 2
        if seen.any():
            drifts.append(np.nanstd(colors[seen], axis=1).mean(axis=1))
    return float(np.concatenate(drifts).mean()) if drifts else float("nan")


def nearest_clips(
    generated: np.ndarray, training: np.ndarray, *, max_bytes: int = 200_000_000
) -> tuple[np.ndarray, np.ndarray]:
    """Find the training clip that is nearest to each generated one.

    A generator that has learned its clips by heart shows distances near 0. Compare the distances
    with those of new real clips: those are what clips that are no copies keep.

    Args:
        generated: ``uint8 (N, T, H, W, 3)``.
        training: ``uint8 (M, T, H, W, 3)``.
        max_bytes: about how much memory to work in.

    Returns:
        indices ``int64 (N,)`` into training, and mean squared distances ``float32 (N,)`` with
        pixels in [0, 1].

    Raises:
        ValueError: another shape or dtype, or clips of different sizes.
    """
    generated, training = _frames(generated, "generated"), _frames(training, "training")
    if generated.shape[1:] != training.shape[1:]:
        raise ValueError(
            f"training: expected clips {generated.shape[1:]} as in generated, "
            f"got {training.shape[1:]}"
        )
    values = int(np.prod(generated.shape[1:]))
    # Two chunks of float32 clips, and tables of the distances between them.
    step = max(1, min(max_bytes // (2 * 4 * values), math.isqrt(max_bytes // 16)))
    indices = np.zeros(len(generated), np.int64)
    distances = np.full(len(generated), np.inf, np.float32)
    for rows in chunks(len(generated), step):
        asked = _rows(generated[rows])
        for others in chunks(len(training), step):
            known = _rows(training[others])
            found = _squared_distances(asked, known)  # (n, m)
            best = found.argmin(axis=1)
            nearest = found[np.arange(len(found)), best]
            closer = nearest < distances[rows]
            indices[rows] = np.where(closer, best + others.start, indices[rows])
            distances[rows] = np.where(closer, nearest, distances[rows])
    # A small difference of large sums is rounded: the distances of the found pairs, once more.
    for i, index in enumerate(indices):
        gap = generated[i].astype(np.float32) - training[index]
        distances[i] = np.square(gap / 255).mean()
    return indices, distances


def report(
    judged: Judged,
    real_features: np.ndarray,
    labels: Sequence[int] | np.ndarray | None = None,
) -> dict[str, float]:
    """The usual measures of generated clips, from a judge's opinions.

    Args:
        judged: the judge's opinions of N generated clips.
        real_features: the judge's features ``(M, F)`` of real clips.
        labels: the actions that were asked for, integers 0 to 7, ``(N,)``; None where nothing was.

    Returns:
        "frechet" (``frechet_distance`` from the real clips), "colors", "shapes" and "actions"
        (``diversity`` over all clips); with labels also "class_consistency" and "colors_per_class"
        and "shapes_per_class" (``diversity`` within a class).

    Raises:
        ValueError: as the measures themselves.
    """
    found = {
        "frechet": frechet_distance(judged.features, real_features),
        "actions": diversity(judged.action),
        "colors": diversity(judged.color),
        "shapes": diversity(judged.shape),
    }
    if labels is not None:
        found["class_consistency"] = class_consistency(judged, labels)
        found["colors_per_class"] = diversity(judged.color, labels)
        found["shapes_per_class"] = diversity(judged.shape, labels)
    return found


def _share_right(probabilities: np.ndarray, wanted: object, argument: str, kind: str) -> float:
    p = _probabilities(probabilities, f"judged.{kind}")
    asked = _one_per_clip(wanted, len(p), argument)
    names = NAMES[kind]
    if asked.dtype.kind in "US":
        unknown = sorted(set(asked.tolist()) - set(names))
        if unknown:
            raise ValueError(f"{argument}: expected names of {names}, got {unknown[0]!r}")
        asked = np.array([names.index(name) for name in asked.tolist()])
    if asked.dtype.kind not in "iu":
        raise ValueError(f"{argument}: expected names or integers, got {asked.dtype}")
    if asked.min() < 0 or asked.max() >= p.shape[1]:
        raise ValueError(
            f"{argument}: expected 0 to {p.shape[1] - 1}, got {asked.min()} to {asked.max()}"
        )
    return float((p.argmax(axis=1) == asked).mean())


def _one_per_clip(values: object, count: int, argument: str) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (count,):
        raise ValueError(
            f"{argument}: expected one per clip, ({count},), got the shape {array.shape}"
        )
    return array


def _probabilities(p: np.ndarray, argument: str) -> np.ndarray:
    p = np.asarray(p)
    if p.ndim != 2 or p.size == 0 or p.dtype.kind != "f":
        raise ValueError(f"{argument}: expected floats (N, K), got {p.dtype} {p.shape}")
    p = p.astype(np.float64)
    if not (np.isfinite(p).all() and p.min() >= 0 and np.allclose(p.sum(axis=1), 1, atol=1e-3)):
        raise ValueError(
            f"{argument}: expected probabilities, 0 or more, that add up to 1 in each row; "
            "logits become probabilities by a softmax"
        )
    return p


def _effective_number(p: np.ndarray) -> float:
    mean = p.mean(axis=0)
    mean = mean[mean > 0]
    return float(np.exp(-(mean * np.log(mean)).sum()))


def _table(features: np.ndarray, argument: str) -> np.ndarray:
    table = np.asarray(features)
    if table.ndim != 2 or table.shape[1] == 0 or len(table) < 2 or table.dtype.kind not in "fiu":
        raise ValueError(
            f"{argument}: expected numbers (N, F) with 2 rows or more, "
            f"got {table.dtype} {table.shape}"
        )
    table = table.astype(np.float64)
    if not np.isfinite(table).all():
        raise ValueError(f"{argument} holds NaN or infinity")
    return table


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(eigenvalues, 0, None))) @ vectors.T


def _frames(frames: np.ndarray, argument: str) -> np.ndarray:
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != 5 or array.shape[-1] != 3 or array.size == 0:
        raise ValueError(
            f"{argument}: expected uint8 (N, T, H, W, 3), got {array.dtype} {array.shape}; "
            "for one clip use clip[None]"
        )
    return array


def _shape_colors(frames: np.ndarray) -> np.ndarray:
    """The shape's colour in each frame: uint8 (N, T, H, W, 3) -> (N, T, 3), NaN without one."""
    border = np.concatenate(
        [frames[:, :, [0, -1]].reshape(len(frames), -1, 3),
         frames[:, :, :, [0, -1]].reshape(len(frames), -1, 3)], axis=1,
    )  # fmt: skip
    background = np.median(border, axis=1).astype(np.float32)  # (N, 3)
    pixels = frames.reshape(*frames.shape[:2], -1, 3).astype(np.float32)
    unlike = np.abs(pixels - background[:, None, None]).max(axis=3)  # (N, T, H * W)
    clearly = np.maximum(SHAPE_CONTRAST, CORE * unlike.max(axis=2, keepdims=True))
    inside = (unlike >= clearly)[..., None]  # (N, T, H * W, 1)
    count = inside.sum(axis=2)
    total = (pixels * inside).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _rows(clips: np.ndarray) -> np.ndarray:
    return clips.reshape(len(clips), -1).astype(np.float32) / np.float32(255)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared distances of all rows of a from all rows of b: (n, D), (m, D) -> (n, m)."""
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    return np.clip(squares - 2 * (a @ b.T), 0, None) / a.shape[1]
