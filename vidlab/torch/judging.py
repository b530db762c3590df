"""Ask the judge that comes with vidlab about clips, in PyTorch."""

import numpy as np

from vidlab import weights
from vidlab.backbones import JUDGE
from vidlab.input_checks import chunks
from vidlab.judging import check_judged_clips, judged
from vidlab.metrics import Judged
from vidlab.torch.evaluation import evaluating
from vidlab.torch.inputs import as_input
from vidlab.torch.models.judging import Judge


def load_judge() -> Judge:
    """The judge of generated clips with its weights (vidlab/data/judge.md says what it learned)."""
    model = Judge()
    weights.load(model, JUDGE)
    return model.eval()


def judge(model: Judge, frames: np.ndarray, batch_size: int = 64) -> Judged:
    """Ask a judge what clips show.

    Args:
        model: from ``load_judge``.
        frames: clips ``uint8 (N, 16, 32, 32, 3)``.
        batch_size: clips per forward pass.

    Returns:
        Its opinions and features, for the measures in ``vidlab.metrics``.

    Raises:
        ValueError: other clips, or a batch size below 1.
    """
    frames = check_judged_clips(frames)
    if batch_size < 1:
        raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
    device = next(model.parameters()).device
    logits, features = [], []
    with evaluating(model):
        for chunk in chunks(len(frames), batch_size):
            found = model.features(as_input(frames[chunk], device))
            logits.append(model.opinions(found).cpu().numpy())
            features.append(found.cpu().numpy())
    return judged(np.concatenate(logits), np.concatenate(features), model.parts)
