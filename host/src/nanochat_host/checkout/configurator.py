"""The older dialect: settings are module variables that stand before `configurator.py` is run or
called, which lets `--name=value` replace them."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import Any

from .hook.liveness import configurator_line
from .literals import NotLiteralError, evaluate
from .model import Option


def configurator_options(tree: ast.Module, source: str) -> list[Option] | None:
    """None if the script has no configurator line."""
    end = configurator_line(tree)
    if not end:
        return None
    comments = _trailing_comments(source)
    values: dict[str, Any] = {}
    options: dict[str, Option] = {}
    for statement in tree.body[:end]:
        target, value = _assignment(statement)
        if target is None or value is None or target.startswith("_"):
            continue
        try:
            default = evaluate(value, values)
        except NotLiteralError:
            continue
        values[target] = default
        if default is not None and not isinstance(default, (int, float, str)):
            continue
        options.pop(target, None)
        options[target] = Option(
            name=target,
            flag=f"--{target}",
            type="str" if default is None else type(default).__name__,
            default=default,
            help=comments.get(statement.end_lineno or 0, ""),
            line=statement.lineno,
        )
    return list(options.values())


def _assignment(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return None, None
    return (target.id if isinstance(target, ast.Name) else None), statement.value


def _trailing_comments(source: str) -> dict[int, str]:
    comments = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string.lstrip("# ").strip()
    except tokenize.TokenError:
        pass  # the tree was parsed; a comment less is no harm
    return comments
