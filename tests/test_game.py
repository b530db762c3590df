"""The playable game: both worlds step by step, drift, messages of the browser, the poster."""

import io

import numpy as np
import pytest
from PIL import Image

from vidlab import world
from vidlab.playground.game import ALT, Game
from vidlab.world.steering import PLAYER, SIZE

KEYS = [str(key) for key in np.random.default_rng(0).choice(world.KEYS, 30)]


class TrueDream:
    """A dream that is right: it steps a world of its own."""

    def __init__(self, seed: int) -> None:
        self.world = world.SteerableWorld(seed)
        self.world.step("stay")

    def step(self, key: str | int) -> np.ndarray:
        return self.world.step(key)


class Frozen:
    """A dream in which nothing ever happens."""

    def __init__(self, frames: np.ndarray) -> None:
        self.frame = frames[-1]

    def step(self, key: str | int) -> np.ndarray:
        return self.frame


class InColor(Frozen):
    """The same, in RGB that is a little off."""

    def step(self, key: str | int) -> np.ndarray:
        return np.clip(world.colored(self.frame).astype(int) + 9, 0, 255).astype(np.uint8)


def pixels(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(SIZE, SIZE, 3)


def test_a_right_dream_never_drifts() -> None:
    game = Game({"right": lambda frames: TrueDream(3)}, seed=3)
    for step, key in enumerate(KEYS, start=1):
        game.press(key)
        assert (game.num_steps, game.drift, game.wrong_pixels) == (step, 0, 0)
        assert game.true_pixels == game.dream_pixels
    assert np.array_equal(pixels(game.true_pixels), world.colored(game.world.frame))


@pytest.mark.parametrize("kind", [Frozen, InColor])
def test_drift_counts_the_steps_apart(kind: type) -> None:
    game = Game({"frozen": kind}, seed=1)
    start, drift = game.world.position, 0
    for key in KEYS:
        game.press(key)
        drift = 0 if game.world.position == start else drift + 1
        assert game.drift == drift
    assert game.wrong_pixels > 0


def test_no_player_in_the_dream_is_drift() -> None:
    game = Game({"empty": lambda frames: Frozen(np.zeros_like(frames))})
    game.press("stay")
    assert game.drift == 1


def test_a_dream_gets_the_first_frames_and_then_keys_alone() -> None:
    given = []

    class Noting(Frozen):
        def __init__(self, frames: np.ndarray) -> None:
            super().__init__(frames)
            given.append(frames.copy())

        def step(self, key: str | int) -> np.ndarray:
            given.append(key)
            return super().step(key)

    game = Game({"noting": Noting}, seed=5, history=3)
    game.press("left")
    game.press("up")
    other = world.SteerableWorld(5)
    first = [other.frame, other.step("stay"), other.step("stay")]
    assert np.array_equal(given[0], first)
    assert given[1:] == ["left", "up"]


def test_begin_again_and_another_world() -> None:
    game = Game({"frozen": Frozen}, seed=7)
    first = game.true_pixels
    for key in KEYS:
        game.press(key)
    game.reset()
    assert (game.true_pixels, game.num_steps, game.drift) == (first, 0, 0)
    game.reset(8)
    assert game.true_pixels != first
    assert game.wrong_pixels == 0


def test_messages_of_the_browser() -> None:
    game = Game({"frozen": Frozen, "colour": InColor}, seed=7)
    game._answer(game, {"kind": "key", "value": "left", "turn": 4}, None)
    assert (game.num_steps, game.turn) == (1, 4)
    game._answer(game, {"kind": "key", "value": "jump", "turn": 5}, None)
    assert (game.num_steps, game.turn) == (1, 5)
    game._answer(game, {"kind": "network", "value": "colour", "turn": 6}, None)
    assert (game.network, game.num_steps, game.turn) == ("colour", 0, 6)
    game._answer(game, {"kind": "network", "value": "none", "turn": 7}, None)
    assert "expected one of" in game.error
    game._answer(game, {"kind": "next", "turn": 8}, None)
    assert (game.seed, game.error) == (8, "")
    game._answer(game, {"kind": "reset", "turn": 9}, None)
    assert (game.seed, game.turn) == (8, 9)


def test_an_error_of_the_network_stands_in_the_game() -> None:
    class Broken(Frozen):
        def step(self, key: str | int) -> np.ndarray:
            raise ZeroDivisionError("on purpose")

    game = Game({"broken": Broken})
    game._answer(game, {"kind": "key", "value": "left", "turn": 1}, None)
    assert game.error == "ZeroDivisionError: on purpose"
    assert game.turn == 1


def test_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Game({})
    with pytest.raises(ValueError, match="network: expected one of"):
        Game({"frozen": Frozen}).choose("other")
    with pytest.raises(ValueError, match="key: expected one of"):
        Game({"frozen": Frozen}).press("jump")


def test_the_poster_shows_both_and_the_game_is_as_new() -> None:
    game = Game({"frozen": Frozen}, seed=2)
    before = game.true_pixels
    picture = Image.open(io.BytesIO(game.draw_poster(KEYS[:12])))
    assert picture.size[0] == 800
    assert (game.num_steps, game.true_pixels) == (0, before)
    assert ALT == "Poster of the game"
    assert (world.SteerableWorld(2).frame == PLAYER).any()
