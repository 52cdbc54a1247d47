"""Who a worker is: no capabilities, and not root where it can be helped."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nanochat_host.packs.sandbox import kernel

DEDICATED_ID = 65533
"""User and group of workers started by root: nobody else's (systemd leaves 65520..65533 unused)."""
_CAPABILITY_VERSION_3 = 0x20080522
_AMBIENT_CLEAR_ALL = 4
_MOST_CAPABILITIES = 64
_MOST_FILES_LOOKED_AT = 2000


def can_be_dedicated(library: Iterable[str], packs: Iterable[str]) -> bool:
    """Whether root's workers can work as `DEDICATED_ID`: Python's library, and everything of the
    packs, is readable for others. False when not started by root."""
    return (
        os.geteuid() == 0
        and all(_within_reach(Path(folder) / "os.py") for folder in library)
        and all(_within_reach(Path(path)) and _open_to_others(Path(path)) for path in packs)
    )


def forbid_regaining() -> None:
    """Empty the bounding set, so that no program could be born with a capability. Once, in the
    zygote; without effect for who has no capabilities."""
    for capability in range(_MOST_CAPABILITIES):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError:
            return  # past the last one, or not ours to drop


def drop(user_id: int | None) -> bool:
    """Become `user_id`, if given, and give up every capability. Whether none is left. Raises
    OSError."""
    if user_id is not None:
        os.setgroups([])
        os.setresgid(user_id, user_id, user_id)
        os.setresuid(user_id, user_id, user_id)
    with suppress(OSError):  # older than ambient capabilities
        kernel.prctl(kernel.PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    sets = ctypes.create_string_buffer(24)
    kernel.system_call("capset", header, sets)
    left = ctypes.create_string_buffer(24)
    kernel.system_call("capget", header, left)
    return left.raw == sets.raw


def _within_reach(path: Path) -> bool:
    """The way to it is open, and it can be read. A library without that file is no hindrance."""
    real = path.resolve()
    return all(parent.stat().st_mode & 0o001 for parent in real.parents) and (
        not real.exists() or bool(real.stat().st_mode & 0o004)
    )


def _open_to_others(folder: Path) -> bool:
    looked_at = 0
    for here, _subfolders, names in os.walk(folder):
        if Path(here).stat().st_mode & 0o005 != 0o005:
            return False
        for name in names:
            looked_at += 1
            with suppress(FileNotFoundError):  # a dangling link
                if not (Path(here) / name).stat().st_mode & 0o004:
                    return False
        if looked_at > _MOST_FILES_LOOKED_AT:
            return False
    return True
