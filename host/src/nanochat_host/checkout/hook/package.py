"""What a checkout calls its library: `nanochat`, unless the fork renamed it."""

from __future__ import annotations

from pathlib import Path

NAME = "nanochat"
_PARTS = ("gpt.py", "common.py", "tokenizer.py")
"""Modules by which a renamed library is known."""


def package_name(checkout: Path) -> str:
    """The folder in the checkout that holds the library; `nanochat` if none looks like it."""
    if (checkout / NAME).is_dir():
        return NAME
    try:
        folders = sorted(path for path in checkout.iterdir() if path.is_dir())
    except OSError:
        return NAME
    like = [f.name for f in folders if all((f / part).is_file() for part in _PARTS)]
    return like[0] if like else NAME


def package(checkout: Path) -> Path:
    """Path of that folder."""
    return checkout / package_name(checkout)
