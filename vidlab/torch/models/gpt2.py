"""Chapter 05b: GPT-2, its weights and its adapters, in PyTorch."""

import copy
import os
from typing import Any

import torch
from torch import nn

from vidlab.gpt2 import GPT2Settings, find_gpt2, read_settings, read_weights


def load_gpt2(
    source: str | os.PathLike[str] = "minigpt", *, pretrained: bool = True, seed: int = 0
) -> Any:
    """Load a GPT-2: the ``GPT2Model`` of ``transformers``, without dropout.

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
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return model


def random_gpt2(settings: GPT2Settings, *, seed: int = 0) -> Any:
    """A ``GPT2Model`` of a given size with random weights, as GPT-2 started."""
    from transformers import GPT2Config, GPT2Model

    config = GPT2Config(
        vocab_size=settings.vocab_size,
        n_positions=settings.num_positions,
        n_embd=settings.width,
        n_layer=settings.num_layers,
        n_head=settings.num_heads,
        n_inner=settings.inner_width,
        layer_norm_epsilon=settings.epsilon,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=None,  # those of the real GPT-2 lie outside a smaller vocabulary
        eos_token_id=None,
        attn_implementation="eager",  # type: ignore[call-arg]  # the one that gives the weights
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT2Model(config)


class LoRA(nn.Module):
    """A frozen layer with a small trainable one beside it: y = layer(x) + scale (x A) B.

    A is ``(in, rank)`` and starts random, B is ``(rank, out)`` and starts at zero, so that nothing
    changes at first. After Hu et al. (2022), "LoRA: low-rank adaptation of large language models".
    """

    def __init__(self, layer: Any, rank: int = 4, scale: float = 2.0) -> None:
        super().__init__()
        self.scale = scale
        num_inputs, num_outputs = layer.weight.shape  # a Conv1D of transformers: (in, out)
        self.down = nn.Parameter(torch.randn(num_inputs, rank) / rank**0.5)
        self.up = nn.Parameter(torch.zeros(rank, num_outputs))
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + self.scale * (x @ self.down) @ self.up

    def merged(self) -> Any:
        """The layer with the adapter added to its weights: W + scale A B."""
        layer = copy.deepcopy(self.layer)
        with torch.no_grad():
            layer.weight += self.scale * self.down @ self.up
        return layer


def add_lora(gpt2: Any, rank: int = 4, scale: float = 2.0, *, seed: int = 0) -> Any:
    """A copy of a GPT-2 with an adapter at the projections of query, key and value of each block.

    Raises:
        ValueError: the rank is not 1 or more, or the model has adapters already.
    """
    if rank < 1:
        raise ValueError(f"rank: expected at least 1, got {rank}")
    adapted = copy.deepcopy(gpt2)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for block in adapted.h:
            if isinstance(block.attn.c_attn, LoRA):
                raise ValueError("this GPT-2 has adapters already: merge them first (merge_lora)")
            block.attn.c_attn = LoRA(block.attn.c_attn, rank, scale)
    return adapted


def merge_lora(gpt2: Any) -> Any:
    """A copy of a GPT-2 without adapters whose weights hold what they had learned."""
    merged = copy.deepcopy(gpt2)
    for block in merged.h:
        if isinstance(block.attn.c_attn, LoRA):
            block.attn.c_attn = block.attn.c_attn.merged()
    return merged
