"""Where a checkout has its scripts, and what a person is told who names another folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from nanochat_host.errors import UsageError

from .hook.loops import find_loop
from .hook.package import import_folders, package
from .hook.trees import walk
from .library import LibraryTraining
from .own_modules import OwnModules
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
NO_STAGES = {"__init__", "__main__", "configurator", "setup", "conftest"}
MAX_SOURCE_BYTES = 4 * 2**20
_OPTIONS = re.compile(r"parse_args|sys\.argv|\b(?:click|typer|tyro|fire|hydra|jsonargparse)\b")
_PROGRAM = re.compile(r"__main__|parse_args|backward|sys\.argv|configurator")
"""What a program has, unlike a module that others import."""
MAX_LOOKS = 200
"""Folders below a refused one that are looked at."""


class NotACheckoutError(UsageError):
    """The folder holds no nanochat scripts."""

    code = "not_a_checkout"


def stage_files(path: Path) -> list[Path]:
    """The scripts in `scripts/` and its folders, or in the checkout's own where a fork trains from
    there, or the programs of its packages; in the order a model is made, after the library's
    `dataset.py`. Raises NotACheckoutError."""
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
    scripts.sort(key=lambda p: (order.get(p.stem, len(order)), p.stem, p))
    if dataset in scripts or not dataset.is_file():
        return scripts
    return [dataset, *scripts]


def module_of(path: Path, file: Path) -> str:
    """What `python -m` calls that file of the checkout."""
    folder = next(f for f in reversed(import_folders(path)) if file.is_relative_to(f))
    parts = file.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__main__" else parts)


def stage_names(modules: Iterable[str]) -> list[str]:
    """The last part of each module; where that is another's too, of one that lies deeper with the
    folder before it."""
    found = [module.split(".") for module in modules]
    shared = Counter(parts[-1] for parts in found)
    highest = {parts[-1]: len(parts) for parts in sorted(found, key=len, reverse=True)}
    return [
        ".".join(parts[-2:])
        if shared[parts[-1]] > 1 and len(parts) > highest[parts[-1]]
        else parts[-1]
        for parts in found
    ]


def _scripts(path: Path) -> list[Path]:
    scripts = [file for folder in import_folders(path) for file in _below(folder / "scripts")]
    if any(p.stem in KNOWN for p in scripts):
        return scripts
    library = LibraryTraining(OwnModules(path))
    if any(_trains(path, p, library) for p in scripts):
        return scripts
    own = [] if path.name == "scripts" else _python_files(path)
    if any(_trains(path, p, library) for p in own):
        return own
    programs = [p for p in _programs(path) if p not in scripts]
    if any(_trains(path, p, library) for p in programs):
        return scripts + programs
    return []


def _below(folder: Path) -> list[Path]:
    """What lies in `folder`, and the programs in its folders."""
    deeper = (
        file for inner in _folders(folder) for file in _python_files(inner) if _is_program(file)
    )
    return [*_python_files(folder), *deeper]


def _programs(path: Path) -> Iterator[Path]:
    """Of packages in `src/`, at most two deep: `__main__.py`, and modules that are run as such."""
    for source in import_folders(path)[1:]:
        for package_folder in _folders(source):
            for folder in (package_folder, *_folders(package_folder)):
                main = folder / "__main__.py"
                yield from [main] * main.is_file()
                yield from (p for p in _python_files(folder) if _takes_options(_text(p)))


def _folders(folder: Path) -> list[Path]:
    """Those below it that modules are imported from."""
    if not folder.is_dir():
        return []
    named = (p for p in folder.iterdir() if p.name[0] not in "._" and "." not in p.name)
    return sorted(p for p in named if p.name not in ("tests", "test") and p.is_dir())


def _python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.py") if p.stem not in NO_STAGES)


def _is_program(file: Path) -> bool:
    return file.stem in KNOWN or _PROGRAM.search(_text(file)) is not None


def _takes_options(source: str) -> bool:
    return "__main__" in source and _OPTIONS.search(source) is not None


def _text(file: Path) -> str:
    """ "" for what cannot be read."""
    try:
        return read_source(file)
    except (OSError, ValueError):
        return ""


def _trains(path: Path, file: Path, library: LibraryTraining) -> bool:
    module = module_of(path, file) + ".__main__" * (file.stem == "__main__")
    if not library.leads_to_one(module):
        return False
    try:
        nodes = walk(tree := parse(read_source(file)))
        return find_loop(tree, nodes) is not None or library.live_names(nodes) is not None
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
