"""The PyTorch room: models, training, evaluation. ``vidlab.keras`` has the same names."""

from vidlab.torch.devices import default_device, set_seed
from vidlab.torch.evaluation import count_parameters, evaluate, predict
from vidlab.torch.features import extract_features, pretrained_features
from vidlab.torch.inputs import to_input
from vidlab.torch.models import (
    CNNGRU,
    CNNLSTM,
    ClassicCNN,
    Conv2Plus1DNet,
    Conv3DNet,
    FrameCNN,
    FrameViT,
    GPT2Video,
    MaskedFrames,
    NextFeatures,
    SpaceTimeTransformer,
    SpatialMoments,
    VideoEncoder,
    VideoTransformer,
    add_lora,
    attention,
    load_gpt2,
    masked_mse,
    merge_lora,
    set_trainable,
)
from vidlab.torch.training import fit, fresh, train_steps

__all__ = [
    "CNNGRU",
    "CNNLSTM",
    "ClassicCNN",
    "Conv2Plus1DNet",
    "Conv3DNet",
    "FrameCNN",
    "FrameViT",
    "GPT2Video",
    "MaskedFrames",
    "NextFeatures",
    "SpaceTimeTransformer",
    "SpatialMoments",
    "VideoEncoder",
    "VideoTransformer",
    "add_lora",
    "attention",
    "count_parameters",
    "default_device",
    "evaluate",
    "extract_features",
    "fit",
    "fresh",
    "load_gpt2",
    "masked_mse",
    "merge_lora",
    "predict",
    "pretrained_features",
    "set_seed",
    "set_trainable",
    "to_input",
    "train_steps",
]
