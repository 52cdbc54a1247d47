"""Which of a script's options may be changed while it runs."""

from __future__ import annotations

import ast

from .hook.liveness import liveness
from .hook.loops import find_loop
from .parsing import parse


def live_names(source: str) -> list[str]:
    """Options the training loop reads anew in each iteration; the others are fixed at the start.

    Empty if there is no loop. Raises SyntaxError.
    """
    return live_names_of(parse(source)) or []


def live_names_of(tree: ast.Module, nodes: list[ast.AST] | None = None) -> list[str] | None:
    """The same for a parsed source; None if it has no training loop. nodes: of the tree, where
    they are known."""
    site = find_loop(tree, nodes)
    return None if site is None else liveness(tree, site).live
