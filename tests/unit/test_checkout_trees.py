"""Our walk meets what `ast.walk` meets, but for marks."""

from __future__ import annotations

import ast
from pathlib import Path

from nanochat_host.checkout.hook.trees import children, walk

MARKS = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


def test_every_node_is_met_in_the_order_of_ast() -> None:
    for file in (Path(__file__), Path(ast.__file__)):
        tree = ast.parse(file.read_text())
        expected = [node for node in ast.walk(tree) if not isinstance(node, MARKS)]
        assert walk(tree) == expected
        for node in expected:
            below = [n for n in ast.iter_child_nodes(node) if not isinstance(n, MARKS)]
            assert children(node) == below
