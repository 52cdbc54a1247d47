"""Where tokens lie: a keyring where there is one, else a file that only its owner can read."""

from __future__ import annotations

import logging
import os
import stat
import time
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from nanochat_host.core.secrets.kinds import Hidden
from nanochat_host.errors import NanochatCliError, RefusedError
from nanochat_host.paths import atomic_write

logger = logging.getLogger(__name__)
Where = Literal["file", "keyring"]


class Keyring(Protocol):
    """The three calls of the `keyring` package that are needed here."""

    def get_password(self, service: str, name: str) -> str | None: ...
    def set_password(self, service: str, name: str, value: str) -> None: ...
    def delete_password(self, service: str, name: str) -> None: ...


class Entry(msgspec.Struct, omit_defaults=True):
    """What the file says about a token. value: empty if the keyring has it. origin: where it came
    from, for people."""

    where: Where
    value: str = ""
    origin: str = ""
    saved_at: float = 0.0

    def __repr__(self) -> str:
        return f"Entry({self.where}, {self.origin!r})"


class SecretStore:
    """Tokens by account name. Blocks: a keyring may ask its person. keyring None: file only."""

    def __init__(self, path: Path, keyring: Keyring | None = None) -> None:
        self._path = path
        self._keyring = keyring
        self._service = f"nanochat-cli {path.parent}"

    def entries(self) -> dict[str, Entry]:
        """What is stored. Raises RefusedError when others could have read or written the file,
        NanochatCliError when it cannot be understood."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RefusedError(f"{self._path}: {error.strerror}", _WAY_OUT) from None
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
                raise RefusedError(f"{self._path} is not a file of yours", _WAY_OUT)
            if found.st_mode & 0o077:
                raise RefusedError(
                    f"{self._path} is open to other users (mode {found.st_mode & 0o777:04o})",
                    f"`chmod 600 {self._path}`; if others use this machine, renew the tokens",
                )
            raw = file.read()
        try:
            return msgspec.json.decode(raw, type=dict[str, Entry])
        except (msgspec.DecodeError, UnicodeDecodeError):  # its message could quote the content
            raise NanochatCliError(f"{self._path} cannot be understood", _WAY_OUT) from None

    def get(self, name: str) -> Hidden | None:
        """The token, None if there is none."""
        entry = self.entries().get(name)
        if entry is None:
            return None
        value: str | None = entry.value
        if entry.where == "keyring":
            value = self._keyring.get_password(self._service, name) if self._keyring else None
        return Hidden(value) if value else None

    def put(self, name: str, token: Hidden, origin: str) -> Where:
        """Keep a token. Returns where. Raises OSError."""
        entries = self.entries()
        where: Where = "file"
        if self._keyring is not None:
            try:
                self._keyring.set_password(self._service, name, token.reveal())
                where = "keyring"
            except Exception as error:  # a locked or half-installed keyring; the file still works
                logger.warning("the keyring refused: %s", type(error).__name__)
        value = token.reveal() if where == "file" else ""
        entries[name] = Entry(where, value, origin, round(time.time(), 3))
        self._write(entries)
        return where

    def forget(self, name: str) -> bool:
        """Remove a token; whether there was one."""
        entries = self.entries()
        entry = entries.pop(name, None)
        if entry is None:
            return False
        if entry.where == "keyring" and self._keyring is not None:
            try:
                self._keyring.delete_password(self._service, name)
            except Exception as error:
                raise NanochatCliError(
                    f"the keyring did not delete {name}: {type(error).__name__}", "unlock it"
                ) from None
        self._write(entries)
        return True

    def _write(self, entries: dict[str, Entry]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path, msgspec.json.encode(entries), 0o600)


_WAY_OUT = "move it away, then log in again: `nanochat-cli auth login`"


def find_keyring() -> Keyring | None:
    """The system's keyring, if the `keyring` package is installed and finds one that works."""
    try:
        import keyring
        from keyring.backends import chainer, fail
    except ImportError:
        return None
    try:
        found = keyring.get_keyring()
        usable = not isinstance(found, fail.Keyring) and found.priority > 0
        if isinstance(found, chainer.ChainerBackend):
            usable = usable and bool(found.backends)
    except Exception as error:  # backends fail in ways of their own
        logger.info("no keyring: %s", type(error).__name__)
        return None
    return found if usable else None
