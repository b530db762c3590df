"""Prepare a Keras model for training: optimiser, loss, precision and dropout's seed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from vidlab.keras.devices import default_device
from vidlab.keras.evaluation import loss_of
from vidlab.plan import ADAM_EPSILON, Loss, Plan
from vidlab.reuse import kept_models


def fresh(make: Callable[..., keras.Model], *args: Any, **options: Any) -> keras.Model:
    """A model with new weights: ``make(*args, **options)``.

    In a panel, a run whose model is made like that of the run before gets that model back, with the
    new weights in it. Its compiled graph serves again: Keras needs seconds for another one, and
    TensorFlow does not give back all memory of an old one.

    Args:
        make: a class or function that makes a model; it draws the weights.
        args, options: what it takes.
    """
    model = make(*args, **options)
    kept = kept_models()
    if kept is None:
        return model
    key = (make, repr(args), repr(options))
    if key in kept:
        kept[key].set_weights(model.get_weights())
        return kept[key]
    kept.clear()
    kept[key] = model
    model._vidlab_steps = {}  # the optimiser of each way in which it was compiled
    return model


def is_mixed(mixed_precision: bool | None, device: str | None) -> bool:
    """Whether to compute in float16."""
    on_gpu = (device or default_device()).startswith("cuda")
    if mixed_precision and not on_gpu:
        raise ValueError(
            f"mixed_precision needs a CUDA GPU; the device is {device or default_device()}"
        )
    return on_gpu if mixed_precision is None else mixed_precision


@contextmanager
def compiled(
    model: keras.Model, plan: Plan, weights: np.ndarray | None, mixed_precision: bool
) -> Iterator[keras.optimizers.Optimizer]:
    """Compile a model with a fresh optimiser; with mixed precision, until the context ends."""
    # Only a model that a panel keeps: any other may have been changed since it was compiled.
    steps: dict[Any, keras.optimizers.Optimizer] = getattr(model, "_vidlab_steps", {})
    way = (
        plan.loss,
        None if weights is None else weights.tobytes(),
        plan.weight_decay,
        plan.clip_norm,
        mixed_precision,
    )
    if way in steps and not mixed_precision:
        optimizer = steps[way]
        for variable in optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        _seed_dropout(model, plan.seed)
        yield optimizer
        return
    layers = model._flatten_layers() if mixed_precision else []
    policies = [(layer, layer.dtype_policy) for layer in layers]
    kind = keras.optimizers.AdamW if plan.weight_decay else keras.optimizers.Adam
    options = {"weight_decay": plan.weight_decay} if plan.weight_decay else {}
    optimizer = kind(epsilon=ADAM_EPSILON, global_clipnorm=plan.clip_norm, **options)
    try:
        for layer, _ in policies:
            layer.dtype_policy = "mixed_float16"
        # Without XLA, Keras's own choice: it compiles anew for every shape of a batch.
        model.compile(optimizer=optimizer, loss=_Loss(plan.loss, weights), jit_compile=False)
        if all(layer.built for layer in model._flatten_layers()):
            # Otherwise the first step would make the variables, and TensorFlow trace it twice.
            model.optimizer.build(model.trainable_variables)
        steps.clear()
        steps[way] = optimizer
        _seed_dropout(model, plan.seed)
        yield optimizer
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy
        if policies:
            model.predict_function = None  # it was traced in float16


@contextmanager
def unchanged(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, *others: Any
) -> Iterator[None]:
    """Put back every variable of a model, its optimiser and other built ones of either kind.

    What ran in between leaves no trace, also where it was interrupted.
    """
    optimizer.build(model.trainable_variables)
    variables = [v for owner in (model, optimizer, *others) for v in owner.variables]
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _seed_dropout(model: keras.Model, seed: int) -> None:
    """Let each layer that draws random numbers begin anew from the seed."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for number, state in enumerate(states):
        state.assign(np.array([seed + number, 0]))


class _Loss(keras.losses.Loss):
    """``loss_of``, for ``model.compile``: Keras's own wrapper would turn labels into floats."""

    def __init__(self, loss: Loss, weights: np.ndarray | None) -> None:
        super().__init__()
        self.loss, self.weights = loss, weights

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return loss_of(y_pred, keras.ops.convert_to_tensor(y_true), self.loss, self.weights)
