"""The order of batches, their sources, schedules, and the checks of what goes in."""

import numpy as np
import pytest

from vidlab.batches import Batches, as_source, batch_indices, input_batches, prefetch, to_unit
from vidlab.clips import Clips
from vidlab.input_checks import check_inputs, check_targets
from vidlab.plan import class_weight_array, make_plan, scheduled

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
CLIPS = RNG.integers(0, 256, (10, 4, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(10) % 3


def plan(train=(PICTURES, LABELS), val=None, **changes):
    options = {
        "num_steps": 8, "num_epochs": None, "batch_size": 4, "learning_rate": 1.0,
        "schedule": "constant", "weight_decay": 0.0, "clip_norm": 1.0, "class_weights": None,
        "loss": "cross_entropy", "augment": None, "eval_every": None, "num_workers": 0, "seed": 0,
    }  # fmt: skip
    return make_plan(train, val, **(options | changes))


def test_an_epoch_is_a_permutation_without_its_short_end():
    batches = list(batch_indices(10, 4, 4, seed=3))
    rng = np.random.default_rng(3)
    first, second = rng.permutation(10), rng.permutation(10)
    expected = [first[:4], first[4:8], second[:4], second[4:8]]
    assert all(np.array_equal(a, b) for a, b in zip(batches, expected, strict=True))


def test_a_set_smaller_than_a_batch_is_taken_whole():
    batches = list(batch_indices(3, 32, 2, seed=0))
    assert [sorted(batch) for batch in batches] == [[0, 1, 2]] * 2


def test_longer_training_begins_with_the_same_batches():
    short, long = list(batch_indices(10, 3, 5, 1)), list(batch_indices(10, 3, 9, 1))
    assert all(np.array_equal(a, b) for a, b in zip(short, long, strict=False))


def test_any_batch_can_be_asked_for_at_any_time():
    def noise(x, rng):
        return x ^ rng.integers(0, 256, x.shape, dtype=np.uint8)

    batches = Batches(as_source((PICTURES, LABELS)), 4, 5, 0, noise)
    forwards = [batches[i][0] for i in range(5)]
    backwards = [batches[i][0] for i in reversed(range(5))][::-1]
    assert np.array_equal(forwards, backwards)
    assert not np.array_equal(forwards[0], PICTURES[batches.indices[0]])


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_prefetching_keeps_the_order(num_workers):
    assert list(prefetch(list(range(20)), num_workers)) == list(range(20))
    left_early = prefetch(list(range(20)), num_workers)
    assert next(left_early) == 0
    left_early.close()


def test_augment_must_keep_the_number_of_items():
    batches = Batches(as_source((PICTURES, LABELS)), 4, 5, 0, lambda x, rng: x[:2])
    with pytest.raises(ValueError, match="augment got 4 items and returned 2"):
        batches[0]


class Files:
    """A source such as one that reads from disk."""

    def __init__(self, x=CLIPS, y=LABELS):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def get(self, indices):
        return self.x[indices], self.y[indices]


def test_the_three_kinds_of_sets_give_the_same():
    clips = Clips(CLIPS, LABELS, ("a", "b", "c"), tuple("0123456789"), 8.0)
    chosen = np.array([3, 1])
    for data in (clips, (CLIPS, LABELS), Files()):
        x, y = as_source(data).get(chosen)
        assert np.array_equal(x, CLIPS[chosen])
        assert np.array_equal(y, LABELS[chosen])
    for x in (clips, CLIPS, Files()):
        assert np.array_equal(np.concatenate(list(input_batches(x, 4))), CLIPS)


def test_a_set_in_memory_is_not_copied():
    assert as_source((CLIPS, LABELS)).x is CLIPS


def test_pictures_become_shares_of_one():
    scaled = to_unit(np.array([0, 51, 255], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled == pytest.approx([0, 0.2, 1])
    assert scaled.max() <= 1
    assert to_unit(np.ones(2)).dtype == np.float32


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 100])
def test_schedules(num_steps):
    steps = range(1, num_steps + 1)
    cosine = [scheduled("cosine", step, num_steps) for step in steps]
    assert cosine[0] == 1
    assert cosine == sorted(cosine, reverse=True)
    assert 0 < cosine[-1] <= 1
    cycle = [scheduled("one_cycle", step, num_steps) for step in steps]
    assert 0 < min(cycle) <= max(cycle) <= 1
    assert [scheduled("constant", step, num_steps) for step in steps] == [1] * num_steps
    if num_steps == 100:
        assert cycle[:25] == pytest.approx(np.arange(1, 26) / 25)
        assert cycle[24:] == sorted(cycle[24:], reverse=True)
        assert cosine[50] == pytest.approx(0.5)
        assert cosine[-1] < 0.001


def test_the_plan_counts_epochs_and_evaluations():
    assert plan(num_steps=None).num_steps == 20
    assert plan(num_steps=None, num_epochs=3).num_steps == 6
    val = (PICTURES, LABELS)
    evaluated = [step for step in range(1, 8) if plan(val=val, num_steps=7).evaluates(step)]
    assert evaluated == [2, 4, 6, 7]
    assert not plan().evaluates(8)
    assert [plan().epoch(step) for step in (1, 2, 3)] == [1, 1, 2]
    assert plan(learning_rate=lambda step: step / 10, schedule="cosine").rate(5) == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_epochs": 1}, "not both"),
        ({"num_steps": 0}, "num_steps"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"schedule": "cosin"}, "one_cycle"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": "big"}, "learning_rate"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"clip_norm": 0}, "clip_norm"),
        ({"loss": "crossentropy"}, "cross_entropy"),
    ],
)
def test_arguments_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


