"""Attention and GPT-2: both frameworks against NumPy, each other, and bad files."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.keras.models as keras_models  # noqa: E402
import vidlab.torch as vt  # noqa: E402
import vidlab.torch.models as torch_models  # noqa: E402
from vidlab.downloads import PretrainedError  # noqa: E402
from vidlab.gpt2 import GPT2Settings, expected_shapes, read_settings, read_weights  # noqa: E402
from vidlab.weights import copy_weights  # noqa: E402

ROOMS = {"torch": vt, "keras": vk}
MODELS = {"torch": torch_models, "keras": keras_models}
SMALL = GPT2Settings(
    vocab_size=30, num_positions=20, width=24, num_layers=2, num_heads=3, inner_width=96
)
BOTH = pytest.mark.parametrize("room", ROOMS)


def array(tensor) -> np.ndarray:
    return tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)


def values(model) -> dict[str, np.ndarray]:
    """A copy of every weight."""
    if isinstance(model, torch.nn.Module):
        return {name: array(value).copy() for name, value in model.named_parameters()}
    return {
        variable.path: np.array(keras.ops.convert_to_numpy(variable))
        for variable in model.variables
    }


# -- attention -------------------------------------------------------------------------------------


def numpy_attention(query, key, value, mask=None):
    scores = query @ key.swapaxes(-2, -1) / np.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights


MASKS = {
    "none": None,
    "causal": np.tri(5, 7, 2, dtype=bool),
    "padding": np.arange(7) < np.array([3, 7]).reshape(2, 1, 1, 1),
    "random": np.random.default_rng(5).random((2, 3, 5, 7)) < 0.5,
}
MASKS["random"][..., 0] = True


@pytest.mark.parametrize("name", MASKS)
def test_attention_is_that_of_numpy_and_of_the_frameworks(name: str) -> None:
    rng = np.random.default_rng(0)
    query, key = (rng.normal(0, 2, (2, 3, n, 8)).astype(np.float32) for n in (5, 7))
    value = rng.normal(0, 2, (2, 3, 7, 4)).astype(np.float32)
    mask = MASKS[name]
    found, weights = numpy_attention(query, key, value, mask)

    tensors = [torch.from_numpy(a) for a in (query, key, value)]
    torch_mask = None if mask is None else torch.from_numpy(mask)
    for room, got in {
        "torch": torch_models.attention(*tensors, torch_mask),
        "keras": keras_models.attention(query, key, value, mask),
    }.items():
        np.testing.assert_allclose(array(got[0]), found, atol=1e-5, err_msg=room)
        np.testing.assert_allclose(array(got[1]), weights, atol=1e-5, err_msg=room)
    built_in = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=torch_mask)
    np.testing.assert_allclose(array(built_in), found, atol=1e-5)


def test_without_positions_a_transformer_does_not_know_the_order() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 6, 3, 16, 16)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    model = vt.VideoTransformer(4, num_frames=6, size=16).eval()
    with torch.no_grad():
        with_positions = model(x), model(x[:, order])
        model.encoder.positions.zero_()
        without = model(x), model(x[:, order])
    assert (with_positions[0] - with_positions[1]).abs().max() > 1e-4
    assert (without[0] - without[1]).abs().max() < 1e-5


@pytest.mark.parametrize("pool", ["mean", "token"])
def test_video_transformers_are_twins(pool: str) -> None:
    options = {"num_classes": 4, "num_frames": 6, "size": 16, "pool": pool, "num_heads": 2}
    first, second = vt.VideoTransformer(**options).eval(), vk.VideoTransformer(**options)
    copy_weights(first, second)
    x = np.random.default_rng(0).random((3, 5, 16, 16, 3)).astype(np.float32)  # 5 of 6 frames
    in_torch = torch.from_numpy(x).movedim(-1, -3)
    length = 6 if pool == "token" else 5
    assert first.look(in_torch).shape == (3, 2, 2, length, length)
    np.testing.assert_allclose(array(first.look(in_torch)), array(second.look(x)), atol=1e-5)
    np.testing.assert_allclose(array(first(in_torch)), array(second(x)), atol=1e-4)
    np.testing.assert_allclose(array(second.look(x)).sum(axis=-1), 1, atol=1e-5)


def test_masked_frames_are_twins_and_hide_what_they_say() -> None:
    first = vt.MaskedFrames(vt.VideoEncoder(num_frames=6, size=16), target_size=12).eval()
    second = vk.MaskedFrames(vk.VideoEncoder(num_frames=6, size=16), target_size=12)
    copy_weights(first, second)
    x = np.random.default_rng(0).random((3, 6, 16, 16, 3)).astype(np.float32)
    outputs = array(first(torch.from_numpy(x).movedim(-1, -3)))
    np.testing.assert_allclose(outputs, array(second(x)), atol=1e-4)
    assert outputs.shape == (3, 6, 13)
    assert outputs[..., -1].tolist() == [[0, 1, 0, 1, 0, 1]] * 3

    changed = x.copy()
    changed[:, 1::2] = 0.5  # the hidden frames
    again = array(first(torch.from_numpy(changed).movedim(-1, -3)))
    np.testing.assert_allclose(outputs, again, atol=1e-6)

    targets = np.random.default_rng(1).random((3, 6, 12)).astype(np.float32)
    by_hand = ((outputs[:, 1::2, :-1] - targets[:, 1::2]) ** 2).mean()
    got = vt.masked_mse(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert float(got) == pytest.approx(by_hand, rel=1e-5)
    assert float(vk.masked_mse(outputs, targets)) == pytest.approx(by_hand, rel=1e-5)


@BOTH
def test_training_hides_other_frames_each_time(room: str) -> None:
    model = ROOMS[room].MaskedFrames(ROOMS[room].VideoEncoder(size=16), target_size=3, share=0.3)
    x = np.zeros((64, 16, 16, 16, 3), np.float32)
    if room == "torch":
        model.train()
        marks = [array(model(torch.from_numpy(x).movedim(-1, -3)))[..., -1] for _ in range(2)]
    else:
        marks = [array(model(x, training=True))[..., -1] for _ in range(2)]
    assert (marks[0] != marks[1]).any()
    assert 0.22 < np.mean(marks) < 0.38  # 2,048 draws: 0.3 with a standard error of 0.01


@BOTH
def test_masked_pretraining_learns(room: str) -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (32, 1, 1, 1, 3))
    x = np.broadcast_to(levels, (32, 6, 16, 16, 3)).astype(np.uint8)
    y = np.broadcast_to(levels[:, :, 0, 0] / 255, (32, 6, 3)).astype(np.float32)
    ROOMS[room].set_seed(0)
    encoder = ROOMS[room].VideoEncoder(width=16, num_frames=6, size=16)
    model = ROOMS[room].MaskedFrames(encoder, target_size=3)
    history = ROOMS[room].fit(
        model, (x, y), num_steps=150, loss=ROOMS[room].masked_mse, batch_size=16, progress=False
    )
    assert np.mean(history.loss[-10:]) < np.mean(history.loss[:10]) / 4


# -- GPT-2 -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random GPT-2 as ``transformers`` saves it."""
    folder = tmp_path_factory.mktemp("gpt2")
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=30, n_positions=20, n_embd=24, n_layer=2, n_head=3)
    model = GPT2Model(config)
    for parameter in model.parameters():  # as spread as those of a trained one
        torch.nn.init.normal_(parameter, 0, 0.3)
    model.save_pretrained(folder)
    return folder


