"""Make sets of clips whose truth is known.

Every clip has a random generator of its own, seeded by seed, split and index. So clip i is the
same however many clips are made, and no two splits share a scene.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vidlab.clips import Clips
from vidlab.world import backgrounds, captions, scene, stage, synthesis

SPLITS = ("train", "val", "test")
FPS = 8.0

_CHUNK = 128


def generate(
    num_clips: int,
    *,
    difficulty: str = "easy",
    size: int = 64,
    num_frames: int = 16,
    num_shapes: int = 2,
    actions: Sequence[str] | None = None,
    split: str = "train",
    seed: int = 0,
    sound: bool = True,
    reverse: bool = False,
) -> Clips:
    """Generate clips of coloured shapes that do something, with all that is true about them.

    The same arguments give the same clips: the same bytes on one platform, at most one grey level
    apart on another. The first n clips of a larger set are the set of n clips. Every
    ``len(actions)`` clips hold each action once, and within an action every 18 clips hold each
    pair of shape and colour once. One seed gives the same scenes at every difficulty and size.

    Args:
        num_clips: N, at least 1.
        difficulty: "easy" (plain backgrounds), "medium" (textures, camera drift, noise, changing
            brightness) or "hard" (photographs, more of all that, and grey things moving about).
        size: height and width in pixels, 16 to 512. The course uses 32 and 64.
        num_frames: T, at least 4, at 8 frames per second. An action takes the whole clip, however
            many frames it has.
        num_shapes: 2 for a pair of equal shapes that act together, 1 for one shape. One shape
            cannot meet or part.
        actions: the classes, some of ``ACTIONS``; None for all that ``num_shapes`` allows. The
            labels count them in the order of ``ACTIONS``. Among few actions one frame says more
            than among all: where a clip begins tells left from right most of the time.
        split: "train", "val" or "test". Splits share no scene and no photograph.
        seed: of the random numbers, 0 or more.
        sound: False leaves ``audio`` out, and changes nothing else.
        reverse: True shows every scene backwards in time: the frames of each clip are those of
            the same call with False in reverse order, its action is the partner in ``PAIRS``.

    Returns:
        Clips with frames, labels, captions, boxes (K = num_shapes), audio at 8000 Hz unless
        switched off, and sources ("photo:NAME" at "hard", otherwise one per clip). The attributes
        are "action", "shape", "color" (str, (N,)) and, measured in the picture as drawn, in
        pixels: "radius" (N,), the mean over the clip, where a square or a triangle counts as the
        circle of its area; "x", "y", "radius_t", "gap" (N, T), the midpoint (of the pair, or of
        the one shape), the radius, and how far the shapes are from touching, along the line
        through their centres (NaN for one shape); "contact" (bool, (N,)), whether shapes begin
        or cease to touch, and "contact_time" (N,), when, in seconds, NaN where never.

    Raises:
        ValueError: for an argument out of its range.
        FileNotFoundError: at "hard", where scikit-image or scikit-learn is not installed.
    """
    class_names = _checked_actions(actions, num_shapes, reverse)
    _check_choice("difficulty", difficulty, stage.DIFFICULTIES)
    _check_choice("split", split, SPLITS)
    _check_integer("num_clips", num_clips, 1)
    _check_integer("size", size, 16, 512)
    _check_integer("num_frames", num_frames, 4)
    _check_integer("seed", seed, 0)

    labels, shapes, colors = _assignments(num_clips, len(class_names), seed, split)
    # What each scene shows before it is reversed, then what the clip shows.
    scenes = [class_names[label] for label in labels]
    shown = [scene.partner(action) for action in scenes] if reverse else scenes
    frames = np.empty((num_clips, num_frames, size, size, 3), np.uint8)
    boxes = np.empty((num_clips, num_frames, num_shapes, 4), np.float32)
    tracks = {name: np.empty((num_clips, num_frames)) for name in ("x", "y", "radius", "gap")}
    contact_times = np.full(num_clips, np.nan)
    audio = np.empty((num_clips, _num_samples(num_frames)), np.float32) if sound else None
    told, sources = [], []

    for start in range(0, num_clips, _CHUNK):
        chunk = range(start, min(start + _CHUNK, num_clips))
        generators = [_generator(seed, split, index) for index in chunk]
        paths = _sample(scenes, shapes, chunk, generators, num_shapes, num_frames)
        still = stage.tracks_from(paths, shapes[chunk.start : chunk.stop], num_shapes, size)
        for index, path, track, rng in zip(chunk, paths, still, generators, strict=True):
            color, shape = stage.COLORS[colors[index]], scene.SHAPES[shapes[index]]
            sentences = captions.captions_for(shown[index], color, shape, num_shapes)
            told.append(sentences[rng.integers(len(sentences))])
            photograph, source = None, f"scene:{split}:{seed}:{index}"
            if difficulty == "hard":
                names = backgrounds.PHOTOGRAPHS[split]
                photograph = names[rng.integers(len(names))]
                source = f"photo:{photograph}"
            sources.append(source)

            # A clip is made forwards, in the direction of the first action of its pair. So a clip
            # and its reversal have the same drift and noise, in opposite order.
            direction = 1 if shown[index] == scene.base_action(shown[index]) else -1
            drift = stage.camera_drift(difficulty, num_frames, size, rng)
            track = replace(track, x=track.x + drift[:, 0], y=track.y + drift[:, 1])
            clip = stage.shoot(track, color, difficulty, drift, photograph, size, rng)
            frames[index] = clip[::direction]
            boxes[index] = track.boxes(size)[::direction]
            for name, values in tracks.items():
                values[index] = getattr(track, name)[::direction]
            contact_times[index] = _contact_time(path[::direction], num_shapes)
            if audio is not None:
                audio[index] = synthesis.synthesize(
                    tracks["y"][index],
                    tracks["radius"][index],
                    contact_times[index],
                    size,
                    FPS,
                    stage.hiss(difficulty, audio.shape[1], rng),
                )

    if num_shapes == 1:
        tracks["gap"][:] = np.nan
    return Clips(
        frames=frames,
        labels=np.array([class_names.index(action) for action in shown]),
        class_names=class_names,
        sources=tuple(sources),
        fps=FPS,
        audio=audio,
        audio_rate=synthesis.RATE if sound else None,
        captions=tuple(told),
        boxes=boxes,
        attributes={
            "action": np.array(shown),
            "shape": np.array(scene.SHAPES)[shapes],
            "color": np.array(stage.COLORS)[colors],
            "radius": tracks["radius"].mean(axis=1),
            "contact": ~np.isnan(contact_times),
            "contact_time": contact_times,
            "x": tracks["x"],
            "y": tracks["y"],
            "radius_t": tracks["radius"],
            "gap": tracks["gap"],
        },
    )


def _generator(seed: int, split: str, *place: int) -> np.random.Generator:
    key = (SPLITS.index(split), *place)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _assignments(
    num_clips: int, num_classes: int, seed: int, split: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, shape and colour of each clip, balanced and shuffled.

    Each run of ``num_classes`` clips holds every class once. The clips of a class go through all
    pairs of shape and colour in random order, then again in another.
    """
    rounds = -(-num_clips // num_classes)
    # Clips use keys (split, index); two and three numbers after the split cannot be such a key.
    rng = _generator(seed, split, 0, 0)
    labels = np.concatenate([rng.permutation(num_classes) for _ in range(rounds)])[:num_clips]
    num_looks = len(scene.SHAPES) * len(stage.COLORS)
    looks = np.empty((num_classes, rounds), np.intp)
    for label in range(num_classes):
        rng = _generator(seed, split, 1, label)
        orders = [rng.permutation(num_looks) for _ in range(-(-rounds // num_looks))]
        looks[label] = np.concatenate(orders)[:rounds]
    chosen = looks[labels, np.arange(num_clips) // num_classes]
    return labels, chosen // len(stage.COLORS), chosen % len(stage.COLORS)


def _sample(
    scenes: list[str],
    shapes: np.ndarray,
    chunk: range,
    generators: list[np.random.Generator],
    num_shapes: int,
    num_frames: int,
) -> np.ndarray:
    """Paths (n, T, 6) for the clips of a chunk, each forwards: as its pair's first action."""
    paths = np.empty((len(chunk), num_frames, 6))
    bases = np.array([scene.base_action(scenes[index]) for index in chunk])
    for base in np.unique(bases):
        chosen = np.flatnonzero(bases == base)
        paths[chosen] = scene.sample(
            base,
            shapes[chunk.start + chosen],
            [generators[i] for i in chosen],
            num_shapes,
            num_frames,
        )
    return paths


def _contact_time(path: np.ndarray, num_shapes: int) -> float:
    """When the shapes begin or cease to touch, in seconds, NaN where they do neither."""
    first, last = path[0, scene.GAP], path[-1, scene.GAP]
    if num_shapes == 1 or (first > 0) == (last > 0):
        return np.nan
    frame = first / (first - last) * (len(path) - 1)
    return (frame + 0.5) / FPS


def _num_samples(num_frames: int) -> int:
    return round(num_frames * synthesis.RATE / FPS)


def _checked_actions(
    actions: Sequence[str] | None, num_shapes: int, reverse: bool
) -> tuple[str, ...]:
    _check_choice("num_shapes", num_shapes, (1, 2))
    possible = scene.ACTIONS if num_shapes == 2 else scene.ACTIONS_OF_ONE
    if actions is None:
        return possible
    if isinstance(actions, str):
        raise ValueError(
            f"world.generate: actions must be a list of actions, got the string {actions!r}; "
            f"write [{actions!r}]"
        )
    actions = list(actions)
    unknown = [action for action in actions if action not in scene.ACTIONS]
    if unknown or not actions or len(set(actions)) < len(actions):
        raise ValueError(
            f"world.generate: actions must be different ones of {scene.ACTIONS}, got {actions}"
        )
    impossible = [action for action in actions if action not in possible]
    if impossible:
        raise ValueError(
            f"world.generate: {' and '.join(impossible)} need two shapes, num_shapes is 1; "
            "choose num_shapes=2 or other actions"
        )
    alone = [action for action in actions if scene.partner(action) not in actions]
    if reverse and alone:
        raise ValueError(
            f"world.generate: reversed, {alone[0]} becomes {scene.partner(alone[0])}, which is "
            f"not in actions={actions}; name both actions of each pair"
        )
    return tuple(action for action in scene.ACTIONS if action in actions)


def _check_choice(name: str, value: object, choices: tuple) -> None:
    if isinstance(value, bool) or value not in choices:
        raise ValueError(f"world.generate: {name} must be one of {choices}, got {value!r}")


def _check_integer(name: str, value: object, lowest: int, highest: int | None = None) -> None:
    ok = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not (ok and value >= lowest and (highest is None or value <= highest)):  # type: ignore[operator]
        allowed = f"{lowest} or more" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"world.generate: {name} must be an integer, {allowed}, got {value!r}")
