"""W&B's own file of a run (`run-ID.wandb`), read while it grows and without W&B.

The file is a log of blocks of 32 KiB (LevelDB's log format) behind a header of 7 bytes; its records
are protobuf messages. History rows, summary, configuration and who the run is are taken.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from nanochat_host.core.telemetry import protobuf as pb

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32 * 1024
MAX_READ = 4 * 2**20
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18


class NotWandbError(ValueError):
    """The file is not one of W&B's, or is damaged at its beginning."""


class WandbNews(msgspec.Struct):
    """What was new. rows: history, each a flat dict with `_step` and `_timestamp` where the row has
    them. summary, config: changed keys. identity: entity, project, id, name as far as known.
    exit_code: how the process ended, None while it runs."""

    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    config: dict[str, Any] = {}
    identity: dict[str, str] = {}
    exit_code: int | None = None

    def __bool__(self) -> bool:
        return bool(self.rows or self.summary or self.config or self.identity) or (
            self.exit_code is not None
        )


class WandbFile:
    """Reads whole records from `offset` on. damaged: stretches that had to be passed over.
    changed_at: when the file last grew."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.damaged = 0
        self.changed_at = 0.0

    def read(self) -> WandbNews:
        """What was written since, about `MAX_READ` bytes of it. Raises OSError; NotWandbError if
        the file is none of W&B's."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            self.changed_at = found.st_mtime
            if self.offset > found.st_size:
                self.offset = 0
            if self.offset == 0:
                head = os.pread(fd, len(HEADER), 0)
                if len(head) == len(HEADER) and head != HEADER:
                    raise NotWandbError(f"{self.path} is not a W&B file")
                if len(head) < len(HEADER):
                    return WandbNews()
                self.offset = len(HEADER)
            chunk = os.pread(fd, MAX_READ, self.offset)
        finally:
            os.close(fd)
        out = WandbNews()
        before = self.offset
        for record in self._records(chunk):
            try:
                _take(record, out)
            except (pb.WireError, msgspec.DecodeError, UnicodeDecodeError):
                self.damaged += 1
        if self.offset == before and len(chunk) == MAX_READ:  # no record of ours is that large
            self.damaged += 1
            self.offset += MAX_READ - (self.offset + MAX_READ) % BLOCK
        return out

    def _records(self, chunk: bytes) -> Iterator[bytes]:
        """Whole records in `chunk`, which begins at `offset`; moves `offset` behind each."""
        base, at = self.offset, 0
        whole: bytes | None = None
        while True:
            left = BLOCK - (base + at) % BLOCK
            if left < 7:
                at += left
                continue
            if at + 7 > len(chunk):
                return
            crc, size, kind = struct.unpack_from("<IHB", chunk, at)
            if size + 7 > left or kind > _LAST or (kind == 0 and size == 0 and crc == 0):
                if at + left > len(chunk):
                    return  # zeros of a block still being written, or damage not yet passed
                self.damaged += kind != 0
                at, whole = at + left, None
                self.offset = base + at
                continue
            piece = chunk[at + 7 : at + 7 + size]
            if len(piece) < size:
                return
            at += 7 + size
            if zlib.crc32(piece, zlib.crc32(bytes([kind]))) != crc:
                self.damaged += 1
                whole = None
            elif kind in (_FULL, _FIRST):
                whole = piece
            elif whole is not None:
                whole += piece
            if kind in (_FIRST, _MIDDLE):
                continue
            if whole is not None:
                yield whole
            whole = None
            self.offset = base + at


def _take(raw: bytes, out: WandbNews) -> None:
    record = pb.message(raw)
    if _HISTORY in record:
        history = pb.message(pb.blob(record, _HISTORY))
        row = dict(_items(pb.blobs(history, 1)))
        step = pb.message(pb.blob(history, 2))
        if "_step" not in row and 1 in step:
            row["_step"] = pb.integer(step, 1)
        out.rows.append(row)
    elif _SUMMARY in record:
        out.summary |= _items(pb.blobs(pb.message(pb.blob(record, _SUMMARY)), 1))
    elif _CONFIG in record:
        out.config |= _items(pb.blobs(pb.message(pb.blob(record, _CONFIG)), 1))
    elif _RUN in record:
        run = pb.message(pb.blob(record, _RUN))
        names = {"id": 1, "entity": 2, "project": 3, "name": 8}
        out.identity |= {k: v for k, n in names.items() if (v := pb.text(run, n))}
        out.config |= _items(pb.blobs(pb.message(pb.blob(run, 4)), 1))
    elif _EXIT in record:
        exit_record = pb.message(pb.blob(record, _EXIT))
        code = pb.signed(pb.integer(exit_record, 1))
        out.exit_code = code


def _items(raws: list[bytes]) -> dict[str, Any]:
    """key or nested_key to the JSON value."""
    out: dict[str, Any] = {}
    for raw in raws:
        item = pb.message(raw)
        key = pb.text(item, 1) or "/".join(
            part.decode("utf-8", "replace") for part in pb.blobs(item, 2)
        )
        out[key[:200]] = _value(pb.blob(item, 16))
    return out


def _value(raw: bytes) -> Any:
    """JSON as Python writes it: NaN and Infinity are bare words there."""
    word = raw.strip(b'" ')
    if word in _WORDS:
        return _WORDS[word]
    return msgspec.json.decode(raw)


_WORDS = {b"NaN": "nan", b"Infinity": "inf", b"-Infinity": "-inf"}
