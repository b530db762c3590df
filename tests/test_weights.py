"""copy_weights, save and load: every layer in all directions, and what is refused."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import safetensors.numpy
import torch
from layer_twins import TWINS, Last, TorchBlock, Twin, arrays, randomize, sequential
from torch import nn

from vidlab import weights
from vidlab.weights import WeightsError, copy_weights, load, save
from vidlab.weights.keras_layers import LAYERS as KERAS_LAYERS
from vidlab.weights.records import KNOWN_KINDS
from vidlab.weights.torch_records import LAYERS as TORCH_LAYERS

layers = keras.layers


@pytest.fixture(params=TWINS.values(), ids=TWINS)
def twin(request: pytest.FixtureRequest) -> Twin:
    return request.param


def assert_alike(first: np.ndarray, second: np.ndarray) -> None:
    spread = first.std()
    assert spread > 0.1
    assert np.abs(first - second).max() <= 1e-5 * max(1, np.abs(first).max())


def assert_equal(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_both_directions_and_round_trips(twin: Twin) -> None:
    torch_model, keras_model = twin.build()
    randomize(torch_model, seed=1)
    copy_weights(torch_model, keras_model)
    from_torch = twin.outputs(torch_model, keras_model)
    assert_alike(*from_torch)

    back, _ = twin.build()
    copy_weights(keras_model, back)
    assert_alike(twin.outputs(back, keras_model)[0], from_torch[0])

    randomize(keras_model, seed=2)
    copy_weights(keras_model, torch_model)
    outputs = twin.outputs(torch_model, keras_model)
    assert_alike(*outputs)
    assert np.abs(outputs[0] - from_torch[0]).max() > 0.1

    _, back = twin.build()
    copy_weights(torch_model, back)
    assert_equal(arrays(back), arrays(keras_model))


def test_within_one_framework(twin: Twin) -> None:
    for source, target in zip(twin.build(), twin.build(), strict=True):
        randomize(source, seed=1)
        copy_weights(source, target)
        assert_equal(arrays(source), arrays(target))


def test_a_file_of_either_framework_loads_into_either(twin: Twin, tmp_path: Path) -> None:
    torch_model, keras_model = twin.build()
    randomize(torch_model, seed=1)
    save(torch_model, tmp_path / "torch.safetensors", {"made by": "a test"})
    assert load(keras_model, tmp_path / "torch.safetensors") == {"made by": "a test"}
    assert_alike(*twin.outputs(torch_model, keras_model))
    randomize(keras_model, seed=2)
    save(keras_model, tmp_path / "keras.safetensors")
    assert load(torch_model, tmp_path / "keras.safetensors") == {}
    assert_alike(*twin.outputs(torch_model, keras_model))
    for number, model in enumerate((torch_model, keras_model)):
        fresh = twin.build()[number]
        name = ("torch", "keras")[number]
        save(model, tmp_path / f"{name}.safetensors")
        load(fresh, tmp_path / f"{name}.safetensors")
        assert_equal(arrays(fresh), arrays(model))


def test_lstm_biases_are_summed_and_come_back_as_one() -> None:
    torch_model, keras_model = TWINS["lstm"].build()
    randomize(torch_model, seed=1)
    lstm = torch_model.rnn
    total = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().numpy().copy()
    copy_weights(torch_model, keras_model)
    np.testing.assert_array_equal(arrays(keras_model)[2], total)
    copy_weights(keras_model, torch_model)
    np.testing.assert_array_equal(lstm.bias_ih_l0.detach().numpy(), total)
    assert not lstm.bias_hh_l0.any()


def test_frozen_parameters_and_tied_weights() -> None:
    frozen = nn.Linear(4, 3).requires_grad_(False)
    source = nn.Linear(4, 3)
    copy_weights(source, frozen)
    assert torch.equal(source.weight, frozen.weight)
    assert not frozen.weight.requires_grad

    def tied() -> nn.Module:
        model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
        model[1].weight = model[0].weight
        return model

    first, second = tied(), tied()
    copy_weights(first, second)
    assert torch.equal(first[0].weight, second[1].weight)
    untied = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
    copy_weights(first, untied)
    before = arrays(second)
    randomize(untied, seed=1)
    with pytest.raises(WeightsError, match=r"0 \(Embedding\) and PyTorch 1 \(Linear\) share"):
        copy_weights(untied, second)
    assert_equal(arrays(second), before)


def test_tables_name_known_kinds() -> None:
    assert {kind for kind, _ in KERAS_LAYERS.values()} <= KNOWN_KINDS
    assert {"Conv3d", "Linear", "LSTM", "MultiheadAttention"} <= set(TORCH_LAYERS)


class Wide(nn.Module):
    """Blocks with a norm, to have a path to name."""

    def __init__(self, norm: nn.Module, out: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(2, 4, 3), norm)])
        self.head = nn.Linear(4, out)


class KerasWide(keras.Model):
    def __init__(self, norm: Any, out: int = 3) -> None:
        super().__init__()
        self.blocks = [keras.Sequential([layers.Conv2D(4, 3), norm])]
        self.head = layers.Dense(out)
        self(keras.Input((5, 5, 2)))

    def call(self, x: Any) -> Any:
        return self.head(keras.ops.mean(self.blocks[0](x), axis=(1, 2)))


def good_keras_norm() -> Any:
    return layers.BatchNormalization(epsilon=1e-5)


def built(layer: Any, *shape: int) -> Any:
    layer(keras.Input(shape))
    return layer


class Scaled(keras.layers.Layer):
    """A loose parameter of another name than in TorchBlock."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.stretch = self.add_weight(shape=(shape[-1],))

    def call(self, x: Any) -> Any:
        return x * self.stretch


class TorchScaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("constant", torch.ones(2), persistent=False)


MISMATCHES: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "another kind": (
        lambda: Wide(nn.BatchNorm2d(4)),
        lambda: KerasWide(layers.LayerNormalization()),
        r"PyTorch blocks\.0\.1 \(BatchNorm2d\).*Keras blocks\.0\.1 \(LayerNormalization\).*"
        r"expected a LayerNorm, got a BatchNorm",
    ),
    "another kind, the other way": (
        lambda: KerasWide(layers.LayerNormalization()),
        lambda: Wide(nn.BatchNorm2d(4)),
        r"Keras blocks\.0\.1 .*PyTorch blocks\.0\.1 .*expected a BatchNorm, got a LayerNorm",
    ),
    "Keras's own epsilon": (
        lambda: Wide(nn.BatchNorm2d(4)),
        lambda: KerasWide(layers.BatchNormalization()),
        r"blocks\.0\.1.*expected epsilon = 0\.001, got 1e-05",
    ),
    "shape": (
        lambda: Wide(nn.BatchNorm2d(4), out=5),
        lambda: KerasWide(good_keras_norm()),
        r"head\.weight: expected shape \(3, 4\), got \(5, 4\)",
    ),
    "no bias": (
        lambda: nn.Linear(4, 3, bias=False),
        lambda: built(layers.Dense(3), 4),
        r"\(the model\) \(Dense\): expected weight, bias, got weight ",
    ),
    "a layer more": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)),
        lambda: built(layers.Dense(3), 4),
        r"expected 1 layers .*got 2 in the source: PyTorch 1 \(Linear\) has no partner in the t",
    ),
    "a layer less": (
        lambda: nn.Linear(4, 3),
        lambda: built(sequential(lambda: layers.Dense(3), lambda: layers.Dense(2))(), 4),
        r"expected 2 layers .*got 1 in the source: Keras 1 \(Dense\) has no partner in the s",
    ),
    "unbuilt": (
        lambda: nn.Linear(4, 3),
        lambda: keras.Sequential([layers.Dense(3)]),
        r"Keras 0 \(Dense\) has no weights yet\. Build the Sequential first: .*model\(x\[:1\]\)",
    ),
    "unbuilt layer of one's own": (
        lambda: TorchScaled(),
        lambda: Scaled(),
        r"Keras \(the model\) \(Scaled\) has no weights yet",
    ),
    "lazy": (
        lambda: nn.LazyLinear(3),
        lambda: nn.Linear(4, 3),
        r"PyTorch \(the model\) \(LazyLinear\): weight has no shape yet: call the model once",
    ),
    "loose parameters of other names": (
        lambda: TorchScaled(),
        lambda: built(Scaled(), 4),
        r"PyTorch \(the model\) \(TorchScaled\).*\(Scaled\): expected stretch, got scale",
    ),
    "heads": (
        lambda: nn.MultiheadAttention(8, 4),
        lambda: built_attention(2, 4),
        r"expected num_heads = 2, got 4",
    ),
    "key_dim of all heads": (
        lambda: nn.MultiheadAttention(8, 4),
        lambda: built_attention(4, 8),
        r"expected key_dim = 8, got 2",
    ),
    "groups of the norm": (
        lambda: nn.GroupNorm(4, 8),
        lambda: built(layers.GroupNormalization(2, epsilon=1e-5), 3, 8),
        r"expected num_groups = 2, got 4",
    ),
    "groups of the convolution": (
        lambda: nn.Conv1d(4, 6, 3, groups=2),
        lambda: built(layers.Conv1D(6, 3), 5, 2),
        r"expected groups = 1, got 2",
    ),
    "GRU with the other reset": (
        lambda: nn.GRU(4, 5),
        lambda: built(layers.GRU(5, reset_after=False), 6, 4),
        r"expected reset_after = False, got True",
    ),
    "directions": (
        lambda: nn.LSTM(4, 5, bidirectional=True),
        lambda: built(layers.LSTM(5), 6, 4),
        r"PyTorch \(the model\) \(LSTM\).*expected directions = 1, got 2",
    ),
    "the second recurrent layer": (
        lambda: nn.LSTM(4, 5, num_layers=2),
        lambda: built(
            sequential(lambda: layers.LSTM(5, return_sequences=True), lambda: layers.LSTM(6))(),
            6,
            4,
        ),
        r"\(LSTM, layer 2 of 2\) does not fit Keras 1 \(LSTM\): weight_ih_l1: expected",
    ),
    "unknown to the table": (
        lambda: nn.PReLU(4),
        lambda: built(layers.PReLU(), 4),
        r"cannot translate the layer PyTorch \(the model\) \(PReLU\)",
    ),
    "projected LSTM": (
        lambda: nn.LSTM(4, 5, proj_size=2),
        lambda: built(layers.LSTM(5), 6, 4),
        r"\(LSTM\) has parameters that vidlab\.weights cannot place: weight_hr_l0",
    ),
    "parametrised": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)),
        lambda: built(layers.Dense(3), 4),
        r"cannot place: .*parametrizations.*permanent",
    ),
    "spectral norm in Keras": (
        lambda: nn.Linear(4, 3),
        lambda: built(layers.SpectralNormalization(layers.Dense(3)), 4),
        r"cannot translate the layer Keras \(the model\) \(SpectralNormalization\)",
    ),
    "nothing to copy": (lambda: nn.ReLU(), lambda: nn.Linear(4, 3), r"ReLU has no layers with w"),
}


