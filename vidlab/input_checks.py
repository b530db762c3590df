"""Checks of what goes into a model: each says what was expected, what came, and what to do.

The letters: N items, T frames, H height, W width, K classes.
"""

from collections.abc import Iterator

import numpy as np

ORDER = "(N, H, W, 3) for pictures, (N, T, H, W, 3) for clips"
LOSSES = ("cross_entropy", "mse", "smooth_l1")
IGNORED = -1  # the label of what has no label


def check_inputs(x: np.ndarray, name: str = "x") -> None:
    """Check pictures, clips or features.

    Args:
        x: pictures ``(N, H, W, 3)`` or clips ``(N, T, H, W, 3)``, uint8 or floats within [0, 1];
            or features, floats of any other shape ``(N, ...)``.
        name: what the message calls it.

    Raises:
        ValueError: another dtype, axis order or range; no items; NaN or infinity.
    """
    if x.ndim == 0 or x.size == 0:
        raise ValueError(
            f"{name} is empty: expected at least one item, got the shape {x.shape}. "
            "Look at how the set was chosen: a mask or a split may have left nothing."
        )
    is_picture = x.ndim in (4, 5) and x.shape[-1] == 3
    if not is_picture and (order := _channels_first(x.shape)):
        axes = {"(N, 3, H, W)": "0, 2, 3, 1", "(N, T, 3, H, W)": "0, 1, 3, 4, 2"}
        fix = axes.get(order, "0, 2, 3, 4, 1")
        raise ValueError(
            f"{name} seems to be {order}: got the shape {x.shape}. vidlab takes {ORDER} in both "
            f"frameworks and moves the channels itself; use {name}.transpose({fix})."
        )
    if x.dtype == np.uint8:
        if not is_picture:
            raise ValueError(
                f"{name}: expected uint8 {ORDER}, got uint8 {x.shape}. For one picture or clip "
                f"use {name}[None]; for grey pictures repeat the channel; features are floats."
            )
    elif x.dtype.kind != "f":
        raise ValueError(
            f"{name}: expected uint8 pictures or float features, got {x.dtype} {x.shape}. "
            f"For pictures of 0 to 255 use {name}.astype(np.uint8), else .astype(np.float32)."
        )
    else:
        _check_floats(x, is_picture, name)


def check_takes(model: object, x: np.ndarray) -> None:
    """Check that a model that takes frames, or clips, gets what it takes (``model.takes``)."""
    takes = getattr(model, "takes", None)
    if x.dtype != np.uint8 and not (x.ndim in (4, 5) and x.shape[-1] == 3):
        return  # features
    kind = type(model).__name__
    if takes == "frames" and x.ndim == 5:
        raise ValueError(
            f"{kind} takes pictures (N, H, W, 3), got clips {x.shape}. Take one frame of each "
            "clip, x[:, x.shape[1] // 2], or all of them, x.reshape(-1, *x.shape[2:])."
        )
    if takes == "clips" and x.ndim == 4:
        raise ValueError(
            f"{kind} takes clips (N, T, H, W, 3), got pictures {x.shape}. For one clip use x[None]."
        )


