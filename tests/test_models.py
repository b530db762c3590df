"""Every model is the same in both rooms: size, outputs, gradients and steps, with equal weights."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from model_twins import (
    MODELS,
    batch,
    differences,
    in_torch_layout,
    keras_input,
    logits,
    make,
    model_names,
    relative,
    set_random_weights,
    torch_input,
    train_both,
    twins,
)
from torch import nn

import vidlab.keras
import vidlab.keras.models as keras_models
import vidlab.torch
from vidlab.weights import copy_weights

pytestmark = pytest.mark.parametrize("name", MODELS)


def test_both_rooms_have_it(name: str) -> None:
    assert model_names(keras_models) == MODELS
    assert getattr(keras_models, name).takes == batch_kind(name)


def batch_kind(name: str) -> str:
    return "clips" if batch(name)[0].ndim == 5 else "frames"


def test_same_number_of_parameters(name: str) -> None:
    first, second = make(name)
    count = vidlab.torch.count_parameters(first)
    assert count == vidlab.keras.count_parameters(second)
    assert count == sum(int(np.prod(v.shape)) for v in second.trainable_variables)


def test_same_logits_with_weights_from_pytorch(name: str) -> None:
    outputs = logits(*twins(name), batch(name)[0])
    assert outputs[0].std() > 0.1
    assert relative(*outputs) < 1e-4


def test_same_logits_with_weights_from_keras(name: str) -> None:
    _, second = twins(name, seed=3)
    first, _ = make(name)
    copy_weights(second, first)
    outputs = logits(first, second, batch(name)[0])
    assert outputs[0].std() > 0.1
    assert relative(*outputs) < 1e-4


def gradients(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Gradients of the mean cross-entropy in training mode, both under PyTorch's names."""
    first, second = twins(name)
    x, y = batch(name)
    first.train()
    loss = nn.functional.cross_entropy(first(torch_input(x)), torch.from_numpy(y))
    loss.backward()
    from_torch = {
        key: parameter.grad.numpy()
        for key, parameter in first.named_parameters()
        if parameter.grad is not None
    }
    with tf.GradientTape() as tape:
        outputs = second(keras_input(x), training=True)
        losses = keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=True)
        keras_loss: Any = keras.ops.mean(losses)
    variables = second.trainable_variables
    found = tape.gradient(keras_loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, found, strict=True):
        variable.assign(tf.convert_to_tensor(gradient))
    return from_torch, in_torch_layout(second, name)


def test_same_gradients(name: str) -> None:
    from_torch, from_keras = gradients(name)
    largest = max(np.abs(gradient).max() for gradient in from_torch.values())
    for key, gradient in from_torch.items():
        size = np.abs(gradient).max()
        if key.endswith("key.bias"):
            # It adds the same to all scores of a query, and a softmax takes no notice of that.
            assert size < 1e-5 * largest, key
            assert np.abs(from_keras[key]).max() < 1e-5 * largest, key
            continue
        # Adam would turn the rounding errors of a gradient that is zero in truth into steps.
        assert size > 1e-5 * largest, f"{key} has no gradient"
        assert np.abs(gradient - from_keras[key]).max() < 1e-3 * size, key


def test_same_weights_after_two_steps(name: str) -> None:
    first, second = train_both(name, num_steps=2)
    start = twins(name)[0].state_dict()
    for key, difference in differences(first, second, name).items():
        # PyTorch divides the variance that it keeps by n - 1 and Keras by n.
        assert difference < (5e-2 if "running_var" in key else 1e-3), key
    for key, parameter in first.named_parameters():
        if parameter.requires_grad:
            assert not torch.equal(parameter, start[key]), f"{key} was not trained"


def test_seeds_give_other_weights(name: str) -> None:
    first, second = make(name)[0], make(name)[0]
    set_random_weights(first, seed=1)
    set_random_weights(second, seed=2)
    outputs = [model(torch_input(batch(name)[0])).detach().numpy() for model in (first, second)]
    assert relative(*outputs) > 0.1