def copy_of(saved: Path, folder: Path) -> Path:
    for file in ("config.json", "model.safetensors"):
        (folder / file).write_bytes((saved / file).read_bytes())
    return folder


def states(gpt2, x: np.ndarray) -> np.ndarray:
    if isinstance(gpt2, torch.nn.Module):
        return array(gpt2(inputs_embeds=torch.from_numpy(x)).last_hidden_state)
    return array(gpt2(x))


def test_gpt2_is_the_same_in_both_frameworks(saved: Path) -> None:
    from transformers import GPT2Model

    theirs = GPT2Model.from_pretrained(saved).eval()
    first, second = vt.load_gpt2(saved), vk.load_gpt2(saved)
    x = np.random.default_rng(0).normal(0, 1, (3, 7, 24)).astype(np.float32)
    expected = states(theirs, x)
    assert expected.std() > 0.1
    np.testing.assert_allclose(states(first, x), expected, atol=1e-4)
    np.testing.assert_allclose(states(second, x), expected, atol=1e-4)
    words = np.array([[3, 1, 4, 1, 5]])
    in_words = array(theirs(torch.from_numpy(words)).last_hidden_state)
    np.testing.assert_allclose(array(second(second.embed(words))), in_words, atol=1e-4)


def test_gpt2_at_full_size_is_the_same_in_both_frameworks() -> None:
    settings = GPT2Settings()
    first, second = torch_models.random_gpt2(settings, seed=1), keras_models.random_gpt2(settings)
    assert vt.count_parameters(first) == vk.count_parameters(second) == 124_439_808
    tensors = first.state_dict()
    for name, variable in second.named_variables().items():
        variable.assign(tensors[name].numpy())
    x = np.random.default_rng(0).normal(0, 0.2, (1, 8, 768)).astype(np.float32)
    expected = states(first, x)
    assert expected.std() > 0.1
    np.testing.assert_allclose(states(second, x), expected, atol=1e-4)


