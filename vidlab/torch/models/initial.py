"""How the weights start: as Keras's layers start theirs, so that both frameworks train alike."""

import torch
from torch import nn

KERNELS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def initialize(module: nn.Module) -> None:
    """Start one layer as Keras does; ``model.apply(initialize)`` does it for a whole model.

    Dense, convolution and recurrent input weights are drawn uniformly from +-sqrt(6 / (fan_in +
    fan_out)) (Glorot and Bengio, 2010, "Understanding the difficulty of training deep feedforward
    neural networks"), recurrent weights are orthogonal, biases are zero; the forget gate of an
    LSTM starts at one (Jozefowicz et al., 2015, "An empirical exploration of recurrent network
    architectures"). PyTorch's LSTM has two bias vectors that are only ever added: the second one
    is set to zero and frozen, so that a PyTorch LSTM has as many parameters as a Keras one and
    takes the same steps. Layers of other types stay as they are.
    """
    if isinstance(module, KERNELS + TRANSPOSED):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM | nn.GRU):
        for name, parameter in module.named_parameters():
            if "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            elif "weight_hh" in name:
                # Keras draws one orthogonal (hidden, gates * hidden) matrix; this is its transpose.
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)
                if isinstance(module, nn.LSTM):
                    _prepare_bias(name, parameter, module.hidden_size)


def _prepare_bias(name: str, bias: nn.Parameter, hidden_size: int) -> None:
    """Open the forget gate (the second of four), and freeze the bias that is one too many."""
    if "bias_hh" in name:
        bias.requires_grad_(False)
    else:
        with torch.no_grad():
            bias[hidden_size : 2 * hidden_size] = 1.0
