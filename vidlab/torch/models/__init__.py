"""The models of the chapters, in PyTorch: one module per chapter, each as the chapter writes it."""

from vidlab.torch.models.cnn_features import ClassicCNN, FrameCNN
from vidlab.torch.models.convolutions_3d import Conv2Plus1D, Conv2Plus1DNet, Conv3DNet
from vidlab.torch.models.lstm_sequences import CNNGRU, CNNLSTM, FrameMoments, SpatialMoments

__all__ = [
    "CNNGRU",
    "CNNLSTM",
    "ClassicCNN",
    "Conv2Plus1D",
    "Conv2Plus1DNet",
    "Conv3DNet",
    "FrameCNN",
    "FrameMoments",
    "SpatialMoments",
]
