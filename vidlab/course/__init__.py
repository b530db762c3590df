"""The course machinery: check an exercise, build chapters, examine notebooks.

A chapter needs one name, ``from vidlab.course import check``; whoever writes checks also uses
``exercise`` and the ``expect`` functions. Everything is imported on first use, because the pytest
plugin of this package is loaded by every pytest run on the machine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidlab.course.expectations import (
        call,
        expect,
        expect_callable,
        expect_close,
        expect_dtype,
        expect_equal,
        expect_range,
        expect_shape,
        expect_type,
        expect_unlike,
    )
    from vidlab.course.registry import exercise
    from vidlab.course.verdict import CheckFailed, NotSolved, check, judge

__all__ = [
    "CheckFailed",
    "NotSolved",
    "call",
    "check",
    "exercise",
    "expect",
    "expect_callable",
    "expect_close",
    "expect_dtype",
    "expect_equal",
    "expect_range",
    "expect_shape",
    "expect_type",
    "expect_unlike",
    "judge",
]

# No module has the name of a public function: importing it would hide the function.
_HOME = {"exercise": "registry"}
_HOME |= dict.fromkeys(("CheckFailed", "NotSolved", "check", "judge"), "verdict")


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'vidlab.course' has no attribute {name!r}")
    return getattr(import_module(f"vidlab.course.{_HOME.get(name, 'expectations')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
