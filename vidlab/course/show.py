"""Show a verdict: text everywhere, a little HTML and a Hint button in a live notebook."""

import html
import sys
from typing import Any

from vidlab.course.registry import Exercise

# Dark enough on white and light enough on black; the words alone carry the meaning.
_BORDER = {"correct": "#2e8b57", "wrong": "#d1495b", "unsolved": "#8a8a8a"}

# The button shown last for each exercise; running a check again replaces it.
_panels: dict[str, Any] = {}


def show_verdict(known: Exercise, status: str, text: str, hint: int | None) -> None:
    """Print the verdict, the hint asked for by number, and how to get hints."""
    live = _is_live()
    if status != "correct":
        if hint is not None:
            text += "\n" + hint_text(known, hint)
        elif not live:
            text += f"\nHints: check(..., hint=1) to hint={len(known.hints)}."
    _display(text, _BORDER[status])
    if old := _panels.pop(known.name, None):
        for widget in (*old.children, old):
            widget.close()
    if live and status != "correct":
        _panels[known.name] = _hint_button(known)


def hint_text(known: Exercise, number: int) -> str:
    """Hint ``number``, counted from 1; a number out of range says which there are."""
    count = len(known.hints)
    if number not in range(1, count + 1):
        return f"{known.name} has {count} hints: hint=1 to hint={count}."
    return f"Hint {number} of {count}: {known.hints[number - 1]}"


def _shell() -> Any:
    """The IPython shell of a kernel, or None in a terminal or a script."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _is_live() -> bool:
    """Whether a person sits in front: front ends allow input, nbclient and nbval forbid it."""
    shell = _shell()
    if shell is None:
        return False
    return bool(shell.kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def _display(text: str, border: str) -> None:
    if _shell() is None:
        print(text)
        return
    from IPython.display import display

    first, *rest = (html.escape(line) for line in text.splitlines())
    verdict, tested, properties = first.partition(" Tested:")
    body = tested + properties + "".join(f"<br>{line}" for line in rest)
    style = f"border-left: 4px solid {border}; padding-left: 0.8em"
    bundle = {
        "text/plain": text,
        "text/html": f'<div style="{style}" role="status"><b>{verdict}</b>{body}</div>',
    }
    display(bundle, raw=True)


def _hint_button(known: Exercise) -> Any:
    """A button that shows one more hint with each click; None without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return None
    from IPython.display import display

    button = ipywidgets.Button(description="Hint", tooltip=f"Show a hint for {known.name}")
    hints = ipywidgets.HTML()
    shown: list[str] = []

    def show_next(_: Any) -> None:
        if len(shown) < len(known.hints):
            shown.append(html.escape(hint_text(known, len(shown) + 1)))
            hints.value = f'<div role="status">{"<br>".join(shown)}</div>'
        last = len(shown) == len(known.hints)
        button.description = "No more hints" if last else "Next hint"
        button.disabled = last

    button.on_click(show_next)
    panel = ipywidgets.VBox([button, hints])
    display(panel)
    return panel
