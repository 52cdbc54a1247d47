"""All nodes of a syntax tree, several times as fast as `ast.walk`: reading a checkout mostly is
that."""

from __future__ import annotations

import ast

_LEAVES = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


class _IsNode(dict[type, bool]):
    """By class: whether it is a node, and more than a mark such as `Load` or `Add`."""

    def __missing__(self, kind: type) -> bool:
        self[kind] = found = issubclass(kind, ast.AST) and not issubclass(kind, _LEAVES)
        return found


_IS_NODE = _IsNode()


def walk(tree: ast.AST) -> list[ast.AST]:
    """`tree` and every node below it, breadth first; without marks."""
    nodes = [tree]
    add, is_node = nodes.append, _IS_NODE
    for node in nodes:
        for value in node.__dict__.values():
            if value.__class__ is list:
                for item in value:
                    if is_node[item.__class__]:
                        add(item)
            elif is_node[value.__class__]:
                add(value)
    return nodes


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below it, in the order of its fields; without marks."""
    return [child for child in ast.iter_child_nodes(node) if _IS_NODE[child.__class__]]
