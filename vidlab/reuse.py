"""Where a panel keeps the model of its last run, so that the next run need not compile anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_kept: ContextVar[dict[Any, Any] | None] = ContextVar("kept", default=None)


@contextmanager
def reusing(kept: dict[Any, Any]) -> Iterator[None]:
    """Let ``fresh`` of a room take models from ``kept``, and put them there."""
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)


def kept_models() -> dict[Any, Any] | None:
    """The models of earlier runs; None outside a panel."""
    return _kept.get()
