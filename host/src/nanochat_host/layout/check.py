"""What may stand in a layout: keys, types, ranges, places on the grid, options of panels."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from nanochat_sdk.manifest import PanelManifest, option_errors, resolve_options

from nanochat_host.errors import ConfigFileError
from nanochat_host.layout.lines import Lines
from nanochat_host.layout.lines import Path as Key
from nanochat_host.layout.spec import (
    MAX_PANELS,
    MAX_SCREENS,
    VERSION,
    At,
    LayoutSpec,
    Placement,
    ScreenSpec,
)

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
Check = Callable[[Any], str]
"""Why a value is wrong, "" when it is right."""


def _is_text(limit: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return f"must be text, not {value!r:.40}"
        printable = value.isprintable() and len(value) <= limit
        return "" if printable else f"must be one line of at most {limit} characters"

    return check


def _is_id(value: Any) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return ""
    return f"must be a letter and then letters, digits, - or _, not {value!r:.40}"


def _is_whole(lo: int, hi: int) -> Check:
    def check(value: Any) -> str:
        right = isinstance(value, int) and not isinstance(value, bool) and lo <= value <= hi
        return "" if right else f"must be a whole number from {lo} to {hi}, not {value!r:.40}"

    return check


def _is_rate(value: Any) -> str:
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 60
    return "" if right else f"must be a number above 0 and at most 60, not {value!r:.40}"


def _is_place(value: Any) -> str:
    right = (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        and min(value[:2]) >= 0
        and min(value[2:]) >= 1
    )
    return "" if right else f"must be [column, row, width, height], not {value!r:.60}"


def _is_list(value: Any) -> str:
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return "" if right else "must be tables, written with [[ ]]"


def _is_table(value: Any) -> str:
    return "" if isinstance(value, dict) else f"must be a table, not {value!r:.40}"


ROOT: dict[str, Check] = {
    "version": _is_whole(VERSION, VERSION),
    "title": _is_text(60),
    "help": _is_text(200),
    "screens": _is_list,
}
SCREEN: dict[str, Check] = {
    "id": _is_id,
    "title": _is_text(40),
    "columns": _is_whole(1, 48),
    "rows": _is_whole(1, 96),
    "panels": _is_list,
}
PANEL: dict[str, Check] = {
    "id": _is_id,
    "panel": _is_text(100),
    "title": _is_text(60),
    "at": _is_place,
    "at_narrow": _is_place,
    "refresh_hz": _is_rate,
    "source": _is_text(100),
    "options": _is_table,
}


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, "" when none is."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)), "")


class Checker:
    """Reads one document and collects what is wrong with it in `errors`, and panels of packs that
    are not installed in `missing`: a layout may be used without them."""

    def __init__(self, path: Path, lines: Lines, catalog: Mapping[str, PanelManifest]) -> None:
        self.path, self.lines, self.catalog = path, lines, catalog
        self.errors: list[ConfigFileError] = []
        self.missing: list[ConfigFileError] = []
        self._packs = {name.partition(":")[0] for name in catalog}

    def error(self, at: Key, message: str, *, key: str = "", near: str = "") -> None:
        """Note a mistake. key: as written in the file, the last of `at` if not given."""
        named = key or next((str(part) for part in reversed(at) if isinstance(part, str)), "")
        line = self.lines.of(at)
        self.errors.append(
            ConfigFileError(str(self.path), message, line=line, key=named, near=near)
        )

    def fields(
        self, table: dict[str, Any], at: Key, checks: dict[str, Check], needed: tuple[str, ...]
    ) -> dict[str, Any]:
        """The entries that are known and right."""
        right: dict[str, Any] = {}
        for key, value in table.items():
            if key not in checks:
                near = nearest(key, checks)
                known = "" if near else f"; known here: {', '.join(checks)}"
                self.error((*at, key), f"is not a key of a layout{known}", key=key, near=near)
            elif wrong := checks[key](value):
                self.error((*at, key), wrong, key=key)
            else:
                right[key] = value
        for key in needed:
            if key not in table:
                self.error(at, "is missing", key=key)
        return right

    def layout(self, document: dict[str, Any]) -> LayoutSpec:
        """The whole file."""
        found = self.fields(document, (), ROOT, ("version", "screens"))
        screens = found.get("screens", [])
        if "screens" in found and not 1 <= len(screens) <= MAX_SCREENS:
            self.error(("screens",), f"must be 1 to {MAX_SCREENS} screens, not {len(screens)}")
        specs = tuple(
            self.screen(screen, ("screens", index))
            for index, screen in enumerate(screens[:MAX_SCREENS])
        )
        self.unique([spec.id for spec in specs], ("screens",), "screen")
        name = self.path.stem
        return LayoutSpec(name, found.get("title", name), found.get("help", ""), self.path, specs)

    def screen(self, table: dict[str, Any], at: Key) -> ScreenSpec:
        """One of [[screens]]."""
        found = self.fields(table, at, SCREEN, ("id",))
        columns, rows = found.get("columns", 12), found.get("rows", 12)
        panels = found.get("panels", [])
        if len(panels) > MAX_PANELS:
            self.error((*at, "panels"), f"must be at most {MAX_PANELS} panels, not {len(panels)}")
        places = [
            self.panel(panel, (*at, "panels", index), columns, rows)
            for index, panel in enumerate(panels[:MAX_PANELS])
        ]
        self.unique([place.id for place in places], (*at, "panels"), "panel")
        for key in ("at", "at_narrow"):
            self.overlaps(places, (*at, "panels"), key)
        screen_id = found.get("id", "")
        title = found.get("title") or screen_id.replace("_", " ").capitalize()
        return ScreenSpec(screen_id, title, columns, rows, tuple(places))

    def panel(self, table: dict[str, Any], at: Key, columns: int, rows: int) -> Placement:
        """One of [[screens.panels]]."""
        found = self.fields(table, at, PANEL, ("id", "panel", "at"))
        places: dict[str, At] = {}
        for key in ("at", "at_narrow"):
            if key in found:
                places[key] = place = At(*found[key])
                if place.col + place.width > columns or place.row + place.height > rows:
                    grid = f"{columns} columns and {rows} rows"
                    self.error((*at, key), f"{found[key]} reaches out of the grid of {grid}")
        name, options = found.get("panel", ""), found.get("options", {})
        manifest = self.catalog.get(name)
        if manifest is not None:
            wrong = option_errors(manifest.options, options)
            for error in wrong:
                self.error(
                    (*at, "options", error.key), error.message, key=error.key, near=error.near
                )
            options = options if wrong else resolve_options(manifest.options, options)
        elif name:
            near = nearest(name, self.catalog)
            unknown = f'"{name}" is not a panel of an installed pack'
            self.error((*at, "panel"), unknown, near=near)
            pack, colon, _ = name.partition(":")
            if colon and pack not in self._packs:
                self.missing.append(self.errors.pop())
        return Placement(
            id=found.get("id", ""), panel=name, title=found.get("title", ""),
            at=places.get("at", At(0, 0, columns, rows)), at_narrow=places.get("at_narrow"),
            refresh_hz=float(found.get("refresh_hz", 0.0)), source=found.get("source", ""),
            options=options,
        )  # fmt: skip

    def unique(self, ids: list[str], at: Key, what: str) -> None:
        """No id twice."""
        for index, found in enumerate(ids):
            if found and found in ids[:index]:
                self.error((*at, index, "id"), f'"{found}" is already the id of another {what}')

    def overlaps(self, places: list[Placement], at: Key, key: str) -> None:
        """No two panels on one field."""
        numbered = [(i, place.id, getattr(place, key)) for i, place in enumerate(places)]
        for (_, first_id, first), (index, second_id, second) in combinations(numbered, 2):
            if first and second and first.overlaps(second):
                message = f'"{second_id}" lies over panel "{first_id}" at {list(first)}'
                self.error((*at, index, key), message)
