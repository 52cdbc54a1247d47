"""What a layout says, once it is read: screens, and panels on a grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

VERSION = 1
MAX_SCREENS, MAX_PANELS = 24, 48


class At(NamedTuple):
    """A rectangle of the grid, in grid units. col and row start at 0."""

    col: int
    row: int
    width: int
    height: int

    def overlaps(self, other: At) -> bool:
        """They share a field."""
        return (
            self.col < other.col + other.width
            and other.col < self.col + self.width
            and self.row < other.row + other.height
            and other.row < self.row + self.height
        )


WHOLE = At(0, 0, 12, 12)


@dataclass(frozen=True)
class Placement:
    """A panel on a screen. id: unique on its screen. panel: "pack:panel". title: "" keeps the
    panel's own. at_narrow: its place on a terminal under 100 columns. refresh_hz: frames a second
    at most, 0 for the panel's own. source: id of the run it shows, "" for the run on show.
    options: defaults are filled in."""

    id: str
    panel: str
    title: str = ""
    at: At = WHOLE
    at_narrow: At | None = None
    refresh_hz: float = 0.0
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScreenSpec:
    """A screen: a grid of `columns` x `rows` fields with panels. Without panels it is the log."""

    id: str
    title: str
    columns: int = 12
    rows: int = 12
    panels: tuple[Placement, ...] = ()

    def panel(self, panel_id: str) -> Placement | None:
        """The panel of that id, or None."""
        return next((panel for panel in self.panels if panel.id == panel_id), None)


@dataclass(frozen=True)
class LayoutSpec:
    """A layout file. name: the file's stem."""

    name: str
    title: str
    help: str
    path: Path
    screens: tuple[ScreenSpec, ...]

    def screen(self, screen_id: str) -> ScreenSpec | None:
        """The screen of that id, or None."""
        return next((screen for screen in self.screens if screen.id == screen_id), None)
