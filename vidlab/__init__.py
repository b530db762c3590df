"""vidlab: the package behind a course on deep learning for video.

Importing ``vidlab`` loads no framework and none of its own modules; each module is imported
when it is first used, so that ``import vidlab`` takes milliseconds.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_MODULES = (
    "augment",
    "course",
    "datasets",
    "display",
    "keras",
    "torch",
    "video",
    "weights",
    "world",
)

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> ModuleType:
    """Import a public module on first use (PEP 562)."""
    if name in _MODULES:
        return import_module(f"vidlab.{name}")
    raise AttributeError(f"module 'vidlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
