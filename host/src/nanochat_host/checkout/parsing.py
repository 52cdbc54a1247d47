"""Python source to syntax trees, from any thread."""

from __future__ import annotations

import ast
import threading
import warnings

_one_at_a_time = threading.Lock()
"""Python before 3.11.9 and 3.12.3 counts the depth of a tree once for all threads: two that build
one at once may end in a SystemError. Filters of warnings are shared by all threads too."""


def parse(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """The tree; odd escapes of a script are its own business and warn nobody. Raises SyntaxError,
    ValueError for a NUL, RecursionError or MemoryError for what is too deep."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename)


def parse_expression(source: str) -> ast.expr:
    """The tree of one expression. Raises as `parse` does."""
    with _one_at_a_time:
        return ast.parse(source, mode="eval").body
