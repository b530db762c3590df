"""Chapter 05b: a GPT-2 over frame features, and what of it is trained, in PyTorch."""

from typing import Any

import torch
from torch import nn

from vidlab.torch.models.gpt2 import LoRA
from vidlab.torch.models.initial import initialize


class GPT2Video(nn.Module):
    """A GPT-2 that reads frames in place of words.

    Takes features of frames ``float32 (N, T, num_features)``, gives logits
    ``float32 (N, num_classes)``: a linear layer makes each frame as wide as a word, GPT-2 reads
    them in order, the mean over time goes into a linear head. GPT-2's table of words is unused
    and does not learn.
    """

    takes = "features"

    def __init__(self, num_classes: int, gpt2: Any, num_features: int) -> None:
        super().__init__()
        width = gpt2.config.n_embd
        self.project = nn.Linear(num_features, width)
        self.norm = nn.LayerNorm(width)
        self.gpt2 = gpt2
        self.head = nn.Linear(width, num_classes)
        self.project.apply(initialize)
        self.head.apply(initialize)
        gpt2.wte.weight.requires_grad_(False)  # no word is read

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, num_features) -> (N, T, width): each frame, read after those before it."""
        return self.gpt2(inputs_embeds=self.norm(self.project(x))).last_hidden_state

    def look(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, num_features) -> (N, num_layers, num_heads, T, T): where each frame looks."""
        embedded = self.norm(self.project(x))
        found = self.gpt2(inputs_embeds=embedded, output_attentions=True)
        return torch.stack(found.attentions, dim=1)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, num_features) -> (N, width): the mean over time."""
        return self.states(x).mean(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, num_features) -> (N, num_classes)."""
        return self.head(self.features(x))


class NextFeatures(nn.Module):
    """Pretraining without labels: from the frames so far, say the features of the next one.

    Takes ``float32 (N, T, num_features)``, gives ``(N, T - 1, num_features)`` for the frames 1 to
    T - 1, each as the frame before and a change: ``fit(NextFeatures(model), (x, x[:, 1:]),
    loss="mse")``. GPT-2 looks back only, so that no prediction has seen its answer.
    """

    def __init__(self, model: GPT2Video) -> None:
        super().__init__()
        self.project, self.norm, self.gpt2 = model.project, model.norm, model.gpt2
        self.forecast = nn.Linear(model.head.in_features, model.project.in_features)
        nn.init.zeros_(self.forecast.weight)  # at first it says that nothing changes
        nn.init.zeros_(self.forecast.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = self.gpt2(inputs_embeds=self.norm(self.project(x))).last_hidden_state
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
    adapters = [module for module in gpt2.modules() if isinstance(module, LoRA)]
    chosen: dict[str, list[nn.Parameter]] = {
        "frozen": [],
        "last_block": [*gpt2.h[-1].parameters(), *gpt2.ln_f.parameters()],
        "lora": [parameter for lora in adapters for parameter in (lora.down, lora.up)],
        "full": list(gpt2.parameters()),
    }
    if parts not in chosen:
        raise ValueError(f"parts: expected one of {', '.join(chosen)}, got {parts!r}")
    if parts == "lora" and not adapters:
        raise ValueError("parts: 'lora' needs a GPT-2 with adapters: make it with add_lora(gpt2)")
    for parameter in gpt2.parameters():
        parameter.requires_grad_(False)
    for parameter in chosen[parts]:
        parameter.requires_grad_(True)
    gpt2.wte.weight.requires_grad_(False)
