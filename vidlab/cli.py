"""The command ``vidlab``: one sub-command per feature, each in a module of its own.

A module is imported only when its sub-command is used, so that ``vidlab --help`` is instant. It has
``add_arguments(parser)`` and ``run(args) -> int``. One with ``PASSES_ON = True`` takes arguments
that it does not know itself; it finds them in ``args.rest``.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from vidlab import __version__

COMMANDS = {
    "lab": ("vidlab.lab", "open the course in JupyterLab"),
    "doctor": ("vidlab.doctor", "say what is installed, what works, and what to do about the rest"),
    "extract": ("vidlab.extract", "turn videos into arrays on disk"),
    "build": ("vidlab.course.build", "build the chapters' notebooks from their sources"),
    "check": ("vidlab.course.checking", "check the exercises of a chapter"),
}

INTERRUPTED = 130  # 128 + SIGINT, as shells count it
USAGE_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit status.

    0 is success, 1 a failure that the command has explained, 2 a wrong command line and
    130 an interruption. ``argv`` is the command line without the program; default ``sys.argv``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        _parser().print_help()
        return USAGE_ERROR
    if words[0].startswith("-"):
        _parser().parse_args(words)  # --help and --version end here, everything else is an error
        return USAGE_ERROR
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return USAGE_ERROR
    try:
        return _run(name, rest)
    except KeyboardInterrupt:
        print(f"vidlab {name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        advice = _missing(name, error)
        if advice is None:
            raise
        print(advice, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has gone, as in `vidlab doctor | head -3`. Python would complain
        # once more when it flushes at exit, so standard output leads nowhere from here on.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="vidlab",
        usage="vidlab COMMAND ...",
        description="A course on deep learning for video. Start with: vidlab lab",
        epilog="commands:\n" + "\n".join(lines) + "\n\nMore about one: vidlab COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vidlab {__version__}")
    return parser


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" Did you mean: vidlab {near[0]}" if near else ""
    return f"vidlab: no command {name!r}; the commands are {', '.join(COMMANDS)}.{hint}"


def _run(name: str, rest: list[str]) -> int:
    path, text = COMMANDS[name]
    module: ModuleType = import_module(path)
    parser = argparse.ArgumentParser(
        prog=f"vidlab {name}", description=module.__doc__ or text, formatter_class=_Formatter
    )
    module.add_arguments(parser)
    args, unknown = parser.parse_known_args(rest)
    if unknown and not getattr(module, "PASSES_ON", False):
        parser.error(f"unknown arguments: {' '.join(unknown)}")
    args.rest = unknown
    status: int = module.run(args)
    return status


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keep the paragraphs of a module's docstring as they are written."""


def _missing(command: str, error: ModuleNotFoundError) -> str | None:
    """Return what to install, or None for a module that none of our extras brings."""
    from vidlab.packages import extra_of, install_command

    extra = extra_of(error.name or "")
    if extra is None:
        return None
    return (
        f"vidlab {command} needs the Python package that brings {error.name!r}, "
        f"and it is not installed.\nIn the course's folder run: {install_command(extra)}"
    )
