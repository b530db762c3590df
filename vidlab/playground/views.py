"""Text and tables of a panel, as HTML."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from vidlab.display.style import png_bytes
from vidlab.playground.curves import Line
from vidlab.playground.records import Confusion, Picture

STATES = {
    "idle": "not started",
    "building": "building data and model",
    "compiling": "compiling",
    "ready": "ready to train",
    "training": "training",
    "paused": "paused",
    "stopped": "stopped",
    "finished": "finished",
    "failed": "failed",
}


def number(value: Any) -> str:
    """A value for a table."""
    if isinstance(value, bool) or not isinstance(value, float | np.floating):
        return str(value)
    return f"{value:.4g}"


def status(state: str, detail: str) -> str:
    """The status line: a pill with the state, and what is worth adding."""
    return (
        f'<span role="status"><span class="vidlab-state" data-state="{state}">'
        f'{STATES[state]}</span> <span class="vidlab-detail">{escape(detail)}</span></span>'
    )


def size(num_bytes: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} GB"


def runs_table(lines: Sequence[Line]) -> str:
    """All runs with what makes them differ, newest first."""
    if not lines:
        return '<p class="vidlab-note">No run so far.</p>'
    names = list(lines[0].run.settings)
    differing = [n for n in names if len({repr(line.run.settings[n]) for line in lines}) > 1]
    shown = differing or [n for n in ("framework",) if n in names]
    results = list(dict.fromkeys(name for line in lines for name in line.results))
    head = "".join(f"<th>{escape(n)}</th>" for n in ("run", *shown, *results, "steps", "s", "end"))
    body = ""
    for line in reversed(lines):
        cells = [str(line.number)]
        for name in shown:
            turned = "*" if line.run.changes.get(name) else ""
            cells.append(escape(number(line.run.settings[name])) + turned)
        cells += [number(line.results.get(name, "")) for name in results]
        cells += [str(line.steps), f"{line.run.seconds:.1f}", line.state]
        body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    note = "" if differing else "All runs have the same knobs. "
    if any(line.run.changes for line in lines):
        note += "* turned while it trained. "
    return _table(head, body) + f'<p class="vidlab-note">{note}</p>'


def difference_table(first: Line, second: Line) -> str:
    """What differs between two runs."""
    rows = []
    for name, value in first.run.settings.items():
        other = second.run.settings[name]
        if value != other:
            rows.append((name, value, other))
    for name in {**first.run.changes, **second.run.changes}:
        rows.append(
            (f"{name}, turned", _turned(first, name), _turned(second, name)),
        )
    if not rows:
        rows.append(("knobs", "the same", "the same"))
    for name in {**first.results, **second.results}:
        rows.append((name, first.results.get(name, ""), second.results.get(name, "")))
    rows.append(("steps", first.steps, second.steps))
    rows.append(("seconds", round(first.run.seconds, 1), round(second.run.seconds, 1)))
    head = f"<th></th><th>run {first.number}</th><th>run {second.number}</th>"
    body = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(number(one))}</td>"
        f"<td>{escape(number(two))}</td></tr>"
        for name, one, two in rows
    )
    return _table(head, body)


def _turned(line: Line, name: str) -> str:
    changes = line.run.changes.get(name, {})
    return ", ".join(f"step {step}: {number(value)}" for step, value in changes.items()) or "no"


def _table(head: str, body: str) -> str:
    return (
        f'<div class="vidlab-table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def bars(rows: Mapping[str, np.ndarray], class_names: Sequence[str], top: int = 4) -> str:
    """Opinions side by side: for each name the likeliest classes as bars."""
    columns = []
    for title, opinion in rows.items():
        lines = "".join(
            f'<div class="vidlab-bar"><span>{escape(class_names[k])}</span>'
            f'<span class="vidlab-bar-track"><span style="width:{opinion[k]:.0%}"></span></span>'
            f"<span>{opinion[k]:.0%}</span></div>"
            for k in np.argsort(opinion)[::-1][:top]
        )
        columns.append(f"<div><b>{escape(title)}</b>{lines}</div>")
    return f'<div class="vidlab-bars">{"".join(columns)}</div>'


def confusion_table(confusion: Confusion) -> str:
    """A confusion matrix as a table; the colour is the share of the row."""
    matrix = np.asarray(confusion.matrix)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [escape(name) for name in confusion.class_names]
    head = "<th></th>" + "".join(f'<th scope="col"><span>{name}</span></th>' for name in names)
    body = ""
    for row, name in enumerate(names):
        cells = "".join(
            f'<td style="background:rgba(0,114,178,{share[row, column]:.2f});'
            f'color:{"#fff" if share[row, column] > 0.5 else "inherit"}">'
            f"{matrix[row, column] or ''}</td>"
            for column in range(len(names))
        )
        body += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    right = np.trace(matrix) / max(matrix.sum(), 1)
    return (
        f'<div class="vidlab-confusion"><table><caption>rows: true class, columns: predicted; '
        f"{right:.0%} right</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
    )


def picture(view: Picture) -> str:
    """A picture in a data URL."""
    source = base64.b64encode(png_bytes(view.pixels)).decode()
    return f'<img alt="{escape(view.alt, quote=True)}" src="data:image/png;base64,{source}">'


def error_box(reason: str, trace: str) -> str:
    """What went wrong, with its traceback."""
    return (
        f'<div class="vidlab-error" role="alert"><b>{escape(reason)}</b>'
        f"<details><summary>traceback</summary><pre>{escape(trace)}</pre></details></div>"
    )
