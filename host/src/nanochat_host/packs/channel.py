"""The host's end of a worker's two pipes: strict pull, never blocking, believing nothing.

One message per request. Whatever the worker sends beyond that is a violation, and the host stops
reading at once, so a flood fills one pipe buffer and no memory of ours.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from nanochat_sdk.codec import FrameReader
from nanochat_sdk.errors import WireError
from nanochat_sdk.protocol import MAX_FRAME

from nanochat_host.packs.failure import Failure

_CHUNK = 65536


class Channel:
    """on_message: one whole message, undecoded. on_failure: a violation. on_end: the worker closed
    its end. After either of the last two, and after `close`, nothing more is called."""

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        on_message: Callable[[bytes], None],
        on_failure: Callable[[Failure], None],
        on_end: Callable[[], None],
    ) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._on_message, self._on_failure, self._on_end = on_message, on_failure, on_end
        self._reader = FrameReader(MAX_FRAME)
        self._unsent = memoryview(b"")
        self._expecting = False
        self._open = True
        self._reading = True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)
        self._loop.add_reader(read_fd, self._on_readable)

    @property
    def busy(self) -> bool:
        """A message is due from the worker."""
        return self._expecting

    def expect(self) -> None:
        """The worker may say one thing unasked: its hello."""
        self._expecting = True

    def request(self, framed: bytearray) -> None:
        """Send one framed message; one answer may follow. Only when not `busy`."""
        assert not self._expecting, "one request in flight"
        if self._reading:
            self._on_readable()  # what already waits was not asked for
        if not self._reading:
            return
        self._expecting = True
        self._unsent = memoryview(framed)
        self._on_writable()
        if self._unsent and self._reading:
            self._loop.add_writer(self._write_fd, self._on_writable)

    def read_rest(self) -> None:
        """The worker has exited: take what it said before, which may still be in the pipe."""
        for _ in range(MAX_FRAME // _CHUNK + 2):
            if self._reading:
                self._on_readable()

    def close(self) -> None:
        """Close both pipes. Idempotent."""
        if not self._open:
            return
        self._open = False
        self._stop()
        os.close(self._read_fd)
        os.close(self._write_fd)

    def _on_writable(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._write_fd, self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = self._unsent[:0]  # the end of the other pipe tells the reason
        if not self._unsent:
            self._loop.remove_writer(self._write_fd)

    def _on_readable(self) -> None:
        try:
            chunk = os.read(self._read_fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._stop()
            self._on_end()
            return
        if not self._expecting:
            self._fail("sent something that nobody asked for")
            return
        self._reader.feed(chunk)
        try:
            message = self._reader.take()
        except WireError as error:
            self._fail(f"answered with {error}")
            return
        if message is None:
            return
        if len(self._reader):
            self._fail("answered more than once")
            return
        self._expecting = False
        self._on_message(message)

    def _fail(self, reason: str) -> None:
        self._stop()
        self._on_failure(Failure(reason, violation=True))

    def _stop(self) -> None:
        """Read and write no more; the descriptors are closed by `close`."""
        self._reading = False
        self._loop.remove_reader(self._read_fd)
        self._loop.remove_writer(self._write_fd)
        self._expecting = False
