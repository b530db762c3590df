"""A game to play with the arrow keys: the true world, and beside it a network's dream of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import numpy as np
import traitlets
from IPython.display import display

from vidlab.display.static import hide_axes
from vidlab.display.style import new_figure, png_bytes, show_png
from vidlab.playground.poster import fewer_colors
from vidlab.world.steering import (
    CELL,
    KEYS,
    PALETTE,
    SIZE,
    SteerableWorld,
    colored,
    find_player,
    key_number,
    nearest_color,
)

STATIC = Path(__file__).parent / "static"
ALT = "Poster of the game"  # game.js looks for it
NEAR = 1.0  # pixels within which two places are the same
SHOWN = (1, 5, 10, 20, 30)  # steps on the poster


class Player(Protocol):
    """What plays the game in the world's place, such as ``vidlab.world.Dream``."""

    def step(self, key: str | int) -> np.ndarray:
        """The frame after a key: palette numbers (SIZE, SIZE), or RGB, uint8 (SIZE, SIZE, 3)."""
        ...


Start = Callable[[np.ndarray], Player]  # the first frames (history, H, W) -> a player


class Game(anywidget.AnyWidget):
    """The true world and a network's dream of it, steered by the same keys; see ``static/game.js``.

    The network gets the first frames of a world, and from then on its own frames and the keys
    alone. It never sees the true world again, until somebody begins anew.

    Args:
        networks: name -> what starts a dream, such as
            ``lambda frames: world.Dream(predict, frames)``.
        seed: of the first world.
        history: how many true frames a dream begins with, at least 1.
        stride: see ``SteerableWorld``.
        fps: steps per second while the clock runs.

    Attributes:
        num_steps: steps since the beginning.
        drift: for how many steps the player has stood elsewhere in the dream; 0 where both agree.
        wrong_pixels: how many pixels differ.

    Raises:
        ValueError: no network, or a history, stride or fps that is none.
    """

    _esm = STATIC / "game.js"
    _css = STATIC / "game.css"
    true_pixels = traitlets.Bytes(b"").tag(sync=True)
    dream_pixels = traitlets.Bytes(b"").tag(sync=True)
    size = traitlets.Int(SIZE).tag(sync=True)
    fps = traitlets.Float(10.0).tag(sync=True)
    names: traitlets.List = traitlets.List().tag(sync=True)
    network = traitlets.Unicode("").tag(sync=True)
    num_steps = traitlets.Int(0).tag(sync=True)
    drift = traitlets.Int(0).tag(sync=True)
    wrong_pixels = traitlets.Int(0).tag(sync=True)
    coins = traitlets.Int(0).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    turn = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        networks: Mapping[str, Start],
        *,
        seed: int = 0,
        history: int = 2,
        stride: int = CELL,
        fps: float = 10.0,
    ) -> None:
        if not networks:
            raise ValueError("networks: expected at least one, such as {'mine': start}")
        if not isinstance(history, int | np.integer) or history < 1:
            raise ValueError(f"history: expected a whole number from 1, got {history!r}")
        if not 0 < fps < np.inf:  # NaN is not
            raise ValueError(f"fps: expected steps per second above 0, got {fps!r}")
        super().__init__(names=list(networks), fps=fps)
        self.networks, self.history, self.stride = dict(networks), history, stride
        self._begin(next(iter(networks)), seed)
        self.on_msg(self._answer)

    def reset(self, seed: int | None = None) -> None:
        """Begin a world again, or another one; the dream starts from its first frames.

        Where the network cannot start, its error comes out and the old game goes on.
        """
        self._begin(self.network, self.seed if seed is None else seed)

    def choose(self, name: str) -> None:
        """Let another network dream, from the beginning.

        Where it cannot start, its error comes out and the old game goes on.

        Raises:
            ValueError: there is no such network.
        """
        if name not in self.networks:
            raise ValueError(f"network: expected one of {list(self.networks)}, got {name!r}")
        self._begin(name, self.seed)

    def press(self, key: str) -> None:
        """One step of both: the true world, and the dream from its own frames.

        Where the network fails, the true world waits: it does not step either.

        Raises:
            ValueError: there is no such key, or what the network made is no frame.
        """
        key_number(key)
        self.dream_frame = _checked(self.player.step(key))
        self.world.step(key)
        with self.hold_sync():
            self.error = ""
            self.num_steps += 1
            self.drift = 0 if self.same_place else self.drift + 1
            self._show()

    @property
    def same_place(self) -> bool:
        """Whether the player stands in one place in both, within a pixel."""
        apart = find_player(self._palette_frame()) - np.array(self.world.position)
        return bool(np.abs(apart).max() <= NEAR)  # NaN, no player at all, is not

    def show(self, keys: Sequence[str]) -> None:
        """Show the game, and a static picture of it for readers without a kernel.

        Args:
            keys: what is pressed for the picture, at least one; 30 fill it.

        Raises:
            ValueError: no key, or there is no such key.
        """
        poster = self.draw_poster(keys)
        display(self)
        show_png(
            poster, f"{ALT}: the true world above, {self.network} below. Run the cell to play."
        )

    def draw_poster(self, keys: Sequence[str]) -> bytes:
        """Play these keys and draw some steps of both as a PNG; then begin again.

        Raises:
            ValueError: no key, or there is no such key.
        """
        if len(keys) == 0:
            raise ValueError("keys: expected at least one key, such as ['left'], got none")
        self.reset()
        steps = [step for step in SHOWN if step <= len(keys)]
        figure = new_figure(height=3.4)
        axes = figure.subplots(2, len(steps), squeeze=False)
        for step, key in enumerate(keys[: steps[-1]], start=1):
            self.press(key)
            if step not in steps:
                continue
            column = axes[:, steps.index(step)]
            column[0].imshow(colored(self.world.frame))
            column[1].imshow(_in_color(self.dream_frame))
            word = "key" if step == 1 else "keys"
            column[0].set_title(f"after {step} {word}", fontsize=9)
            told = "same place" if not self.drift else f"elsewhere for {self.drift}"
            column[1].set_xlabel(told, fontsize=9)
        for row, name in zip(axes, ("true game", "dream"), strict=True):
            for ax in row:
                hide_axes(ax)
            row[0].set_ylabel(name)
        figure.suptitle(f"The game, dreamed by {self.network} (run this cell to play)", fontsize=11)
        self.reset()
        return fewer_colors(png_bytes(figure))

    def _begin(self, network: str, seed: int) -> None:
        """Start world and dream, and take them over only once both have started."""
        world = SteerableWorld(seed, self.stride)
        frames = [world.frame]
        frames += [world.step("stay") for _ in range(self.history - 1)]
        player = self.networks[network](np.stack(frames))
        self.world, self.player, self.seed, self.dream_frame = world, player, seed, frames[-1]
        with self.hold_sync():
            self.network = network
            self.num_steps = self.drift = 0
            self.error = ""
            self._show()

    def _palette_frame(self) -> np.ndarray:
        """The dream's frame in palette numbers."""
        frame = self.dream_frame
        return frame if frame.ndim == 2 else nearest_color(frame)

    def _show(self) -> None:
        """Hand both frames to the browser."""
        true = self.world.frame
        self.true_pixels = colored(true).tobytes()
        self.dream_pixels = _in_color(self.dream_frame).tobytes()
        self.wrong_pixels = int((self._palette_frame() != true).sum())
        self.coins = self.world.num_coins

    def _answer(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """A message of the browser: a key, or to begin anew. The answer carries its turn."""
        with self.hold_sync():
            try:
                kind, value = content.get("kind"), content.get("value")
                if kind == "key" and value in KEYS:
                    self.press(str(value))
                elif kind == "network":
                    self.choose(str(value))
                elif kind in ("reset", "next"):
                    self.reset(self.seed + (kind == "next"))
            except Exception as error:  # a network of the learner's: say it where they look
                self.error = f"{type(error).__name__}: {error}"
            self.turn = int(content.get("turn", self.turn + 1))

    def __repr__(self) -> str:
        return f"Game({self.network}, {self.num_steps} steps, drift {self.drift})"


def _checked(frame: np.ndarray) -> np.ndarray:
    """A frame that a network made.

    Raises:
        ValueError: it is neither palette numbers nor RGB of the world's size.
    """
    frame = np.asarray(frame)
    told = f"{frame.dtype} {frame.shape}"
    if frame.shape == (SIZE, SIZE) and frame.dtype.kind in "iu":
        if frame.min() >= 0 and frame.max() < len(PALETTE):
            return frame
        told += f" of {frame.min()} to {frame.max()}"
    elif frame.shape == (SIZE, SIZE, 3) and frame.dtype == np.uint8:
        return frame
    raise ValueError(
        f"step: expected a frame of the network, whole numbers of 0 to {len(PALETTE) - 1} "
        f"({SIZE}, {SIZE}) or RGB, uint8 ({SIZE}, {SIZE}, 3); got {told}"
    )


def _in_color(frame: np.ndarray) -> np.ndarray:
    """RGB of a frame of either kind, uint8 (H, W, 3)."""
    return np.ascontiguousarray(colored(frame) if frame.ndim == 2 else frame)
