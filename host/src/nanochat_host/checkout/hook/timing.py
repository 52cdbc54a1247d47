"""Puts time marks between the parts of a training step.

`hook.mark(i)` charges the time since the previous mark to part i. A part is closed only where the
next one begins, so a step of a hundred statements carries a handful of marks.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from .actions import part_of
from .loops import FunctionNode, calls_in
from .splice import statements

OTHER = "other"


@dataclass
class Marks:
    """actions: what the `if` at a line does when it runs. parts: names the marks refer to by
    index; the first is what nothing else claims."""

    functions: dict[str, FunctionNode]
    actions: dict[int, str]
    parts: list[str] = field(default_factory=lambda: [OTHER])

    def insert(self, body: list[ast.stmt], default: str = OTHER) -> list[ast.stmt]:
        """`body` with marks; the time of statements that cannot be told goes to `default`."""
        marked: list[ast.stmt] = []
        running = default
        for statement in body:
            action = self.actions.get(statement.lineno)
            part = action or self._part(statement, default)
            if part != running and marked:
                marked.append(self._mark(running))
            if action and isinstance(statement, ast.If):
                _append(statement.body, self._mark(action))
                part = default
            elif isinstance(statement, (ast.For, ast.While)) and self._fetches(statement, part):
                statement.body = self.insert(statement.body, part)
            marked.append(statement)
            running = part
        if running != OTHER:
            marked.append(self._mark(running))
        return marked

    def _mark(self, part: str) -> ast.stmt:
        if part not in self.parts:
            self.parts.append(part)
        return statements(f"{{hook}}.mark({self.parts.index(part)})")[0]

    def _part(self, statement: ast.stmt, default: str) -> str:
        part = part_of(statement, self.functions)
        if part == "wait" and default != OTHER:
            return default
        return part or default

    def _fetches(self, loop: ast.For | ast.While, part: str) -> bool:
        """Whether a forward and backward loop also fetches data, which is to be told apart."""
        return part == "forward_backward" and any(
            part_of(inner, self.functions) == "data"
            for inner in loop.body
            if "backward" not in calls_in(inner, self.functions)
        )


def _append(body: list[ast.stmt], statement: ast.stmt) -> None:
    """At the end, or before the jump that ends the block."""
    jumps = (ast.Break, ast.Continue, ast.Return, ast.Raise)
    body.insert(len(body) - isinstance(body[-1], jumps), statement)
