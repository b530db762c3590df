"""Chapter 05b: GPT-2, its weights and its adapters, in Keras."""

import os
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from vidlab.gpt2 import GPT2Settings, find_gpt2, read_settings, read_weights
from vidlab.keras.models.self_attention import attention


def load_gpt2(
    source: str | os.PathLike[str] = "minigpt", *, pretrained: bool = True, seed: int = 0
) -> Any:
    """Load a GPT-2: our own definition with the weights of the same file, without dropout.

    Args:
        source: "minigpt" (learned the world's captions; comes with vidlab), "minigpt-shuffled"
            (the same sentences with their words shuffled), "minigpt-video" (no words: it learned
            to foresee frames), "gpt2" (the real one, 124 million parameters, downloaded once), or
            a folder that ``save_pretrained`` wrote.
        pretrained: False for the same architecture with random weights.
        seed: of the random weights.

    Raises:
        PretrainedError: there is no such model or folder, no network, or the files do not hold
            exactly the weights that config.json asks for.
    """
    folder = find_gpt2(source)
    settings = read_settings(folder)
    if not pretrained:
        return random_gpt2(settings, seed=seed)
    tensors = read_weights(folder, settings)
    model = random_gpt2(settings, seed=seed)
    for name, variable in model.named_variables().items():
        variable.assign(tensors[name])
    return model


def random_gpt2(settings: GPT2Settings, *, seed: int = 0) -> Any:
    """A ``GPT2`` of a given size with random weights, as GPT-2 started."""
    return GPT2(settings, seed=seed)


class LoRA(layers.Layer):
    """A frozen layer with a small trainable one beside it: y = layer(x) + scale (x A) B.

    A is ``(in, rank)`` and starts random, B is ``(rank, out)`` and starts at zero, so that nothing
    changes at first. After Hu et al. (2022), "LoRA: low-rank adaptation of large language models".
    """

    def __init__(self, layer: Any, rank: int = 4, scale: float = 2.0, seed: int = 0) -> None:
        super().__init__()
        self.scale = scale
        num_inputs, num_outputs = layer.kernel.shape
        start = keras.initializers.RandomNormal(stddev=rank**-0.5, seed=seed)
        self.down = self.add_weight((num_inputs, rank), start, name="down")
        self.up = self.add_weight((rank, num_outputs), "zeros", name="up")
        self.layer = layer
        self.built = True

    def call(self, x: Any) -> Any:
        return self.layer(x) + self.scale * ops.matmul(ops.matmul(x, self.down), self.up)

    def merged_kernel(self) -> Any:
        """The layer's weights with the adapter added: W + scale A B."""
        return self.layer.kernel + self.scale * ops.matmul(self.down, self.up)


