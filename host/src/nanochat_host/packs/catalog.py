"""Which packs and panels there are. Reads pack.toml files; imports and runs nothing of a pack."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import MAX_MANIFEST, PackManifest, PanelManifest, parse_manifest

from nanochat_host.errors import NanochatCliError, NotFoundError

PACKS_VARIABLE = "NANOCHAT_CLI_PACKS"
"""Environment variable: folders of packs, or of folders of packs, separated as in PATH."""
BUILTIN = "builtin"
_BUILTIN_PACKAGE = "nanochat_panels"
_MANIFEST = "pack.toml"


class PackError(NanochatCliError):
    """A pack cannot be used: the message names its file and what is wrong with it."""

    code, exit_code, status = "bad_pack", 2, 422


@dataclass(frozen=True)
class PanelEntry:
    """A panel that can be opened. paths: folders its worker puts on sys.path. folder: the pack's,
    all that its worker may read of it."""

    pack: PackManifest
    panel: PanelManifest
    paths: tuple[Path, ...]
    folder: Path = Path()

    @property
    def name(self) -> str:
        """ "pack:panel", as layouts name it."""
        return f"{self.pack.id}:{self.panel.id}"


@dataclass(frozen=True)
class Catalog:
    """panels: by "pack:panel". errors: packs that were found and cannot be used."""

    panels: Mapping[str, PanelEntry] = field(default_factory=dict)
    errors: Sequence[PackError] = ()
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def discover(
        cls,
        folders: Iterable[Path] | None = None,
        grants: Mapping[str, Iterable[str]] | None = None,
    ) -> Catalog:
        """The built-in pack, and those in `folders` (default: $NANOCHAT_CLI_PACKS).

        grants: pack id to what the person granted it. A pack that is not named gets nothing; the
        built-in pack gets what it declares.
        """
        if folders is None:
            raw = os.environ.get(PACKS_VARIABLE, "")
            folders = [Path(part).expanduser() for part in raw.split(os.pathsep) if part]
        found: dict[str, tuple[PackManifest, Path]] = {}
        errors: list[PackError] = []
        spoilt: set[str] = set()
        for folder in _pack_folders(folders):
            try:
                manifest = _read(folder / _MANIFEST)
            except PackError as error:
                errors.append(error)
                continue
            if manifest.id in found:
                other = found[manifest.id][1]
                errors.append(_clash(manifest.id, other, folder))
                spoilt.add(manifest.id)
            else:
                found[manifest.id] = (manifest, folder)
        panels = {
            entry.name: entry
            for pack_id, (manifest, folder) in found.items()
            if pack_id not in spoilt or pack_id == BUILTIN
            for entry in _entries(manifest, folder)
        }
        held = {pack_id: frozenset(given) for pack_id, given in (grants or {}).items()}
        return cls(panels, errors, held)

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


def _pack_folders(folders: Iterable[Path]) -> list[Path]:
    """The built-in pack first, then each folder that is a pack, or the packs in it."""
    spec = find_spec(_BUILTIN_PACKAGE)
    packs = [Path(spec.origin).parent] if spec and spec.origin else []
    for folder in folders:
        if not folder.is_dir() or (folder / _MANIFEST).exists():
            packs.append(folder)
        else:
            packs += sorted(child for child in folder.iterdir() if (child / _MANIFEST).exists())
    return list(dict.fromkeys(folder.absolute() for folder in packs))


def _entries(manifest: PackManifest, folder: Path) -> list[PanelEntry]:
    # A pack.toml beside a package's modules is imported from the folder above.
    root = folder.parent if (folder / "__init__.py").exists() else folder
    return [PanelEntry(manifest, panel, (root,), folder) for panel in manifest.panels]


def _read(path: Path) -> PackManifest:
    """Only a regular file, never through a link: a manifest is data that lies where it lies."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PackError(
            f"{path}: {error.strerror}", "a pack is a folder with a pack.toml"
        ) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise PackError(f"{path}: not a regular file")
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        raw = file.read(MAX_MANIFEST + 1)
    try:
        return parse_manifest(raw)
    except ManifestError as error:
        raise PackError(f"{path}: {error}") from None


def _clash(pack_id: str, first: Path, second: Path) -> PackError:
    kept = "; the built-in one is used" if pack_id == BUILTIN else "; neither is used"
    return PackError(
        f"two packs have the id `{pack_id}`: {first} and {second}{kept}",
        "remove one of them or change its id",
    )
