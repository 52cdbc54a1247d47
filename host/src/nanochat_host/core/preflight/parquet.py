"""The number of row groups of a Parquet file, from its footer: Thrift's compact protocol, of which
a count at the top level needs little. pyarrow would cost the core 100 MB."""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = b"PAR1"
MAX_FOOTER_BYTES = 64 * 2**20
ROW_GROUPS = 4
"""FileMetaData's field `row_groups`, a list of structs."""
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(
    13
)
MAX_DEPTH = 16


class NotParquetError(ValueError):
    """No Parquet file, or a damaged one."""


def row_groups(path: Path) -> int:
    """Raises NotParquetError, or OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < 12:
            raise NotParquetError(f"{path} holds {size} bytes")
        file.seek(size - 8)
        length, magic = struct.unpack("<I4s", file.read(8))
        if magic != MAGIC or length > min(size - 12, MAX_FOOTER_BYTES):
            raise NotParquetError(f"{path} does not end like a Parquet file")
        file.seek(size - 8 - length)
        footer = file.read(length)
    try:
        return _Footer(footer).row_groups()
    except (IndexError, RecursionError):
        raise NotParquetError(f"{path} has a damaged footer") from None


class _Footer:
    """A cursor over Thrift's compact encoding."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def row_groups(self) -> int:
        field = 0
        while True:
            head = self._byte()
            kind = head & 15
            if kind == _STOP:
                return 0
            field = field + (head >> 4) if head >> 4 else _signed(self._varint())
            if field == ROW_GROUPS and kind == _LIST:
                return self._list_head()[0]
            self._skip(kind, 0)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise IndexError("nested too deep")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self._at += 1
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            length = self._varint()
            self._at += length
        elif kind in (_LIST, _SET):
            count, item = self._list_head()
            for _ in range(count):
                self._skip(_BYTE if item in (_TRUE, _FALSE) else item, depth + 1)
        elif kind == _STRUCT:
            self._skip_struct(depth)
        else:
            raise IndexError(f"unknown type {kind}")

    def _skip_struct(self, depth: int) -> None:
        while (head := self._byte()) & 15 != _STOP:
            if not head >> 4:
                self._varint()
            self._skip(head & 15, depth + 1)

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return (self._varint() if count == 15 else count), head & 15

    def _byte(self) -> int:
        self._at += 1
        return self._raw[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128 or shift > 63:
                return value
            shift += 7


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