def test_weights_move_between_the_frameworks(saved: Path) -> None:
    first = vt.GPT2Video(5, vt.add_lora(vt.load_gpt2(saved), seed=1), 9).eval()
    second = vk.GPT2Video(5, vk.add_lora(vk.load_gpt2(saved), seed=2), 9)
    x = np.random.default_rng(0).normal(0, 1, (3, 7, 9)).astype(np.float32)
    for source, target in ((first, second), (second, first)):
        if source is second:
            for layer in second.gpt2.h:
                layer.attn.c_attn.up.assign(np.full((4, 72), 0.1, np.float32))
        copy_weights(source, target)
        in_torch = array(first(torch.from_numpy(x)))
        assert in_torch.std() > 0.1
        np.testing.assert_allclose(in_torch, array(second(x)), atol=1e-4)
    looks = array(first.look(torch.from_numpy(x)))
    assert looks.shape == (3, 2, 3, 7, 7)
    np.testing.assert_allclose(looks, array(second.look(x)), atol=1e-5)
    assert np.triu(looks, 1).max() == 0  # no frame looks at a later one


@BOTH
def test_the_shipped_ones_load(room: str) -> None:
    first = ROOMS[room].load_gpt2("minigpt")
    again = ROOMS[room].load_gpt2("minigpt", pretrained=False, seed=3)
    x = np.random.default_rng(0).normal(0, 1, (1, 4, 96)).astype(np.float32)
    assert np.abs(states(first, x) - states(again, x)).max() > 0.1
    same = ROOMS[room].load_gpt2("minigpt", pretrained=False, seed=3)
    np.testing.assert_array_equal(states(again, x), states(same, x))


