"""Which packs and panels there are. Reads pack.toml files; imports and runs nothing of a pack."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec
from nanochat_sdk.capabilities import parse_permission
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import MANIFEST, PackManifest, PanelManifest, read_manifest

from nanochat_host.declaring import PACKS_VARIABLE, named_folders, packs_in
from nanochat_host.errors import NanochatCliError, NotFoundError
from nanochat_host.installed import Installed, InstalledPack, read_installed
from nanochat_host.packs.protected import check_permission
from nanochat_host.paths import Paths

DEV_VARIABLE = "NANOCHAT_CLI_DEV"
"""Environment variable of `pack dev`: the folder of a pack whose panels get all they declare."""
BUILTIN = "builtin"
LIBRARIES = "lib"
"""Folder beside an installed pack's own, with one folder for each library it brought."""
_BUILTIN_PACKAGE = "nanochat_panels"


class PackError(NanochatCliError):
    """A pack cannot be used: the message names its file and what is wrong with it."""

    code, exit_code, status = "bad_pack", 2, 422


class FoundPack(msgspec.Struct, frozen=True):
    """A pack that can be used. folder: of its pack.toml. record: what packs.json says; None for
    the built-in pack and for those in $NANOCHAT_CLI_PACKS. root: all that its workers may read."""

    manifest: PackManifest
    folder: Path
    root: Path
    record: InstalledPack | None = None

    @property
    def enabled(self) -> bool:
        """Its panels may be opened."""
        return self.record is None or self.record.enabled

    @property
    def declared(self) -> tuple[str, ...]:
        """Permissions that any of its panels asks for, in the order declared."""
        return declared_by(self.manifest)

    def objection(self) -> str:
        """Why its files are not those the person agreed to, "" when they are. Reads them all."""
        from nanochat_host.packs.install.tree import objection

        return objection(self.root, self.record.sha256) if self.record is not None else ""


class PanelEntry(msgspec.Struct, frozen=True):
    """A panel that can be opened. paths: folders its worker puts on sys.path. folder: all that its
    worker may read. sha256: of that folder, to be compared before its code is loaded; "" for packs
    that were not installed. unsandboxed: the person lets it run where nothing isolates it. held:
    what the person granted of what it declares; None where there was nobody to ask."""

    pack: PackManifest
    panel: PanelManifest
    paths: tuple[Path, ...]
    folder: Path = Path()
    sha256: str = ""
    unsandboxed: bool = False
    held: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """ "pack:panel", as layouts name it."""
        return f"{self.pack.id}:{self.panel.id}"


class Catalog(msgspec.Struct, frozen=True):
    """panels: by "pack:panel". errors: packs that were found and cannot be used. packs: those that
    can, by id, disabled ones included."""

    panels: Mapping[str, PanelEntry] = {}
    errors: Sequence[NanochatCliError] = ()
    grants: Mapping[str, frozenset[str]] = {}
    packs: Mapping[str, FoundPack] = {}

    @classmethod
    def discover(
        cls,
        folders: Iterable[Path] | None = None,
        grants: Mapping[str, Iterable[str]] | None = None,
        paths: Paths | None = None,
    ) -> Catalog:
        """The built-in pack, and those in `folders` (default: $NANOCHAT_CLI_PACKS).

        grants: pack id to what the person granted it. A pack that is not named gets nothing; the
        built-in pack gets what it declares. paths: whose installed packs are listed too, with what
        they were granted (default: the person's, unless `folders` are given).
        """
        if folders is None:
            folders = named_folders()
            paths = paths or Paths.from_env()
            folders += [Path(written)] if (written := os.environ.get(DEV_VARIABLE)) else []
        installed = read_installed(paths) if paths is not None else Installed()
        found: dict[str, FoundPack] = {}
        errors: list[NanochatCliError] = list(installed.errors)
        spoilt: set[str] = set()
        for folder, record in _places(folders, installed, paths):
            try:
                pack = _look(folder, record, paths)
            except ManifestError as error:
                errors.append(_unusable(folder, record, error))
                continue
            if (other := found.setdefault(pack.manifest.id, pack)) is not pack:
                errors.append(_clash(other, pack))
                spoilt.add(pack.manifest.id)
        packs = {
            name: pack for name, pack in found.items() if name not in spoilt or name == BUILTIN
        }
        panels = {
            entry.name: entry for pack in packs.values() if pack.enabled for entry in _entries(pack)
        }
        held = {pack.id: frozenset(pack.granted) for pack in installed.packs.values()}
        held |= {
            pack.manifest.id: frozenset(declared_by(pack.manifest)) for pack in _written(packs)
        }
        held |= {pack_id: frozenset(given) for pack_id, given in (grants or {}).items()}
        return cls(panels, errors, held, packs)

    def changed(self) -> dict[str, str]:
        """Objections to installed packs and the way out, by id. Reads all their files."""
        told = {name: pack.objection() for name, pack in self.packs.items()}
        return {name: f"{why}; install it again or remove it" for name, why in told.items() if why}

    @property
    def manifests(self) -> dict[str, PanelManifest]:
        """Panel manifests by "pack:panel", which is all that a layout needs to know."""
        return {name: entry.panel for name, entry in self.panels.items()}

    def entry(self, name: str) -> PanelEntry:
        """The panel of that name. Raises NotFoundError."""
        try:
            return self.panels[name]
        except KeyError:
            known = ", ".join(sorted(self.panels)) or "none"
            raise NotFoundError(f"no panel `{name}`", f"there are: {known}") from None

    def granted(self, entry: PanelEntry) -> frozenset[str]:
        """What the panel may use: of what it declares, what its pack was granted."""
        declared = frozenset(entry.panel.capabilities)
        if entry.pack.id == BUILTIN:
            return declared
        return declared & self.grants.get(entry.pack.id, frozenset())


