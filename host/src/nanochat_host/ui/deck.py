"""What a dashboard is made of: a layout, and the panels it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths

if TYPE_CHECKING:
    from nanochat_host.layout.spec import LayoutSpec
    from nanochat_host.packs.catalog import Catalog

DEFAULT_LAYOUT = "default"


@dataclass(frozen=True)
class Deck:
    """layout: what is placed where. catalog: the panels that are installed. text: the layout's
    file as it was read."""

    layout: LayoutSpec
    catalog: Catalog
    text: str = ""


def load_deck(paths: Paths, layout: str) -> Deck:
    """Read a layout, given by name or file. Raises ConfigFileError or NotFoundError."""
    from nanochat_host.layout.find import find_layout

    return read_deck(paths, find_layout(layout, paths))


def read_deck(paths: Paths, file: Path) -> Deck:
    """The deck of a layout file. Raises ConfigFileError or NotFoundError."""
    from nanochat_host.layout.load import parse_layout, read_raw, usable
    from nanochat_host.packs.catalog import Catalog

    catalog = Catalog.discover(paths=paths)
    raw = read_raw(file)
    layout = usable(*parse_layout(raw, file, catalog.manifests))
    return Deck(layout, catalog, raw.decode())


def open_deck(paths: Paths, asked: str | Path | None, remembered: str) -> tuple[Deck, str]:
    """The deck to begin with, and a note for the person.

    A layout that was asked for must load; one that was only remembered gives way to the default,
    and a default of one's own to the one that came with the program.
    """
    if asked:
        return load_deck(paths, str(asked)), ""
    notes: list[str] = []
    for name in dict.fromkeys((remembered or DEFAULT_LAYOUT, DEFAULT_LAYOUT)):
        try:
            return load_deck(paths, name), "\n".join(notes)
        except NanochatCliError as error:
            notes.append(f"{error}\nshowing the default layout; f5 reads it again once it is right")
    from nanochat_host.layout.find import shipped_layout

    return read_deck(paths, shipped_layout(DEFAULT_LAYOUT)), notes[0]
