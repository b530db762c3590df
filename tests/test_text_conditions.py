"""Sentences as conditions of generators: both frameworks, padding, order, and learning."""

import importlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

from vidlab import latents, weights, world  # noqa: E402
from vidlab.words import Vocabulary  # noqa: E402

WORDS = Vocabulary(world.VOCABULARY)
READERS = ("BagOfWords", "CaptionReader")
ROOMS = ("torch", "keras")


def models(room: str):
    return importlib.import_module(f"vidlab.{room}.models.text_conditions")


def generators(room: str):
    return importlib.import_module(f"vidlab.{room}.models.latent_generators")


def training(room: str):
    return importlib.import_module(f"vidlab.{room}.generating")


def sentences(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    told = [
        str(rng.choice(world.captions_for(action, color, "circle", 1)))
        for action, color in rng.choice([("left", "red"), ("shrink", "blue"), ("up", "red")], count)
    ]
    return WORDS.encode_all(told, 10)


def run(room: str, model, *inputs: np.ndarray) -> np.ndarray:
    if room == "torch":
        with torch.no_grad():
            return model(*(torch.as_tensor(x) for x in inputs)).numpy()
    return keras.ops.convert_to_numpy(model(*inputs))


def twins(name: str, width: int = 12):
    first = getattr(models("torch"), name)(len(WORDS), width)
    second = getattr(models("keras"), name)(len(WORDS), width)
    weights.copy_weights(first, second)
    return first, second


@pytest.mark.parametrize("name", READERS)
def test_both_rooms_say_the_same(name: str) -> None:
    first, second = twins(name)
    words = sentences(9)
    one, other = run("torch", first, words), run("keras", second, words)
    assert one.shape == (9, 12)
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("name", READERS)
def test_padding_does_not_count(name: str, room: str) -> None:
    model = dict(zip(ROOMS, twins(name), strict=True))[room]
    words = WORDS.encode_all(["a red circle moves left", "one blue circle shrinks"])
    longer = np.pad(words, ((0, 0), (0, 6)))
    np.testing.assert_allclose(run(room, model, words), run(room, model, longer), atol=1e-6)
    assert np.isfinite(run(room, model, np.zeros((1, 4), np.int64))).all()


@pytest.mark.parametrize("room", ROOMS)
def test_a_bag_has_no_order_and_a_reader_has(room: str) -> None:
    words = WORDS.encode_all(["a red circle moves left"])
    for name, same in (("BagOfWords", True), ("CaptionReader", False)):
        model = dict(zip(ROOMS, twins(name), strict=True))[room]
        gap = np.abs(run(room, model, words) - run(room, model, words[:, ::-1].copy())).max()
        assert (gap < 1e-6) == same


def test_a_bag_by_hand() -> None:
    bag, _ = twins("BagOfWords")
    table = bag.table.weight.detach().numpy()
    np.testing.assert_allclose(
        run("torch", bag, np.array([[3, 5, 0]])), table[[3, 5]].mean(axis=0)[None], atol=1e-6
    )


@pytest.mark.parametrize("generator", ["LatentFlow", "LatentVAE"])
@pytest.mark.parametrize("name", READERS)
def test_generators_say_the_same_of_sentences(name: str, generator: str) -> None:
    first, second = (
        getattr(generators(room), generator)(
            0, 34, width=16, condition=getattr(models(room), name)(len(WORDS), 16)
        )
        for room in ROOMS
    )
    weights.copy_weights(first.eval(), second)
    noise = np.random.default_rng(0).standard_normal((5, *first.noise_shape)).astype(np.float32)
    words = sentences(5)
    with torch.no_grad():
        one = first.sample(torch.from_numpy(noise), torch.from_numpy(words)).numpy()
    other = keras.ops.convert_to_numpy(second.sample(noise, words))
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("name", READERS)
def test_it_learns_what_words_mean(name: str, room: str) -> None:
    words = sentences(300)
    red = (words == WORDS.encode("red")[0]).any(axis=1)
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((300, 34)).astype(np.float32)
    raw[:, 0] = np.where(red, 3, -3) + 0.1 * raw[:, 0]
    codes = latents.standardise(raw, np.zeros(300, int), 16)
    importlib.import_module(f"vidlab.{room}").set_seed(0)
    reader = getattr(models(room), name)(len(WORDS), 32)
    flow = generators(room).LatentFlow(0, 34, width=32, condition=reader)
    batches = latents.items(flow, codes.codes, words, 64)
    training(room).fit_loss(flow, batches, num_steps=400, learning_rate=5e-3, progress=False)
    noise = rng.standard_normal((60, 34)).astype(np.float32)
    asked = words[:60]
    if room == "torch":
        with torch.no_grad():
            made = flow.sample(torch.from_numpy(noise), torch.from_numpy(asked)).numpy()
    else:
        made = keras.ops.convert_to_numpy(flow.sample(noise, asked))
    assert ((made[:, 0] > 0) == red[:60]).mean() > 0.9
