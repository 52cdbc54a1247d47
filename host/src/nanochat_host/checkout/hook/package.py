"""Where a checkout has its library, and its name: `nanochat`, unless the fork renamed it."""

from __future__ import annotations

from pathlib import Path

NAME = "nanochat"
SOURCE = "src"
"""The folder that some forks keep their packages in."""
_PARTS = ("gpt.py", "common.py", "tokenizer.py", "engine.py", "dataset.py", "checkpoint_manager.py")
_ENOUGH = 3
"""Of these modules: by so many a renamed library is known."""


def import_folders(checkout: Path) -> list[Path]:
    """From where the checkout's modules are imported: from itself, and from its `src/` where that
    holds packages and is none itself."""
    source = checkout / SOURCE
    try:
        if any(source.glob("*/*.py")) and not (source / "__init__.py").exists():
            return [checkout, source]
    except OSError:
        pass
    return [checkout]


def package_name(checkout: Path) -> str:
    """The library's name; `nanochat` if nothing looks like it."""
    return package(checkout).name


def package(checkout: Path) -> Path:
    """The folder that holds the library."""
    folders = import_folders(checkout)
    for folder in folders:
        if (folder / NAME).is_dir():
            return folder / NAME
    for folder in folders:
        try:
            inner = sorted(path for path in folder.iterdir() if path.is_dir())
        except OSError:
            continue
        for path in inner:
            if sum((path / part).is_file() for part in _PARTS) >= _ENOUGH:
                return path
    return checkout / NAME