class GPT2Attention(layers.Layer):
    """Causal self-attention as GPT-2 has it: one layer makes query, key and value."""

    def __init__(self, width: int, num_heads: int, lora: tuple[int, float, int] | None) -> None:
        super().__init__()
        self.num_heads = num_heads
        start = keras.initializers.RandomNormal(stddev=0.02)
        c_attn = layers.Dense(3 * width, kernel_initializer=start)
        c_attn.build((None, None, width))
        self.c_attn = c_attn if lora is None else LoRA(c_attn, *lora)
        self.c_proj = layers.Dense(width, kernel_initializer=start)
        self.c_proj.build((None, None, width))
        self.built = True

    def split(self, x: Any) -> Any:
        """(N, T, width) -> (N, num_heads, T, width / num_heads)."""
        heads = ops.reshape(x, (-1, x.shape[1], self.num_heads, x.shape[2] // self.num_heads))
        return ops.swapaxes(heads, 1, 2)

    def look(self, x: Any) -> tuple[Any, Any]:
        """What each head finds, (N, num_heads, T, D), and where it looks, (N, num_heads, T, T)."""
        query, key, value = (self.split(part) for part in ops.split(self.c_attn(x), 3, axis=-1))
        past = ops.convert_to_tensor(np.tri(x.shape[1], dtype=bool))  # no frame sees a later one
        return attention(query, key, value, past)

    def call(self, x: Any) -> Any:
        found, _ = self.look(x)
        return self.c_proj(ops.reshape(ops.swapaxes(found, 1, 2), (-1, *x.shape[1:])))


class GPT2Network(layers.Layer):
    """The small network of a block."""

    def __init__(self, width: int, inner_width: int) -> None:
        super().__init__()
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.c_fc = layers.Dense(inner_width, kernel_initializer=start)
        self.c_proj = layers.Dense(width, kernel_initializer=start)
        self.c_fc.build((None, None, width))
        self.c_proj.build((None, None, inner_width))
        self.built = True

    def call(self, x: Any) -> Any:
        # GPT-2 was trained with this approximation of GELU.
        return self.c_proj(ops.gelu(self.c_fc(x), approximate=True))


class GPT2Block(layers.Layer):
    """One of GPT-2's blocks: attention and network, each after a normalisation."""

    def __init__(self, settings: GPT2Settings, lora: tuple[int, float, int] | None) -> None:
        super().__init__()
        self.ln_1 = layers.LayerNormalization(epsilon=settings.epsilon)
        self.attn = GPT2Attention(settings.width, settings.num_heads, lora)
        self.ln_2 = layers.LayerNormalization(epsilon=settings.epsilon)
        self.mlp = GPT2Network(settings.width, settings.inner_width)
        for norm in (self.ln_1, self.ln_2):
            norm.build((None, None, settings.width))
        self.built = True

    def call(self, x: Any) -> Any:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(keras.Model):
    """GPT-2 without its head: Radford et al. (2019), in Keras.

    Takes embeddings ``float32 (N, T, width)``, of words (``embed``) or of frames, adds positions,
    gives ``(N, T, width)``. The names are those of ``transformers``, and so is the order.
    """

    def __init__(
        self,
        settings: GPT2Settings,
        lora_rank: int = 0,
        lora_scale: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings, self.lora_rank, self.lora_scale = settings, lora_rank, lora_scale
        lora = (lora_rank, lora_scale, seed) if lora_rank else None
        start = keras.initializers.RandomNormal(stddev=0.02)
        width = settings.width
        self.wte = layers.Embedding(settings.vocab_size, width, embeddings_initializer=start)
        self.wpe = layers.Embedding(settings.num_positions, width, embeddings_initializer=start)
        self.h = [GPT2Block(settings, lora) for _ in range(settings.num_layers)]
        self.ln_f = layers.LayerNormalization(epsilon=settings.epsilon)
        # Every layer builds its own weights: to trace a call for that would take seconds.
        self.wte.build(None)
        self.wpe.build(None)
        self.ln_f.build((None, None, width))
        self.built = True
        self.randomize(seed)

    def randomize(self, seed: int) -> None:
        """Draw all weights with a spread of 0.02, as GPT-2 started; biases are zero."""
        rng = np.random.default_rng(seed)
        for name, variable in self.named_variables().items():
            if variable.ndim == 2:
                spread = 0.02
                if name.endswith("c_proj.weight"):  # what is added up over the blocks
                    spread /= (2 * self.settings.num_layers) ** 0.5
                variable.assign(rng.normal(0, spread, variable.shape))

    def embed(self, words: Any) -> Any:
        """Numbers of words, (N, T), as embeddings, (N, T, width)."""
        return self.wte(words)

    def start(self, x: Any) -> Any:
        """Add the positions."""
        return x + self.wpe(np.arange(x.shape[1]))

    def look(self, x: Any) -> Any:
        """(N, T, width) -> (N, num_layers, num_heads, T, T): where each place looks."""
        x, weights = self.start(x), []
        for block in self.h:
            weights.append(block.attn.look(block.ln_1(x))[1])
            x = block(x)
        return ops.stack(weights, axis=1)

    def call(self, x: Any) -> Any:
        x = self.start(x)
        for block in self.h:
            x = block(x)
        return self.ln_f(x)

    def named_variables(self) -> dict[str, Any]:
        """The variables under the names of ``transformers``, without adapters."""
        named = {"wte.weight": self.wte.embeddings, "wpe.weight": self.wpe.embeddings}
        norms: dict[str, Any] = {"ln_f": self.ln_f}
        denses: dict[str, Any] = {}
        for index, block in enumerate(self.h):
            first = f"h.{index}"
            norms |= {f"{first}.ln_1": block.ln_1, f"{first}.ln_2": block.ln_2}
            c_attn = block.attn.c_attn
            denses |= {
                f"{first}.attn.c_attn": c_attn.layer if self.lora_rank else c_attn,
                f"{first}.attn.c_proj": block.attn.c_proj,
                f"{first}.mlp.c_fc": block.mlp.c_fc,
                f"{first}.mlp.c_proj": block.mlp.c_proj,
            }
        for name, norm in norms.items():
            named |= {f"{name}.weight": norm.gamma, f"{name}.bias": norm.beta}
        for name, dense in denses.items():
            named |= {f"{name}.weight": dense.kernel, f"{name}.bias": dense.bias}
        return named


def add_lora(gpt2: Any, rank: int = 4, scale: float = 2.0, *, seed: int = 0) -> Any:
    """A copy of a GPT-2 with an adapter at the projections of query, key and value of each block.

    Raises:
        ValueError: the rank is not 1 or more, or the model has adapters already.
    """
    if rank < 1:
        raise ValueError(f"rank: expected at least 1, got {rank}")
    if gpt2.lora_rank:
        raise ValueError("this GPT-2 has adapters already: merge them first (merge_lora)")
    adapted = GPT2(gpt2.settings, rank, scale, seed)
    values = gpt2.named_variables()
    for name, variable in adapted.named_variables().items():
        variable.assign(values[name])
    return adapted


def merge_lora(gpt2: Any) -> Any:
    """A copy of a GPT-2 without adapters whose weights hold what they had learned."""
    merged = GPT2(gpt2.settings)
    values = gpt2.named_variables()
    for name, variable in merged.named_variables().items():
        variable.assign(values[name])
    if gpt2.lora_rank:
        for plain, block in zip(merged.h, gpt2.h, strict=True):
            plain.attn.c_attn.kernel.assign(block.attn.c_attn.merged_kernel())
    return merged
