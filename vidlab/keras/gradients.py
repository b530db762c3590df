"""Gradients outside ``fit`` in Keras: the one place with a branch for each backend.

TensorFlow records what is computed on a tape; PyTorch keeps a graph of it. Both can differentiate a
gradient again, which a gradient penalty needs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

Measured = tuple[Any, Any]  # a scalar loss, and what else was measured


def gradients_of(measure: Callable[[], Measured], variables: Sequence[Any]) -> tuple[Any, list]:
    """Differentiate a loss.

    Args:
        measure: computes the loss, a scalar, and anything else.
        variables: of Keras.

    Returns:
        What else ``measure`` gave, and the loss's gradient for each variable; None for one that
        the loss does not use.
    """
    if keras.backend.backend() == "torch":
        import torch

        loss, rest = measure()
        values = [variable.value for variable in variables]
        return rest, list(torch.autograd.grad(loss, values, allow_unused=True))
    import tensorflow as tf

    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, rest = measure()
    return rest, tape.gradient(loss, values)


def apply_finite(
    optimizer: keras.optimizers.Optimizer, gradients: list, variables: Sequence[Any], measured: Any
) -> None:
    """Let the optimiser move the variables, but only where all that was measured is finite."""

    def move() -> None:
        optimizer.apply(gradients, variables)

    keras.ops.cond(keras.ops.all(keras.ops.isfinite(measured)), move, lambda: None)


def input_gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """What a function makes of x, and the gradient of its sum with respect to x, like x.

    The gradient can be differentiated again.
    """
    if keras.backend.backend() == "torch":
        import torch

        x = x.detach().requires_grad_(True)
        values = function(x)
        return values, torch.autograd.grad(values.sum(), x, create_graph=True)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        values = function(x)
        total = tf.reduce_sum(values)
    return values, tape.gradient(total, x)


def compiled_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a graph, where the backend has graphs; XLA is left out: it would compile
    anew for every shape, and is far slower for what this course trains on a CPU.
    """
    if keras.backend.backend() == "torch":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=False, reduce_retracing=True)
