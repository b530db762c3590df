"""The playable game: both worlds step by step, drift, messages of the browser, the poster."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from vidlab import world
from vidlab.playground.game import ALT, STATIC, Game
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


def test_after_an_error_both_go_on_from_the_same_place() -> None:
    class OnceBroken(TrueDream):
        broken = True

        def step(self, key: str | int) -> np.ndarray:
            if self.broken:
                self.broken = False
                raise ZeroDivisionError("on purpose")
            return super().step(key)

    game = Game({"once broken": lambda frames: OnceBroken(3)}, seed=3)
    before = game.world.frame
    game._answer(game, {"kind": "key", "value": "left", "turn": 1}, None)
    assert (game.num_steps, game.error) == (0, "ZeroDivisionError: on purpose")
    assert np.array_equal(game.world.frame, before)
    for turn, key in enumerate(KEYS, start=2):
        game._answer(game, {"kind": "key", "value": key, "turn": turn}, None)
        assert (game.error, game.drift, game.wrong_pixels) == ("", 0, 0)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (np.zeros((1, 32, 32), np.uint8), "uint8 (1, 32, 32)"),
        (np.zeros((16, 16), np.uint8), "uint8 (16, 16)"),
        (np.zeros((32, 32)), "float64 (32, 32)"),
        (np.full((32, 32), 7), "int64 (32, 32) of 7 to 7"),
        (np.full((32, 32), -1), "int64 (32, 32) of -1 to -1"),
        (np.zeros((32, 32, 3), np.float32), "float32 (32, 32, 3)"),
        (None, "object ()"),
    ],
)
def test_what_is_no_frame_is_refused_before_a_step_is_counted(made, told: str) -> None:
    class Strange(Frozen):
        def step(self, key: str | int) -> np.ndarray:
            return made

    game = Game({"strange": Strange}, seed=3)
    before = game.world.frame
    with pytest.raises(ValueError, match=rf"step: expected a frame.*got {re.escape(told)}"):
        game.press("left")
    assert game.num_steps == 0
    assert np.array_equal(game.world.frame, before)
    assert np.array_equal(game.dream_frame, before)


def test_a_network_that_cannot_start_leaves_the_game_as_it_is() -> None:
    def bad(frames: np.ndarray) -> Frozen:
        raise ZeroDivisionError("on purpose")

    game = Game({"right": lambda frames: TrueDream(3), "bad": bad}, seed=3)
    for key in KEYS[:5]:
        game.press(key)
    before = game.true_pixels
    game._answer(game, {"kind": "network", "value": "bad", "turn": 1}, None)
    assert game.error == "ZeroDivisionError: on purpose"
    assert (game.network, game.num_steps, game.true_pixels) == ("right", 5, before)
    game.press("left")
    assert (game.num_steps, game.drift, game.wrong_pixels) == (6, 0, 0)


def test_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Game({})
    with pytest.raises(ValueError, match="network: expected one of"):
        Game({"frozen": Frozen}).choose("other")
    with pytest.raises(ValueError, match="key: expected one of"):
        Game({"frozen": Frozen}).press("jump")


@pytest.mark.parametrize("history", [0, -3, 2.0, None])
def test_a_history_without_frames_is_refused(history) -> None:
    with pytest.raises(ValueError, match="history: expected a whole number from 1"):
        Game({"frozen": Frozen}, history=history)


@pytest.mark.parametrize("fps", [0, -1.0, np.nan, np.inf])
def test_a_clock_that_does_not_tick_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="fps: expected steps per second above 0"):
        Game({"frozen": Frozen}, fps=fps)


def test_a_poster_without_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="keys: expected at least one"):
        Game({"frozen": Frozen}).draw_poster([])


def test_the_poster_shows_both_and_the_game_is_as_new() -> None:
    game = Game({"frozen": Frozen}, seed=2)
    before = game.true_pixels
    picture = Image.open(io.BytesIO(game.draw_poster(KEYS[:12])))
    assert picture.size[0] == 800
    assert (game.num_steps, game.true_pixels) == (0, before)
    assert f'img[alt^="{ALT}"]' in (STATIC / "game.js").read_text(encoding="utf-8")
    assert (world.SteerableWorld(2).frame == PLAYER).any()
