"""Ask the judge that comes with vidlab about clips, in Keras."""

import numpy as np
from keras import ops

from vidlab import weights
from vidlab.backbones import JUDGE
from vidlab.batches import to_unit
from vidlab.input_checks import chunks
from vidlab.judging import check_judged_clips, judged
from vidlab.keras.features import without_gradients
from vidlab.keras.models.judging import Judge
from vidlab.metrics import Judged


def load_judge() -> Judge:
    """The judge of generated clips with its weights (vidlab/data/judge.md says what it learned)."""
    model = Judge()
    weights.load(model, JUDGE)
    return model


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
    logits, features = [], []
    with without_gradients():
        for chunk in chunks(len(frames), batch_size):
            found = model.features(ops.convert_to_tensor(to_unit(frames[chunk])), training=False)
            logits.append(ops.convert_to_numpy(model.opinions(found)))
            features.append(ops.convert_to_numpy(found))
    return judged(np.concatenate(logits), np.concatenate(features), model.parts)
