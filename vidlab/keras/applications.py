"""The models of ``keras.applications`` as feature extractors.

The letters: N items, H height, W width, D features.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from keras import ops

from vidlab.backbones import FRAMENET_INSTEAD
from vidlab.downloads import PretrainedError, offline_message

# name -> the model's function, and the module with the scaling of its pictures.
MODELS = {
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50),
    "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2),
    "efficientnet_b0": (keras.applications.EfficientNetB0, keras.applications.efficientnet),
}
HOST = "https://storage.googleapis.com"
SIZE = 224  # of the pictures that these models learned on, in pixels
ANSWER_WITHIN = 10.0  # seconds without any answer


class Backbone(keras.Model):
    """An application that takes pictures as vidlab's own models do.

    It takes ``float32 (N, H, W, 3)`` in [0, 1] of any size: they are resized to 224 x 224 (which
    stretches pictures that are not square) and scaled as the application wants them.
    """

    takes = "frames"

    def __init__(self, name: str, model: keras.Model) -> None:
        super().__init__()
        self.application = name
        self.model = model

    def features(self, x: Any) -> Any:
        """(N, H, W, 3) -> (N, D)."""
        x = ops.image.resize(x, (SIZE, SIZE), interpolation="bilinear", antialias=True)
        return self.model(MODELS[self.application][1].preprocess_input(255.0 * x), training=False)

    def call(self, x: Any) -> Any:
        return self.features(x)


def load_backbone(name: str, path: str | os.PathLike[str] | None = None) -> Backbone:
    """Load an application from Keras's cache, the network, or a file.

    Raises:
        PretrainedError: there is no such model or file, no network, or the file does not fit.
    """
    if name not in MODELS:
        known = ", ".join(["framenet", *MODELS])
        raise PretrainedError(f"no model is called {name!r}; known are {known}")
    if path is None:
        try:
            with answering_within(ANSWER_WITHIN):
                return Backbone(name, build(name, "imagenet"))
        except Exception as error:  # Keras raises Exception itself where a download fails
            raise PretrainedError(offline_message(name, HOST, error, FRAMENET_INSTEAD)) from error
    file = Path(path)
    if not file.is_file():
        raise PretrainedError(f"{file}: there is no such file")
    if file.name.endswith(".weights.h5"):
        model = build(name, None)
        load_all_weights(model, file)
    elif file.suffix == ".keras":
        try:
            model = keras.saving.load_model(file, compile=False)
        except (OSError, ValueError, TypeError) as error:
            raise PretrainedError(f"{file}: no model could be loaded: {error}") from error
    else:
        raise PretrainedError(f"{file}: expected a .weights.h5 or a .keras file")
    if len(model.output_shape) != 2:
        raise PretrainedError(
            f"{file}: expected a model that gives features (N, D), this one gives "
            f"{model.output_shape}; build it with include_top=False, pooling='avg'"
        )
    return Backbone(name, model)


def build(name: str, source: str | None) -> keras.Model:
    """An application without its top, with weights of "imagenet" or random ones (None)."""
    return MODELS[name][0](
        include_top=False, weights=source, pooling="avg", input_shape=(SIZE, SIZE, 3)
    )


def load_all_weights(model: keras.Model, file: Path) -> None:
    """Load a .weights.h5 that holds exactly the model's weights.

    Raises:
        PretrainedError: weights are missing, unknown or of another shape. Keras itself is silent
            about those that it does not know.
    """
    with tempfile.TemporaryDirectory() as folder:
        like = Path(folder) / "like.weights.h5"
        model.save_weights(like)
        wanted = shapes_in(like)
    try:
        found = shapes_in(file)
    except OSError as error:
        raise PretrainedError(f"{file}: is no weights file, or damaged ({error})") from error
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    if missing or unknown:
        listed = "; ".join(
            f"{what} {len(entries)}, such as {entries[0][0]} {entries[0][1]}"
            for what, entries in (("missing", missing), ("unknown", unknown))
            if entries
        )
        raise PretrainedError(
            f"{file}: does not hold the weights of this model without its top ({listed}); save "
            "them with model.save_weights from include_top=False, pooling='avg'"
        )
    model.load_weights(file)


def shapes_in(file: Path) -> set[tuple[str, tuple[int, ...]]]:
    """Name and shape of all weights in a .weights.h5."""
    import h5py

    found = set()

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            found.add((name, item.shape))

    with h5py.File(file) as opened:
        opened.visititems(note)
    return found


@contextmanager
def answering_within(seconds: float) -> Iterator[None]:
    """New connections end after so long a silence: Keras's downloads would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
