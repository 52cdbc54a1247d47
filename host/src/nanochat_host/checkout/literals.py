"""Values of simple expressions, worked out from the syntax tree without running anything."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_POWER = 1024
MAX_TEXT = 10_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_CASTS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "Path": str,
    "list": list,
    "tuple": list,
    "sorted": sorted,
}
_WIDE = re.compile(r"\d{3}")
"""Of a format: a text of hundreds of characters."""
UNKNOWN = object()
"""In a dict of the script whose keys are all that is asked for."""


class NotLiteralError(ValueError):
    """The value is only known when the script runs."""


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Value of constants, arithmetic (`80*524288`), lists, names in `names`, `int(1e6)`.

    Raises NotLiteralError for everything else.
    """
    try:
        return _evaluate(node, names)
    except (ArithmeticError, TypeError, ValueError, RecursionError) as exc:
        raise NotLiteralError(ast.unparse(node)) from exc


def _evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if names.get(name, UNKNOWN) is not UNKNOWN:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _calculate(op, _evaluate(left, names), _evaluate(right, names))
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_evaluate(item, names) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {
                _key(k, names): _or_unknown(v, names) for k, v in zip(keys, values, strict=True)
            }
        case ast.Call(func=ast.Attribute(value=holder, attr="keys"), args=[], keywords=[]):
            return list(_evaluate(holder, names))
        case ast.Call(func=ast.Attribute(value=glue, attr="join"), args=[items], keywords=[]):
            return str(_evaluate(glue, names)).join(map(str, _evaluate(items, names)))[:MAX_TEXT]
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, names) for part in parts)
        case ast.Call(func=ast.Name(id=cast), args=[argument], keywords=[]) if cast in _CASTS:
            return _CASTS[cast](_evaluate(argument, names))
    raise NotLiteralError(ast.unparse(node))


def _calculate(op: ast.operator, left: Any, right: Any) -> Any:
    huge = isinstance(op, (ast.Pow, ast.LShift)) and abs(right) > MAX_POWER
    repeats = isinstance(op, ast.Mult) and not all(
        isinstance(side, (int, float)) for side in (left, right)
    )
    if huge or repeats:
        raise NotLiteralError("too large")
    return _OPERATORS[type(op)](left, right)


def _key(node: ast.expr | None, names: Mapping[str, Any]) -> Any:
    if node is None:
        raise NotLiteralError("**")
    return _evaluate(node, names)


def _or_unknown(node: ast.expr, names: Mapping[str, Any]) -> Any:
    try:
        return evaluate(node, names)
    except NotLiteralError:
        return UNKNOWN


def _text(part: ast.expr, names: Mapping[str, Any]) -> str:
    if isinstance(part, ast.FormattedValue):
        form = _evaluate(part.format_spec, names) if part.format_spec else ""
        if _WIDE.search(form):
            raise NotLiteralError("too long")
        return format(_evaluate(part.value, names), form)[:MAX_TEXT]
    return str(_evaluate(part, names))


def text_of(node: ast.expr, names: Mapping[str, Any]) -> str:
    """A text for people, with `…` for what is only known when the script runs; "" if it is none."""
    try:
        text = evaluate(node, names)
        return text if isinstance(text, str) else ""
    except NotLiteralError:
        pass
    parts: list[ast.expr] = []
    if isinstance(node, ast.JoinedStr):
        parts = node.values
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, ast.FormattedValue):
        parts = [node.value]
    return "".join(text_of(part, names) or "…" for part in parts)
