"""Pretrain minigpt, the small GPT-2 that vidlab ships, and its control, on the world's captions.

    python data_scripts/pretrain_minigpt.py              # both, two to three minutes on 2 cores
    python data_scripts/pretrain_minigpt.py --quick      # a smoke test; writes nothing

The text is short stories (``vidlab.narratives``): five captions about one subject, where what
happens next depends on what happened before. The model learns to say the next word. The control,
minigpt-shuffled, learns from the same stories with the words of each in random order: it gets the
same words, equally often, but no language.

The same command gives the same weights on one machine. They replace vidlab/data/minigpt and
vidlab/data/minigpt-shuffled when they are complete; the card vidlab/data/minigpt.md says what was
measured.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from vidlab import world
from vidlab.gpt2 import GPT2Settings, expected_shapes
from vidlab.narratives import END, narrative, shuffled
from vidlab.torch.models import random_gpt2
from vidlab.words import Vocabulary

OUTPUT = Path(__file__).resolve().parents[1] / "vidlab" / "data"
LENGTH = 64  # words that the model sees at once
NUM_STORIES, NUM_TEST = 12_000, 500
NUM_STEPS, BATCH_SIZE, LEARNING_RATE, WARM_UP = 500, 32, 3e-3, 50
SEED = 0


def vocabulary() -> Vocabulary:
    return Vocabulary([END, *world.VOCABULARY])


def windows(text: list[str], words: Vocabulary) -> np.ndarray:
    """Stories one after the other, cut into pieces of LENGTH + 1 words, int64 (N, LENGTH + 1)."""
    numbers = np.array(words.encode(" ".join(text)))
    count = (len(numbers) - 1) // LENGTH
    starts = LENGTH * np.arange(count)
    return numbers[starts[:, None] + np.arange(LENGTH + 1)]


def loss_of(model: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each next word, in nats; the table of words reads and writes."""
    states = model(input_ids=batch[:, :-1]).last_hidden_state
    scores = states @ model.wte.weight.T
    return functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())


def train(pieces: np.ndarray, settings: GPT2Settings, num_steps: int, name: str) -> torch.nn.Module:
    model = random_gpt2(settings, seed=SEED).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=num_steps, pct_start=WARM_UP / max(num_steps, 100)
    )
    rng = np.random.default_rng(SEED)
    bar = tqdm(range(num_steps), desc=name, unit="step")
    for _ in bar:
        chosen = rng.integers(0, len(pieces), BATCH_SIZE)
        loss = loss_of(model, torch.from_numpy(pieces[chosen]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
    return model.eval()


def save(model: torch.nn.Module, settings: GPT2Settings, words: Vocabulary, name: str) -> None:
    """Write the folder under another name, then put it in the place of the old one."""
    folder, new = OUTPUT / name, OUTPUT / f"{name}.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2Model"],
        "activation_function": "gelu_new",
        "vocab_size": settings.vocab_size,
        "n_positions": settings.num_positions,
        "n_embd": settings.width,
        "n_layer": settings.num_layers,
        "n_head": settings.num_heads,
        "layer_norm_epsilon": settings.epsilon,
    }
    (new / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (new / "words.txt").write_text("\n".join(words.words) + "\n", encoding="utf-8")
    state = model.state_dict()
    tensors = {key: state[key].half().contiguous() for key in expected_shapes(settings)}
    save_file(tensors, new / "model.safetensors", metadata={"format": "pt"})
    (new / "model.safetensors").chmod(0o644)  # it is written for its owner alone
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few steps; writes nothing")
    quick = parser.parse_args().quick
    words = vocabulary()
    settings = GPT2Settings(
        vocab_size=len(words), num_positions=LENGTH, width=96, num_layers=4, num_heads=4,
        inner_width=4 * 96,
    )  # fmt: skip
    rng = np.random.default_rng(SEED)
    stories = [narrative(rng) for _ in range(NUM_STORIES + NUM_TEST)]
    texts = {"minigpt": stories, "minigpt-shuffled": [shuffled(story, rng) for story in stories]}
    counts = np.bincount(words.encode(" ".join(stories)), minlength=len(words))
    shares = counts[counts > 0] / counts.sum()
    print(f"{len(words)} words, {counts.sum():,} in all; entropy of a word alone "
          f"{-(shares * np.log(shares)).sum():.3f} nats")  # fmt: skip
    for name, text in texts.items():
        pieces, unseen = windows(text[:NUM_STORIES], words), windows(text[NUM_STORIES:], words)
        start = time.perf_counter()
        model = train(pieces, settings, 20 if quick else NUM_STEPS, name)
        seconds = time.perf_counter() - start
        with torch.no_grad():
            loss = float(loss_of(model, torch.from_numpy(unseen)))
        print(f"{name}: {sum(p.numel() for p in model.parameters()):,} parameters, "
              f"{seconds:.0f} s, {loss:.3f} nats per word on unseen stories")  # fmt: skip
        if not quick:
            save(model, settings, words, name)


if __name__ == "__main__":
    main()
