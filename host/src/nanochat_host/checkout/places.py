"""Where a checkout has its scripts, and what a person is told who names another folder."""

from __future__ import annotations

from pathlib import Path

from nanochat_host.errors import UsageError

from .hook.loops import find_loop
from .hook.package import package
from .parsing import parse

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
NO_STAGES = {"__init__", "configurator", "setup", "conftest"}
MAX_SOURCE_BYTES = 4 * 2**20
MAX_LOOKS = 200
"""Folders below a refused one that are looked at."""


class NotACheckoutError(UsageError):
    """The folder holds no nanochat scripts."""

    code = "not_a_checkout"


def stage_files(path: Path) -> list[Path]:
    """The scripts in `scripts/`, or in the folder itself where a fork trains from there; in the
    order a model is made, after the library's `dataset.py`. Raises NotACheckoutError."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise NotACheckoutError(f"{path} {what}", "give the folder that holds `scripts/`")
    try:
        scripts = _scripts(path)
    except OSError as exc:
        hint = "give a folder that you may read"
        raise NotACheckoutError(f"{path} cannot be read ({exc.strerror})", hint) from exc
    if not scripts:
        raise NotACheckoutError(
            f"{path} has no nanochat script (scripts/base_train.py ...)", _elsewhere(path)
        )
    dataset = package(path) / "dataset.py"
    order = {name: i for i, name in enumerate(KNOWN)}
    scripts.sort(key=lambda p: (order.get(p.stem, len(order)), p.stem))
    return [dataset, *scripts] if dataset.is_file() else scripts


def _scripts(path: Path) -> list[Path]:
    for folder, known in ((path / "scripts", KNOWN), (path, ())):
        files = sorted(p for p in folder.glob("*.py") if p.stem not in NO_STAGES)
        if any(p.stem in known for p in files) or any(_trains(p) for p in files):
            return files if folder != path or path.name != "scripts" else []
    return []


def _trains(file: Path) -> bool:
    try:
        source = read_source(file)
        return "backward" in source and find_loop(parse(source)) is not None
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _elsewhere(path: Path) -> str:
    """What to give instead: the folder above, or one below, that is a checkout."""
    try:
        below = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
        for near in (path.parent, *below[:MAX_LOOKS]):
            if any((near / "scripts" / f"{name}.py").is_file() for name in KNOWN):
                return f"did you mean {near}?"
    except OSError:
        pass
    return "give the folder that holds nanochat's `scripts/`"


def read_source(file: Path) -> str:
    """Text of a script. Raises OSError or ValueError."""
    size = file.stat().st_size
    if size > MAX_SOURCE_BYTES:
        raise ValueError(f"{size} bytes are too many for a script")
    data = file.read_bytes()
    if b"\0" in data:
        raise ValueError("a binary file, not Python source")
    return data.decode("utf-8-sig")
