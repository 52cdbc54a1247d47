"""Notes of packs, a small file each: two terminals see the same, and a crash loses none."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec
from nanochat_sdk.asks import MAX_STORE, Answer, StoreDelete, StoreGet, StoreList, StorePut
from nanochat_sdk.standin import answer_from

from nanochat_host.paths import Paths, atomic_write

StoreAsk = StoreGet | StorePut | StoreDelete | StoreList
_FILE = "notes.msgpack"
_MAX_FILE = 2 * MAX_STORE
_decoder = msgspec.msgpack.Decoder(dict[str, bytes])


class Notes:
    """All notes below one home. One at a time; files are read anew each time, so that a pack that
    was removed has none."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def answer(self, pack_id: str, ask: StoreAsk) -> Answer:
        """Do what is asked. A disk that refuses is told in the answer."""
        path = self._paths.pack_notes(pack_id) / _FILE
        try:
            store = _read(path)
            answer = answer_from(store, ask)
            if answer.status == "ok" and isinstance(ask, StorePut | StoreDelete):
                for folder in (path.parent.parent, path.parent):
                    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                atomic_write(path, msgspec.msgpack.encode(store), 0o600)
        except OSError as error:
            return Answer("failed", f"the notes cannot be kept: {error.strerror or error}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Answer("failed", f"{path} is damaged; remove it to start anew")
        return answer

    def clear(self, pack_id: str) -> None:
        """Forget everything a pack has kept."""
        shutil.rmtree(self._paths.pack_notes(pack_id), ignore_errors=True)


def _read(path: Path) -> dict[str, bytes]:
    with suppress(FileNotFoundError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return _decoder.decode(file.read(_MAX_FILE))
    return {}
