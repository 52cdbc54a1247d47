"""`packs.json`: which packs are installed, and what the person granted them.

Read by the UI and by the core; written by `packs.grants` alone. A person may edit it by hand: what
is wrong with it is said in one line, the pack it concerns is not loaded, and nothing is lost.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from nanochat_sdk.capabilities import parse_permission
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import Id

from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths

VERSION = 1
MAX_BYTES = 1 << 20
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
# <tree hash>/pack, or <tree hash>/pack/<package> where pack.toml lies beside a package's modules.
_Folder = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}/pack(/[A-Za-z_][A-Za-z0-9_]*)?\Z")]


class PacksFileError(NanochatCliError):
    """packs.json, or one pack in it, cannot be used. pack_id: "" when it is the whole file."""

    code, exit_code, status = "bad_packs_file", 2, 422

    def __init__(self, message: str, hint: str, pack_id: str = "") -> None:
        super().__init__(message, hint)
        self.pack_id = pack_id


class InstalledPack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One pack. sha256: of all its files, see `packs.install.tree`. folder: of its pack.toml, below
    `Paths.pack_store`. granted: permissions, each as `str(Permission)`. unsandboxed: it may run
    where nothing isolates it. installed_at: seconds, UTC, to be shown and for nothing else. source:
    what it was installed from."""

    id: Id
    version: Annotated[str, Meta(max_length=40)]
    sha256: _Digest
    folder: _Folder
    granted: Annotated[list[str], Meta(max_length=64)] = []
    unsandboxed: bool = False
    enabled: bool = True
    installed_at: float = 0.0
    source: str = ""

    def place(self, paths: Paths) -> Path:
        """The folder its pack.toml lies in."""
        return paths.pack_store / self.folder

    def root(self, paths: Paths) -> Path:
        """All of it, other people's libraries included: what `sha256` is about."""
        return paths.pack_store / self.sha256


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    packs: list[dict[str, Any]]


class Installed(msgspec.Struct, frozen=True):
    """packs: those that can be used, by id. errors: what is wrong with others, or with the file.
    listed: every entry as it stands in the file, so that a writer loses none of them."""

    packs: dict[str, InstalledPack] = {}
    errors: list[PacksFileError] = []
    listed: list[dict[str, Any]] = []


def read_installed(paths: Paths) -> Installed:
    """What packs.json says. Raises nothing: a file that cannot be used is one error."""
    path, raw = paths.packs_json, b""
    try:
        raw = _read(path)
        file = msgspec.json.decode(raw, type=_File)
    except FileNotFoundError:
        return Installed()
    except OSError as error:
        return Installed(errors=[_of_file(path, error.strerror or str(error))])
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        return Installed(errors=[_of_file(path, _words(raw, error))])
    if file.version != VERSION:
        what = f"it is of version {file.version}, and this program reads {VERSION}"
        return Installed(errors=[_of_file(path, what)])
    found = Installed(listed=file.packs)
    ids = [entry.get("id") for entry in file.packs]
    for number, entry in enumerate(file.packs, 1):
        if entry.get("id") in ids[: number - 1]:
            continue  # said at the first of them
        name = entry.get("id") if isinstance(entry.get("id"), str) else f"number {number}"
        try:
            pack = _pack(entry)
            if ids.count(pack.id) > 1:
                raise ManifestError("is listed twice")
        except (ManifestError, msgspec.ValidationError) as error:
            found.errors.append(
                PacksFileError(
                    f"{path}: pack `{name}`: {error}",
                    f"correct it there, or `nanochat-cli pack remove {name}` and install it again",
                    str(name),
                )
            )
        else:
            found.packs[pack.id] = pack
    return found


def _pack(entry: dict[str, Any]) -> InstalledPack:
    pack = msgspec.convert(entry, InstalledPack)
    for text in pack.granted:
        parse_permission(text)
    if not pack.folder.startswith(pack.sha256):
        raise ManifestError("`folder` does not begin with `sha256`")
    return pack


def _read(path: Path) -> bytes:
    """Raises OSError and ValueError: only a plain file that nobody else can write is believed."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as f:  # noqa: PTH123
        facts = os.fstat(f.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("it is not a regular file")
        if facts.st_mode & 0o022 or facts.st_uid not in (0, os.getuid()):
            raise ValueError(f"others can write it; `chmod 600 {path}` and look at what it grants")
        raw = f.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 10} KiB")
    return raw


def _words(raw: bytes, error: Exception) -> str:
    """With the line, which only the library's own decoder tells."""
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        import json

        try:
            json.loads(raw)
        except (ValueError, RecursionError) as better:
            error = better
    return (str(error).splitlines() or ["cannot be read"])[0][:200]


def _of_file(path: Path, what: str) -> PacksFileError:
    hint = "no installed pack is loaded until you correct it or move it away; the packs stay"
    return PacksFileError(f"{path}: {what}", hint)
