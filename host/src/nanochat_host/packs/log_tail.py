"""The last of what a worker printed: bounded in memory, in reading effort, and in what it can say
to a terminal."""

from __future__ import annotations

import asyncio
import os

from nanochat_host.packs.sanitize import clean_lines

MAX_TAIL_BYTES = 64 * 1024
_PAUSE_S = 0.05


class LogTail:
    """Owns the read end of the log pipe. One read of at most `MAX_TAIL_BYTES` each 50 ms: a worker
    that floods it blocks itself, not the host."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._tail = b""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        os.set_blocking(fd, False)
        self._watch()

    def text(self) -> str:
        """The tail, sanitised, newest line last."""
        return clean_lines(self._tail.decode("utf-8", "replace"))

    def close(self) -> None:
        """Take what is still in the pipe, then let go of it. Idempotent."""
        if self._fd is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        else:
            self._loop.remove_reader(self._fd)
        self._read(self._fd)
        os.close(self._fd)
        self._fd = None

    def _watch(self) -> None:
        self._timer = None
        if self._fd is not None:
            self._loop.add_reader(self._fd, self._on_readable)

    def _on_readable(self) -> None:
        if self._fd is None:
            return
        self._loop.remove_reader(self._fd)
        if self._read(self._fd):
            self._timer = self._loop.call_later(_PAUSE_S, self._watch)
        else:
            os.close(self._fd)
            self._fd = None

    def _read(self, fd: int) -> bool:
        """False at the end of the stream."""
        try:
            chunk = os.read(fd, MAX_TAIL_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._tail = (self._tail + chunk)[-MAX_TAIL_BYTES:]
        return bool(chunk)
