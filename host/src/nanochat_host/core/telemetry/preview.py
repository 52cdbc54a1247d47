"""A first picture of an events file too long to read at once: lines sampled across all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nanochat_host.core.telemetry.decode import Block, decode
from nanochat_host.core.telemetry.facts import TelemetryFacts, fold_event
from nanochat_host.core.telemetry.store import Store

SAMPLES = 1500
BATCH = 100
HEAD_BYTES = 64 * 1024
_WINDOW = 8 * 1024


class Preview:
    """Columns and facts from the file's head, from one line in each of `SAMPLES` equal strata of
    bytes, and from its end. Costs the same for every size, in steps of a few milliseconds."""

    def __init__(self, path: Path, size: int) -> None:
        self.store = Store()
        self.facts = TelemetryFacts()
        self.done = False
        self._chunks = self._read(path, size)

    def advance(self, rev: int) -> None:
        """Take the next step; `done` after the last. Raises OSError."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.done = True
            return
        for item in decode(chunk).items:
            if isinstance(item, Block):
                self.store.append(item, rev=rev)
                self.facts.step = int(self.store.step)
                continue
            if item.fields.get("what") == "stage":
                self.store.stage += 1
            fold_event(self.facts, item)

    def _read(self, path: Path, size: int) -> Iterator[bytes]:
        """Whole lines, in the order of the file."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            head = os.pread(fd, HEAD_BYTES, 0)
            yield head[: head.rfind(b"\n") + 1]
            stride = max(_WINDOW, (size - HEAD_BYTES - _WINDOW) // SAMPLES)
            offsets = range(HEAD_BYTES, size - _WINDOW, stride)
            for first in range(0, len(offsets), BATCH):
                yield b"".join(_line(fd, at) for at in offsets[first : first + BATCH])
            tail = os.pread(fd, _WINDOW, max(0, size - _WINDOW))
            yield tail[tail.find(b"\n") + 1 : tail.rfind(b"\n") + 1]
        finally:
            os.close(fd)


def _line(fd: int, offset: int) -> bytes:
    """The first whole line after `offset`; b"" if it is longer than a window."""
    window = os.pread(fd, _WINDOW, offset)
    start = window.find(b"\n") + 1
    end = window.find(b"\n", start) + 1
    return window[start:end] if start and end else b""
