"""Paths no pack is given, whatever its manifest says and the person would agree to."""

from __future__ import annotations

import os
from pathlib import Path

from nanochat_sdk.capabilities import FILES, Permission
from nanochat_sdk.errors import ManifestError

from nanochat_host.paths import expand

_SYSTEM = ("/etc", "/proc", "/sys", "/dev", "/run", "/boot", "/root", "/usr", "/var")
_OPEN_CACHE = ".cache/nanochat"
"""nanochat's own base folder: hidden, and what a panel may well want to read."""


def protected(path: str) -> str:
    """Why a pack may not be granted this path; "" when it may. Links on the way are followed, so
    ask again when it is used."""
    real = Path(os.path.realpath(path))
    home = Path(os.path.realpath(Path.home()))
    for name in _SYSTEM:
        system = Path(os.path.realpath(name))
        if _overlap(real, system) and not _is_within(home, system, real):
            return f"it is, or holds, a part of the system (`{name}`)"
    if len(real.parts) < 3:
        return "it is too much: name the folder that is meant"
    if home.is_relative_to(real):
        return "it holds your home folder"
    if _is_ours(real):
        return "it holds what this program keeps"
    if real.is_relative_to(home / _OPEN_CACHE):
        return ""
    if any(part.startswith(".") for part in real.parts):
        return "it is hidden, as keys and tokens are"
    return ""


def check_permission(permission: Permission) -> None:
    """Raises ManifestError for a path that is not to be had."""
    if permission.kind == FILES and (why := protected(permission.argument)):
        raise ManifestError(f"`{permission}` is not to be had: {why}")


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _is_within(home: Path, system: Path, path: Path) -> bool:
    """The home folder lies in the system's (root's does), and the path in the home."""
    return home.is_relative_to(system) and path != home and path.is_relative_to(home)


def _is_ours(path: Path) -> bool:
    raw = os.environ.get("NANOCHAT_CLI_HOME") or "~/.nanochat-cli"
    return _overlap(path, Path(os.path.realpath(expand(raw))))
