"""The measures of generated clips, on cases whose answer is known."""

import numpy as np
import pytest

from vidlab import metrics, world
from vidlab.metrics import Judged


def opinions(choices, count):
    """Certain opinions: probabilities (N, count) of 1 for each choice."""
    return np.eye(count, dtype=np.float32)[np.asarray(choices)]


def judged(action=(0, 1, 2, 3), color=(0, 0, 1, 1), shape=(0, 1, 2, 0), seed=0):
    features = np.random.default_rng(seed).normal(size=(len(action), 2)).astype(np.float32)
    return Judged(opinions(action, 8), opinions(color, 6), opinions(shape, 3), features)


def clip(background=(30, 30, 30), colors=((200, 40, 40),) * 4, size=16):
    """One clip (1, T, size, size, 3) of a square that has one colour per frame."""
    frames = np.empty((1, len(colors), size, size, 3), np.uint8)
    frames[:] = background
    for t, color in enumerate(colors):
        frames[0, t, 5:9, 4 + t % 4 : 8 + t % 4] = color
    return frames


def exact_cloud(mean, covariance, count=200, seed=0):
    """Rows whose sample mean and covariance are exactly these."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(mean)))
    x -= x.mean(axis=0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return white @ np.linalg.cholesky(np.asarray(covariance, float)).T + mean


# What was asked for


def test_class_consistency_is_the_share_of_right_actions():
    found = judged()
    assert metrics.class_consistency(found, [0, 1, 2, 3]) == 1
    assert metrics.class_consistency(found, np.array([0, 1, 7, 7])) == 0.5
    assert len(found) == 4


def test_attribute_accuracy_takes_names_and_indices():
    found = judged()
    names = np.array(world.COLORS)[[0, 0, 1, 2]]
    assert metrics.attribute_accuracy(found, color=names, shape=[0, 1, 1, 1]) == {
        "color": 0.75,
        "shape": 0.5,
    }
    actions = ["left", "right", "up", "up"]
    assert metrics.attribute_accuracy(found, action=actions) == {"action": 0.75}


def test_names_are_those_of_the_world():
    clips = world.generate(16, size=32, num_shapes=1, sound=False)
    assert clips.class_names == metrics.NAMES["action"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda j: metrics.class_consistency(j, [0, 1]), "labels: expected one per clip"),
        (lambda j: metrics.class_consistency(j, [0, 1, 2, 8]), "labels: expected 0 to 7"),
        (lambda j: metrics.class_consistency(j, [0.0] * 4), "labels: expected names or integers"),
        (lambda j: metrics.attribute_accuracy(j), "at least one"),
        (lambda j: metrics.attribute_accuracy(j, color=["pink"] * 4), "color: .*'pink'"),
        (lambda j: metrics.attribute_accuracy(j, shape=[0, 1, 2, -1]), "shape: expected 0 to 2"),
    ],
)
def test_errors_name_what_was_asked_for_wrongly(call, message):
    with pytest.raises(ValueError, match=message):
        call(judged())


# The Frechet distance


def test_frechet_of_equal_clouds_is_zero():
    cloud = np.random.default_rng(0).normal(size=(100, 5))
    assert metrics.frechet_distance(cloud, cloud) == pytest.approx(0, abs=1e-8)
    assert metrics.frechet_distance(cloud, cloud[::-1]) == pytest.approx(0, abs=1e-8)


def test_frechet_of_known_gaussians():
    plain = exact_cloud([0, 0], [[1, 0], [0, 4]])
    moved = exact_cloud([3, 4], [[1, 0], [0, 4]], seed=1)
    assert metrics.frechet_distance(plain, moved) == pytest.approx(25)
    # Diagonal covariances: the sum of the squared differences of the standard deviations.
    wider = exact_cloud([0, 0], [[9, 0], [0, 25]], count=300, seed=2)
    assert metrics.frechet_distance(plain, wider) == pytest.approx((3 - 1) ** 2 + (5 - 2) ** 2)


def test_frechet_of_covariances_that_do_not_commute():
    a, b = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.4], [-0.4, 3.0]])
    # A 2 x 2 matrix M has trace(sqrt(M)) = sqrt(trace(M) + 2 sqrt(det(M))).
    trace_of_root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * trace_of_root
    first, second = exact_cloud([0, 0], a), exact_cloud([0, 0], b, seed=3)
    assert metrics.frechet_distance(first, second) == pytest.approx(expected)
    assert metrics.frechet_distance(second, first) == pytest.approx(expected)


def test_frechet_stands_singular_covariances():
    flat = np.zeros((10, 4), np.float32)
    flat[:, 0] = np.arange(10)
    point = np.zeros((10, 4), np.float32)
    expected = 4.5**2 + np.var(np.arange(10), ddof=1)
    assert metrics.frechet_distance(flat, point) == pytest.approx(expected)
    few = np.random.default_rng(0).normal(size=(5, 64))  # fewer rows than columns
    assert metrics.frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros(3), np.zeros((3, 2)), "features_a: expected numbers"),
        (np.zeros((3, 2)), np.zeros((1, 2)), "features_b: expected numbers"),
        (np.zeros((3, 2)), np.zeros((3, 4)), "features_b: expected 2 columns"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "features_a holds NaN"),
    ],
)
def test_frechet_errors(a, b, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(a, b)


# Diversity


def test_diversity_counts_what_is_equally_frequent():
    assert metrics.diversity(opinions([0, 1, 2, 3, 4, 5], 6)) == pytest.approx(6)
    assert metrics.diversity(opinions([2, 2, 2], 6)) == pytest.approx(1)
    assert metrics.diversity(opinions([0, 0, 3, 3], 6)) == pytest.approx(2)
    assert metrics.diversity(np.full((4, 8), 1 / 8)) == pytest.approx(8)


def test_diversity_within_labels():
    one_colour_per_label = opinions([0, 0, 1, 1], 6)
    assert metrics.diversity(one_colour_per_label) == pytest.approx(2)
    assert metrics.diversity(one_colour_per_label, [0, 0, 1, 1]) == pytest.approx(1)
    assert metrics.diversity(one_colour_per_label, [0, 1, 0, 1]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("p", "labels", "message"),
    [
        (np.zeros((0, 3)), None, "probabilities: expected floats"),
        (np.array([[2.0, -1.0]]), None, "probabilities: expected probabilities"),
        (np.array([[1.0, 1.0]]), None, "softmax"),
        (np.array([[0.5, 0.5]]), [0, 1], "labels: expected one per clip"),
    ],
)
def test_diversity_errors(p, labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.diversity(p, labels)


# Colour over time


def test_color_of_a_constant_clip_does_not_drift():
    assert metrics.color_constancy(clip()) == pytest.approx(0, abs=1e-4)


def test_color_drift_is_measured_in_grey_levels():
    drifting = clip(colors=((200, 40, 40), (180, 60, 40)) * 4)
    # Standard deviations 10, 10 and 0 over time; their mean over the channels.
    assert metrics.color_constancy(drifting) == pytest.approx(20 / 3, abs=1e-4)
    both = np.concatenate([drifting, clip(colors=((200, 40, 40),) * 8)])
    assert metrics.color_constancy(both) == pytest.approx(10 / 3, abs=1e-4)


def test_color_leaves_out_edges_and_empty_frames():
    frames = clip(colors=((200, 40, 40),) * 6)
    frames[0, 2, 4, 5:8] = (100, 35, 35)  # a mixed edge in one frame
    frames[0, 4] = (30, 30, 30)  # nothing there
    assert metrics.color_constancy(frames) == pytest.approx(0, abs=1e-4)
    assert np.isnan(metrics.color_constancy(np.zeros((2, 4, 8, 8, 3), np.uint8)))


def test_color_of_the_world_hardly_drifts():
    frames = world.generate(96, size=32, num_shapes=1, sound=False, split="val").frames
    assert metrics.color_constancy(frames) < 1
    turned = frames.copy()
    turned[:, 8:] = turned[:, 8:, :, :, [1, 2, 0]]  # another colour in the second half
    assert metrics.color_constancy(turned) > 20


def test_color_errors():
    with pytest.raises(ValueError, match=r"frames: expected uint8 .*clip\[None\]"):
        metrics.color_constancy(clip()[0])
    with pytest.raises(ValueError, match="two frames"):
        metrics.color_constancy(clip()[:, :1])


# Copies


def test_identical_clips_are_copies_at_distance_zero():
    training = np.random.default_rng(0).integers(0, 256, (9, 4, 8, 8, 3), dtype=np.uint8)
    indices, distances = metrics.nearest_clips(training[[7, 0, 3]], training)
    assert indices.tolist() == [7, 0, 3]
    assert distances.tolist() == [0, 0, 0]


def test_distances_are_in_squared_units_and_do_not_depend_on_chunks():
    rng = np.random.default_rng(1)
    training = rng.integers(0, 256, (11, 4, 8, 8, 3), dtype=np.uint8)
    generated = rng.integers(0, 256, (5, 4, 8, 8, 3), dtype=np.uint8)
    gaps = (generated[:, None].astype(float) - training[None]) / 255
    expected = np.square(gaps).reshape(5, 11, -1).mean(axis=2)
    for max_bytes in (1, 20_000, 10**8):
        indices, distances = metrics.nearest_clips(generated, training, max_bytes=max_bytes)
        assert indices.tolist() == expected.argmin(axis=1).tolist()
        np.testing.assert_allclose(distances, expected.min(axis=1), rtol=1e-5)


def test_nearest_counts_the_table_of_distances(monkeypatch):
    whole, sizes = metrics._squared_distances, []

    def measured(a, b):
        sizes.append(len(a) * len(b))
        return whole(a, b)

    monkeypatch.setattr(metrics, "_squared_distances", measured)
    tiny = np.arange(180, dtype=np.uint8).reshape(60, 1, 1, 1, 3)
    indices, _ = metrics.nearest_clips(tiny, tiny, max_bytes=1600)
    assert indices.tolist() == list(range(60))
    assert 16 * max(sizes) <= 1600


def test_nearest_errors():
    frames = np.zeros((2, 4, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="generated: expected uint8"):
        metrics.nearest_clips(frames.astype(np.float32), frames)
    with pytest.raises(ValueError, match="training: expected clips"):
        metrics.nearest_clips(frames, frames[:, :3])


# All together


def test_report_gathers_the_usual_measures():
    found = judged()
    usual = metrics.report(found, found.features, [0, 1, 2, 7])
    assert usual["frechet"] == pytest.approx(0, abs=1e-6)
    assert usual["actions"] == pytest.approx(4)
    assert usual["colors"] == pytest.approx(2)
    assert usual["class_consistency"] == 0.75
    assert usual["colors_per_class"] == pytest.approx(1)
    assert set(metrics.report(found, found.features)) == {"frechet", "actions", "colors", "shapes"}
