"""Find cells that use a learner's answer, by the scopes of their names."""

import ast
import symtable
from collections.abc import Iterator

from vidlab.course.source import Cell, as_python


def uses_of_answers(cells: list[Cell]) -> list[str]:
    """One line for each cell after an exercise that uses a name bound in it, its check apart.

    A later cell that binds the name anew, without using it, ends the search: the name is no longer
    the learner's. Imports of an exercise cell do not count as answers.
    """
    found = []
    for position, cell in enumerate(cells):
        if not cell.exercise:
            continue
        answers = _bound(cell.source)
        for later in cells[position + 1 :]:
            if later.kind != "code" or later.check == cell.exercise:
                continue
            used = _used(later.source)
            for name in sorted(answers & used):
                first = later.source.strip().splitlines()[0]
                found.append(f"{name!r} of {cell.exercise} is used by the cell {first!r}")
            answers -= _bound(later.source)
    return found


def _table(source: str) -> symtable.SymbolTable:
    return symtable.symtable(as_python(source), "cell", "exec")


def _bound(source: str) -> set[str]:
    """Names that the cell binds at its top level, other than by an import."""
    return {
        symbol.get_name()
        for symbol in _table(source).get_symbols()
        if symbol.is_assigned() or symbol.is_namespace()
        if not symbol.is_imported()
    }


def _used(source: str) -> set[str]:
    """Names that the cell takes from what ran before."""
    top = _table(source)
    # A name that the cell both binds and reads counts as used if the reading comes first.
    bound = _bound(source)
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()} - bound
    used |= {name for name in bound if _read_before_bound(source, name)}
    for table in _inner(top):
        globals_read = {
            s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()
        }
        used |= globals_read - bound
    return used


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _read_before_bound(source: str, name: str) -> bool:
    """Whether the first statement that mentions the name reads it (``x = x + 1`` does)."""
    for statement in ast.parse(as_python(source)).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            if statement.name == name:
                return False
            continue  # its names are its own; what it takes from outside is found by scope
        names = _names(statement, name)
        if isinstance(statement, ast.For) and _names(statement.target, name):
            return bool(_names(statement.iter, name))
        if names:
            return isinstance(statement, ast.AugAssign) or any(
                isinstance(found.ctx, ast.Load) for found in names
            )
    return False


def _names(tree: ast.AST, name: str) -> list[ast.Name]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
