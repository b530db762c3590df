"""Feature extraction and pretrained models, in both frameworks, without a network."""

import inspect
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from vidlab import weights, world
from vidlab.backbones import FRAMENET
from vidlab.downloads import PretrainedError

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

import vidlab.keras as vk  # noqa: E402
import vidlab.torch as vt  # noqa: E402
from vidlab.keras import applications  # noqa: E402
from vidlab.keras.models import FrameCNN as KerasFrameCNN  # noqa: E402
from vidlab.torch import hub  # noqa: E402
from vidlab.torch.models import CNNLSTM, FrameCNN  # noqa: E402

ROOMS = {"torch": vt, "keras": vk}


@pytest.fixture(params=ROOMS)
def room(request):
    return ROOMS[request.param]


@pytest.fixture(scope="module")
def clips():
    return world.generate(10, size=32, num_frames=5, sound=False)


def test_same_interface():
    for name in ("extract_features", "pretrained_features"):
        one, other = (inspect.signature(getattr(room, name)) for room in ROOMS.values())
        assert list(one.parameters) == list(other.parameters)
        for key, parameter in one.parameters.items():
            assert parameter.default == other.parameters[key].default
            assert parameter.kind == other.parameters[key].kind


# --- extract_features


def test_clips_give_features_for_every_frame(room, clips):
    model = room.pretrained_features()
    found = room.extract_features(model, clips)
    assert found.shape == (10, 5, 128)
    assert found.dtype == np.float32
    single = room.extract_features(model, clips.frames[3])
    assert single.shape == (5, 128)
    np.testing.assert_allclose(found[3], single, atol=1e-4)
    np.testing.assert_allclose(room.extract_features(model, clips.frames), found, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 1000])
def test_batch_size_changes_nothing(room, clips, batch_size):
    model = room.pretrained_features()
    whole = room.extract_features(model, clips)
    np.testing.assert_allclose(
        room.extract_features(model, clips, batch_size=batch_size), whole, atol=1e-4
    )


def test_floats_are_the_same_pictures(room, clips):
    model = room.pretrained_features()
    floats = clips.frames[:, 0].astype(np.float32) / 255
    np.testing.assert_allclose(
        room.extract_features(model, floats),
        room.extract_features(model, clips.frames[:, 0]),
        atol=1e-4,
    )


def test_sources_on_disk_are_read_in_batches(room, clips):
    class Disk:
        largest = 0

        def __len__(self):
            return len(clips)

        def get(self, indices):
            self.largest = max(self.largest, len(indices))
            return clips.frames[indices], clips.labels[indices]

    disk, model = Disk(), room.pretrained_features()
    found = room.extract_features(model, disk, batch_size=10)
    assert disk.largest == 2  # two clips of five frames
    np.testing.assert_allclose(found, room.extract_features(model, clips), atol=1e-4)


def test_models_of_clips_get_clips(clips):
    model = CNNLSTM(10)
    assert vt.extract_features(model, clips, batch_size=4).shape == (10, 64)


def test_mode_is_restored(clips):
    model = FrameCNN(3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for training in (True, False):
        model.train(training)
        vt.extract_features(model, clips)
        assert model.training is training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_each_part_has_its_own_mode_again():
    from torch import nn

    model = nn.Sequential(nn.Dropout(), nn.Linear(4, 2))
    model.train()
    model[0].eval()  # a part that is kept as it is while the rest trains
    vt.predict(model, np.zeros((3, 4), np.float32))
    assert model.training
    assert model[1].training
    assert not model[0].training


def test_mode_is_restored_after_an_error(clips):
    model = FrameCNN(3).train()
    with pytest.raises(ValueError, match="NaN"):
        vt.extract_features(model, np.full((2, 8, 8, 3), np.nan, np.float32))
    assert model.training


def test_keras_statistics_stay(clips):
    model = KerasFrameCNN(3)
    before = [np.array(value) for value in model.get_weights()]
    vk.extract_features(model, clips)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_models_without_features_are_called(clips):
    x = clips.frames[:, 0]
    trunk = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1))
    assert vt.extract_features(trunk, x).shape == (10, 4)
    layer = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()])
    np.testing.assert_allclose(vk.extract_features(layer, x), x.mean(axis=(1, 2)) / 255, rtol=1e-4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 8, 8, 3), np.uint8), "empty"),
        (np.zeros((2, 3, 8, 8), np.uint8), "transpose"),
        (np.zeros((2, 8, 8, 3), np.int64), "expected uint8"),
        (np.full((2, 8, 8, 3), 255, np.float32), "within 0 and 1"),
    ],
)
def test_bad_input(room, x, message):
    with pytest.raises(ValueError, match=message):
        room.extract_features(room.pretrained_features(), x)


