"""``copy_weights``: the weights of one model into another, across frameworks."""

import sys
from types import ModuleType
from typing import Any

from vidlab.weights.records import LayerRecord, WeightsError, fit_in_order


def copy_weights(source: Any, target: Any) -> None:
    """Copy all weights of one model into another: PyTorch to Keras, Keras to PyTorch, or within.

    Layers with weights are matched in order of definition: the first of the source with the
    first of the target, and so on. In PyTorch and in a Keras model written as a class this is
    the order in which the layers were assigned to attributes; in a Sequential or functional
    Keras model it is the order of ``model.layers``. Names need not agree. Running statistics of
    batch normalisation are copied too; optimiser state is not. Everything is compared first:
    after an error the target is as it was.

    What happens on the way from PyTorch to Keras (and back, the other way round):

    - **Convolution**: weight (out, in, kh, kw) becomes kernel (kh, kw, in, out), and the same
      with one or three kernel axes. Both frameworks slide the kernel without turning it over.
    - **Transposed convolution**: weight (in, out, kh, kw) becomes kernel (kh, kw, out, in).
    - **Depthwise convolution**: a PyTorch convolution with ``groups = in`` has weight
      (in * m, 1, kh, kw), Keras's ``DepthwiseConv2D`` has kernel (kh, kw, in, m).
    - **Linear / Dense**: weight (out, in) becomes kernel (in, out).
    - **Embedding**: (number, width) in both.
    - **Normalisation** (batch, layer, group, RMS): weight is gamma, bias is beta, running_mean
      and running_var are moving_mean and moving_variance. ``num_batches_tracked`` stays behind.
    - **RNN, LSTM**: weight_ih (gates * hidden, in) becomes kernel (in, gates * hidden), weight_hh
      likewise recurrent_kernel. The LSTM's gates i, f, g, o come in the same order. PyTorch has
      two bias vectors that are only ever added, Keras has one: it gets their sum. On the way
      back all of it goes into bias_ih, and bias_hh becomes zero.
    - **GRU**: PyTorch stacks the gates r, z, n and Keras z, r, h, so the first two change places.
      Here the second bias is inside the reset gate's product and both are kept: Keras needs
      ``reset_after=True`` (its default), where bias is (2, 3 * hidden).
    - **Several recurrent layers**: one PyTorch module with ``num_layers=2`` is two Keras layers.
      Both directions of ``bidirectional=True`` are one ``keras.layers.Bidirectional``.
    - **Attention**: PyTorch packs the projections of query, key and value into in_proj_weight
      (3 * heads * head, in), where Keras has three kernels (in, heads, head); out_proj.weight
      (out, heads * head) becomes (heads, head, out). ``key_dim`` in Keras is the size of one head.
    - **Loose parameters**: what a module of your own holds by itself (``nn.Parameter``, persistent
      buffers) goes to ``add_weight`` variables of the same attribute name and shape, unchanged.
      Register constants as buffers with ``persistent=False``, or compute them.

    The order in which pixels are flattened in front of a Dense layer is a matter of the model,
    not of its weights: PyTorch flattens (C, H, W), Keras (H, W, C). Move the channels last in
    the PyTorch model before it flattens.

    Args:
        source: a ``torch.nn.Module`` or a Keras model or layer, with weights.
        target: the same. A Keras model must have been built.

    Raises:
        WeightsError: where the models do not match, with the layer on both sides, what was
            expected and what came. Besides kinds and shapes, it compares what changes the meaning
            of equal weights: epsilon of a normalisation, groups, number and size of heads, and
            the functions inside recurrent layers.
        TypeError: for something that is no model of either framework.
    """
    sources, targets = records_of(source), records_of(target)
    values = [record.values() for record in sources]
    try:
        writings = fit_in_order(values, targets, "the source")
    except WeightsError as error:
        raise WeightsError(f"copy_weights: {error}") from None
    side_of(target).write(writings)


def records_of(model: Any) -> list[LayerRecord]:
    """The layers with weights of a model of either framework.

    Raises:
        WeightsError: for a model without weights, or whose weights are not there yet.
        TypeError: for something that is no model.
    """
    records = list(side_of(model).records(model))
    if not records:
        raise WeightsError(f"{type(model).__name__} has no layers with weights")
    return records


def side_of(model: Any) -> ModuleType:
    """``keras_records`` or ``torch_records``, whichever understands the model.

    Imports no framework: who has a model has its framework imported. Keras is asked first,
    since on its torch backend a Keras layer is an ``nn.Module`` as well.

    Raises:
        TypeError: for something that is no model.
    """
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is not None and isinstance(model, keras.layers.Layer):
        from vidlab.weights import keras_records

        return keras_records
    if torch is not None and isinstance(model, torch.nn.Module):
        from vidlab.weights import torch_records

        return torch_records
    raise TypeError(
        f"expected a torch.nn.Module or a Keras model or layer, got {type(model).__name__}"
    )
