"""Reads a checkout: its scripts, their options, its recipes and its commit."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

from nanochat_host.errors import UsageError

from .git import commit_of
from .hook.package import package
from .introspect import options_of
from .live import live_names_of
from .model import Checkout, Stage
from .pipelines import read_pipelines

__all__ = ["Checkout", "NotACheckoutError", "Stage", "read_checkout"]

KNOWN = (
    "dataset",
    "tok_train",
    "tok_eval",
    "base_train",
    "base_loss",
    "base_eval",
    "mid_train",
    "chat_sft",
    "chat_rl",
    "chat_eval",
    "chat_cli",
    "chat_web",
    "infer_bench",
)
"""nanochat's own, in the order a model is made; a fork's further scripts follow by name."""
NO_STAGES = {"__init__", "configurator"}
MAX_SOURCE_BYTES = 4 * 2**20


class NotACheckoutError(UsageError):
    """The folder holds no nanochat scripts."""

    code = "not_a_checkout"


def read_checkout(path: Path) -> Checkout:
    """Read, never run. A script that cannot be read is listed with its error.

    Raises NotACheckoutError.
    """
    sources = _stage_files(path)
    stages = [_read_stage(path, file) for file in sources]
    broken = [stage.name for stage in stages if stage.error]
    commit, dirty = commit_of(path)
    return Checkout(
        path=path,
        stages=stages,
        pipelines=read_pipelines(path),
        commit=commit,
        dirty=dirty,
        error=f"cannot be read: {', '.join(broken)}" if broken else "",
    )


def _stage_files(path: Path) -> list[Path]:
    hint = "give the folder that holds nanochat's `scripts/`"
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise NotACheckoutError(f"{path} {what}", hint)
    try:
        scripts = sorted(p for p in (path / "scripts").glob("*.py") if p.stem not in NO_STAGES)
    except OSError as exc:
        raise NotACheckoutError(f"{path} cannot be read ({exc.strerror})", hint) from exc
    if not any(p.stem in KNOWN for p in scripts):
        raise NotACheckoutError(f"{path} has no nanochat script (scripts/base_train.py ...)", hint)
    dataset = package(path) / "dataset.py"
    order = {name: i for i, name in enumerate(KNOWN)}
    scripts.sort(key=lambda p: (order.get(p.stem, len(order)), p.stem))
    return [dataset, *scripts] if dataset.is_file() else scripts


def _read_stage(root: Path, file: Path) -> Stage:
    relative = file.relative_to(root)
    name, module = file.stem, ".".join(relative.with_suffix("").parts)
    try:
        source = _read_source(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a script's odd escapes are its own business
            tree = ast.parse(source, str(file))
        options = options_of(tree, source)
        live = live_names_of(tree)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as exc:
        return Stage(name, module, str(relative), error=_reason(exc))
    return Stage(
        name=name,
        module=module,
        path=str(relative),
        dialect=options.dialect,
        options=options.options,
        help=options.help,
        trains=live is not None,
        live=live or [],
    )


def _read_source(file: Path) -> str:
    size = file.stat().st_size
    if size > MAX_SOURCE_BYTES:
        raise ValueError(f"{size} bytes are too many for a script")
    data = file.read_bytes()
    if b"\0" in data:
        raise ValueError("a binary file, not Python source")
    return data.decode("utf-8-sig")


def _reason(exc: Exception) -> str:
    if isinstance(exc, SyntaxError):
        return f"line {exc.lineno}: {exc.msg}"
    if isinstance(exc, UnicodeDecodeError):
        return "a binary file, not Python source"
    if isinstance(exc, OSError):
        return exc.strerror or str(exc)
    return str(exc) or type(exc).__name__
