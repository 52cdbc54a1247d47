"""Values of simple expressions, worked out from the syntax tree without running anything."""

from __future__ import annotations

import ast
import operator
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
_CASTS: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "bool": bool}


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
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _calculate(op, _evaluate(left, names), _evaluate(right, names))
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_evaluate(item, names) for item in items]
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


def _text(part: ast.expr, names: Mapping[str, Any]) -> str:
    if isinstance(part, ast.FormattedValue):
        return str(_evaluate(part.value, names))[:MAX_TEXT]
    return str(_evaluate(part, names))