@BOTH
def test_lora_changes_nothing_at_first_and_can_be_merged(room: str, saved: Path) -> None:
    gpt2 = ROOMS[room].load_gpt2(saved)
    adapted = ROOMS[room].add_lora(gpt2, rank=3, scale=1.5, seed=4)
    x = np.random.default_rng(0).normal(0, 1, (2, 6, 24)).astype(np.float32)
    np.testing.assert_allclose(states(adapted, x), states(gpt2, x), atol=1e-6)

    rng = np.random.default_rng(1)
    for block in adapted.h:
        up = rng.normal(0, 0.1, (3, 72)).astype(np.float32)
        layer = block.attn.c_attn
        if room == "torch":
            layer.up.data = torch.from_numpy(up)
        else:
            layer.up.assign(up)
    merged = ROOMS[room].merge_lora(adapted)
    assert np.abs(states(adapted, x) - states(gpt2, x)).max() > 0.1
    np.testing.assert_allclose(states(merged, x), states(adapted, x), atol=1e-4)
    for before, after, both in zip(gpt2.h, merged.h, adapted.h, strict=True):
        layer = both.attn.c_attn
        adapter = 1.5 * array(layer.down) @ array(layer.up)
        base, sums = (
            array(m.attn.c_attn.weight if room == "torch" else m.attn.c_attn.kernel)
            for m in (before, after)
        )
        np.testing.assert_allclose(sums, base + adapter, atol=1e-5)


@BOTH
@pytest.mark.parametrize("parts", ["frozen", "last_block", "lora", "full"])
def test_frozen_parameters_do_not_change(room: str, parts: str, saved: Path) -> None:
    gpt2 = ROOMS[room].load_gpt2(saved)
    if parts == "lora":
        gpt2 = ROOMS[room].add_lora(gpt2)
    model = ROOMS[room].GPT2Video(3, gpt2, 9)
    ROOMS[room].set_trainable(model, parts)
    before = values(model)
    x = np.random.default_rng(0).normal(0, 1, (24, 6, 9)).astype(np.float32)
    ROOMS[room].fit(model, (x, np.arange(24) % 3), num_steps=4, progress=False)
    after = values(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    if room == "torch":
        learning = {name for name, value in model.named_parameters() if value.requires_grad}
    else:
        learning = {variable.path for variable in model.trainable_variables}
    assert changed == learning
    inside = len(learning) - 6  # projection, normalisation and head have two each
    assert inside == {"frozen": 0, "last_block": 14, "lora": 4, "full": 2 * 12 + 3}[parts]


@BOTH
def test_the_next_features_do_not_depend_on_later_frames(room: str, saved: Path) -> None:
    model = ROOMS[room].NextFeatures(ROOMS[room].GPT2Video(3, ROOMS[room].load_gpt2(saved), 9))
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (2, 6, 9)).astype(np.float32)
    other = x.copy()
    other[:, 4:] += 1

    def ask(batch: np.ndarray) -> np.ndarray:
        return array(model(torch.from_numpy(batch) if room == "torch" else batch))

    np.testing.assert_array_equal(ask(x), x[:, :-1])  # at first nothing changes
    weights = rng.normal(0, 0.3, (9, 24)).astype(np.float32)
    if room == "torch":
        model.forecast.weight.data = torch.from_numpy(weights)
    else:
        model.forecast.kernel.assign(weights.T)
    assert np.abs(ask(x) - x[:, :-1]).max() > 0.1
    np.testing.assert_allclose(ask(x)[:, :4], ask(other)[:, :4], atol=1e-5)
    assert np.abs(ask(x)[:, 4] - ask(other)[:, 4]).max() > 1e-3


@BOTH
def test_wrong_words_for_parts_and_ranks(room: str, saved: Path) -> None:
    gpt2 = ROOMS[room].load_gpt2(saved)
    model = ROOMS[room].GPT2Video(3, gpt2, 9)
    with pytest.raises(ValueError, match="frozen, last_block, lora, full, got 'some'"):
        ROOMS[room].set_trainable(model, "some")
    with pytest.raises(ValueError, match="add_lora"):
        ROOMS[room].set_trainable(model, "lora")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ROOMS[room].add_lora(gpt2, rank=0)
    with pytest.raises(ValueError, match="adapters already"):
        ROOMS[room].add_lora(ROOMS[room].add_lora(gpt2))


# -- files that are not in order -------------------------------------------------------------------


