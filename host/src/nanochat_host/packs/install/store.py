"""Where packs lie: read-only folders named by the hash of their content, and the way in and out."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nanochat_host.packs.install.tree import objection
from nanochat_host.paths import Paths

_STAGED, _OLD = ".new-", ".old-"
_READ_ONLY_FOLDER, _READ_ONLY_FILE = 0o555, 0o444


def hold(folder: Path) -> int:
    """A descriptor that keeps `sweep` from removing the folder while it is open. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with suppress(OSError):  # a file system without locks: it may go a little early
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return fd


class Store:
    """The folders. Several programs may use it at once: what changes it holds `locked`."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._root = paths.pack_store

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes store or packs.json meanwhile. Raises OSError."""
        self._root.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._paths.packs / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """A new folder to write into, gone afterwards unless `adopt` took it. Raises OSError."""
        self._root.mkdir(parents=True, exist_ok=True)
        folder = self._root / f"{_STAGED}{os.urandom(8).hex()}"
        with self.locked():
            folder.mkdir(0o700)
            fd = hold(folder)
        try:
            yield folder
        finally:
            os.close(fd)
            _remove(folder)

    def adopt(self, staged: Path, sha256: str) -> None:
        """Give what was staged its name for good. Call it `locked`. Raises OSError."""
        place = self._root / sha256
        if place.exists():
            if not objection(place, sha256):
                return
            # Not what its name says: somebody changed it, or the machine lost power.
            place.rename(self._root / f"{_OLD}{os.urandom(8).hex()}")
        for folder, folders, files in os.walk(staged):
            for name in files:
                os.chmod(os.path.join(folder, name), _READ_ONLY_FILE)  # noqa: PTH101, PTH118
            for name in folders:
                os.chmod(os.path.join(folder, name), _READ_ONLY_FOLDER)  # noqa: PTH101, PTH118
        staged.rename(place)
        place.chmod(_READ_ONLY_FOLDER)

    def sweep(self, keep: Iterable[str]) -> list[str]:
        """Remove folders that nothing names and nobody has open. Call it `locked`. Returns their
        names."""
        kept, gone = set(keep), []
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else ():
            if folder.name not in kept and _is_free(folder):
                _remove(folder)
                gone.append(folder.name)
        return gone


def _is_free(folder: Path) -> bool:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False  # not a folder of ours
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _remove(folder: Path) -> None:
    for path, _folders, _files in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, 0o700)  # noqa: PTH101
    shutil.rmtree(folder, ignore_errors=True)