def built_attention(heads: int, key_dim: int) -> Any:
    layer = layers.MultiHeadAttention(heads, key_dim)
    layer(keras.Input((5, 8)), keras.Input((5, 8)))
    return layer


@pytest.mark.parametrize("case", MISMATCHES.values(), ids=MISMATCHES)
def test_what_does_not_match_is_named_and_nothing_changes(case: tuple) -> None:
    make_source, make_target, message = case
    source, target = make_source(), make_target()
    lazy = isinstance(source, nn.LazyLinear)
    if not lazy:
        randomize(source, seed=1)
    before = arrays(target)
    with pytest.raises(WeightsError, match=f"(?s){message}"):
        copy_weights(source, target)
    assert_equal(arrays(target), before)


def test_a_layer_that_the_table_lacks_still_moves_within_its_framework(tmp_path: Path) -> None:
    first, second = nn.PReLU(4, init=0.7), nn.PReLU(4)
    copy_weights(first, second)
    assert torch.equal(first.weight, second.weight)
    save(first, tmp_path / "prelu")
    load(nn.PReLU(4), tmp_path / "prelu")
    with pytest.raises(WeightsError, match="cannot translate"):
        load(built(layers.PReLU(), 4), tmp_path / "prelu")


@pytest.mark.parametrize("thing", [None, {"weight": np.zeros(3)}, nn.Linear])
def test_only_models_are_taken(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module or a Keras model"):
        copy_weights(thing, nn.Linear(4, 3))
    with pytest.raises(TypeError, match=type(thing).__name__):
        copy_weights(nn.Linear(4, 3), thing)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_model_on_a_gpu() -> None:
    torch_model, keras_model = TWINS["nested"].build()
    randomize(torch_model, seed=1)
    expected = arrays(torch_model)
    torch_model.to("cuda")
    copy_weights(torch_model, keras_model)
    back = TWINS["nested"].build()[0].to("cuda")
    copy_weights(keras_model, back)
    assert_equal(arrays(back.cpu()), expected)


def test_half_precision_is_converted() -> None:
    source, target = nn.Linear(4, 3).to(torch.bfloat16), built(layers.Dense(3), 4)
    copy_weights(source, target)
    np.testing.assert_array_equal(arrays(target)[0].T, source.weight.detach().float().numpy())


# -- Files ------------------------------------------------------------------------------------


def test_the_file_has_pytorch_names_and_reproducible_bytes(tmp_path: Path) -> None:
    torch_model, keras_model = Wide(nn.BatchNorm2d(4)), KerasWide(good_keras_norm())
    copy_weights(torch_model, keras_model)
    metadata = {f"key {i}": str(i) for i in range(9)}
    save(torch_model, tmp_path / "a.safetensors", metadata)
    save(keras_model, tmp_path / "b.safetensors", metadata)
    data = (tmp_path / "a.safetensors").read_bytes()
    assert data == (tmp_path / "b.safetensors").read_bytes()
    tensors = safetensors.numpy.load(data)
    state = {n: v for n, v in torch_model.state_dict().items() if "batches" not in n}
    assert set(tensors) == set(state)
    for name, value in state.items():
        np.testing.assert_array_equal(tensors[name], value.numpy())
    assert sorted(os.listdir(tmp_path)) == ["a.safetensors", "b.safetensors"]


def test_a_state_dict_saved_by_others_is_read_by_name(tmp_path: Path) -> None:
    source, target = Wide(nn.BatchNorm2d(4)), KerasWide(good_keras_norm())
    randomize(source, seed=1)
    values = {name: value.numpy() for name, value in source.state_dict().items()}
    safetensors.numpy.save_file(values, tmp_path / "other.safetensors")
    assert load(target, tmp_path / "other.safetensors") == {}
    expected = KerasWide(good_keras_norm())
    copy_weights(source, expected)
    assert_equal(arrays(target), arrays(expected))


def saved(tmp_path: Path, change: Callable[[dict[str, np.ndarray]], Any]) -> Path:
    """A file of a Wide model's tensors as others would save them, after a change."""
    values = {n: v.numpy() for n, v in Wide(nn.BatchNorm2d(4)).state_dict().items()}
    change(values)
    safetensors.numpy.save_file(values, tmp_path / "changed.safetensors")
    return tmp_path / "changed.safetensors"


def damaged(tmp_path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A file that ``save`` wrote, after a change of its bytes."""
    path = tmp_path / "damaged.safetensors"
    save(Wide(nn.BatchNorm2d(4)), path, {"what": "a test"})
    path.write_bytes(change(path.read_bytes()))
    return path


def flipped(data: bytes) -> bytes:
    return data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]


BAD_FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (
        lambda tmp: saved(tmp, lambda v: v.pop("head.bias")),
        r"Missing in the file: head\.bias\. Not expected by the model: nothing",
    ),
    "unexpected": (
        lambda tmp: saved(tmp, lambda v: v.update(extra=np.zeros(2))),
        r"Missing in the file: nothing\. Not expected by the model: extra",
    ),
    "many unexpected": (
        lambda tmp: saved(tmp, lambda v: v.update({f"e{i}": np.zeros(2) for i in range(9)})),
        r"e0, e1, e2, e3, e4, e5 and 3 more",
    ),
    "shape": (
        lambda tmp: saved(tmp, lambda v: v.update({"head.weight": np.zeros((3, 5))})),
        r"head in the file .*head\.weight: expected shape \(3, 4\), got \(3, 5\)",
    ),
    "truncated": (lambda tmp: damaged(tmp, lambda data: data[:-10]), r"cut off"),
    "truncated in the header": (lambda tmp: damaged(tmp, lambda data: data[:90]), r"cut off"),
    "empty": (lambda tmp: damaged(tmp, lambda data: b""), r"not a safetensors file"),
    "a flipped bit": (lambda tmp: damaged(tmp, flipped), r"is damaged.*checksum"),
    "a pickle": (
        lambda tmp: damaged(tmp, lambda data: b"\x80\x04\x95" + b"x" * 200),
        r"not a safetensors file",
    ),
    "text": (lambda tmp: damaged(tmp, lambda data: b"weights" * 50), r"not a safetensors file"),
    "a damaged list": (
        lambda tmp: damaged(tmp, lambda data: data.replace(b'[{\\"path', b'[[\\"path')),
        r"list of layers in its metadata is damaged",
    ),
    "a folder": (lambda tmp: tmp, r"is a folder"),
    "another model": (
        lambda tmp: saved_model(tmp, nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))),
        r"0 in the file \(Linear\) does not fit (Keras|PyTorch) blocks\.0\.0",
    ),
}


def saved_model(tmp_path: Path, model: Any) -> Path:
    save(model, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("case", BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_bad_files_are_named_and_nothing_changes(
    framework: str, case: tuple[Callable[[Path], Path], str], tmp_path: Path
) -> None:
    path = case[0](tmp_path)
    model = Wide(nn.BatchNorm2d(4)) if framework == "torch" else KerasWide(good_keras_norm())
    before = arrays(model)
    with pytest.raises(WeightsError, match=f"(?s){case[1]}") as caught:
        load(model, path)
    assert str(path) in str(caught.value)
    assert_equal(arrays(model), before)


def test_files_and_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors: there is no such file"):
        load(nn.Linear(4, 3), tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist"):
        save(nn.Linear(4, 3), tmp_path / "nowhere" / "a.safetensors")


@pytest.mark.parametrize("metadata", [{"steps": 3}, {3: "steps"}, {"vidlab.layers": "mine"}])
def test_metadata_is_text(metadata: Any, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="metadata"):
        save(nn.Linear(4, 3), tmp_path / "a.safetensors", metadata)
    assert os.listdir(tmp_path) == []


def test_an_older_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save(nn.Linear(4, 3), path)
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[:20])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        save(nn.Linear(4, 3), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.safetensors"]


# -- One framework alone ----------------------------------------------------------------------

ALONE = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, NotInstalled())
from vidlab.weights import copy_weights, load, save
assert not {{"torch", "keras", "tensorflow"}} & set(sys.modules)
{code}
copy_weights(first, second)
save(first, {path!r})
load(second, {path!r})
print("done")
"""


@pytest.mark.parametrize(
    ("blocked", "code"),
    [
        (
            ["keras", "tensorflow"],
            "from torch import nn\n"
            "first, second = (nn.Sequential(nn.Conv2d(2, 3, 3), nn.LSTM(3, 4)) for _ in range(2))",
        ),
        (
            ["torch"],
            "import keras\n"
            "first, second = (keras.Sequential([keras.Input((5, 2)), keras.layers.Conv1D(3, 3),"
            " keras.layers.LSTM(4)]) for _ in range(2))",
        ),
    ],
    ids=["torch", "keras"],
)
def test_one_framework_alone_is_enough(blocked: list[str], code: str, tmp_path: Path) -> None:
    script = ALONE.format(blocked=blocked, code=code, path=str(tmp_path / "a.safetensors"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.endswith("done\n"), done.stderr[-2000:]
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="numpy") as file:
        assert len(json.loads(file.metadata()["vidlab.layers"])) == 2


def test_public_names_are_documented() -> None:
    for name in weights.__all__:
        assert inspect.getdoc(getattr(weights, name)), name
    signature = inspect.signature(save)
    assert list(signature.parameters) == ["model", "path", "metadata"]


def test_loose_parameters_and_shared_layers_have_paths(tmp_path: Path) -> None:
    path = saved_model(tmp_path, TorchBlock(4))
    names = {"scale", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias"}
    assert set(safetensors.numpy.load_file(path)) == names | {"twice.weight", "twice.bias"}


def test_recurrent_tensors_have_pytorch_names(tmp_path: Path) -> None:
    model = Last(nn.GRU(4, 5, num_layers=2, bidirectional=True))
    assert set(safetensors.numpy.load_file(saved_model(tmp_path, model))) == set(model.state_dict())
