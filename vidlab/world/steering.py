"""A world to steer: state and key press -> next state, drawn in five colours.

A square walks over a floor with walls, coins and a ball. Nothing in it is random once it has begun,
and everything moves by whole blocks of pixels: a network can learn it (chapter 09b).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SIZE = 32  # pixels of a picture's side
CELL = 4  # pixels of a cell's side; the player, a wall, a coin and the ball fill one cell each
GRID = SIZE // CELL
KEYS = ("left", "right", "up", "down", "stay")
PALETTE = ("floor", "wall", "coin", "ball", "player")
FLOOR, WALL, COIN, BALL, PLAYER = range(len(PALETTE))
PALETTE_VALUES = np.array(
    [(244, 244, 240), (112, 112, 118), (240, 208, 40), (0, 114, 178), (213, 74, 0)], np.uint8
)
NUM_WALLS, NUM_COINS = 9, 5
HOLD = 0.6  # how likely a random player holds a key for another step
_MOVES = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "stay": (0, 0)}


class Position(NamedTuple):
    """The upper left pixel of a cell-sized square."""

    x: int
    y: int


class SteerableWorld:
    """One world that is steered by keys.

    The rules, in the order in which a step applies them:

    - The player moves by ``stride`` pixels in the key's direction. A wall or the picture's edge
      stops it: then it stays where it is.
    - A coin that the player touches is gone.
    - The ball rolls along its row by ``stride`` pixels. Where a wall or the edge is in its way it
      turns round and rolls back in the same step. It neither sees nor stops the player, who is
      drawn over it.

    A single frame does not show which way the ball rolls; two do.

    Args:
        seed: decides walls, coins, ball and the player's place.
        stride: pixels of a step, 1, 2 or 4; by default a whole cell.

    Raises:
        ValueError: another stride.
    """

    def __init__(self, seed: int | tuple[int, ...] = 0, stride: int = CELL) -> None:
        if not isinstance(stride, int | np.integer) or stride not in (1, 2, CELL):
            raise ValueError(
                f"stride: expected 1, 2 or {CELL} pixels, a whole number, got {stride!r}"
            )
        self.stride = int(stride)
        self.reset(seed)

    def reset(self, seed: int | tuple[int, ...] = 0) -> np.ndarray:
        """Begin a new world and return its first frame, see ``frame``."""
        rng = np.random.default_rng(seed)
        self._walls = np.zeros((GRID, GRID), bool)
        cells = rng.permutation(GRID * GRID)
        self._walls.flat[cells[:NUM_WALLS]] = True
        free = [Position(int(c) % GRID, int(c) // GRID) for c in cells[NUM_WALLS:]]
        ball = next(cell for cell in free if self._has_room(cell))
        others = [cell for cell in free if cell.y != ball.y]  # so that no ball rolls over a coin
        self._coins = set(others[:NUM_COINS])
        self._player = _in_pixels(others[NUM_COINS])
        self._ball = _in_pixels(ball)
        self._ball_way = int(rng.choice([-1, 1]))
        return self.frame

    def step(self, key: str | int) -> np.ndarray:
        """Press a key for one step.

        Args:
            key: one of ``KEYS``, or its number.

        Returns:
            The next frame, see ``frame``.

        Raises:
            ValueError: there is no such key.
        """
        dx, dy = _MOVES[KEYS[key_number(key)]]
        target = Position(self._player.x + dx * self.stride, self._player.y + dy * self.stride)
        if self._is_free(target):
            self._player = target
        self._coins = {c for c in self._coins if not _touch(_in_pixels(c), self._player)}
        for way in (self._ball_way, -self._ball_way):
            target = Position(self._ball.x + way * self.stride, self._ball.y)
            if self._is_free(target):
                self._ball, self._ball_way = target, way
                break
        return self.frame

    @property
    def position(self) -> Position:
        """Where the player is: x and y of its upper left pixel."""
        return self._player

    @property
    def num_coins(self) -> int:
        """How many coins are left."""
        return len(self._coins)

    @property
    def frame(self) -> np.ndarray:
        """The picture, uint8 (SIZE, SIZE): each pixel's number in ``PALETTE``."""
        cells = np.where(self._walls, WALL, FLOOR).astype(np.uint8)
        for coin in self._coins:
            cells[coin.y, coin.x] = COIN
        picture = cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
        for place, number in ((self._ball, BALL), (self._player, PLAYER)):
            picture[place.y : place.y + CELL, place.x : place.x + CELL] = number
        return picture

    def _has_room(self, cell: Position) -> bool:
        """Whether a ball in this cell can roll to a side."""
        beside = (Position(cell.x - 1, cell.y), Position(cell.x + 1, cell.y))
        return any(self._is_free(_in_pixels(place)) for place in beside)

    def _is_free(self, place: Position) -> bool:
        """Whether a square fits here: inside the picture, and on no wall."""
        if not (0 <= place.x <= SIZE - CELL and 0 <= place.y <= SIZE - CELL):
            return False
        columns = slice(place.x // CELL, (place.x + CELL - 1) // CELL + 1)
        rows = slice(place.y // CELL, (place.y + CELL - 1) // CELL + 1)
        return not self._walls[rows, columns].any()

    def __repr__(self) -> str:
        return f"SteerableWorld(player at {tuple(self._player)}, {self.num_coins} coins)"


@dataclass(frozen=True)
class Episodes:
    """Worlds that somebody played. The letters: N worlds, T key presses, H and W pixels.

    Attributes:
        frames: uint8 (N, T + 1, H, W), numbers in ``PALETTE``; frame t + 1 comes after key t.
        actions: int64 (N, T), numbers in ``KEYS``.
        positions: int64 (N, T + 1, 2): x and y of the player's upper left pixel.
    """

    frames: np.ndarray
    actions: np.ndarray
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


def steer(num_worlds: int, num_steps: int = 20, *, seed: int = 0, stride: int = CELL) -> Episodes:
    """Play many worlds with random keys that are often held for some steps.

    Args:
        num_worlds: how many, each another one.
        num_steps: key presses in each.
        seed: decides worlds and keys.
        stride: see ``SteerableWorld``.

    Raises:
        ValueError: fewer than one world or step, or another stride.
    """
    for name, value in (("num_worlds", num_worlds), ("num_steps", num_steps)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    frames = np.empty((num_worlds, num_steps + 1, SIZE, SIZE), np.uint8)
    positions = np.empty((num_worlds, num_steps + 1, 2), np.int64)
    actions = random_keys(num_worlds, num_steps, seed)
    world = SteerableWorld(0, stride)
    for index in range(num_worlds):
        frames[index, 0] = world.reset((seed, index))
        positions[index, 0] = world.position
        for t, action in enumerate(actions[index]):
            frames[index, t + 1] = world.step(int(action))
            positions[index, t + 1] = world.position
    return Episodes(frames, actions, positions)


def random_keys(num_worlds: int, num_steps: int, seed: int) -> np.ndarray:
    """Key presses of a random player, int64 (num_worlds, num_steps)."""
    rng = np.random.default_rng((seed, 1))
    actions = rng.integers(0, len(KEYS), (num_worlds, num_steps))
    held = rng.random((num_worlds, num_steps)) < HOLD
    for t in range(1, num_steps):
        actions[:, t] = np.where(held[:, t], actions[:, t - 1], actions[:, t])
    return actions


def key_number(key: str | int) -> int:
    """The number of a key in ``KEYS``.

    Raises:
        ValueError: there is no such key.
    """
    if isinstance(key, str) and key in KEYS:
        return KEYS.index(key)
    if isinstance(key, int | np.integer) and 0 <= key < len(KEYS):
        return int(key)
    raise ValueError(f"key: expected one of {KEYS} or its number, got {key!r}")


def colored(frames: np.ndarray) -> np.ndarray:
    """Palette numbers (..., H, W) -> RGB, uint8 (..., H, W, 3)."""
    return PALETTE_VALUES[frames]


def nearest_color(pictures: np.ndarray) -> np.ndarray:
    """RGB of 0 to 255 (..., H, W, 3) -> the number of the nearest palette colour, uint8."""
    values = PALETTE_VALUES.astype(np.float32)
    distance = ((pictures[..., None, :].astype(np.float32) - values) ** 2).sum(axis=-1)
    return distance.argmin(axis=-1).astype(np.uint8)


def find_player(frames: np.ndarray) -> np.ndarray:
    """Where the player is in palette frames (..., H, W): float (..., 2), as in ``position``.

    It is the mean of the player's pixels; NaN where a frame has none of them.
    """
    is_player = (frames == PLAYER).astype(np.float64)
    total = is_player.sum(axis=(-2, -1))
    x = (is_player * np.arange(frames.shape[-1])).sum(axis=(-2, -1))
    y = (is_player * np.arange(frames.shape[-2])[:, None]).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore"):
        return np.stack([x / total, y / total], axis=-1) - (CELL - 1) / 2


def planes(frames: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """What a world model reads: recent frames and the key, all as planes of zeros and ones.

    Args:
        frames: palette numbers (N, history, H, W), the newest last.
        actions: numbers in ``KEYS``, (N,).

    Returns:
        ``float32 (N, H, W, history * len(PALETTE) + len(KEYS))``: one plane per frame and colour,
        the oldest frame first, and one per key.
    """
    frames, actions = np.asarray(frames), np.asarray(actions)
    count, history, height, width = frames.shape
    colors = frames.transpose(0, 2, 3, 1)[..., None] == np.arange(len(PALETTE))
    keys = (actions[:, None] == np.arange(len(KEYS)))[:, None, None, :]
    return np.concatenate(
        [
            colors.reshape(count, height, width, history * len(PALETTE)),
            np.broadcast_to(keys, (count, height, width, len(KEYS))),
        ],
        axis=-1,
        dtype=np.float32,
    )


class Transitions:
    """Episodes as a set for ``fit``: planes of recent frames and a key, and the frame after it.

    A source of batches (``vidlab.batches.BatchSource``): x is what ``planes`` makes, y the next
    frame's palette numbers, int64 (B, H, W).

    Args:
        episodes: what ``steer`` made.
        history: how many frames are seen.

    Raises:
        ValueError: the episodes are too short for this history.
    """

    def __init__(self, episodes: Episodes, history: int = 2) -> None:
        num_steps = episodes.actions.shape[1]
        if not 1 <= history <= num_steps:
            raise ValueError(f"history: expected 1 to {num_steps} frames, got {history}")
        self.episodes, self.history = episodes, history
        self.per_episode = num_steps - history + 1

    def __len__(self) -> int:
        return len(self.episodes) * self.per_episode

    def get(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The items of these indices: x and y."""
        which, first = np.divmod(np.asarray(indices), self.per_episode)
        last = first + self.history - 1  # the frame that is there when the key is pressed
        seen = self.episodes.frames[which[:, None], first[:, None] + np.arange(self.history)]
        x = planes(seen, self.episodes.actions[which, last])
        return x, self.episodes.frames[which, last + 1].astype(np.int64)


def _in_pixels(cell: Position) -> Position:
    return Position(cell.x * CELL, cell.y * CELL)


def _touch(one: Position, other: Position) -> bool:
    """Whether two squares share a pixel."""
    return abs(one.x - other.x) < CELL and abs(one.y - other.y) < CELL
