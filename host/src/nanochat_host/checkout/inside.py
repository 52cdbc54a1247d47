"""`python inside.py weights.probe` runs a program of ours in a checkout's own Python.

Started by path in the checkout's folder. Nothing of ours is installed there, so the package is
loaded under a name that no checkout has, and `import nanochat` finds the checkout's. What the
checkout prints goes to stderr: stdout carries JSON lines of ours only.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, TextIO


def load(program: str) -> object:
    """The module `folder.module` of this directory, as a part of a package of its own."""
    folder, _, module = program.partition(".")
    here = Path(__file__).resolve().parent / folder
    package = f"_nanochat_cli_{folder}"
    spec = importlib.util.spec_from_file_location(
        package, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[package] = made
    spec.loader.exec_module(made)
    if hasattr(made, "LIBRARY"):
        places: Any = load("hook.package")
        made.LIBRARY = places.package_name(Path.cwd())  # type: ignore[attr-defined]
        sys.path[1:1] = map(str, places.import_folders(Path.cwd())[1:])
    return importlib.import_module(f"{package}.{module}")


def take_stdout() -> TextIO:
    """The real stdout; from now on everybody else's prints go to stderr."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return ours


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    answers = take_stdout()
    raise SystemExit(load(sys.argv[1]).main(answers))  # type: ignore[attr-defined]
