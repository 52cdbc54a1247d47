"""A folder of somebody's, read without following a link anywhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nanochat_host.packs.install.limits import MIB, Limits, RefusedPackError
from nanochat_host.packs.install.member import Member
from nanochat_host.packs.install.names import MAX_DEPTH, Names, fault, left_out

_CHUNK = 1 << 18
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_folder(folder: Path, limits: Limits) -> list[Member]:
    """Files below it, without those that a pack does not need. Raises RefusedPackError, OSError."""
    members: list[Member] = []
    names, total = Names(), 0
    for name, facts in _walk(folder, ""):
        if left_out(name):
            continue
        if not stat.S_ISREG(facts.st_mode):
            raise RefusedPackError(
                f"{folder / name}: it is a link, a device or a pipe", "put a copy of the file there"
            )
        if why := fault(name) or names.add(name):
            raise RefusedPackError(f"{folder}: `{name!a:.80}` {why}", "rename or remove it")
        total += facts.st_size
        if len(members) >= limits.files:
            raise RefusedPackError(f"{folder}: more than {limits.files} files", "is it a pack?")
        if facts.st_size > limits.one_bytes or total > limits.total_bytes:
            one, most = limits.one_bytes // MIB, limits.total_bytes // MIB
            what = f"more than {one} MiB in one file or {most} in all"
            raise RefusedPackError(
                f"{folder / name}: {what}", "take out what the panels do not need"
            )
        members.append(Member(name, facts.st_size, partial(_chunks, folder / name, facts.st_size)))
    return members


def _walk(folder: Path, below: str) -> Iterator[tuple[str, os.stat_result]]:
    """Sorted, depth first. Folders that are left out are not looked into."""
    fd = os.open(folder / below, _FOLDER_FLAGS)
    try:
        with os.scandir(fd) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                if left_out(name):
                    continue
                if name.count("/") >= MAX_DEPTH:
                    raise RefusedPackError(f"{folder / name}: more than {MAX_DEPTH} folders deep")
                yield from _walk(folder, name)
            else:
                yield name, entry.stat(follow_symlinks=False)
    finally:
        os.close(fd)


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    fd = os.open(path, _FILE_FLAGS)
    with open(fd, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise RefusedPackError(f"{path}: it is a link, a device or a pipe")
        while chunk := file.read(_CHUNK):
            yield chunk
            size -= len(chunk)
            if size < 0:
                return  # it grew while it was read: the writer sees that it is too long
