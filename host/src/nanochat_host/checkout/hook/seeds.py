"""Variables a requested save or stop may read before the loop has ever assigned them."""

from __future__ import annotations

import ast

from .loops import stored_names
from .splice import statements
from .trees import walk


def seeds(
    readers: list[ast.stmt], loop: ast.For | ast.While, earlier: list[ast.stmt]
) -> list[ast.stmt]:
    """Statements that give each variable that `readers` read, and of which `earlier` does not make
    sure, a harmless value if the loop has not assigned it yet: {} where it is unpacked, nan where
    it is formatted as a number, else None."""
    block = ast.Module(readers, [])
    bound = {"last_step"}.union(*map(stored_names, filter(_is_plain, earlier)))
    if isinstance(loop, ast.For):
        bound |= stored_names(loop.target)
    needed = _read_first(block) & stored_names(loop) - bound
    unpacked = {
        value.id
        for n in walk(block)
        if isinstance(n, ast.Dict)
        for key, value in zip(n.keys, n.values, strict=True)
        if key is None and isinstance(value, ast.Name)
    } | {
        n.value.id
        for n in walk(block)
        if isinstance(n, (ast.Subscript, ast.Attribute)) and isinstance(n.value, ast.Name)
    }
    formatted = {
        inner.id
        for n in walk(block)
        if isinstance(n, ast.FormattedValue) and n.format_spec is not None
        for inner in walk(n.value)
        if isinstance(inner, ast.Name)
    }
    seeding: list[ast.stmt] = []
    for name in sorted(needed):
        value = "{}" if name in unpacked else "float('nan')" if name in formatted else "None"
        seeding += statements(f"try: {name}\nexcept NameError: {name} = {value}")
    return seeding


def _is_plain(statement: ast.stmt) -> bool:
    """Runs whatever the options are."""
    return isinstance(statement, (ast.Assign, ast.AnnAssign))


def _read_first(block: ast.Module) -> set[str]:
    """Names read in `block` that it has not assigned in an earlier statement."""
    assigned: set[str] = set()
    read: set[str] = set()
    for statement in block.body:
        for part in _in_order(statement):
            names = {n.id for n in walk(part) if isinstance(n, ast.Name)}
            stored = stored_names(part)
            loads = {
                n.id for n in walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
            }
            read |= (loads & names) - assigned
            assigned |= stored
    return read


def _in_order(statement: ast.stmt) -> list[ast.AST]:
    """The pieces of a statement in the order they run, opened up for an `if`."""
    if isinstance(statement, ast.If):
        return [statement.test, *(part for s in statement.body for part in _in_order(s))]
    return [statement]
