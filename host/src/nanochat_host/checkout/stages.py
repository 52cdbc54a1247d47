"""Reads a checkout: its scripts, their options, its recipes and its commit."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from .git import commit_of
from .hook.package import SOURCE, import_folders
from .hook.trees import walk
from .introspect import options_of
from .library import LibraryTraining
from .live import live_names_of
from .model import Checkout, Stage
from .own_modules import OwnModules
from .parsing import parse
from .pipelines import read_pipelines
from .places import (
    KNOWN,
    NotACheckoutError,
    module_of,
    read_source,
    stage_files,
    stage_names,
)

__all__ = ["KNOWN", "Checkout", "NotACheckoutError", "Stage", "read_checkout"]


def read_checkout(path: Path) -> Checkout:
    """Read, never run. A script that cannot be read is listed with its error.

    Raises NotACheckoutError.
    """
    sources = stage_files(path)
    own = OwnModules(path)
    library = LibraryTraining(own)
    with ThreadPoolExecutor(1) as beside:
        git = beside.submit(commit_of, path)
        modules = [module_of(path, file) for file in sources]
        names = stage_names(modules)
        env = {"PYTHONPATH": SOURCE} if len(import_folders(path)) > 1 else {}
        empty = [
            Stage(name, module, str(file.relative_to(path)), env=env)
            for name, module, file in zip(names, modules, sources, strict=True)
        ]
        stages = [_read_stage(path / stage.path, stage, own, library) for stage in empty]
        pipelines = read_pipelines(path)
        commit, dirty = git.result()
    broken = [stage.name for stage in stages if stage.error]
    return Checkout(
        path=path,
        stages=stages,
        pipelines=pipelines,
        commit=commit,
        dirty=dirty,
        error=f"cannot be read: {', '.join(broken)}" if broken else "",
    )


def _read_stage(file: Path, stage: Stage, own: OwnModules, library: LibraryTraining) -> Stage:
    try:
        source = read_source(file)
        tree = parse(source, str(file))
        nodes = walk(tree)
        options = options_of(tree, source, own, nodes)
        live = live_names_of(tree, nodes) if "backward" in source else None
        if live is None and (beyond := library.live_names(nodes)) is not None:
            live = [option.name for option in options.options if option.name in beyond]
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as exc:
        return replace(stage, error=_reason(exc))
    return replace(
        stage,
        dialect=options.dialect,
        options=options.options,
        help=options.help,
        trains=live is not None,
        live=live or [],
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, SyntaxError):
        mine = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"line {exc.lineno}: {exc.msg}, as Python {mine} reads it"
    if isinstance(exc, UnicodeDecodeError):
        return "a binary file, not Python source"
    if isinstance(exc, OSError):
        return exc.strerror or str(exc)
    return str(exc) or type(exc).__name__
