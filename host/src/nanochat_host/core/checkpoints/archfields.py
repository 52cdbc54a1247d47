"""The fields of a checkout's model configuration, read from its source."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

from nanochat_host.checkout.hook.package import package
from nanochat_host.checkout.parsing import parse

SHAPING = ("depth", "aspect_ratio", "head_dim", "window_pattern", "kv_heads", "n_kv_head")
"""Options that fix the shapes or the mathematics of the model."""


def config_fields(checkout: Path) -> set[str]:
    """Fields of the GPTConfig dataclass, empty if it cannot be read. Read once for each state of
    the file."""
    file = package(checkout) / "gpt.py"
    try:
        about = file.stat()
    except OSError:
        return set()
    return set(_fields(file, about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=32)
def _fields(file: Path, mtime_ns: int, size_bytes: int) -> frozenset[str]:
    try:
        tree = parse(file.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "GPTConfig":
            if node.bases:
                return frozenset()  # inherited fields cannot be seen
            named = (item.target for item in node.body if isinstance(item, ast.AnnAssign))
            return frozenset(target.id for target in named if isinstance(target, ast.Name))
    return frozenset()
