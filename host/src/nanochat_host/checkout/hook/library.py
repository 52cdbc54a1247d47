"""The loop of a script that has none itself: it stands in a module of the checkout that the script
imports, and is instrumented when that module is loaded."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .imports import real_spec
from .package import import_folders
from .splice import HOOK
from .transform import Report, instrument

MAX_SOURCE_BYTES = 2**20
_MAY_TRAIN = re.compile(rb"\.\w*backward\(")
_FOREIGN = {"site-packages", "dist-packages"}
"""Folders, of an environment inside the checkout, that hold what is not its own."""


def may_train(source: bytes) -> bool:
    """Whether it is worth looking for a loop in there."""
    if len(source) > MAX_SOURCE_BYTES or b".step(" not in source:
        return False
    return _MAY_TRAIN.search(source) is not None


class LibraryLoops(importlib.abc.MetaPathFinder):
    """Makes each module with a loop call what `hook_for` gives for its report and path. A module
    that cannot be instrumented is loaded as it is, and `refused` is told why. script: modules
    beside it are the checkout's too."""

    def __init__(
        self,
        checkout: Path,
        script: Path,
        hook_for: Callable[[Report, str], object],
        refused: Callable[[str, str], None],
    ) -> None:
        self._checkout = checkout
        self._hook_for = hook_for
        self._refused = refused
        self._own = {
            path.stem
            for folder in (*import_folders(checkout), script.parent)
            for path in folder.iterdir()
            if path.name[0] != "." and (path.suffix == ".py" or path.is_dir())
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self._own:
            return None
        spec = real_spec(self, fullname, path, target)
        if spec is None or spec.origin is None or not self._is_own(Path(spec.origin)):
            return spec
        try:
            self._instrument(spec)
        except Exception as exc:
            self._refused(spec.origin, f"{type(exc).__name__}: {exc}")
        return spec

    def _is_own(self, file: Path) -> bool:
        try:
            parts = file.relative_to(self._checkout).parts
        except ValueError:
            return False
        return file.suffix == ".py" and not _FOREIGN & {*parts}

    def _instrument(self, spec: importlib.machinery.ModuleSpec) -> None:
        loader: Any = spec.loader
        source = loader.get_data(spec.origin)
        if not may_train(source):
            return
        tree = ast.parse(source, spec.origin or "")
        report = instrument(tree)
        if report.loop is None:
            return
        code = compile(tree, spec.origin or "", "exec", dont_inherit=True)
        _load_instead(loader, code, self._hook_for(report, spec.origin or ""))


def _load_instead(loader: Any, code: CodeType, hook: object) -> None:
    execute = loader.exec_module

    def with_hook(module: ModuleType) -> None:
        module.__dict__[HOOK] = hook
        execute(module)

    loader.get_code = lambda fullname: code
    loader.exec_module = with_hook
