"""A root of a worker's own: an empty file system with nothing but the folders it may read."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Sequence

from nanochat_host.packs.sandbox import kernel
from nanochat_host.packs.sandbox.granted import Granted

_STAGE = "/sys"
"""Where the new root is put together: exists everywhere, and no pack lives below it."""
_RDONLY, _NOSUID, _NODEV = 1, 2, 4
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000


def build(paths: Sequence[str], granted: Iterable[Granted] = ()) -> None:
    """Put the new root together, out of the way of whoever still reads the old one.

    paths: files and folders, at the same places there. granted: at their names, unless these lie in
    what is there already. Raises OSError.
    """
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", _STAGE, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=0755")
    for path in paths:
        _bind(path, path)
    there = list(paths)
    named = [(name, f"/proc/self/fd/{one.fd}") for one in granted for name in one.names]
    for name, source in sorted(named):  # a folder before what lies in it
        # Nothing may be made inside what is bound: that would be made in the real one.
        if not any(name == other or name.startswith(other + "/") for other in there):
            _bind(source, name)
            there.append(name)
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _RDONLY | _NOSUID, 0, 0, 0), 32)
    stage = _STAGE.encode()
    kernel.system_call("mount_setattr", _AT_FDCWD, stage, _AT_RECURSIVE, attributes, 32)


def _bind(source: str, name: str) -> None:
    """Show `source` under `name` in the new root."""
    place = _STAGE + name
    if os.path.isdir(source):  # noqa: PTH112
        os.makedirs(place, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o444))
    _mount(source, place, None, _BIND | _REC)


def enter() -> None:
    """Leave the old root for good. Raises OSError."""
    os.chdir(_STAGE)
    kernel.system_call("pivot_root", b".", b".")  # the old root now lies over the new one
    kernel.checked("umount2", kernel.libc.umount2(b".", _DETACH))
    os.chdir("/")


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind, data)]
    result = kernel.libc.mount(*words[:3], ctypes.c_ulong(flags), words[3])
    kernel.checked(f"mount {target}", result)
