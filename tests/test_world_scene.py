"""What happens in the world: paths, reversals, contact, and the bound on frame classifiers."""

import numpy as np
import pytest

from vidlab.world import scene

BASES = tuple(base for base, _ in scene.PAIRS)


@pytest.fixture(scope="module")
def rates() -> dict[str, dict[str, float]]:
    return scene.acceptance_rates()


def random_states(num_states: int, num_shapes: int = 2, shape: int = 0) -> np.ndarray:
    rng = np.random.default_rng(5)
    states = scene.states_from(rng.random((num_states, 6)))
    return states[scene.inside(states, np.array(shape), num_shapes)]


def test_no_action_is_rare_and_the_bound_holds(rates: dict[str, dict[str, float]]) -> None:
    assert set(rates) == set(scene.SHAPES)
    for of_shape in rates.values():
        assert set(of_shape) == set(scene.ACTIONS)
        assert min(of_shape.values()) > 0.47
    bound = scene.single_frame_bound()
    assert 0.1 < bound < 0.196
    expected = np.mean([1 / min(of_shape.values()) for of_shape in rates.values()]) / 10
    assert bound == pytest.approx(expected)


def test_one_shape_has_eight_actions() -> None:
    rates = scene.acceptance_rates(num_shapes=1, num_samples=5000)
    assert tuple(rates["square"]) == scene.ACTIONS[:8]
    assert min(min(of_shape.values()) for of_shape in rates.values()) > 0.55


@pytest.mark.parametrize("action", BASES)
def test_actions_preserve_volume(action: str) -> None:
    """The Jacobian of the map from frame 0 to frame t has determinant 1 (step 1 of the proof)."""
    start = random_states(200)[:5]
    step = 1e-5
    nudges = np.concatenate([np.eye(6), -np.eye(6)]) * step
    ends = scene.follow(action, start[:, None] + nudges, 16)[:, :, [4, 15]]
    jacobian = (ends[:, :6] - ends[:, 6:]) / (2 * step)  # (n, 6 from, 2 times, 6 to)
    determinant = np.linalg.det(jacobian.transpose(0, 2, 1, 3))
    np.testing.assert_allclose(determinant, 1, atol=1e-6)


@pytest.mark.parametrize("action", BASES)
@pytest.mark.parametrize("shape", range(3))
def test_frames_are_spread_evenly_over_part_of_the_states(
    action: str, shape: int, rates: dict[str, dict[str, float]]
) -> None:
    """No coordinate's density exceeds q / Z in any frame (what the proof concludes)."""
    num_paths, num_bins = 1200, 6
    rng = np.random.default_rng(11)
    paths = scene.sample(action, np.full(num_paths, shape), [rng] * num_paths, 2, 8)
    states = random_states(60_000, shape=shape)
    rate = rates[scene.SHAPES[shape]][action]
    for coordinate in (scene.X, scene.Y, scene.AXIS, scene.GAP, scene.LOG_RADIUS):
        edges = np.linspace(states[:, coordinate].min(), states[:, coordinate].max(), num_bins + 1)
        of_all = np.histogram(states[:, coordinate], edges)[0] / len(states)
        for frame in (0, 3, 7):
            of_action = np.histogram(paths[:, frame, coordinate], edges)[0] / num_paths
            assert (of_action <= of_all / rate + 0.05).all()


@pytest.mark.parametrize("num_shapes", [1, 2])
def test_sampled_paths_stay_inside(num_shapes: int) -> None:
    rng = np.random.default_rng(0)
    shape = np.arange(30) % 3
    for action in BASES[: 3 + num_shapes]:
        paths = scene.sample(action, shape, [rng] * 30, num_shapes, 16)
        assert scene.inside(paths, shape[:, None], num_shapes).all()


@pytest.mark.parametrize(
    ("action", "coordinate", "change"),
    [
        ("left", scene.X, -scene.TRAVEL),
        ("up", scene.Y, -scene.TRAVEL),
        ("grow", scene.LOG_RADIUS, np.log(scene.GROWTH)),
        ("meet", scene.GAP, -scene.CLOSING),
    ],
)
def test_an_action_changes_its_own_coordinate_evenly(
    action: str, coordinate: int, change: float
) -> None:
    path = scene.follow(action, random_states(500), 16)
    np.testing.assert_allclose(np.diff(path[..., coordinate]), change / 15, atol=1e-12)
    others = [i for i in range(6) if i != coordinate]
    assert (path[..., others] == path[:, :1, others]).all()


def test_clockwise_is_clockwise_and_nearly_a_full_turn() -> None:
    path = scene.follow("clockwise", random_states(500), 16)
    steps = np.diff(path[..., [scene.X, scene.Y]], axis=1)
    # Where y points down, a turn to the right has a positive cross product.
    cross = steps[:, :-1, 0] * steps[:, 1:, 1] - steps[:, :-1, 1] * steps[:, 1:, 0]
    assert (cross > 0).all()
    np.testing.assert_allclose(np.ptp(path[..., scene.PHASE], axis=1), 2 * np.pi * 15 / 16)
    # The next frame would be the first again.
    angle = 2 * np.pi / 16
    chord = 2 * scene.ORBIT_RADIUS * np.sin(angle / 2)
    first_to_last = path[:, 0, :2] - path[:, -1, :2]
    np.testing.assert_allclose(np.linalg.norm(first_to_last, axis=-1), chord)


def test_shapes_in_contact_touch_and_do_not_overlap() -> None:
    """Seen from many directions: polygons at their contact distance share a border, no area."""
    square = scene.SQUARE_HALF * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    turns = np.pi * np.array([-1 / 2, 1 / 6, 5 / 6])
    triangle = scene.TRIANGLE_CORNER * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    circle_turns = np.linspace(0, 2 * np.pi, 721)
    circle = np.stack([np.cos(circle_turns), np.sin(circle_turns)], axis=-1)
    views = np.linspace(0, np.pi, 361)
    normals = np.stack([np.cos(views), np.sin(views)], axis=-1)
    for index, corners in enumerate((circle, square, triangle)):
        for axis in np.linspace(0, np.pi, 13):
            distance = scene.contact_distance(np.array(index), np.array([axis]))[0]
            offset = distance * np.array([np.cos(axis), np.sin(axis)])
            shadow = corners @ normals.T
            moved = (corners + offset) @ normals.T
            # By the separating axis theorem: the widest gap between the shadows is zero.
            gap = np.maximum(moved.min(0) - shadow.max(0), shadow.min(0) - moved.max(0)).max()
            assert gap == pytest.approx(0, abs=2e-4)


def test_pairs_and_partners() -> None:
    assert len(scene.ACTIONS) == 10
    for first, second in scene.PAIRS:
        assert scene.partner(first) == second
        assert scene.partner(second) == first
        assert scene.base_action(first) == scene.base_action(second) == first
