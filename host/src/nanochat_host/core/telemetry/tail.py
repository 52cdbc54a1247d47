"""Reading a file that others append to, line by whole line."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

import msgspec

MAX_LINE_BYTES = 4 * 1024 * 1024
MARK_BYTES = 1024


class Mark(msgspec.Struct):
    """How far a file was read, and what it takes to know it again: `head` and `last` are checksums
    of its first bytes and of those before `offset`."""

    offset: int = 0
    head: int = 0
    last: int = 0


class Tail:
    """Whole lines of `path` from `offset` on. The file may not exist yet.

    changed_at: when the file last changed. resets: how often the file was found truncated or
    replaced and reading began again at 0. skipped: lines longer than `MAX_LINE_BYTES`, passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.size = 0
        self.changed_at = 0.0
        self.resets = 0
        self.skipped = 0
        self._fd = -1
        self._inode = (0, 0)
        self._skipping = False

    @property
    def behind(self) -> int:
        """Bytes known to be there and not read."""
        return max(0, self.size - self.offset)

    def close(self) -> None:
        """Let go of the file; reading opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def refresh(self) -> bool:
        """Look at the file; True if reading has to begin again, because it shrank or is another."""
        try:
            found = self.path.stat()
        except OSError:
            self.size = 0
            return False
        inode = (found.st_dev, found.st_ino)
        changed = self._fd >= 0 and inode != self._inode
        if changed or found.st_size < self.offset:
            self.close()
            self.offset, self.size = 0, found.st_size
            self._skipping = False
            self.resets += 1
            return True
        if self._fd < 0:
            with contextlib.suppress(OSError):
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            self._inode = inode
        self.size, self.changed_at = found.st_size, found.st_mtime
        return False

    def read(self, limit: int) -> bytes:
        """The next whole lines, about `limit` bytes, b"" if there is no whole line. A last line
        without a newline waits."""
        if self._fd < 0 or self.size <= self.offset:
            return b""
        chunk = os.pread(self._fd, limit, self.offset)
        end = chunk.rfind(b"\n") + 1
        if self._skipping:
            return self._skip(chunk)
        if end == 0 and len(chunk) == limit:
            if limit < MAX_LINE_BYTES:
                return self.read(min(limit * 8, MAX_LINE_BYTES))
            self.skipped += 1
            self._skipping = True
            return self._skip(chunk)
        self.offset += end
        return chunk[:end]

    def rest(self) -> bytes:
        """What stands after the last newline: a file that is complete may end without one."""
        if self._fd < 0 or self._skipping or self.size - self.offset > MAX_LINE_BYTES:
            return b""
        rest = os.pread(self._fd, max(0, self.size - self.offset), self.offset)
        self.offset += len(rest)
        return rest + b"\n" if rest else b""

    def _skip(self, chunk: bytes) -> bytes:
        end = chunk.find(b"\n") + 1
        self._skipping = end == 0
        self.offset += end or len(chunk)
        return b""

    def mark(self) -> Mark:
        """Where reading stands, to be taken up by `resume` in another process. Raises
        OSError."""
        return Mark(self.offset, *self._sums(self.offset)) if self.offset else Mark()

    def resume(self, mark: Mark) -> bool:
        """Go on where `mark` was taken. False if the file is not the one it was taken of."""
        self.offset = 0
        self.refresh()
        if self.size < mark.offset:
            return False
        if mark.offset and self._sums(mark.offset) != (mark.head, mark.last):
            return False
        self.offset = mark.offset
        return True

    def _sums(self, offset: int) -> tuple[int, int]:
        fd = self._fd if self._fd >= 0 else os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            length = min(MARK_BYTES, offset)
            head = os.pread(fd, length, 0)
            last = os.pread(fd, length, offset - length)
        finally:
            if fd != self._fd:
                os.close(fd)
        return zlib.crc32(head), zlib.crc32(last)
