"""Which folders had a file changed: inotify through ctypes, nothing more than the core needs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from pathlib import Path

_MODIFY, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x80, 0x100, 0x200
_MASK = _MODIFY | _MOVED_TO | _CREATE | _DELETE
_EVENT = struct.Struct("iIII")


class Inotify:
    """Watches folders. Raises OSError where there is no inotify; then the caller polls."""

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise OSError(f"inotify is not available on {sys.platform}")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1 failed")
        self._folders: dict[int, Path] = {}

    def fileno(self) -> int:
        """Readable when something changed."""
        return self.fd

    def add(self, folder: Path) -> None:
        """Watch a folder's files. Raises OSError (no such folder, or out of watches)."""
        watch = self._libc.inotify_add_watch(self.fd, os.fsencode(folder), _MASK)
        if watch < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {folder}")
        self._folders[watch] = folder

    def remove(self, folder: Path) -> None:
        """Stop watching a folder."""
        for watch, known in list(self._folders.items()):
            if known == folder:
                del self._folders[watch]
                self._libc.inotify_rm_watch(self.fd, watch)

    def changed(self) -> set[Path]:
        """Folders in which something changed since the last call. Does not block."""
        out: set[Path] = set()
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.fd, 65536):
                at = 0
                while at < len(data):
                    watch, _mask, _cookie, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size + length
                    if folder := self._folders.get(watch):
                        out.add(folder)
        return out

    def close(self) -> None:
        """Let go of all watches."""
        os.close(self.fd)
