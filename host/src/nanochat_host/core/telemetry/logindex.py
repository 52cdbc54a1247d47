"""Pages of a log that may be a gigabyte: bounded memory, bounded work per question."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from nanochat_sdk.data import LogLine, LogPage, LogQuery

from nanochat_host.core.telemetry.loglevel import level_of, plain

BLOCK_BYTES = 64 * 1024
SEARCH_BYTES = 8 * 1024 * 1024
MAX_SHOWN = 2000
_RANK = {"info": 0, "warning": 1, "error": 2}


class LogIndex:
    """Line numbers of a growing log by byte offset, one entry a block.

    `grow` is fed the chunks of whole lines that the log parser reads anyway.
    """

    def __init__(
        self,
        lines: int = 0,
        offset: int = 0,
        offsets: Sequence[int] = (),
        numbers: Sequence[int] = (),
    ) -> None:
        self.lines = lines
        self.offset = offset
        self.offsets = array("q", offsets or (0,))
        self.numbers = array("q", numbers or (0,))

    def grow(self, chunk: bytes) -> None:
        """Whole lines that follow those seen so far."""
        self.lines += chunk.count(b"\n")
        self.offset += len(chunk)
        if self.offset - self.offsets[-1] >= BLOCK_BYTES:
            self.offsets.append(self.offset)
            self.numbers.append(self.lines)


def page(path: Path, index: LogIndex, query: LogQuery) -> LogPage:
    """Answer `query`, newest lines first to be looked at, oldest first to be shown.

    A search looks at the newest `SEARCH_BYTES` of the log; `matched` counts within those. While
    the index is still being built, a long log's line numbers are estimated from its size.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return LogPage()
    try:
        return _page(fd, index, query)
    finally:
        os.close(fd)


def _page(fd: int, index: LogIndex, query: LogQuery) -> LogPage:
    size = os.fstat(fd).st_size
    total = index.lines
    if size - index.offset > BLOCK_BYTES and index.offset:
        total += int((size - index.offset) / (index.offset / max(1, index.lines)))
    elif size > index.offset:
        behind = os.pread(fd, size - index.offset, index.offset)
        total += behind.count(b"\n") + (not behind.endswith(b"\n"))
    keep = _filter(query)
    found: list[LogLine] = []
    matched, number, end, carry = 0, total, size, b""
    floor = 0 if keep is None else max(0, size - SEARCH_BYTES)
    while end > floor and (keep is not None or len(found) < query.lines):
        start = max(0, end - BLOCK_BYTES)
        lines = (os.pread(fd, end - start, start) + carry).split(b"\n")
        if end == size and lines[-1] == b"":
            lines.pop()
        carry = lines.pop(0) if start else b""
        end = start
        for raw in reversed(lines):
            number -= 1
            line = _line(number, raw) if keep is None else keep(number, raw)
            if line is not None:
                matched += 1
                if len(found) < query.lines:
                    found.append(line)
            if keep is None and len(found) >= query.lines:
                break
    return LogPage(found[::-1], total, total if keep is None else matched)


def _line(number: int, raw: bytes) -> LogLine:
    text = plain(raw)[:MAX_SHOWN]
    return LogLine(max(0, number), text, level_of(text))


def _filter(query: LogQuery) -> Callable[[int, bytes], LogLine | None] | None:
    """A test of lines, cheap where it can be; None if every line is wanted."""
    least = _RANK.get(query.level, 0)
    if not query.search and not least:
        return None
    pattern = re.compile(re.escape(query.search), re.IGNORECASE)

    def keep(number: int, raw: bytes) -> LogLine | None:
        text = plain(raw)[:MAX_SHOWN]
        if not pattern.search(text):
            return None
        line = LogLine(max(0, number), text, level_of(text))
        return line if _RANK[line.level] >= least else None

    return keep
