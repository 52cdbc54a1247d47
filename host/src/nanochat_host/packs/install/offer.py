"""A pack that is ready to be installed: checked, unpacked aside, hashed, and compared with what the
person agreed to before. Nothing of it is in force until it is accepted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nanochat_sdk.declare import Declarations
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import MANIFEST, PackManifest, read_declarations, read_manifest

from nanochat_host.installed import InstalledPack, read_installed
from nanochat_host.packs.catalog import BUILTIN, LIBRARIES, check_permissions, declared_by
from nanochat_host.packs.install.download import download
from nanochat_host.packs.install.limits import (
    ALL_LIBRARIES_BYTES,
    MIB,
    OF_LIBRARY,
    MissingLibrariesError,
    RefusedPackError,
)
from nanochat_host.packs.install.member import read_member, write_members
from nanochat_host.packs.install.source import open_archive, open_pack
from nanochat_host.packs.install.store import Store
from nanochat_host.packs.install.tree import Tree, TreeError, difference, read_tree
from nanochat_host.packs.install.wheels import LOCK, MAX_LOCK, Wheel, check, find, read_lock
from nanochat_host.paths import Paths, expand

_PACK = "pack"
_WHEELS = "wheels"


@dataclass(frozen=True)
class Before:
    """What is installed under the same id. declared: what it asked for then; None when its manifest
    cannot be read any more. tree: None when its files cannot."""

    record: InstalledPack
    declared: frozenset[str] | None
    tree: Tree | None


@dataclass(frozen=True)
class Offer:
    """source: what was handed over, absolute. staged: where it lies until it is accepted. package:
    "" or the name of the package its pack.toml lies in. libraries: "name version" of each.
    declarations: what it says about runs, with the files its manifest names."""

    manifest: PackManifest
    source: Path
    staged: Path
    package: str
    tree: Tree
    libraries: tuple[str, ...]
    before: Before | None
    declarations: Declarations

    @property
    def declared(self) -> tuple[str, ...]:
        """Permissions it asks for."""
        return declared_by(self.manifest)

    @property
    def folder(self) -> str:
        """Of its pack.toml, below the store."""
        return "/".join(part for part in (self.tree.sha256, _PACK, self.package) if part)

    @property
    def agreed(self) -> bool:
        """These very bytes are what the person agreed to before: nothing is to be asked."""
        return self.before is not None and self.before.record.sha256 == self.tree.sha256

    @property
    def taken_back(self) -> frozenset[str]:
        """Permissions the person took back from the version before, which stay taken back."""
        if self.before is None or self.before.declared is None:
            return frozenset()
        return self.before.declared - set(self.before.record.granted)

    @property
    def granted(self) -> list[str]:
        """What it has once the person agrees."""
        return [text for text in self.declared if text not in self.taken_back]

    @property
    def changes(self) -> list[str]:
        """What differs from the version before, a line each; empty for a new pack."""
        if self.before is None:
            return []
        record, declared = self.before.record, self.before.declared
        known = set(record.granted) if declared is None else declared
        lines = []
        if record.version != self.manifest.version:
            lines.append(f"version: {record.version} -> {self.manifest.version}")
        if record.source != str(self.source):
            lines.append(f"it comes from elsewhere: before from {record.source}")
        asks = [text for text in self.declared if text not in known]
        drops = [text for text in known if text not in self.declared]
        lines += [f"asks for more: {', '.join(asks)}"] if asks else []
        lines += [f"no longer asks for: {', '.join(sorted(drops))}"] if drops else []
        if self.before.tree is None:
            return [*lines, "its files before cannot be compared: they are damaged"]
        return lines + difference(self.before.tree, self.tree)


@contextmanager
def offer(
    paths: Paths, source: Path, wheels: Sequence[Path] = (), *, fetch: bool = False
) -> Iterator[Offer]:
    """Check and unpack a folder, a wheel or a zip. What was not accepted is removed at the end.

    wheels: folders to look for its libraries in, besides that of the source. fetch: libraries that
    lie nowhere are downloaded. Raises RefusedPackError and OSError.
    """
    source = expand(source).absolute()
    with Store(paths).stage() as staged, open_pack(source) as (members, package):
        write_members(members, staged / _PACK)
        manifest, declarations = _manifest(staged / _PACK / package, source)
        lock = read_lock(read_member(members, f"{package}/{LOCK}" if package else LOCK, MAX_LOCK))
        beside = [source / _WHEELS, source, source.parent] if source.is_dir() else [source.parent]
        libraries = _unpack_libraries(lock, [*wheels, *beside], staged / LIBRARIES, fetch)
        try:
            tree = read_tree(staged)
        except TreeError as error:
            raise RefusedPackError(f"{source}: {error}") from None
        before = _before(paths, manifest.id)
        yield Offer(manifest, source, staged, package, tree, libraries, before, declarations)


def _manifest(folder: Path, source: Path) -> tuple[PackManifest, Declarations]:
    try:
        manifest = read_manifest(folder / MANIFEST)
        check_permissions(manifest)
        declarations = read_declarations(manifest, folder)
    except ManifestError as error:
        hint = "nothing was installed; the pack's author has to correct this"
        raise RefusedPackError(f"{source.name}: {MANIFEST}: {error}", hint) from None
    if manifest.id == BUILTIN:
        raise RefusedPackError(f"{source.name}: `{BUILTIN}` is the pack this program brings along")
    return manifest, declarations


def _unpack_libraries(
    lock: Sequence[Wheel], folders: Sequence[Path], target: Path, fetch: bool
) -> tuple[str, ...]:
    """Each wheel into a folder of its own: two may have files of one name."""
    if not lock:
        return ()
    with tempfile.TemporaryDirectory(prefix="nanochat-cli-wheels-") as fetched:
        found, missing = find(lock, folders)
        if missing and fetch:
            download(missing, Path(fetched))
            more, missing = find(missing, [Path(fetched)])
            found += more
        if missing:
            names = ", ".join(wheel.file for wheel in missing)
            raise MissingLibrariesError(
                f"libraries it needs are not here: {names}",
                "put them beside the pack, name their folder with --wheels, or use --download",
            )
        by_file = {wheel.file: wheel for wheel in lock}
        left = ALL_LIBRARIES_BYTES
        for path in found:
            wheel = by_file[path.name]
            with open_archive(path, OF_LIBRARY) as members:
                left -= sum(member.size for member in members)
                if left < 0:
                    most = ALL_LIBRARIES_BYTES // MIB
                    raise RefusedPackError(f"its libraries unpack to more than {most} MiB")
                write_members(members, target / f"{wheel.name}-{wheel.version}")
            check(path, wheel)  # again: what was unpacked is what was checked
    return tuple(f"{wheel.name} {wheel.version}" for wheel in lock)


def _before(paths: Paths, pack_id: str) -> Before | None:
    record = read_installed(paths).packs.get(pack_id)
    if record is None:
        return None
    declared = tree = None
    try:
        declared = frozenset(declared_by(read_manifest(record.place(paths) / MANIFEST)))
        tree = read_tree(record.root(paths))
    except (ManifestError, TreeError):
        pass
    return Before(record, declared, tree if tree and tree.sha256 == record.sha256 else None)
