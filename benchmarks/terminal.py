"""A terminal without a screen: runs a program in a pty and says when something became visible.

A thread does nothing but read the pty and stamp each chunk, so that the slow screen model (pyte)
never delays a stamp or throttles the program. To the program this is a terminal that draws
infinitely fast: figures are its own latency.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import queue
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil
import pyte

# Queries programs ask at start; unanswered ones cost them a time-out that no real terminal has.
ANSWERS = [
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>0;10;1c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:1111/1111/1111\x1b\\"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:eeee/eeee/eeee\x1b\\"),
]


@dataclass
class Terminal:
    """A program in a pty. argv: command. size: columns, rows."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] = (160, 48)

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(*self.size)
        self._stream = pyte.ByteStream(self.screen)
        self._chunks: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **self.env}
        # As on a person's machine: bytecode is compiled once, not at every start.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self.started = time.perf_counter()
        self.over = False
        """All that was written was taken in, and nobody is left to write."""
        size = struct.pack("HHHH", self.size[1], self.size[0], 0, 0)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)  # before the program may ask for it
                os.execvpe(self.argv[0], list(self.argv), environ)
            finally:
                os._exit(127)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            self._chunks.put((time.perf_counter(), data))
            if not data:
                return
            for query, answer in ANSWERS:
                if query.search(data):
                    os.write(self._fd, answer)

    def _feed(self, data: bytes) -> None:
        self.over = not data
        # pyte takes private modes it does not know for text in places; drop the kitty keyboard's.
        self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*u", b"", data))

    @property
    def text(self) -> str:
        """What is on the screen, a line a row."""
        return "\n".join(self.screen.display)

    def drain(self, seconds: float = 0.0) -> None:
        """Take in what comes for this long; of more than can be taken in, a second's work."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline + 1.0:
            try:
                _, data = self._chunks.get(timeout=max(0.0, deadline - time.perf_counter()))
            except queue.Empty:
                return
            self._feed(data)

    def wait_for(self, pattern: str, timeout_s: float = 30.0) -> float:
        """Moment (perf_counter) at which `pattern` was on the screen. Raises TimeoutError with
        the screen's text, so that a failed benchmark shows why."""
        wanted = re.compile(pattern)
        return self.wait_until(lambda: wanted.search(self.text), f"`{pattern}`", timeout_s)

    def wait_until(
        self, condition: Callable[[], object], what: str, timeout_s: float = 30.0
    ) -> float:
        """Moment at which the screen was as wanted, looked at after every chunk: what is shown for
        a short time only is not missed. Raises TimeoutError like `wait_for`."""
        if condition():
            return time.perf_counter()
        deadline = time.perf_counter() + timeout_s
        while (left := deadline - time.perf_counter()) > 0:
            try:
                moment, data = self._chunks.get(timeout=left)
            except queue.Empty:
                break
            self._feed(data)
            if condition():
                return moment
        raise TimeoutError(f"{what} did not appear in {timeout_s} s; screen:\n{self.text}")

    def press(self, keys: str) -> float:
        """Send keys; returns the moment they were sent."""
        moment = time.perf_counter()
        os.write(self._fd, keys.encode())
        return moment

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Take the terminal away, as closing its window does."""
        os.close(self._fd)
        self._fd = -1

    def tree(self) -> list[psutil.Process]:
        """The program and its descendants."""
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        return []

    def cpu_s(self, *, top_only: bool = False) -> float:
        """CPU seconds used so far by the program (and its descendants)."""
        total = 0.0
        for process in self.tree()[: 1 if top_only else None]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def pss_bytes(self) -> int:
        """Proportional set size of the program and its descendants."""
        total = 0
        for process in self.tree():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total

    def close(self) -> None:
        """End the program and everything it started in this terminal."""
        for process in reversed(self.tree()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            if self._fd >= 0:
                self.hang_up()
