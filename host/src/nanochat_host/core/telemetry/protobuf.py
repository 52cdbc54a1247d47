"""As much of the protobuf wire format as reading needs: fields by number, nothing generated.

W&B's files and OTLP are both protobuf; their libraries weigh 10 MB in a process that reads a dozen
fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | bytes
"""Varint and fixed-width fields are int (fixed ones as their bits), the others bytes."""


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def fields(raw: bytes) -> Iterator[tuple[int, Value]]:
    """Fields of a message in order, (number, value). Raises WireError."""
    at, end = 0, len(raw)
    while at < end:
        key, at = _varint(raw, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(raw, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise WireError(f"wire type {kind}")
        if at + size > end:
            raise WireError("ends in the middle of a field")
        piece = raw[at : at + size]
        at += size
        yield number, piece if kind == 2 else int.from_bytes(piece, "little")


def message(raw: bytes) -> dict[int, list[Value]]:
    """Fields of a message by number, repeated ones in order. Raises WireError."""
    out: dict[int, list[Value]] = {}
    for number, value in fields(raw):
        out.setdefault(number, []).append(value)
    return out


def blob(found: dict[int, list[Value]], number: int) -> bytes:
    """The last value of a length-delimited field, b"" if absent. Raises WireError."""
    value = found.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise WireError(f"field {number} is no message")
    return value


def blobs(found: dict[int, list[Value]], number: int) -> list[bytes]:
    """All values of a repeated length-delimited field."""
    return [value for value in found.get(number, ()) if isinstance(value, bytes)]


def text(found: dict[int, list[Value]], number: int) -> str:
    """A string field; what is no UTF-8 is replaced."""
    return blob(found, number).decode("utf-8", "replace")


def integer(found: dict[int, list[Value]], number: int) -> int:
    """A varint or fixed-width field as unsigned, 0 if absent."""
    value = found.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def signed(value: int) -> int:
    """An int64 from its bits."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(bits: int) -> float:
    """A double from its bits."""
    return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise WireError("a number does not end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