def check_targets(y: np.ndarray, num_items: int, loss: object, name: str = "y") -> np.ndarray:
    """Return the targets as int64 or float32, as the loss needs them.

    Args:
        y: integer labels ``(N,)`` or ``(N, T)`` for "cross_entropy", where -1 means "no label
            here"; numbers ``(N, ...)`` for "mse" and "smooth_l1"; any array for a loss of one's
            own.
        num_items: N.
        loss: one of ``LOSSES``, or a callable.
        name: what the message calls it.

    Raises:
        ValueError: another length, dtype or range; NaN; an unknown loss.
    """
    if not (callable(loss) or loss in LOSSES):
        raise ValueError(f"loss: expected one of {LOSSES} or a function, got {loss!r}")
    if y.ndim == 0 or len(y) != num_items:
        raise ValueError(
            f"{name}: expected {num_items} targets, one per item of x, got the shape {y.shape}. "
            "Choose x and y with the same indices."
        )
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got {y.dtype} {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"{name} holds NaN or infinity: leave those items out")
    if loss == "cross_entropy":
        if y.dtype.kind not in "iu":
            advice = (
                f"one-hot labels become integers with {name}.argmax(-1)"
                if y.ndim == 2
                else f"use {name}.astype(np.int64), or loss='mse' for a regression"
            )
            raise ValueError(
                f"{name}: cross_entropy expects integer labels (N,) or (N, T), got {y.dtype} "
                f"{y.shape}; {advice}."
            )
        y = y.astype(np.int64, copy=False)
        if y.min() < IGNORED:
            raise ValueError(
                f"{name}: expected labels from 0 (or -1 for 'no label here'), got {y.min()}"
            )
        return y
    if isinstance(loss, str) or y.dtype.kind == "f":
        return y.astype(np.float32, copy=False)
    return y.astype(np.int64, copy=False)


def check_fit(y: np.ndarray, output_shape: tuple[int, ...], loss: object, name: str = "y") -> None:
    """Check targets against the shape of a model's outputs for one item or more.

    Raises:
        ValueError: labels beyond the model's K classes, or shapes that do not belong together.
    """
    if callable(loss):
        return
    if loss == "cross_entropy":
        if len(output_shape) != y.ndim + 1 or output_shape[1:-1] != y.shape[1:]:
            raise ValueError(
                f"{name}: the model gives logits {_items(output_shape)}, so cross_entropy expects "
                f"labels {_items(output_shape[:-1])}; got {y.shape}."
            )
        if y.max() >= output_shape[-1]:
            raise ValueError(
                f"{name}: the model knows {output_shape[-1]} classes, so labels are 0 to "
                f"{output_shape[-1] - 1}; got {y.max()}. Count classes from 0, or build the model "
                f"with num_classes={y.max() + 1}."
            )
    elif output_shape[1:] != y.shape[1:]:
        raise ValueError(
            f"{name}: the model gives {_items(output_shape)}, so {loss} expects targets of this "
            f"shape; got {y.shape}. For one number per item use {name}[:, None]."
        )


def chunks(length: int, size: int = 64) -> Iterator[slice]:
    """Slices that cover ``range(length)``: for work on an array without a second copy of it."""
    for start in range(0, length, size):
        yield slice(start, start + size)


def _channels_first(shape: tuple[int, ...]) -> str | None:
    if len(shape) == 4 and shape[1] == 3:
        return "(N, 3, H, W)"
    if len(shape) == 5 and shape[2] == 3:
        return "(N, T, 3, H, W)"
    if len(shape) == 5 and shape[1] == 3:
        return "(N, 3, T, H, W)"
    return None


def _check_floats(x: np.ndarray, is_picture: bool, name: str) -> None:
    lowest, highest = np.inf, -np.inf
    for chunk in chunks(len(x)):
        low, high = float(x[chunk].min()), float(x[chunk].max())  # NaN stays NaN
        if not (np.isfinite(low) and np.isfinite(high)):
            first = chunk.start
            bad = ~np.isfinite(x[chunk].reshape(len(x[chunk]), -1)).all(axis=1)
            raise ValueError(
                f"{name} holds NaN or infinity, first in item {first + int(bad.argmax())}. "
                "Look at how it was made: a division by 0, or a missing value?"
            )
        lowest, highest = min(lowest, low), max(highest, high)
    if is_picture and (lowest < 0 or highest > 1):
        advice = "divide by 255, or give uint8" if highest > 1 and lowest >= 0 else "scale them"
        raise ValueError(
            f"{name}: float pictures lie within 0 and 1, got {lowest:.4g} to {highest:.4g}; "
            f"{advice}. (An array whose last axis is 3 is taken for pictures.)"
        )


def _items(shape: tuple[int, ...]) -> str:
    return (
        "(" + ", ".join(["N", *(str(n) for n in shape[1:])]) + ("," if len(shape) < 2 else "") + ")"
    )
