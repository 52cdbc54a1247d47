"""Zip files and wheels, read by the strictest of readings.

Two programs can see different files in one zip: this one accepts only archives of which there is a
single reading, with every byte accounted for, and refuses the rest before anything is written. The
reader is our own because the library's is made to be lenient.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nanochat_host.packs.install.limits import MIB, Limits, RefusedPackError
from nanochat_host.packs.install.member import Member
from nanochat_host.packs.install.names import Names, fault

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_SIGN, _CENTRAL_SIGN, _LOCAL_SIGN = b"PK\5\6", b"PK\1\2", b"PK\3\4"
_DESCRIPTOR_SIGN = b"PK\7\x08"
_MAX_COMMENT = 256
_MAX_DIRECTORY = 4 * MIB
_MANY, _FAR = 0xFFFF, 0xFFFFFFFF
"""The real figure stands elsewhere, in a zip of the 64-bit kind."""
_STORED, _DEFLATED = 0, 8
_HAS_DESCRIPTOR = 1 << 3
_KNOWN_FLAGS = 0b110 | _HAS_DESCRIPTOR | 1 << 11
_OTHER_READINGS = {0x0001: "zip64", 0x7075: "a second name", 0x9901: "encryption"}
"""Extra fields that change what an entry is."""
_CHUNK = 1 << 16
_UNIX = 3


class _Entry(NamedTuple):
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int


class ZipReader:
    """An open archive; `close` it when all is written. Raises RefusedPackError, OSError."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self.members = self._members()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _refuse(self, why: str) -> RefusedPackError:
        return RefusedPackError(f"{self._path.name}: {why}")

    def _read(self, size: int, offset: int) -> bytes:
        raw = os.pread(self._fd, size, offset)
        if len(raw) != size:
            raise self._refuse("it is cut off")
        return raw

    def _members(self) -> list[Member]:
        facts = os.fstat(self._fd)
        if not stat.S_ISREG(facts.st_mode):
            raise self._refuse("it is not a regular file")
        if facts.st_size > self._limits.archive_bytes:
            most = self._limits.archive_bytes // MIB
            raise self._refuse(f"it has {facts.st_size // MIB} MiB, and {most} are allowed")
        entries, end = self._directory(facts.st_size)
        starts = self._check_locals(entries, end)
        self._check_sizes(entries)
        names, members = Names(), []
        for entry, start in zip(entries, starts, strict=True):
            is_folder = entry.name.endswith("/")
            name = entry.name.removesuffix("/")
            if why := fault(name) or names.add(name, folder=is_folder):
                raise self._refuse(f"`{entry.name!a:.80}` {why}")
            if not is_folder:
                members.append(Member(name, entry.size, partial(self._chunks, entry, start)))
        return members

    def _directory(self, size: int) -> tuple[list[_Entry], int]:
        """Entries as the central directory lists them, and where it begins."""
        tail = self._read(length := min(size, _END.size + _MAX_COMMENT), size - length)
        at = tail.rfind(_END_SIGN)
        if at < 0 or len(tail) - at < _END.size:
            raise self._refuse("it is not a zip file")
        _, disk, first, here, count, length, start, comment = _END.unpack_from(tail, at)
        end = size - len(tail) + at
        if end + _END.size + comment != size:
            raise self._refuse("there are bytes after its end")
        if (most := self._limits.files) < count:
            many = "65535 files or more" if count == _MANY else f"{count} files"
            raise self._refuse(f"it holds {many}, and {most} are allowed")
        if disk or first or here != count or _FAR in (length, start):
            raise self._refuse("it is in several parts, or of the 64-bit kind")
        if start + length != end or length > _MAX_DIRECTORY:
            raise self._refuse("its list of files is not where it should be")
        raw, at, entries = self._read(length, start), 0, []
        while at < length:
            if length - at < _CENTRAL.size:
                raise self._refuse("its list of files is cut off")
            entry, taken = self._central(raw, at)
            entries.append(entry)
            at += taken
        if at != length or len(entries) != count:
            raise self._refuse("its list of files is not as long as it says")
        if not entries:
            raise self._refuse("it is empty")
        return entries, start

    def _central(self, raw: bytes, at: int) -> tuple[_Entry, int]:
        (sign, _made, system, _need, flags, method, _time, _date, crc, packed, size,
         name_size, extra_size, comment_size, disk, _inner, attributes, offset,
         ) = _CENTRAL.unpack_from(raw, at)  # fmt: skip
        end_of_name = at + _CENTRAL.size + name_size
        name = raw[at + _CENTRAL.size : end_of_name].decode("latin-1")
        if sign != _CENTRAL_SIGN or disk:
            raise self._refuse("its list of files is broken")
        if flags & ~_KNOWN_FLAGS:
            raise self._refuse(f"`{name!a:.80}` is encrypted or packed in an unusual way")
        if method not in (_STORED, _DEFLATED):
            raise self._refuse(f"`{name!a:.80}` is packed with method {method}; use deflate")
        self._check_extra(name, raw[end_of_name : end_of_name + extra_size])
        mode = attributes >> 16 if system == _UNIX or attributes >> 16 else 0
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refuse(f"`{name!a:.80}` is a link, a device or a pipe")
        if stat.S_ISDIR(mode) and not name.endswith("/"):
            raise self._refuse(f"`{name!a:.80}` is a file and a folder")
        if mode & (stat.S_ISUID | stat.S_ISGID):
            raise self._refuse(f"`{name!a:.80}` would run as somebody else (setuid)")
        if name.endswith("/") and (size or packed > 2):
            raise self._refuse(f"`{name!a:.80}` is a folder with content")
        entry = _Entry(name, flags, method, crc, packed, size, offset, mode)
        return entry, _CENTRAL.size + name_size + extra_size + comment_size

    def _check_extra(self, name: str, extra: bytes) -> None:
        at = 0
        while at < len(extra):
            if len(extra) - at < 4:
                raise self._refuse(f"`{name!a:.80}` has broken extra fields")
            kind, length = struct.unpack_from("<2H", extra, at)
            at += 4 + length
            if at > len(extra):
                raise self._refuse(f"`{name!a:.80}` has broken extra fields")
            if kind in _OTHER_READINGS:
                raise self._refuse(f"`{name!a:.80}` has {_OTHER_READINGS[kind]} in an extra field")

    def _check_locals(self, entries: list[_Entry], end: int) -> list[int]:
        """Where the content of each begins. Every byte before the directory belongs to one."""
        starts, at = {}, 0
        for entry in sorted(entries, key=lambda entry: entry.offset):
            if entry.offset != at or end - at < _LOCAL.size:
                raise self._refuse(
                    f"there are bytes of no file, or of two, before `{entry.name!a:.80}`"
                )
            head = self._read(_LOCAL.size, at)
            (sign, _need, flags, method, _time, _date, crc, packed, size, name_size, extra_size,
             ) = _LOCAL.unpack(head)  # fmt: skip
            rest = self._read(name_size + extra_size, at + _LOCAL.size)
            self._check_extra(entry.name, rest[name_size:])
            later = entry.flags & _HAS_DESCRIPTOR
            said = (sign, flags, method, rest[:name_size].decode("latin-1"))
            same = said == (_LOCAL_SIGN, entry.flags, entry.method, entry.name)
            sizes = (crc, packed, size)
            listed = (entry.crc, entry.packed, entry.size)
            if not same or (sizes != listed and not (later and sizes == (0, 0, 0))):
                raise self._refuse(f"`{entry.name!a:.80}` is listed as something else than it is")
            starts[entry.offset] = start = at + _LOCAL.size + len(rest)
            at = start + entry.packed
            if later:
                at += self._descriptor(entry, at)
        if at != end:
            raise self._refuse("there are bytes of no file before its list of files")
        return [starts[entry.offset] for entry in entries]

    def _descriptor(self, entry: _Entry, at: int) -> int:
        facts = struct.pack("<3L", entry.crc, entry.packed, entry.size)
        raw = os.pread(self._fd, 16, at)
        if raw == _DESCRIPTOR_SIGN + facts:
            return 16
        if raw[:12] == facts:
            return 12
        raise self._refuse(f"`{entry.name!a:.80}` is listed as something else than it is")

    def _check_sizes(self, entries: list[_Entry]) -> None:
        limits = self._limits
        for entry in entries:
            if entry.size > limits.one_bytes:
                what = f"has {entry.size // MIB} MiB, and {limits.one_bytes // MIB} are allowed"
                raise self._refuse(f"`{entry.name!a:.80}` {what}")
            if entry.size > MIB and entry.size > entry.packed * limits.ratio:
                raise self._refuse(f"`{entry.name!a:.80}` grows more than {limits.ratio} times")
        if (total := sum(entry.size for entry in entries)) > limits.total_bytes:
            most = limits.total_bytes // MIB
            raise self._refuse(f"it unpacks to {total // MIB} MiB, and {most} are allowed")

    def _chunks(self, entry: _Entry, start: int) -> Iterator[bytes]:
        """The content, never more than announced, checked against its sum at the end."""
        left, crc, made = entry.packed, 0, 0
        inflate = zlib.decompressobj(-15) if entry.method == _DEFLATED else None
        while left and made <= entry.size:
            raw = self._read(min(left, _CHUNK), start + entry.packed - left)
            left -= len(raw)
            while raw:
                try:
                    chunk = inflate.decompress(raw, _CHUNK) if inflate else raw
                except zlib.error:
                    raise self._refuse(f"`{entry.name!a:.80}` is damaged") from None
                raw = inflate.unconsumed_tail if inflate else b""
                made += len(chunk)
                crc = zlib.crc32(chunk, crc)
                if made > entry.size:
                    break
                yield chunk
        whole = inflate is None or (inflate.eof and not inflate.unused_data)
        if made != entry.size or crc != entry.crc or not whole:
            raise self._refuse(f"`{entry.name!a:.80}` is damaged, or not what it says")
