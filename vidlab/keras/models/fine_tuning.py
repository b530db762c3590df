"""Chapter 05b: a GPT-2 over frame features, and what of it is trained, in Keras."""

from typing import Any

import keras
from keras import layers, ops


class GPT2Video(keras.Model):
    """A GPT-2 that reads frames in place of words.

    Takes features of frames ``float32 (N, T, num_features)``, gives logits
    ``float32 (N, num_classes)``: a linear layer makes each frame as wide as a word, GPT-2 reads
    them in order, the mean over time goes into a linear head. GPT-2's table of words is unused
    and does not learn.
    """

    takes = "features"

    def __init__(self, num_classes: int, gpt2: Any, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features
        self.project = layers.Dense(gpt2.settings.width)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.gpt2 = gpt2
        self.head = layers.Dense(num_classes)
        self.project.build((None, None, num_features))
        self.norm.build((None, None, gpt2.settings.width))
        self.head.build((None, gpt2.settings.width))
        self.built = True
        gpt2.wte.embeddings.trainable = False  # no word is read

    def states(self, x: Any) -> Any:
        """(N, T, num_features) -> (N, T, width): each frame, read after those before it."""
        return self.gpt2(self.norm(self.project(x)))

    def look(self, x: Any) -> Any:
        """(N, T, num_features) -> (N, num_layers, num_heads, T, T): where each frame looks."""
        return self.gpt2.look(self.norm(self.project(x)))

    def features(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, num_features) -> (N, width): the mean over time."""
        return ops.mean(self.states(x), axis=1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """(N, T, num_features) -> (N, num_classes)."""
        return self.head(self.features(x, training))


class NextFeatures(keras.Model):
    """Pretraining without labels: from the frames so far, say the features of the next one.

    Takes ``float32 (N, T, num_features)``, gives ``(N, T - 1, num_features)`` for the frames 1 to
    T - 1, each as the frame before and a change: ``fit(NextFeatures(model), (x, x[:, 1:]),
    loss="mse")``. GPT-2 looks back only, so that no prediction has seen its answer.
    """

    def __init__(self, model: GPT2Video) -> None:
        super().__init__()
        self.project, self.norm, self.gpt2 = model.project, model.norm, model.gpt2
        # At first it says that nothing changes.
        self.forecast = layers.Dense(model.num_features, kernel_initializer="zeros")
        self.forecast.build((None, None, model.gpt2.settings.width))
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        states = self.gpt2(self.norm(self.project(x)))
        return x[:, :-1] + self.forecast(states[:, :-1])


def set_trainable(model: GPT2Video, parts: str) -> None:
    """Say which parts of the GPT-2 learn; the layers around it always do.

    Args:
        model: with a GPT-2 inside.
        parts: "frozen" (nothing of it), "last_block" (the last block and the normalisation after
            it), "lora" (the adapters of ``add_lora``), or "full" (all but the table of words).

    Raises:
        ValueError: another word, or "lora" for a GPT-2 without adapters.
    """
    gpt2 = model.gpt2
    adapters = [block.attn.c_attn for block in gpt2.h if gpt2.lora_rank]
    chosen: dict[str, list[Any]] = {
        "frozen": [],
        "last_block": [*gpt2.h[-1].variables, *gpt2.ln_f.variables],
        "lora": [variable for lora in adapters for variable in (lora.down, lora.up)],
        "full": list(gpt2.variables),
    }
    if parts not in chosen:
        raise ValueError(f"parts: expected one of {', '.join(chosen)}, got {parts!r}")
    if parts == "lora" and not adapters:
        raise ValueError("parts: 'lora' needs a GPT-2 with adapters: make it with add_lora(gpt2)")
    for variable in gpt2.variables:
        variable.trainable = False
    for variable in chosen[parts]:
        variable.trainable = True
    gpt2.wte.embeddings.trainable = False