def _written(packs: Mapping[str, FoundPack]) -> list[FoundPack]:
    """The pack that the person is writing just now, if it is among them: they know its code."""
    folder = os.environ.get(DEV_VARIABLE, "")
    return [pack for pack in packs.values() if pack.record is None and str(pack.folder) == folder]


def declared_by(manifest: PackManifest) -> tuple[str, ...]:
    """Permissions that any panel of the pack asks for, each once, in the order declared."""
    return tuple(dict.fromkeys(text for panel in manifest.panels for text in panel.capabilities))


def check_permissions(manifest: PackManifest) -> None:
    """Raises ManifestError when the pack declares a path that nobody gets."""
    for text in declared_by(manifest):
        check_permission(parse_permission(text))


def _places(
    folders: Iterable[Path], installed: Installed, paths: Paths | None
) -> list[tuple[Path, InstalledPack | None]]:
    """The built-in pack first, then each folder that is a pack, or the packs in it, then those
    installed."""
    spec = find_spec(_BUILTIN_PACKAGE)
    packs = [Path(spec.origin).parent] if spec and spec.origin else []
    for folder in folders:
        packs += packs_in(folder) if folder.is_dir() else [folder]
    places: list[tuple[Path, InstalledPack | None]] = [
        (folder, None) for folder in dict.fromkeys(folder.absolute() for folder in packs)
    ]
    if paths is not None:
        places += [(pack.place(paths).absolute(), pack) for pack in installed.packs.values()]
    return places


def _look(folder: Path, record: InstalledPack | None, paths: Paths | None) -> FoundPack:
    manifest = read_manifest(folder / MANIFEST)
    check_permissions(manifest)
    if record is None or paths is None:
        return FoundPack(manifest, folder, folder)
    if (manifest.id, manifest.version) != (record.id, record.version):
        raise ManifestError(f"it is `{manifest.id}` {manifest.version} now")
    return FoundPack(manifest, folder, record.root(paths).absolute(), record)


def _entries(pack: FoundPack) -> list[PanelEntry]:
    # A pack.toml beside a package's modules is imported from the folder above.
    top = pack.folder.parent if (pack.folder / "__init__.py").exists() else pack.folder
    record = pack.record
    if record is None:
        return [
            PanelEntry(pack.manifest, panel, (top,), pack.folder) for panel in pack.manifest.panels
        ]
    libraries = pack.root / LIBRARIES
    paths = (top, *(sorted(libraries.iterdir()) if libraries.is_dir() else ()))
    return [
        PanelEntry(
            *(pack.manifest, panel, paths, pack.root, record.sha256, record.unsandboxed),
            held=frozenset(record.granted) & frozenset(panel.capabilities),
        )
        for panel in pack.manifest.panels
    ]


def _unusable(folder: Path, record: InstalledPack | None, error: ManifestError) -> PackError:
    if record is None:
        return PackError(f"{folder / MANIFEST}: {_without_name(error)}", _HINT)
    hint = f"install it again, or `nanochat-cli pack remove {record.id}`"
    return PackError(f"pack `{record.id}` {record.version}: {error}", hint)


_HINT = f"correct it (docs/packs.md), or take the folder out of ${PACKS_VARIABLE}"


def _without_name(error: ManifestError) -> str:
    return str(error).removeprefix(f"{MANIFEST}: ").removeprefix(f"{MANIFEST} is ")


def _clash(first: FoundPack, second: FoundPack) -> PackError:
    pack_id = first.manifest.id
    kept = "; the built-in one is used" if pack_id == BUILTIN else "; neither is used"
    removal = f"`nanochat-cli pack remove {pack_id}`, or take the folder out of ${PACKS_VARIABLE}"
    installed = first.record is not None or second.record is not None
    return PackError(
        f"two packs have the id `{pack_id}`: {first.folder} and {second.folder}{kept}",
        removal if installed else "remove one of them or change its id",
    )
