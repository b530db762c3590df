"""The world that keys steer: its rules, what is drawn, and episodes as a set to learn from."""

import numpy as np
import pytest

from vidlab import world
from vidlab.batches import as_source
from vidlab.world.steering import BALL, CELL, COIN, FLOOR, GRID, PLAYER, SIZE, WALL

SEEDS = range(12)


def walked(seed: int, keys: list[str], stride: int = CELL) -> np.ndarray:
    game = world.SteerableWorld(seed, stride)
    return np.stack([game.frame, *(game.step(key) for key in keys)])


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_same_seed_and_keys_give_the_same_frames(stride: int) -> None:
    keys = [str(key) for key in np.random.default_rng(0).choice(world.KEYS, 40)]
    assert np.array_equal(walked(3, keys, stride), walked(3, keys, stride))
    assert not np.array_equal(walked(3, keys, stride), walked(4, keys, stride))


def test_reset_begins_again() -> None:
    game = world.SteerableWorld(5)
    first = game.frame
    for key in ("right", "down", "left"):
        game.step(key)
    assert np.array_equal(game.reset(5), first)
    assert not np.array_equal(game.reset(6), first)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_player_is_drawn_where_it_is(stride: int) -> None:
    for seed in SEEDS:
        game = world.SteerableWorld(seed, stride)
        for key in ("left", "up", "up", "right", "down", "stay") * 4:
            frame = game.step(key)
            x, y = game.position
            assert (frame[y : y + CELL, x : x + CELL] == PLAYER).all()
            assert (frame == PLAYER).sum() == CELL**2
            assert np.array_equal(world.find_player(frame), (x, y))


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize(
    ("key", "dx", "dy"), [("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1)]
)
def test_walls_and_the_edge_stop_the_player(key: str, dx: int, dy: int, stride: int) -> None:
    for seed in SEEDS:
        game = world.SteerableWorld(seed, stride)
        for _ in range(SIZE // stride):
            before, walls = game.position, game.frame == WALL
            x, y = before.x + dx * stride, before.y + dy * stride
            inside = 0 <= x <= SIZE - CELL and 0 <= y <= SIZE - CELL
            free = inside and not walls[y : y + CELL, x : x + CELL].any()
            game.step(key)
            assert game.position == ((x, y) if free else before)
        assert not free  # at the end it stands at something


def test_staying_changes_nothing_but_the_ball() -> None:
    for seed in SEEDS:
        before, after = walked(seed, ["stay"])
        changed = (before != after) & (before != BALL) & (after != BALL)
        assert not changed.any()


def test_coins_are_picked_up_and_stay_away() -> None:
    picked = 0
    for seed in SEEDS:
        game = world.SteerableWorld(seed)
        rng = np.random.default_rng(seed)
        for key in rng.choice(world.KEYS, 60):
            before, coins = game.num_coins, game.frame == COIN
            frame = game.step(str(key))
            assert game.num_coins in (before, before - 1)
            assert (frame == COIN).sum() == game.num_coins * CELL**2
            x, y = game.position
            on_coin = coins[y : y + CELL, x : x + CELL].all()
            assert on_coin == (game.num_coins < before)
            picked += before - game.num_coins
    assert picked > len(SEEDS)


@pytest.mark.parametrize("stride", [1, 4])
def test_the_ball_rolls_in_its_row_and_turns_round(stride: int) -> None:
    turned = 0
    for seed in SEEDS:
        game = world.SteerableWorld(seed, stride)
        places = []
        for _ in range(40):
            ball = np.argwhere(game.step("stay") == BALL)
            places.append(ball.min(axis=0)[1])
            assert len(np.unique(ball[:, 0])) == CELL
        steps = np.diff(places)
        assert set(np.abs(steps)) == {stride}
        turned += int((steps[1:] != steps[:-1]).sum())
    assert turned > len(SEEDS)


def test_walls_never_move() -> None:
    frames = world.steer(5, 30, seed=1).frames == WALL
    assert (frames == frames[:, :1]).all()
    assert frames[:, 0].any(axis=(1, 2)).all()


def test_a_key_may_be_a_number() -> None:
    one, other = world.SteerableWorld(2), world.SteerableWorld(2)
    for number, key in enumerate(world.KEYS):
        assert np.array_equal(one.step(number), other.step(key))


@pytest.mark.parametrize("key", ["jump", 5, -1, None, 1.0])
def test_unknown_keys_are_refused(key) -> None:
    with pytest.raises(ValueError, match="key: expected one of"):
        world.SteerableWorld(0).step(key)


def test_other_errors() -> None:
    with pytest.raises(ValueError, match="stride: expected 1, 2 or 4"):
        world.SteerableWorld(0, stride=3)
    with pytest.raises(ValueError, match=r"stride: expected .* a whole number, got 4\.0"):
        world.SteerableWorld(0, stride=4.0)
    with pytest.raises(ValueError, match="num_worlds"):
        world.steer(0)
    with pytest.raises(ValueError, match="num_steps"):
        world.steer(1, 0)
    with pytest.raises(ValueError, match="history: expected 1 to 4"):
        world.Transitions(world.steer(1, 4), history=5)


@pytest.mark.parametrize("stride", [1, 4])
def test_episodes_are_what_the_world_does(stride: int) -> None:
    episodes = world.steer(4, 12, seed=7, stride=stride)
    assert episodes.frames.shape == (4, 13, SIZE, SIZE)
    assert len(episodes) == 4
    again = world.steer(4, 12, seed=7, stride=stride)
    assert np.array_equal(episodes.frames, again.frames)
    for index in range(4):
        game = world.SteerableWorld((7, index), stride)
        for t in range(12):
            assert np.array_equal(game.frame, episodes.frames[index, t])
            assert np.array_equal(game.position, episodes.positions[index, t])
            game.step(int(episodes.actions[index, t]))
    assert np.array_equal(world.find_player(episodes.frames), episodes.positions)


def test_all_keys_are_pressed_and_often_held() -> None:
    actions = world.steer(40, 50, seed=0).actions
    assert set(np.unique(actions)) == set(range(len(world.KEYS)))
    assert 0.6 < (actions[:, 1:] == actions[:, :-1]).mean() < 0.8


def test_transitions_pair_frames_and_key_with_the_next_frame() -> None:
    episodes = world.steer(3, 6, seed=2)
    source = as_source(world.Transitions(episodes, history=2))
    assert len(source) == 3 * 5
    x, y = source.get(np.arange(len(source)))
    assert x.shape == (15, SIZE, SIZE, 2 * 5 + 5)
    assert set(np.unique(x)) == {0, 1}
    for index in range(3):
        for t in range(5):
            item = x[5 * index + t]
            assert np.array_equal(item[..., :5].argmax(-1), episodes.frames[index, t])
            assert np.array_equal(item[..., 5:10].argmax(-1), episodes.frames[index, t + 1])
            assert (item[..., 10:].argmax(-1) == episodes.actions[index, t + 1]).all()
            assert np.array_equal(y[5 * index + t], episodes.frames[index, t + 2])


def test_colours_and_back() -> None:
    frames = world.steer(2, 3).frames
    pictures = world.colored(frames)
    assert pictures.shape == (*frames.shape, 3)
    assert pictures.dtype == np.uint8
    assert np.array_equal(world.nearest_color(pictures), frames)
    off = np.clip(pictures.astype(int) + 20, 0, 255)
    assert np.array_equal(world.nearest_color(off), frames)


def test_no_player_has_no_place() -> None:
    assert np.isnan(world.find_player(np.full((SIZE, SIZE), FLOOR, np.uint8))).all()
    frame = np.zeros((SIZE, SIZE), np.uint8)
    frame[8:12, 20:24] = PLAYER
    assert np.array_equal(world.find_player(frame), (20, 8))


def perfect(game: world.SteerableWorld):
    """A "network" that steps the true world: what a dream should then show is known."""

    def predict(planes: np.ndarray) -> np.ndarray:
        key = int(planes[0, 0, 0, -len(world.KEYS) :].argmax())
        return np.eye(len(world.PALETTE))[game.step(key)][None]

    return predict


def test_a_dream_shows_what_its_network_says() -> None:
    true, inner = world.SteerableWorld(4), world.SteerableWorld(4)
    dreamed = world.Dream(perfect(inner), np.stack([true.frame] * 2))
    for key in ("left", "down", "down", "stay", "right"):
        assert np.array_equal(dreamed.step(key), true.step(key))
        assert np.array_equal(dreamed.frame, true.frame)
    with pytest.raises(ValueError, match="key: expected"):
        dreamed.step("jump")


def test_a_dream_is_fed_its_own_frames_alone() -> None:
    seen = []

    def counting(planes: np.ndarray) -> np.ndarray:
        """Paints the next colour everywhere, and notes what it was shown."""
        colors = planes[..., :10].reshape(*planes.shape[:3], 2, 5).argmax(-1)
        seen.append(colors[0, 0, 0].tolist())
        return np.eye(5)[(colors[..., 1] + 1) % 5]

    first = np.zeros((1, 2, SIZE, SIZE), np.uint8)
    made = world.dream(counting, first, np.zeros((1, 4), np.int64))
    assert made[0, :, 0, 0].tolist() == [1, 2, 3, 4]
    assert seen == [[0, 0], [0, 1], [1, 2], [2, 3]]


def test_a_dream_forgets_nothing_that_is_done_to_its_frames() -> None:
    dreamed = world.Dream(perfect(world.SteerableWorld(4)), world.steer(1, 1).frames[0])
    for shown in (dreamed.frame, dreamed.step("left")):
        shown[:] = 3
        assert not (dreamed.frame == 3).all()


def test_actions_of_a_dream_may_be_a_list() -> None:
    first = world.steer(1, 1).frames
    made = world.dream(perfect(world.SteerableWorld(4)), first, [[0, 4]])
    assert made.shape == (1, 2, SIZE, SIZE)


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        ([[9]], "actions: expected numbers of 0 to 4, got 9 to 9"),
        ([[-1]], "actions: expected numbers of 0 to 4, got -1 to -1"),
        ([[1.0]], "actions: expected whole numbers, got float64"),
        (np.zeros((1, 0), int), r"actions: expected \(N, T\).* got \(1, 0\)"),
        ([1], r"actions: expected \(N, T\).* got \(1,\)"),
        ([[1], [1]], r"actions: expected \(N, T\).* 1 worlds, got \(2, 1\)"),
    ],
)
def test_other_actions_of_a_dream_are_refused(actions, told: str) -> None:
    first = world.steer(1, 1).frames
    with pytest.raises(ValueError, match=told):
        world.dream(perfect(world.SteerableWorld(4)), first, actions)


def test_other_first_frames_of_a_dream_are_refused() -> None:
    predict, frames = perfect(world.SteerableWorld(4)), world.steer(1, 1).frames[0]
    with pytest.raises(ValueError, match=r"frames: expected .*\(history, H, W\).* got \(32, 32\)"):
        world.Dream(predict, frames[0])
    with pytest.raises(ValueError, match=r"frames: expected .* got \(0, 32, 32\)"):
        world.Dream(predict, frames[:0])
    with pytest.raises(ValueError, match="frames: expected whole numbers, got float64"):
        world.Dream(predict, frames / 4)
    with pytest.raises(ValueError, match="frames: expected numbers of 0 to 4"):
        world.Dream(predict, frames + 5)
    with pytest.raises(ValueError, match=r"frames: expected .*\(N, history, H, W\)"):
        world.dream(predict, frames, [[0]])


def test_the_grid_fills_the_picture() -> None:
    assert GRID * CELL == SIZE
