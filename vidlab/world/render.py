"""Draw shapes into frames: signed distances, anti-aliased over one pixel.

The distance of a pixel's centre to a shape's edge, in pixels and negative inside, gives how much
of the pixel the shape covers: all of it at -0.5, none at +0.5. Polygons use the largest distance
to the lines through their edges, which is exact along the edges and keeps corners sharp. Only a
patch around the shape is computed, for all frames at once.
"""

import numpy as np

from vidlab.world.scene import REACH, SHAPES, SQUARE_HALF, TRIANGLE_CORNER

# The forms of distractors: never one of SHAPES.
FORMS = ("ring", "cross", "bar")
FORM_REACH = 1.0


def signed_distance(
    form: str, across: np.ndarray, down: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Distance to the edge of a form, negative inside, in the unit of the arguments.

    Args:
        form: one of ``SHAPES`` or ``FORMS``.
        across: x of the points, seen from the form's centre.
        down: y of the points, seen from the form's centre, growing downwards.
        radius: of the circle with the same area (a shape), or the reach (a form of distractors).
    """
    if form == "circle":
        return np.sqrt(across * across + down * down) - radius
    if form == "square":
        return np.maximum(np.abs(across), np.abs(down)) - np.float32(SQUARE_HALF) * radius
    if form == "triangle":
        half, root = np.float32(0.5), np.float32(np.sqrt(0.75))
        sides = root * np.abs(across) - half * down
        return np.maximum(sides, down) - np.float32(TRIANGLE_CORNER / 2) * radius
    if form == "ring":
        middle = np.float32(0.7) * radius
        from_middle = np.sqrt(across * across + down * down) - middle
        return np.abs(from_middle) - np.float32(0.3) * radius
    thin = np.float32(0.3) * radius
    flat = np.maximum(np.abs(across) - radius, np.abs(down) - thin)
    if form == "bar":
        return flat
    return np.minimum(flat, np.maximum(np.abs(across) - thin, np.abs(down) - radius))


def draw(
    frames: np.ndarray,
    form: str,
    color: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    radius: np.ndarray,
) -> None:
    """Draw one form into every frame of a clip, in place.

    Args:
        frames: ``uint8`` or ``float32 (T, H, W, 3)``, contiguous, values 0 to 255.
        form: one of ``SHAPES`` or ``FORMS``.
        color: (3,) RGB, 0 to 255.
        x: (T,) centre in pixels, pixel i reaching from i to i + 1. It may lie outside.
        y: (T,) likewise.
        radius: (T,) in pixels.
    """
    num_frames, height, width, _ = frames.shape
    left, right, top, bottom = REACH[SHAPES.index(form)] if form in SHAPES else [FORM_REACH] * 4
    largest = radius.max()
    rows = min(height, int(np.ceil((top + bottom) * largest)) + 3)
    columns = min(width, int(np.ceil((left + right) * largest)) + 3)
    # A patch that would stick out is moved inside: the distances stay right, and what lies
    # outside the picture is not drawn.
    first_row = np.clip(np.floor(y - top * radius).astype(np.intp) - 1, 0, height - rows)
    first_column = np.clip(np.floor(x - left * radius).astype(np.intp) - 1, 0, width - columns)
    row = first_row[:, None] + np.arange(rows)
    column = first_column[:, None] + np.arange(columns)
    down = (row + 0.5 - y[:, None]).astype(np.float32)[:, :, None]
    across = (column + 0.5 - x[:, None]).astype(np.float32)[:, None, :]
    distance = signed_distance(form, across, down, radius.astype(np.float32)[:, None, None])
    cover = np.repeat(np.clip(np.float32(0.5) - distance, 0, 1), 3, axis=-1)

    # One flat index for all values of the patches is several times faster than indexing pixels.
    start_of_row = (np.arange(num_frames)[:, None] * height + row) * (3 * width)
    values = (
        start_of_row[:, :, None] + (3 * first_column[:, None] + np.arange(3 * columns))[:, None]
    )
    flat = frames.reshape(-1)
    patch = flat.take(values).astype(np.float32, copy=False)
    patch += cover * (np.tile(color.astype(np.float32), columns) - patch)
    if frames.dtype == np.uint8:
        patch = (patch + np.float32(0.5)).astype(np.uint8)
    flat[values.ravel()] = patch.ravel()


def box(shape: int, x: np.ndarray, y: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """The tight box around a shape, cut at the picture's edges.

    Args:
        shape: index into ``SHAPES``.
        x: (...) centre in pixels.
        y: (...) likewise.
        radius: (...) in pixels.
        size: of the picture, in pixels.

    Returns:
        ``float32 (..., 4)``: x0, y0, x1, y1 in pixels.
    """
    left, right, top, bottom = REACH[shape]
    edges = [x - left * radius, y - top * radius, x + right * radius, y + bottom * radius]
    return np.clip(np.stack(edges, axis=-1), 0, size).astype(np.float32)
