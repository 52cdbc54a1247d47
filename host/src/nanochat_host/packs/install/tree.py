"""One number for a folder's content: any byte, name or file that changes, changes it."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 18
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
COMPILED = (".so", ".pyd", ".dylib", ".dll", ".pyc", ".a", ".o")
_MAX_ENTRIES = 60_000


class TreeError(Exception):
    """There is something in the folder that no pack has, or the folder is not there."""


@dataclass(frozen=True)
class Tree:
    """sha256: of everything. files: name to digest; "" is a folder. size: bytes."""

    sha256: str
    files: dict[str, str]
    size: int

    @property
    def count(self) -> int:
        """Number of files."""
        return sum(1 for digest in self.files.values() if digest)

    @property
    def compiled(self) -> list[str]:
        """Files of machine code or bytecode, which nobody reads before agreeing."""
        return [
            name for name in self.files if (low := name.lower()).endswith(COMPILED) or ".so." in low
        ]


def read_tree(root: Path) -> Tree:
    """Look at every byte below the folder. Raises TreeError."""
    files: dict[str, str] = {}
    try:
        fd = os.open(root, _FOLDER_FLAGS)
        try:
            size = _add(fd, "", files)
        finally:
            os.close(fd)
    except OSError as error:
        raise TreeError(error.strerror or str(error)) from None
    except RecursionError:
        raise TreeError("there are folders too deep") from None
    total = hashlib.sha256()
    for name in sorted(files):
        raw = os.fsencode(name)
        total.update(b"%d:%s %s\n" % (len(raw), raw, files[name].encode() or b"folder"))
    return Tree(total.hexdigest(), files, size)


def objection(root: Path, sha256: str) -> str:
    """Why the folder is not the one with this hash; "" when it is."""
    try:
        found = read_tree(root).sha256
    except TreeError as error:
        return f"its files cannot be read as they were installed: {error}"
    return "" if found == sha256 else "its files have changed since you agreed to them"


def difference(old: Tree, new: Tree) -> list[str]:
    """What is new, changed and gone, in a few words each; empty when nothing is."""
    before = {name for name, digest in old.files.items() if digest}
    after = {name for name, digest in new.files.items() if digest}
    changed = {name for name in before & after if old.files[name] != new.files[name]}
    parts = (("added", after - before), ("changed", changed), ("removed", before - after))
    return [f"{word}: {_some(names)}" for word, names in parts if names]


def _some(names: set[str], most: int = 4) -> str:
    listed = sorted(name.removeprefix("pack/") for name in names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _add(folder_fd: int, below: str, files: dict[str, str]) -> int:
    size = 0
    with os.scandir(folder_fd) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{below}{entry.name}"
        if len(files) >= _MAX_ENTRIES:
            raise TreeError("there are too many files")
        if entry.is_dir(follow_symlinks=False):
            files[name] = ""
            fd = os.open(entry.name, _FOLDER_FLAGS, dir_fd=folder_fd)
            try:
                size += _add(fd, f"{name}/", files)
            finally:
                os.close(fd)
        else:
            files[name], length = _digest(entry.name, folder_fd, name)
            size += length
    return size


def _digest(name: str, folder_fd: int, shown: str) -> tuple[str, int]:
    fd = os.open(name, _FILE_FLAGS, dir_fd=folder_fd)
    with open(fd, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise TreeError(f"{shown!a} is not a regular file")
        total, size = hashlib.sha256(), 0
        while chunk := file.read(_CHUNK):
            total.update(chunk)
            size += len(chunk)
    return total.hexdigest(), size
