"""Fixed-width rows of float64 that begin in memory and move to a file as they grow."""

from __future__ import annotations

import os
import sys
import zlib
from array import array
from pathlib import Path
from typing import TypeAlias

Floats: TypeAlias = "array[float]"
DOUBLE_BYTES = 8


class StoreDamagedError(Exception):
    """A file of the store is shorter than its index says: rebuild the store from the events."""


def interleave(columns: tuple[Floats, ...]) -> memoryview:
    """The rows of `columns` one after another, as the bytes of the file."""
    width = len(columns)
    block = array("d", bytes(len(columns[0]) * width * DOUBLE_BYTES))
    for i, column in enumerate(columns):
        block[i::width] = column
    if sys.byteorder == "big":
        block.byteswap()
    return memoryview(block).cast("B")


class Records:
    """Rows of `width` numbers, held as one array per column.

    path None keeps everything in memory. Otherwise `flush` appends what is new to the file (rows
    one after another, little-endian) and, unless `keep`, forgets it; `read` does not care where
    a row lies. A multiple of `align` rows is forgotten, so that what builds on whole groups
    finds the unfinished one in memory. touched: rows read so far, a measure of what queries cost.
    """

    __slots__ = ("align", "base", "columns", "crc", "flushed", "keep", "path", "touched", "width")

    def __init__(
        self, width: int, path: Path | None = None, *, keep: bool = False, align: int = 1
    ) -> None:
        self.width = width
        self.path = path
        self.keep = keep or path is None
        self.align = align
        self.base = 0
        """Number of the first row in memory."""
        self.flushed = 0
        self.crc = 0
        """CRC-32 of the file's rows so far."""
        self.touched = 0
        self.columns: tuple[Floats, ...] = tuple(array("d") for _ in range(width))

    def __len__(self) -> int:
        return self.base + len(self.columns[0])

    @property
    def memory_bytes(self) -> int:
        return len(self.columns[0]) * self.width * DOUBLE_BYTES

    @property
    def unflushed(self) -> int:
        """Rows the file does not have yet."""
        return len(self) - self.flushed

    def extend(self, columns: tuple[Floats, ...]) -> None:
        """Append rows, given as one array per column, all of equal length."""
        for mine, new in zip(self.columns, columns, strict=True):
            mine.extend(new)

    def read(self, start: int, stop: int) -> tuple[Floats, ...]:
        """Rows start..stop as one array per column. Raises StoreDamagedError, OSError."""
        self.touched += max(0, stop - start)
        if start >= self.base:
            a, b = start - self.base, stop - self.base
            return tuple(column[a:b] for column in self.columns)
        on_disk = self._read_file(start, min(stop, self.base))
        if stop > self.base:
            for column, tail in zip(on_disk, self.columns, strict=True):
                column.extend(tail[: stop - self.base])
        return on_disk

    def column(self, which: int) -> Floats:
        """A whole column of records that are all in memory (keep)."""
        return self.columns[which]

    def flush(self) -> int:
        """Append what is new to the file; return bytes written. Raises OSError (disk full): then
        nothing is lost, the rows stay in memory."""
        new = self.unflushed
        if self.path is None or new == 0:
            return 0
        first = self.flushed - self.base
        view = interleave(tuple(column[first:] for column in self.columns))
        crc = zlib.crc32(view, self.crc)
        at = self.flushed * self.width * DOUBLE_BYTES
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            while view:
                written = os.pwrite(fd, view, at)
                view, at = view[written:], at + written
        finally:
            os.close(fd)
        self.flushed, self.crc = self.flushed + new, crc
        if not self.keep:
            base = self.flushed // self.align * self.align
            for column in self.columns:
                del column[: base - self.base]
            self.base = base
        return new * self.width * DOUBLE_BYTES

    def load(self, count: int, crc: int) -> None:
        """Take up a file of `count` rows with checksum `crc`; only rows that stay in memory are
        checked against it. Raises StoreDamagedError if the file is short or they differ."""
        first = 0 if self.keep else count // self.align * self.align
        self.columns = self._read_file(first, count)
        self.base, self.flushed, self.crc = first, count, crc
        if self.path is not None and self.path.stat().st_size < count * self.width * DOUBLE_BYTES:
            raise StoreDamagedError(f"{self.path.name} ends before row {count}")
        if self.keep and zlib.crc32(interleave(self.columns)) != crc:
            raise StoreDamagedError(f"{self.path} does not match its checksum")

    def _read_file(self, start: int, stop: int) -> tuple[Floats, ...]:
        row_bytes = self.width * DOUBLE_BYTES
        want = (stop - start) * row_bytes
        raw = b""
        if want and self.path is not None:
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise StoreDamagedError(f"{self.path.name} is missing") from None
            try:
                raw = os.pread(fd, want, start * row_bytes)
            finally:
                os.close(fd)
        if len(raw) != want:
            name = self.path.name if self.path else "memory"
            raise StoreDamagedError(f"{name} ends before row {stop}")
        flat = array("d")
        flat.frombytes(raw)
        if sys.byteorder == "big":
            flat.byteswap()
        return tuple(flat[i :: self.width] for i in range(self.width))