def test_balanced_classes_weigh_the_same():
    y = np.array([0, 0, 0, 1, -1, 2])
    source = as_source((PICTURES[:6], y))
    weights = class_weight_array("balanced", source, 4, "cross_entropy")
    assert weights == pytest.approx([5 / 12, 5 / 4, 5 / 4, 5 / 4])
    assert class_weight_array((1, 2, 3, 4), source, 4, "cross_entropy").dtype == np.float32
    for bad, message in (((1, 2), "4 numbers"), ((1, 1, 1, -1), "from 0"), ("even", "balanced")):
        with pytest.raises(ValueError, match=message):
            class_weight_array(bad, source, 4, "cross_entropy")
    with pytest.raises(ValueError, match="belong to loss='cross_entropy'"):
        class_weight_array("balanced", source, 4, "mse")
    with pytest.raises(ValueError, match="needs a set with labels"):
        class_weight_array("balanced", as_source(Files()), 3, "cross_entropy")


UNIT = np.float32(PICTURES / 255)


@pytest.mark.parametrize(
    "x",
    [PICTURES, CLIPS, UNIT, UNIT.astype(np.float64), np.full((2, 5), 300.0), np.zeros((2, 7, 9))],
)
def test_what_goes_in(x):
    check_inputs(x)


def with_nan(x):
    x = x.copy()
    x[7, 2] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (PICTURES.transpose(0, 3, 1, 2), r"\(N, 3, H, W\).*transpose\(0, 2, 3, 1\)"),
        (CLIPS.transpose(0, 1, 4, 2, 3), r"\(N, T, 3, H, W\).*transpose\(0, 1, 3, 4, 2\)"),
        (CLIPS.transpose(0, 4, 1, 2, 3), r"\(N, 3, T, H, W\).*transpose\(0, 2, 3, 4, 1\)"),
        (np.float32(CLIPS.transpose(0, 1, 4, 2, 3)), r"\(N, T, 3, H, W\)"),
        (PICTURES.astype(np.float32), "0 to 255; divide by 255"),
        (UNIT - 1, "within 0 and 1"),
        (PICTURES.astype(np.int64), r"int64.*astype\(np.uint8\)"),
        (PICTURES[0], r"x\[None\]"),
        (PICTURES[..., :1], "repeat the channel"),
        (PICTURES[:0], "empty"),
        (with_nan(UNIT), "item 7"),
        (with_nan(np.zeros((9, 5))), "NaN or infinity, first in item 7"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_what_does_not_go_in(x, message):
    with pytest.raises(ValueError, match=message):
        check_inputs(x)


@pytest.mark.parametrize(
    ("y", "loss", "message"),
    [
        (LABELS[:9], "cross_entropy", "expected 10 targets"),
        (LABELS / 1.0, "cross_entropy", "astype"),
        (np.eye(3)[LABELS], "cross_entropy", r"argmax\(-1\)"),
        (LABELS - 2, "cross_entropy", "-1 for 'no label here'"),
        (np.full(10, np.nan), "mse", "NaN"),
        (np.array(["cat"] * 10), "cross_entropy", "expected numbers"),
    ],
)
def test_wrong_targets(y, loss, message):
    with pytest.raises(ValueError, match=message):
        check_targets(y, 10, loss)


@pytest.mark.parametrize("data", [PICTURES, {"x": PICTURES}, (PICTURES,), None])
def test_what_is_no_set(data):
    with pytest.raises(ValueError, match="expected Clips, a tuple"):
        as_source(data)


def test_a_source_is_checked_batch_by_batch():
    source = as_source(Files(np.float32(CLIPS)))
    with pytest.raises(ValueError, match="divide by 255"):
        source.get(np.arange(2))
    with pytest.raises(ValueError, match="train is empty"):
        as_source(Files(CLIPS[:0], LABELS[:0]))
