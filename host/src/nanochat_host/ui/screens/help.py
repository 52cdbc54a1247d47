"""Every key, by the place where it works; typing searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList


@dataclass(frozen=True)
class KeyNote:
    """One key. place: where it works."""

    place: str
    key: str
    does: str


GENERAL = (
    KeyNote("Anywhere", "F1 ?", "this help"),
    KeyNote("Anywhere", "ctrl+p", "command palette: every action by name"),
    KeyNote("Anywhere", "h", "home"),
    KeyNote("Anywhere", "r", "runs"),
    KeyNote("Anywhere", "d", "dashboard of the run on show"),
    KeyNote("Anywhere", "o", "its output, as a log"),
    KeyNote("Anywhere", "n", "start a run"),
    KeyNote("Anywhere", "t", "next theme: dark, light, high contrast"),
    KeyNote("Anywhere", "q ctrl+q", "close the terminal; runs go on"),
    KeyNote("Dashboard", "1-9", "screen of the layout"),
    KeyNote("Dashboard", "tab shift+tab", "next, previous panel"),
    KeyNote("Dashboard", "arrows", "panel in that direction, if this one does not use them"),
    KeyNote("Dashboard", "ctrl+arrows alt+hjkl", "panel in that direction, always"),
    KeyNote("Dashboard", "z enter", "panel to full screen, and back; esc too"),
    KeyNote("Dashboard", "R", "restart a panel that failed"),
    KeyNote("Steering", "c", "save a checkpoint after this step"),
    KeyNote("Steering", "p space", "pause or resume"),
    KeyNote("Steering", "e", "evaluate now"),
    KeyNote("Steering", "g", "generate samples now"),
    KeyNote("Steering", "x", "stop: asks how"),
    KeyNote("Charts", "left right", "cursor with values"),
    KeyNote("Charts", "+ -", "zoom in, out around the cursor"),
    KeyNote("Charts", "shift+left shift+right", "pan"),
    KeyNote("Charts", "0", "whole range"),
    KeyNote("Charts", "l L", "log scale of y, of x"),
    KeyNote("Charts", "s S", "more, less smoothing"),
    KeyNote("Runs", "/", "filter"),
    KeyNote("Runs", "enter", "open the dashboard"),
    KeyNote("Runs", "x", "stop"),
    KeyNote("Runs", "del", "delete a run that has ended"),
    KeyNote("Log", "/", "search the whole log"),
    KeyNote("Log", "v 1 2 3", "level"),
    KeyNote("Log", "f end", "follow"),
    KeyNote("Log", "w", "wrap long lines"),
)


class HelpScreen(ModalScreen[None]):
    """extra: keys of the panels on show."""

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", "Close"),
        Binding("down", "list(1)", show=False),
        Binding("up", "list(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    def __init__(self, extra: Sequence[KeyNote] = ()) -> None:
        super().__init__()
        self._notes = (*GENERAL, *extra)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content("Keys"), classes="title")
            yield Input(placeholder="search", compact=True)
            yield RowList(ListColumn("", 24), ListColumn(""), id="keys")

    def on_mount(self) -> None:
        self._list("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._list(message.value.strip().lower())

    def _list(self, word: str) -> None:
        rows: list[Row] = []
        place = ""
        for note in self._notes:
            if word not in f"{note.place} {note.key} {note.does}".lower():
                continue
            if note.place != place:
                if rows:
                    rows.append(Row("", ()))
                rows.append(Row("", ((note.place, "title"),)))
                place = note.place
            rows.append(Row(f"{place}/{note.key}", ((note.key, "accent"), (note.does, ""))))
        self.query_one("#keys", RowList).set_rows(rows, empty=f"no key does “{word}”")

    def action_list(self, delta: int) -> None:
        self.query_one("#keys", RowList).action_move(delta)

    def action_page(self, direction: int) -> None:
        self.query_one("#keys", RowList).action_page(direction)
