"""A chapter writes its models out; the package holds the same ones. Here both are compared."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TAUGHT = {
    "02_cnn_features": ("ClassicCNN", "FrameCNN"),
    "03_lstm_sequences": ("SpatialMoments", "FrameMoments", "CNNLSTM"),
    "04_3d_convolutions": ("Conv3DNet", "Conv2Plus1D", "Conv2Plus1DNet"),
    "05a_attention": (
        "SelfAttention",
        "TransformerBlock",
        "FrameTokens",
        "VideoEncoder",
        "VideoTransformer",
        "MaskedFrames",
    ),
    "05b_fine_tuning": ("GPT2Video", "LoRA", "NextFeatures"),
    "08_gan": ("Generator3D", "Discriminator3D", "LatentGenerator", "LatentDiscriminator"),
    "07_vae": ("FrameEncoder", "FramePainter", "FrameAutoencoder", "ResidualBlock", "LatentVAE"),
    "09a_understand_to_generate": ("BagOfWords", "ResidualBlock", "LatentFlow"),
    "09b_next_frames": ("ConvLSTMCell", "NextFramePredictor", "FrameConv3D", "WorldModel"),
}
MODULES: dict[str, str | tuple[str, ...]] = {
    "02_cnn_features": "cnn_features",
    "03_lstm_sequences": "lstm_sequences",
    "04_3d_convolutions": "convolutions_3d",
    "05a_attention": "self_attention",
    "05b_fine_tuning": ("fine_tuning", "gpt2"),
    "08_gan": "generative_adversarial",
    "07_vae": ("autoencoding", "latent_generators"),
    "09a_understand_to_generate": ("text_conditions", "latent_generators"),
    "09b_next_frames": "next_frames",
}


class Bare(ast.NodeTransformer):
    """Drops what may differ: docstrings and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in [*node.args.args, *node.args.kwonlyargs]:
            argument.annotation = None
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def _without_docstring(self, node):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)


def classes(text: str) -> list[ast.ClassDef]:
    return [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]


def framework(node: ast.ClassDef) -> str:
    """Which framework a class belongs to, by its base."""
    base = ast.unparse(node.bases[0])
    return "torch" if base.startswith("nn.") else "keras"


def in_chapter(name: str) -> dict[tuple[str, str], str]:
    source = (ROOT / "notebooks" / "source" / f"{name}.py").read_text(encoding="utf-8")
    source = re.sub(r"^(%|!).*$", "", source, flags=re.MULTILINE)
    return {
        (framework(c), c.name): ast.unparse(Bare().visit(c)) for c in classes(source) if c.bases
    }


def in_package(room: str, modules: str | tuple[str, ...]) -> dict[str, str]:
    folder = ROOT / "vidlab" / room / "models"
    names = (modules,) if isinstance(modules, str) else modules
    texts = [(folder / f"{name}.py").read_text(encoding="utf-8") for name in names]
    return {c.name: ast.unparse(Bare().visit(c)) for text in texts for c in classes(text)}


CASES = [
    (name, room, model)
    for name, models in TAUGHT.items()
    for room in ("torch", "keras")
    for model in models
]


@pytest.mark.parametrize(("name", "room", "model"), CASES)
def test_chapter_teaches_the_model_of_the_package(name: str, room: str, model: str) -> None:
    taught = in_chapter(name)
    assert (room, model) in taught, f"{name} does not write out the {room} model {model}"
    assert taught[room, model] == in_package(room, MODULES[name])[model]


def test_a_drift_would_be_seen() -> None:
    one = "class A(nn.Module):\n    def f(self):\n        return 1"
    other = 'class A(nn.Module):\n    """Doc."""\n    def f(self) -> int:\n        return 1'
    trees = [ast.unparse(Bare().visit(classes(text)[0])) for text in (one, other)]
    assert trees[0] == trees[1]
    changed = ast.unparse(Bare().visit(classes(other.replace("return 1", "return 2"))[0]))
    assert changed != trees[0]
