"""Builds the statements that are inserted into a script."""

from __future__ import annotations

import ast

HOOK = "__nanochat_cli__"
"""The hook object's name among the script's globals."""


def statements(source: str) -> list[ast.stmt]:
    """Parsed, without positions: `ast.fix_missing_locations` then takes those of the place they
    are inserted at. `{hook}` in the source is the hook object."""
    body = ast.parse(source.replace("{hook}", HOOK)).body
    for statement in body:
        for node in ast.walk(statement):
            for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
                if hasattr(node, attribute):
                    delattr(node, attribute)
    return body


def expression(source: str) -> ast.expr:
    """Like `statements`, for one expression."""
    statement = statements(source)[0]
    assert isinstance(statement, ast.Expr)
    return statement.value


def any_of(*parts: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.Or(), list(parts))


def all_of(*parts: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.And(), list(parts)) if len(parts) > 1 else parts[0]
