"""What the workers of one zygote may read. A pack has a room of its own, so that packs do not see
each other and share neither addresses nor hash seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanochat_host.packs.catalog import PanelEntry

_BUILTIN_PACKAGE = "nanochat_panels"


@dataclass(frozen=True)
class Room:
    """readable: files and folders, with all that is below; absolute. preload: modules the zygote
    imports from `import_from`, so that its workers share them instead of compiling them each: only
    of our own panels, which come with the host and are trusted as the SDK is. A stranger's code is
    read behind the walls or not at all. files: what the person let its panel read, each as (name,
    real name)."""

    readable: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    import_from: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def pack(self) -> Room:
        """The room of panels of this pack that may read no files: what a pack uses is counted
        together, whatever each of its panels was granted."""
        return replace(self, files=())


def room_of(entry: PanelEntry, files: tuple[tuple[str, str], ...] = ()) -> Room:
    """The room of the entry's pack, for a panel that may read `files`."""
    builtin = builtin_room()
    room = _room(entry.folder)
    return replace(builtin if room.readable == builtin.readable else room, files=files)


@cache
def builtin_room() -> Room:
    """The room most workers live in."""
    spec = find_spec(_BUILTIN_PACKAGE)
    if spec is None or spec.origin is None:
        return Room()
    folder = Path(spec.origin).parent.absolute()
    modules = sorted(path.stem for path in folder.glob("[!_]*.py"))
    preload = tuple(f"{_BUILTIN_PACKAGE}.{name}" for name in modules)
    return replace(_room(folder), preload=preload, import_from=(str(folder.parent),))


def _room(folder: Path) -> Room:
    return Room((str(folder),))