def test_bad_batch_size(room, clips):
    with pytest.raises(ValueError, match="at least 1"):
        room.extract_features(room.pretrained_features(), clips, batch_size=0)


# --- framenet


def test_framenet_gives_the_same_in_both_frameworks(clips):
    found = [room.extract_features(room.pretrained_features(), clips) for room in ROOMS.values()]
    assert np.abs(found[0] - found[1]).max() < 1e-4 * found[0].std()


def test_framenet_from_a_file(room, clips, tmp_path):
    torch.manual_seed(0)
    model = FrameCNN(4, widths=(4, 6, 8)).eval()
    weights.save(model, tmp_path / "own.safetensors")
    loaded = room.pretrained_features(path=tmp_path / "own.safetensors")
    found = room.extract_features(loaded, clips)
    assert found.shape == (10, 5, 8)
    np.testing.assert_allclose(found, vt.extract_features(model, clips), atol=1e-5)


def test_framenet_refuses_other_files(room, tmp_path):
    with pytest.raises(PretrainedError, match="no such file"):
        room.pretrained_features(path=tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(PretrainedError, match="holds no FrameCNN"):
        room.pretrained_features(path=tmp_path / "text.safetensors")
    weights.save(torch.nn.Linear(3, 2), tmp_path / "linear.safetensors")
    with pytest.raises(PretrainedError, match="holds no FrameCNN"):
        room.pretrained_features(path=tmp_path / "linear.safetensors")
    content = FRAMENET.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises((PretrainedError, weights.WeightsError), match=r"cut\.safetensors"):
        room.pretrained_features(path=tmp_path / "cut.safetensors")
    with pytest.raises(PretrainedError):
        room.pretrained_features(revision="main")


def test_framenet_with_a_new_head(room, clips):
    room.set_seed(0)
    model = room.pretrained_features(num_classes=3)
    np.testing.assert_allclose(
        room.extract_features(model, clips),
        room.extract_features(room.pretrained_features(), clips),
        atol=1e-5,
    )
    before = room.predict(model, clips.frames[:, 0])
    assert before.shape == (10, 3)
    assert before.std() > 0
    labels = clips.labels % 3
    room.fit(model, (clips.frames[:, 0], labels), num_steps=2, batch_size=5, progress=False)
    assert np.abs(room.predict(model, clips.frames[:, 0]) - before).max() > 1e-3  # it learns
    with pytest.raises(PretrainedError, match="num_classes is for framenet"):
        room.pretrained_features("resnet50", num_classes=3)


def test_unknown_names_list_the_known(room):
    with pytest.raises(PretrainedError, match=r"framenet.*resnet50"):
        room.pretrained_features("resnet51")


# --- Hugging Face, with small models saved here


def tiny(kind):
    import transformers as t

    if kind == "resnet":
        config = t.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
        )
        return t.ResNetForImageClassification(config)
    small = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "image_size": 32, "patch_size": 16, "num_labels": 3,
    }  # fmt: skip
    if kind == "vit":
        return t.ViTForImageClassification(t.ViTConfig(**small))
    if kind == "vit with pooler":
        return t.ViTModel(t.ViTConfig(**small))
    return t.VideoMAEForVideoClassification(t.VideoMAEConfig(num_frames=4, **small))


@pytest.fixture
def saved(tmp_path):
    def save(kind):
        torch.manual_seed(0)
        model = tiny(kind).eval()
        model.save_pretrained(tmp_path / kind)
        return model, tmp_path / kind

    return save


