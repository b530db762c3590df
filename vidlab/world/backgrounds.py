"""What is behind the shapes: plain colours, textures, photographs, and a drifting camera.

Nothing here depends on the action. All movement is a sum of waves with random phases, so that
every frame index sees the same distribution, and so does a clip played backwards.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

# Photographs inside the installed wheels of scikit-image and scikit-learn (nothing is
# downloaded), and the only split that each may appear in. Their credits: china by danielbuechele
# and flower by vultilion (CC BY 2.0, sklearn/datasets/images/README.txt); the others in
# skimage/data/_fetchers.py.
PHOTOGRAPHS = {
    "train": (
        "astronaut",
        "brick",
        "coffee",
        "coins",
        "flower",
        "grass",
        "hubble_deep_field",
        "ihc",
        "moon",
        "motorcycle_left",
    ),
    "val": ("gravel", "retina", "rocket"),
    "test": ("camera", "cell", "chelsea", "china"),
}
TEXTURES = ("clouds", "stripes", "checks", "waves", "dots")

_FROM_SKLEARN = ("china", "flower")
_ZOOMS = (1.0, 1.5, 2.2)


def plain_color(color: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A dark dull colour (3,) that the shapes' colour stands out from."""
    while True:
        dull = rng.uniform(22, 50) + rng.uniform(-14, 14, 3)
        if _stands_out(color, dull):
            return dull


def _stands_out(color: np.ndarray, background: np.ndarray) -> bool:
    return bool(np.abs(color - background).max() >= 90)


def texture(size: int, color: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random texture of one of ``TEXTURES`` between two dull colours, size x size.

    The shapes' colour (3,) stands out from both.

    Returns:
        ``float32 (size, size, 3)``, 0 to 255.
    """
    kind = TEXTURES[rng.integers(len(TEXTURES))]
    while True:
        first = rng.uniform(40, 105) + rng.uniform(-18, 18, 3)
        second = first + rng.choice([-1, 1]) * rng.uniform(20, 35) + rng.uniform(-10, 10, 3)
        if _stands_out(color, first) and _stands_out(color, second):
            break
    if kind == "clouds":
        mix = 0.65 * _smooth_noise(size, 4, rng) + 0.35 * _smooth_noise(size, 9, rng)
    else:
        mix = _pattern(kind, size, rng)
    mixed = first + mix[..., None] * (second - first)
    return np.clip(mixed, 0, 255).astype(np.float32)


def _pattern(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Stripes, checks, waves or dots: a function of two turned coordinates, 0 to 1."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(0.15, 0.4)
    shift = rng.uniform(0, 1, 2)
    place = (np.arange(size) + 0.5) / size
    right, down = place[None, :], place[:, None]
    along = 2 * np.pi * ((right * np.cos(angle) + down * np.sin(angle)) / period + shift[0])
    across = 2 * np.pi * ((down * np.cos(angle) - right * np.sin(angle)) / period + shift[1])
    # Slopes about two pixels wide: as steep as can be without jagged edges.
    steep = period * size / (2 * np.pi) / 2
    if kind == "stripes":
        wave = np.sin(along) * steep
    elif kind == "checks":
        wave = np.sin(along) * np.sin(across) * steep
    elif kind == "dots":
        wave = (np.cos(along) + np.cos(across) - 1.0) * steep
    else:
        wave = 0.8 * np.sin(along + 0.8 * np.sin(0.5 * across))
    return np.clip(0.5 + 0.5 * wave, 0, 1)


def _smooth_noise(size: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Random values on a coarse grid, blended smoothly in between, 0 to 1."""
    values = rng.random((cells + 1, cells + 1))
    place = (np.arange(size) + 0.5) / size * cells
    cell = place.astype(np.intp)
    part = place - cell
    part = part * part * (3 - 2 * part)
    weights = np.zeros((size, cells + 1))
    weights[np.arange(size), cell] = 1 - part
    weights[np.arange(size), cell + 1] = part
    return weights @ values @ weights.T


def photograph(name: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square part of a photograph, mirrored half of the time.

    Args:
        name: one of the names in ``PHOTOGRAPHS``.
        size: of the part, in pixels.
        rng: chooses the part.

    Returns:
        ``float32 (size, size, 3)``, 0 to 255.

    Raises:
        FileNotFoundError: where the installed package does not have the photograph.
    """
    picture = _scaled_photograph(name, size, _ZOOMS[rng.integers(len(_ZOOMS))])
    height, width, _ = picture.shape
    row = rng.integers(height - size + 1)
    column = rng.integers(width - size + 1)
    part = picture[row : row + size, column : column + size]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return part.astype(np.float32)


@lru_cache(maxsize=128)
def _scaled_photograph(name: str, size: int, zoom: float) -> np.ndarray:
    """A photograph whose shorter side has zoom * size pixels, ``uint8 (H, W, 3)``."""
    from PIL import Image

    with Image.open(_photograph_path(name)) as image:
        rgb = image.convert("RGB")
    scale = zoom * size / min(rgb.size)
    width, height = (max(size, round(side * scale)) for side in rgb.size)
    return np.asarray(rgb.resize((width, height), Image.Resampling.LANCZOS))


def _photograph_path(name: str) -> Path:
    package, folder = (
        ("sklearn", "datasets/images")
        if name in _FROM_SKLEARN
        else (
            "skimage",
            "data",
        )
    )
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f'world: difficulty "hard" needs the photographs in the package {package}, which is '
            "not installed; install scikit-image and scikit-learn"
        )
    folder_path = Path(spec.origin).parent / folder
    for path in (folder_path / f"{name}.png", folder_path / f"{name}.jpg"):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"world: {folder_path} has no {name}.png or {name}.jpg; this version of {package} comes "
        "without it; install the version in constraints.txt"
    )


def wander(num_frames: int, reach: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random path around 0 that looks the same backwards.

    Each coordinate is a cosine of 0.4 to 1 turns over the clip with a uniformly random phase: its
    distribution is the same at every frame, and that of the path is the same reversed.

    Args:
        num_frames: T.
        reach: the largest distance from 0 in either coordinate.
        rng: chooses the path.

    Returns:
        (T, 2), x and y.
    """
    turns = rng.uniform(0.4, 1.0, 2)
    phases = rng.uniform(0, 2 * np.pi, 2)
    progress = np.linspace(0, 1, num_frames)[:, None]
    return reach * np.cos(2 * np.pi * turns * progress + phases)


def film(canvas: np.ndarray, drift: np.ndarray, size: int) -> np.ndarray:
    """Frames that a camera drifting over a canvas sees.

    Args:
        canvas: ``float32 (H, W, 3)``, larger than the frames by the same margin on each side.
        drift: (T, 2) how far, in pixels, the canvas's content moves right and down.
        size: of the frames.

    Returns:
        ``float32 (T, size, size, 3)``. Parts of pixels by bilinear interpolation.
    """
    margin = (canvas.shape[0] - size) // 2
    corner = margin - drift
    whole = np.floor(corner).astype(np.intp)
    part = (corner - whole).astype(np.float32)
    frames = np.empty((len(drift), size, size, 3), np.float32)
    for frame, (column, row), (right, down) in zip(frames, whole, part, strict=True):
        seen = canvas[row : row + size + 1, column : column + size + 1]
        rows = seen[:-1] + down * (seen[1:] - seen[:-1])
        frame[:] = rows[:, :-1] + right * (rows[:, 1:] - rows[:, :-1])
    return frames
