"""Every key, by the place where it works; typing searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.key_notes import GENERAL, KeyNote, ordered
from nanochat_host.ui.screens.dialog import Dialog
from nanochat_host.ui.type_ahead import TypesAhead

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

KEY_CELLS = 22


class HelpScreen(TypesAhead, Dialog[None]):
    """extra: keys of the panels on show. keymap: the person's own, by id. mode: of the screen whose
    keys come first."""

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", "Close"),
        Binding("down", "list(1)", show=False),
        Binding("up", "list(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    def __init__(
        self,
        extra: Sequence[KeyNote] = (),
        keymap: Mapping[str, str] | None = None,
        mode: str = "",
    ) -> None:
        super().__init__()
        self._keymap = keymap or {}
        self._notes = ordered((*GENERAL, *extra), mode)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content("Keys, those of this screen first"), classes="title")
            yield Input(placeholder="search", compact=True)
            yield RowList(ListColumn("", KEY_CELLS), ListColumn(""), id="keys")

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
            keys = note.shown(self._keymap)
            if word not in f"{note.place} {keys} {note.does}".lower():
                continue
            if note.place != place:
                if rows:
                    rows.append(Row("", ()))
                rows.append(Row("", ((note.place, "title"),)))
                place = note.place
            rows.append(Row(f"{place}/{keys}/{note.does}", ((keys, "accent"), (note.does, ""))))
        self.query_one("#keys", RowList).set_rows(rows, empty=f"no key does “{word}”")

    def action_list(self, delta: int) -> None:
        self.query_one("#keys", RowList).action_move(delta)

    def action_page(self, direction: int) -> None:
        self.query_one("#keys", RowList).action_page(direction)


def help_of(app: NanochatApp) -> HelpScreen:
    """With the keys of the panels that are seen, and those of the present screen first."""
    from nanochat_host.ui.screens.dashboard import DashboardScreen

    screen, keymap = app.screen, app._keymap
    if not isinstance(screen, DashboardScreen):
        return HelpScreen((), keymap, app.current_mode)
    return HelpScreen(screen.panel_keys(), keymap, "editing" if screen.editing else screen.mode)