def test_resnet_from_a_folder(saved, clips):
    model, folder = saved("resnet")
    loaded = vt.pretrained_features("resnet50", path=folder)
    found = vt.extract_features(loaded, clips)
    assert found.shape == (10, 5, 16)
    # The same by hand: enlarged to 224 pixels, scaled by ImageNet's mean and deviation.
    frame = torch.from_numpy(clips.frames[2, 1]).permute(2, 0, 1)[None] / 255
    picture = torch.nn.functional.interpolate(frame, (224, 224), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(v)[:, None, None] for v in (hub.IMAGENET_MEAN, hub.IMAGENET_STD))
    with torch.no_grad():
        expected = model.resnet((picture - mean) / std).pooler_output.flatten(1)
    np.testing.assert_allclose(found[2, 1], expected[0], atol=1e-4)


def test_the_folders_own_scaling_counts(saved, clips):
    _, folder = saved("resnet")
    before = vt.extract_features(hub.load_backbone("resnet50", folder), clips.frames[:2, 0])
    (folder / "preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'
    )
    backbone = hub.load_backbone("resnet50", folder)
    assert backbone.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    after = vt.extract_features(backbone, clips.frames[:2, 0])
    assert np.abs(before - after).max() > 1e-3


def test_vit_without_pooler_gives_the_class_token(saved, clips):
    model, folder = saved("vit")
    loaded = vt.pretrained_features("vit", path=folder)
    found = vt.extract_features(loaded, clips.frames[:3, 0])
    picture = torch.from_numpy(clips.frames[:3, 0]).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (hub.IMAGENET_MEAN, hub.IMAGENET_STD))
    with torch.no_grad():
        expected = model.vit((picture - mean) / std).last_hidden_state[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_vit_with_pooler(saved, clips):
    _, folder = saved("vit with pooler")
    loaded = vt.pretrained_features("vit", path=folder)
    assert loaded.model.pooler is not None
    assert vt.extract_features(loaded, clips).shape == (10, 5, 16)


def test_videomae_takes_clips_of_any_length(saved, clips):
    _, folder = saved("videomae")
    loaded = vt.pretrained_features("videomae", path=folder)
    assert loaded.takes == "clips"
    assert vt.extract_features(loaded, clips, batch_size=4).shape == (10, 16)
    first = clips.frames[:2, [0, 1, 3, 4]]  # the frames that are sampled from five
    np.testing.assert_allclose(
        vt.extract_features(loaded, clips.frames[:2]),
        vt.extract_features(loaded, first),
        atol=1e-5,
    )


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "cut off", "pickle"])
def test_half_a_model_is_an_error(saved, damage):
    from safetensors.torch import load_file, save_file

    _, folder = saved("resnet")
    file = folder / "model.safetensors"
    tensors = load_file(file)
    name = next(key for key in tensors if key.endswith("convolution.weight"))
    if damage == "cut off":
        file.write_bytes(file.read_bytes()[:-50])
    elif damage == "pickle":
        file.unlink()
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        if damage == "missing":
            del tensors[name]
        elif damage == "unknown":
            tensors["resnet.more"] = torch.zeros(3)
        else:
            tensors[name] = torch.zeros(2, 3)
        save_file(tensors, file, {"format": "pt"})
    with pytest.raises(PretrainedError):
        vt.pretrained_features("resnet50", path=folder)


def test_no_folder(tmp_path):
    with pytest.raises(PretrainedError, match=r"config\.json"):
        vt.pretrained_features("resnet50", path=tmp_path)


OFFLINE = """
import time, vidlab.torch as vt
start = time.perf_counter()
try:
    vt.pretrained_features("resnet50")
except Exception as error:
    print(type(error).__name__, error, f"SECONDS {time.perf_counter() - start:.1f}")
"""


