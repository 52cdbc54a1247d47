"""Room for log and events, set aside before the disk is full: a `print` that fails ends a training,
and an event that is not written is not on the screen. The room lies behind the end of the file, so
nobody sees it but the disk.

Where a file system cannot do this, the files take their chances like any other.
"""

from __future__ import annotations

import fcntl
import os
import sys

RESERVE_BYTES = 4 * 1024 * 1024
"""Hours of log lines, or 10,000 steps of events. Filled up again when half of it is used."""
LEAST_BYTES = 64 * 1024
_KEEP_SIZE = 1


class Reserve:
    """The room behind one file. `path` must exist."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._end = 0

    def top_up(self) -> None:
        """See to it that there is room; asks for less where there is little."""
        size = _size(self._path)
        wanted = RESERVE_BYTES
        if self._end - size > RESERVE_BYTES // 2:
            return
        while wanted >= LEAST_BYTES:
            if _allocate(self._path, size, wanted):
                self._end = size + wanted
                return
            wanted //= 4

    def release(self) -> None:
        """Give the room back. The trainer is gone; the core appends under a lock of the file."""
        if not self._end:
            return
        self._end = 0
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.ftruncate(fd, os.fstat(fd).st_size)
        except OSError:
            return
        finally:
            os.close(fd)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _allocate(path: str, start: int, length: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fallocate = ctypes.CDLL(None).fallocate
        fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        return bool(fallocate(fd, _KEEP_SIZE, start, length) == 0)
    except AttributeError:
        return False
    finally:
        os.close(fd)
