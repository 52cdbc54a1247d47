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
    """layout: what is placed where. catalog: the panels that are installed."""

    layout: LayoutSpec
    catalog: Catalog


def load_deck(paths: Paths, layout: str) -> Deck:
    """Read a layout, given by name or file. Raises ConfigFileError or NotFoundError."""
    from nanochat_host.layout.find import find_layout
    from nanochat_host.layout.load import load_layout
    from nanochat_host.packs.catalog import Catalog

    catalog = Catalog.discover()
    return Deck(load_layout(find_layout(layout, paths), catalog.manifests), catalog)


def open_deck(paths: Paths, asked: str | Path | None, remembered: str) -> tuple[Deck, str]:
    """The deck to begin with, and a note for the person.

    A layout that was asked for must load; one that was only remembered gives way to the default.
    """
    if asked:
        return load_deck(paths, str(asked)), ""
    if remembered and remembered != DEFAULT_LAYOUT:
        try:
            return load_deck(paths, remembered), ""
        except NanochatCliError as error:
            return load_deck(paths, DEFAULT_LAYOUT), f"{error}; showing the default layout"
    return load_deck(paths, DEFAULT_LAYOUT), ""
