"""Which packages a checkout needs to be importable, read from its source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from .hook.package import import_folders, package
from .parsing import parse

MAX_FILES = 500
OPTIONAL = frozenset({"kernels", "triton", "flash_attn"})
"""Asked for only where there is a GPU, or caught when they are missing."""


def needed_packages(checkout: Path) -> list[str]:
    """Top-level names that its modules import as soon as they are loaded, and that are neither
    its own nor Python's. What is imported inside a function or a `try` may be missing."""
    found: set[str] = set()
    own = {
        path.stem
        for folder in import_folders(checkout)
        for path in folder.iterdir()
        if path.is_dir() or path.suffix == ".py"
    }
    for name in _sources(checkout):
        try:
            tree = parse(name.read_bytes())
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue
        found.update(_top_level(tree))
    # `rustbpe/` beside the source is what the package is built from, not the package.
    own -= {name for name in own if (checkout / name / "Cargo.toml").is_file()}
    return sorted(found - own - sys.stdlib_module_names - OPTIONAL)


def _sources(checkout: Path) -> list[Path]:
    files: list[Path] = []
    scripts = checkout / "scripts"
    for folder in (
        package(checkout),
        scripts if scripts.is_dir() else checkout,
        checkout / "tasks",
    ):
        files += sorted(folder.glob("*.py"))
    return files[:MAX_FILES]


def _top_level(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module.partition(".")[0]


def imports_torch(source: str) -> bool:
    """Whether a script imports torch by itself."""
    return any(line.startswith(("import torch", "from torch")) for line in source.splitlines())
