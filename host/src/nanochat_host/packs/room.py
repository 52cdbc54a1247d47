"""What the workers of one zygote may read. A pack has a room of its own, so that packs do not see
each other and share neither addresses nor hash seeds."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nanochat_host.packs.catalog import PanelEntry

_BUILTIN_PACKAGE = "nanochat_panels"


@dataclass(frozen=True)
class Room:
    """readable: files and folders, with all that is below. listed: folders whose names Python must
    see to find a module in them. All absolute."""

    readable: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


def room_of(entry: PanelEntry) -> Room:
    """The room of the entry's pack."""
    return _room(entry.folder, entry.paths)


def builtin_room() -> Room:
    """The room most workers live in."""
    spec = find_spec(_BUILTIN_PACKAGE)
    if spec is None or spec.origin is None:
        return Room()
    folder = Path(spec.origin).parent.absolute()
    return _room(folder, (folder.parent,))


def _room(folder: Path, import_paths: tuple[Path, ...]) -> Room:
    listed = tuple(str(path) for path in import_paths if path != folder)
    return Room((str(folder),), listed)
