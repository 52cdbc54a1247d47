"""What the person agreed to, kept in packs.json: the only place that writes it.

A consent is for one pack with one tree hash and the permissions it had then; any other byte is
asked about anew. Nothing here looks at a clock: `installed_at` is for people to read.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from nanochat_host.errors import NotFoundError, RefusedError
from nanochat_host.installed import VERSION, InstalledPack, read_installed
from nanochat_host.packs.install.offer import Offer
from nanochat_host.packs.install.store import Store
from nanochat_host.paths import Paths, atomic_write

_Entries = list[dict[str, Any]]


def accept(paths: Paths, offer: Offer) -> InstalledPack:
    """The person agrees: the pack is installed, in place of another version if there is one.
    Raises PacksFileError and OSError, and changes nothing then."""
    manifest, before = offer.manifest, offer.before
    record = InstalledPack(
        id=manifest.id,
        version=manifest.version,
        sha256=offer.tree.sha256,
        folder=offer.folder,
        granted=offer.granted,
        # Consent to run without walls is for the bytes it was given for.
        unsandboxed=before is not None and offer.agreed and before.record.unsandboxed,
        enabled=before is None or before.record.enabled,
        installed_at=time.time(),
        source=str(offer.source),
    )
    store = Store(paths)
    with store.locked():
        listed = _listed(paths)
        store.adopt(offer.staged, record.sha256)
        _write(paths, _with(listed, record))
        _sweep(paths, store)
    return record


def remove(paths: Paths, pack_id: str) -> None:
    """Forget the pack, its grants and its notes, and remove its files. Raises NotFoundError."""
    store = Store(paths)
    with store.locked():
        listed = _listed(paths)
        left = [entry for entry in listed if entry.get("id") != pack_id]
        if len(left) == len(listed):
            raise _not_installed(paths, pack_id)
        _write(paths, left)
        _sweep(paths, store)
        shutil.rmtree(paths.pack_notes(pack_id), ignore_errors=True)


def grant(paths: Paths, pack_id: str, permissions: Iterable[str]) -> InstalledPack:
    """Give back permissions it declares."""

    def change(record: InstalledPack) -> InstalledPack:
        given = list(dict.fromkeys([*record.granted, *permissions]))
        return msgspec.structs.replace(record, granted=given)

    return _change(paths, pack_id, change)


def revoke(paths: Paths, pack_id: str, permissions: Iterable[str]) -> InstalledPack:
    """Take permissions back; its panels are told that they are denied. Raises RefusedError for one
    it does not have."""
    gone = set(permissions)

    def change(record: InstalledPack) -> InstalledPack:
        if missing := gone - set(record.granted):
            has = ", ".join(record.granted) or "none"
            raise RefusedError(f"`{pack_id}` has no `{min(missing)}`", f"it has: {has}")
        left = [text for text in record.granted if text not in gone]
        return msgspec.structs.replace(record, granted=left)

    return _change(paths, pack_id, change)


def set_unsandboxed(paths: Paths, pack_id: str, allowed: bool) -> InstalledPack:
    """Whether it may run where nothing isolates it."""
    return _change(
        paths, pack_id, lambda record: msgspec.structs.replace(record, unsandboxed=allowed)
    )


def set_enabled(paths: Paths, pack_id: str, enabled: bool) -> InstalledPack:
    """Whether its panels may be opened and its declarations count."""
    return _change(paths, pack_id, lambda record: msgspec.structs.replace(record, enabled=enabled))


def _change(
    paths: Paths, pack_id: str, change: Callable[[InstalledPack], InstalledPack]
) -> InstalledPack:
    """Raises NotFoundError, PacksFileError and what `change` raises."""
    with Store(paths).locked():
        listed = _listed(paths)
        installed = read_installed(paths)
        for error in installed.errors:
            if error.pack_id == pack_id:
                raise error
        record = installed.packs.get(pack_id)
        if record is None:
            raise _not_installed(paths, pack_id)
        record = change(record)
        _write(paths, _with(listed, record))
    return record


def _listed(paths: Paths) -> _Entries:
    """Raises PacksFileError: a file that cannot be read is not written over."""
    installed = read_installed(paths)
    for error in installed.errors:
        if not error.pack_id:
            raise error
    return installed.listed


def _with(listed: _Entries, record: InstalledPack) -> _Entries:
    """The others stay as they are, wrong ones too."""
    entry = msgspec.to_builtins(record)
    places = [index for index, old in enumerate(listed) if old.get("id") == record.id]
    if not places:
        return [*listed, entry]
    kept = [old for index, old in enumerate(listed) if index not in places[1:]]
    kept[places[0]] = entry
    return kept


def _write(paths: Paths, entries: _Entries) -> None:
    raw = msgspec.json.encode({"version": VERSION, "packs": entries})
    atomic_write(paths.packs_json, msgspec.json.format(raw, indent=2) + b"\n", 0o600)


def _sweep(paths: Paths, store: Store) -> None:
    store.sweep(str(entry.get("sha256")) for entry in _listed(paths))


def _not_installed(paths: Paths, pack_id: str) -> NotFoundError:
    ids = ", ".join(sorted(read_installed(paths).packs)) or "none"
    return NotFoundError(f"no pack `{pack_id}` is installed", f"installed: {ids}")
