"""The models of the chapters, in PyTorch: one module per chapter, each as the chapter writes it."""

from vidlab.torch.models.autoencoding import (
    FrameAutoencoder,
    FrameEncoder,
    FramePainter,
    PlainAutoencoder,
)
from vidlab.torch.models.clip_vae import ClipVAE
from vidlab.torch.models.cnn_features import ClassicCNN, FrameCNN
from vidlab.torch.models.convolutions_3d import Conv2Plus1D, Conv2Plus1DNet, Conv3DNet
from vidlab.torch.models.fine_tuning import GPT2Video, NextFeatures, set_trainable
from vidlab.torch.models.generative_adversarial import (
    Discriminator3D,
    Generator3D,
    LatentDiscriminator,
    LatentGenerator,
)
from vidlab.torch.models.gpt2 import LoRA, add_lora, load_gpt2, merge_lora, random_gpt2
from vidlab.torch.models.judging import Judge
from vidlab.torch.models.latent_generators import LatentFlow, LatentVAE, ResidualBlock, TwoStage
from vidlab.torch.models.lstm_sequences import CNNGRU, CNNLSTM, FrameMoments, SpatialMoments
from vidlab.torch.models.next_frames import (
    ConvLSTMCell,
    FrameConv3D,
    NextFramePredictor,
    WorldModel,
    forecast,
    next_frame_loss,
)
from vidlab.torch.models.patches import FrameViT, SpaceTimeTransformer
from vidlab.torch.models.self_attention import (
    MaskedFrames,
    TransformerBlock,
    VideoEncoder,
    VideoTransformer,
    attention,
    masked_mse,
)
from vidlab.torch.models.text_conditions import BagOfWords, CaptionReader

__all__ = [
    "CNNGRU",
    "CNNLSTM",
    "BagOfWords",
    "CaptionReader",
    "ClassicCNN",
    "ClipVAE",
    "Conv2Plus1D",
    "Conv2Plus1DNet",
    "Conv3DNet",
    "ConvLSTMCell",
    "Discriminator3D",
    "FrameAutoencoder",
    "FrameCNN",
    "FrameConv3D",
    "FrameEncoder",
    "FrameMoments",
    "FramePainter",
    "FrameViT",
    "GPT2Video",
    "Generator3D",
    "Judge",
    "LatentDiscriminator",
    "LatentFlow",
    "LatentGenerator",
    "LatentVAE",
    "LoRA",
    "MaskedFrames",
    "NextFeatures",
    "NextFramePredictor",
    "PlainAutoencoder",
    "ResidualBlock",
    "SpaceTimeTransformer",
    "SpatialMoments",
    "TransformerBlock",
    "TwoStage",
    "VideoEncoder",
    "VideoTransformer",
    "WorldModel",
    "add_lora",
    "attention",
    "forecast",
    "load_gpt2",
    "masked_mse",
    "merge_lora",
    "next_frame_loss",
    "random_gpt2",
    "set_trainable",
]
