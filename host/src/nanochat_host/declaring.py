"""What the enabled packs declare as data: read from their files by whoever applies a part of it.

Enabled are the packs of packs.json that are not switched off, and those in $NANOCHAT_CLI_PACKS.
Nothing of a pack is imported or run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanochat_sdk.declare import Declarations, File
from nanochat_sdk.errors import ManifestError
from nanochat_sdk.manifest import MANIFEST, read_declarations, read_manifest

from nanochat_host.installed import read_installed
from nanochat_host.paths import Paths, expand

PACKS_VARIABLE = "NANOCHAT_CLI_PACKS"
"""Environment variable: packs and folders of packs, separated as in PATH."""
State = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class DeclaringPack:
    """A pack and what it declares. problem: why nothing of it counts, in one line, or "".
    unusable: the pack as a whole is, not only its declarations."""

    id: str
    folder: Path
    declared: Declarations
    problem: str = ""
    unusable: bool = False

    def file(self, item: File) -> Path:
        """Where a file that it names lies."""
        return self.folder / item.file


def named_folders() -> list[Path]:
    """What $NANOCHAT_CLI_PACKS names: packs and folders of packs, whether they are there or not."""
    raw = os.environ.get(PACKS_VARIABLE, "")
    return [expand(part) for part in raw.split(os.pathsep) if part]


def packs_in(folder: Path) -> list[Path]:
    """The folder itself if it is a pack, else the packs in it. Raises OSError."""
    if (folder / MANIFEST).exists():
        return [folder]
    return sorted(child for child in folder.iterdir() if (child / MANIFEST).exists())


def enabled_folders(paths: Paths) -> list[Path]:
    """Folders of packs that count, each with a pack.toml."""
    found = [pack.place(paths) for pack in read_installed(paths).packs.values() if pack.enabled]
    for folder in named_folders():
        if folder.is_dir():
            found += packs_in(folder)
    return list(dict.fromkeys(folder.absolute() for folder in found))


def state_of(paths: Paths) -> State:
    """Changes whenever one of the files that are read may have changed. Costs a few `stat`s."""
    files = [paths.packs_json]
    for folder in enabled_folders(paths):
        files += [folder / MANIFEST, *sorted(folder.glob("*.toml"))]
    return tuple(_stats(files))


def _stats(files: list[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            about = file.stat()
        except OSError:
            continue
        yield str(file), about.st_mtime_ns, about.st_size


def read_declaring(paths: Paths) -> list[DeclaringPack]:
    """The enabled packs by id. One that cannot be read says why, and declares nothing. Of two with
    one id neither counts, as with their panels."""
    packs: dict[str, DeclaringPack] = {}
    for folder in enabled_folders(paths):
        try:
            manifest = read_manifest(folder / MANIFEST)
        except ManifestError as error:
            packs[str(folder)] = DeclaringPack(
                folder.name, folder, Declarations(), str(error), True
            )
            continue
        name = manifest.id
        if name in packs:
            said = f"two packs have this id: {packs[name].folder} and {folder}; neither is used"
            packs[name] = DeclaringPack(name, folder, Declarations(), said, True)
            continue
        try:
            packs[name] = DeclaringPack(name, folder, read_declarations(manifest, folder))
        except ManifestError as error:
            packs[name] = DeclaringPack(name, folder, Declarations(), str(error))
    return sorted(packs.values(), key=lambda pack: pack.id)


class Declaring:
    """`read_declaring`, read again only when a file has changed."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._state: State | None = None
        self._packs: list[DeclaringPack] = []

    def packs(self) -> list[DeclaringPack]:
        """As they are now: the same list until a file changes."""
        self.now()
        return self._packs

    def now(self) -> State:
        """The state they were read in."""
        state = state_of(self._paths)
        if state != self._state:
            self._packs, self._state = read_declaring(self._paths), state
        return state