def ask_for_resnet(tmp_path, **environment):
    result = subprocess.run(
        [sys.executable, "-c", OFFLINE],
        env=os.environ | {"HF_HOME": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout.startswith("PretrainedError"), result.stderr
    return result.stdout


def test_offline_says_what_to_do(tmp_path):
    said = ask_for_resnet(tmp_path, HF_HUB_OFFLINE="1")
    for advice in ("HF_HUB_OFFLINE", "Connect", "name='framenet'", "path="):
        assert advice in said


def test_a_silent_host_does_not_hang(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = ask_for_resnet(tmp_path, HF_ENDPOINT=host, HF_HUB_OFFLINE="0")
    assert host in said
    assert float(said.split("SECONDS")[1]) < 30


def test_pinned_revisions_are_commits():
    for _, revision in hub.MODELS.values():
        assert len(revision) == 40


# --- keras.applications, with random weights saved here


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("applications")
    model = applications.build("mobilenet_v2", None)
    model.save_weights(folder / "mobilenet.weights.h5")
    model.save(folder / "mobilenet.keras")
    return model, folder


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_application_from_a_file(mobilenet, clips, suffix):
    model, folder = mobilenet
    loaded = vk.pretrained_features("mobilenet_v2", path=folder / f"mobilenet{suffix}")
    assert loaded.takes == "frames"
    found = vk.extract_features(loaded, clips.frames[:2, :2])
    assert found.shape == (2, 2, 1280)
    # By hand: enlarged, and from -1 to 1, as MobileNetV2 wants it.
    frame = keras.ops.image.resize(
        clips.frames[1, :1].astype(np.float32) / 255, (224, 224), antialias=True
    )
    expected = model(2.0 * frame - 1.0, training=False)
    np.testing.assert_allclose(found[1, 0], np.asarray(expected)[0], atol=1e-3)


@pytest.mark.parametrize("name", applications.MODELS)
def test_scaling_of_each_application(name):
    """Pictures go in as each application was trained: checked on pure red."""
    red = np.zeros((1, 4, 4, 3), np.float32)
    red[..., 0] = 1
    seen = []

    class Spy:
        def __call__(self, x, training):
            seen.append(np.asarray(x))
            return x[:, 0, 0]

    backbone = applications.Backbone(name, keras.layers.Identity())
    object.__setattr__(backbone, "model", Spy())
    backbone.features(keras.ops.convert_to_tensor(red))
    expected = {
        "resnet50": [-103.939, -116.779, 255 - 123.68],  # blue, green, red around their means
        "mobilenet_v2": [1, -1, -1],
        "efficientnet_b0": [255, 0, 0],
    }
    np.testing.assert_allclose(seen[0][0, 100, 100], expected[name], atol=1e-2)


def test_weights_that_do_not_fit_are_an_error(mobilenet, tmp_path):
    _, folder = mobilenet
    import h5py

    content = (folder / "mobilenet.weights.h5").read_bytes()
    for damage in ("missing", "unknown", "cut off", "text"):
        file = tmp_path / f"{damage}.weights.h5"
        file.write_bytes(content)
        if damage == "missing":
            name, _ = sorted(applications.shapes_in(file))[0]
            with h5py.File(file, "r+") as opened:
                del opened[name]
        elif damage == "unknown":
            with h5py.File(file, "r+") as opened:
                opened["layers/more/vars/0"] = np.zeros(3)
        else:
            file.write_bytes(content[:1000] if damage == "cut off" else b"text")
        with pytest.raises(PretrainedError, match=damage.split()[0] + r".*\.h5"):
            vk.pretrained_features("mobilenet_v2", path=file)
    with pytest.raises(PretrainedError, match="does not hold the weights"):
        vk.pretrained_features("resnet50", path=folder / "mobilenet.weights.h5")


def test_application_files_that_are_none(tmp_path):
    with pytest.raises(PretrainedError, match="no such file"):
        vk.pretrained_features("resnet50", path=tmp_path / "x.keras")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(PretrainedError, match=r"\.weights\.h5 or a \.keras"):
        vk.pretrained_features("resnet50", path=tmp_path / "x.txt")
    (tmp_path / "x.keras").write_text("x")
    with pytest.raises(PretrainedError, match="no model could be loaded"):
        vk.pretrained_features("resnet50", path=tmp_path / "x.keras")
    classifier = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    classifier.save(tmp_path / "maps.keras")
    with pytest.raises(PretrainedError, match="gives features"):
        vk.pretrained_features("resnet50", path=tmp_path / "maps.keras")


def test_no_network_for_applications(monkeypatch):
    def fails(*_args, **_options):
        assert socket.getdefaulttimeout() == applications.ANSWER_WITHIN
        raise Exception("URL fetch failure on https://storage.googleapis.com")

    monkeypatch.setitem(applications.MODELS, "resnet50", (fails, None))
    start = time.perf_counter()
    with pytest.raises(PretrainedError, match="framenet"):
        vk.pretrained_features("resnet50")
    assert time.perf_counter() - start < 5
    assert socket.getdefaulttimeout() is None