def rewrite(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def drop(tensors: dict[str, np.ndarray]) -> None:
    del tensors["h.1.mlp.c_fc.weight"]


def turn(tensors: dict[str, np.ndarray]) -> None:
    name = "h.0.mlp.c_fc.weight"
    tensors[name] = np.ascontiguousarray(tensors[name].T)


def add(tensors: dict[str, np.ndarray]) -> None:
    tensors["h.2.ln_1.bias"] = np.zeros(24, np.float32)


def spoil(tensors: dict[str, np.ndarray]) -> None:
    tensors["wpe.weight"][0, 0] = np.nan


def prefix(tensors: dict[str, np.ndarray]) -> None:
    for name in list(tensors):
        tensors[f"transformer.{name}"] = tensors.pop(name)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
    tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 20, 20), np.float32)


@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"model\.safetensors: lacks 1 of the 28 tensors.*h\.1\.mlp\.c_fc\.weight"),
        (turn, r"h\.0\.mlp\.c_fc\.weight has the shape \(96, 24\).*\(24, 96\)"),
        (add, r"unknown tensors: h\.2\.ln_1\.bias"),
        (spoil, r"wpe\.weight holds numbers that are not finite"),
    ],
)
def test_wrong_tensors_are_named(room: str, change, message: str, saved, tmp_path) -> None:
    folder = copy_of(saved, tmp_path)
    rewrite(folder, change)
    with pytest.raises(PretrainedError, match=message):
        ROOMS[room].load_gpt2(folder)


def test_a_language_model_with_its_head_is_read(saved: Path, tmp_path: Path) -> None:
    folder = copy_of(saved, tmp_path)
    before = read_weights(folder, read_settings(folder))
    rewrite(folder, prefix)
    after = read_weights(folder, read_settings(folder))
    assert before.keys() == after.keys() == expected_shapes(SMALL).keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


@BOTH
def test_damaged_and_missing_files(room: str, saved: Path, tmp_path: Path) -> None:
    load = ROOMS[room].load_gpt2
    with pytest.raises(PretrainedError, match=r"minigpt.*gpt2.*no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(PretrainedError, match=r"config\.json: there is no such file"):
        load(tmp_path)
    folder = copy_of(saved, tmp_path)
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"not safetensors at all" * 9):
        path.write_bytes(data)
        with pytest.raises(PretrainedError, match=r"model\.safetensors: is cut off or damaged"):
            load(folder)
    path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(PretrainedError, match="pickled"):
        load(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_embd", None, "lacks 'n_embd'"),
        ("n_layer", "many", "is damaged"),
        ("n_head", 5, r"n_embd = 24 cannot be shared among n_head = 5"),
        ("model_type", "bert", "model_type is 'bert'"),
        ("activation_function", "relu", "activation_function is 'relu'"),
        ("n_layer", 3, r"lacks 12 of the 40"),
    ],
)
def test_a_configuration_that_does_not_fit(key, value, message, saved, tmp_path) -> None:
    folder = copy_of(saved, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config[key] = value
    if value is None:
        del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(PretrainedError, match=message):
        vt.load_gpt2(folder)


OFFLINE = """
import time
from vidlab.{room} import load_gpt2
start = time.perf_counter()
try:
    load_gpt2("gpt2")
except Exception as error:
    print(type(error).__name__, error, f"SECONDS {{time.perf_counter() - start:.1f}}")
"""


def ask_for_gpt2(room: str, tmp_path: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE.format(room=room)],
        env=os.environ | {"HF_HOME": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.startswith("PretrainedError"), done.stderr
    return done.stdout


@BOTH
def test_without_a_network_the_message_says_what_to_do(room: str, tmp_path: Path) -> None:
    said = ask_for_gpt2(room, tmp_path, HF_HUB_OFFLINE="1")
    for advice in ("HF_HUB_OFFLINE", "Connect", "'minigpt'", "local folder"):
        assert advice in said


def test_a_silent_host_does_not_hang(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = ask_for_gpt2("torch", tmp_path, HF_ENDPOINT=host, HF_HUB_OFFLINE="0")
    assert host in said
    assert float(said.split("SECONDS")[1]) < 30
