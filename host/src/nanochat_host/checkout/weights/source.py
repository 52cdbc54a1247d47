"""Whether a script's source shows that it takes a file's weights as they are, or not at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import inf
from pathlib import Path

READS = "load_checkpoint"
LOADS = "load_state_dict"
MODEL = "GPT"
ITS_MODULE = "gpt"
Function = ast.FunctionDef


def loads_untouched(source: Path) -> bool:
    """Whether a script hands what `load_checkpoint` gives it to a strict `load_state_dict` of the
    library's own GPT, and to nothing else: then what does not fit that stops it."""
    try:
        tree = ast.parse(source.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    script = _Script(tree)
    try:
        return any(script.untouched(scope) for scope in (tree, *script.functions.values()))
    except RecursionError:  # a function that calls itself
        return False


class _Script:
    def __init__(self, tree: ast.Module) -> None:
        nodes = list(ast.walk(tree))
        self.functions = {n.name: n for n in nodes if isinstance(n, Function)}
        self._models = {
            alias.asname or alias.name
            for n in nodes
            if isinstance(n, ast.ImportFrom) and (n.module or "").split(".")[-1] == ITS_MODULE
            for alias in n.names
            if alias.name == MODEL
        }
        self._looked_at = {
            id(n.value)
            for n in nodes
            if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)
        }

    def untouched(self, scope: ast.AST) -> bool:
        read = set(_read_names(scope))
        return any(
            call.args[0].id in read and _strict(call) and self._as_read_and_made(scope, call)
            for call in ast.walk(scope)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == LOADS
            and call.args
            and isinstance(call.args[0], ast.Name)
        )

    def _as_read_and_made(self, scope: ast.AST, call: ast.Call) -> bool:
        weights, model = call.args[0], call.func.value  # type: ignore[attr-defined]
        named = _named(scope, weights.id)  # type: ignore[attr-defined]
        uses = [n for n in named if isinstance(n.ctx, ast.Load)]
        stores = [n for n in named if isinstance(n.ctx, ast.Store)]
        once = len(uses) == 1 and len(stores) == 1
        return once and isinstance(model, ast.Name) and self._is_plain(scope, model, call.lineno)

    def _is_plain(self, scope: ast.AST, last: ast.Name, before: float) -> bool:
        """Whether all that the name stands for was made as a GPT, and was handed to nobody who
        could have changed it. last: its use that is asked about. before: a line."""
        named = [n for n in _named(scope, last.id) if n.lineno < before and n is not last]
        stores = [n for n in named if isinstance(n.ctx, ast.Store)]
        values = [
            n.value
            for n in ast.walk(scope)
            if isinstance(n, ast.Assign) and any(t in stores for t in n.targets)
        ]
        looks = all(n in stores or id(n) in self._looked_at for n in named)
        return looks and 0 < len(stores) == len(values) and all(map(self._makes, values))

    def _makes(self, value: ast.expr) -> bool:
        """`GPT(...)`, `GPT(...).to(device)`, or a call of a function here that returns such."""
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
            return False
        function = self.functions.get(value.func.id)
        if function is None:
            return value.func.id in self._models
        returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
        return bool(returned) and all(
            isinstance(r, ast.Name) and self._is_plain(function, r, inf) for r in returned
        )


def _named(scope: ast.AST, name: str) -> list[ast.Name]:
    return [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name]


def _strict(call: ast.Call) -> bool:
    given = [word.value for word in call.keywords if word.arg == "strict"] + call.args[1:2]
    return all(isinstance(v, ast.Constant) and v.value is True for v in given)


def _read_names(scope: ast.AST) -> Iterator[str]:
    """The first name of each `weights, ... = load_checkpoint(...)`."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        target = node.targets[0]
        if word == READS and isinstance(target, ast.Tuple) and isinstance(target.elts[0], ast.Name):
            yield target.elts[0].id
