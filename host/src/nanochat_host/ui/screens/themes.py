"""The gallery of themes: moving the cursor wears one, Enter keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.render.palette import palette_of
from nanochat_host.ui.screens.dialog import Dialog
from nanochat_host.ui.themes import THEMES

if TYPE_CHECKING:
    from nanochat_host.ui.app import NanochatApp

OURS = {theme.name: theme.name.removeprefix("nanochat-") for theme in THEMES}


class ThemeScreen(Dialog[None]):
    """Ours first, then Textual's. The screen behind it is seen, in the colours that are tried."""

    CSS_PATH = "modal.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Back to the old one")]

    def __init__(self) -> None:
        super().__init__()
        self._before = ""

    @property
    def host(self) -> NanochatApp:
        """The app, by its own type."""
        return cast("NanochatApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content("Themes"), classes="title")
            yield RowList(ListColumn("", 26), ListColumn(""), id="themes")
            yield Static(Content("enter keeps it, esc goes back"), classes="help")

    def on_mount(self) -> None:
        self._before = self.app.theme
        others = sorted(set(self.app.available_themes) - set(OURS))
        rows = []
        for name in [*OURS, *others]:
            theme = self.app.available_themes[name]
            kind = "dark" if palette_of(theme).dark else "light"
            rows.append(Row(name, ((OURS.get(name, name), "bold"), (kind, "muted"))))
        themes = self.query_one("#themes", RowList)
        themes.set_rows(rows)
        themes.select(self._before)
        themes.focus()

    @on(RowList.Moved, "#themes")
    def _moved(self, message: RowList.Moved) -> None:
        self.app.theme = message.key

    @on(RowList.Chosen, "#themes")
    def _chosen(self, message: RowList.Chosen) -> None:
        self.host.use_theme(message.key)
        self.dismiss()

    def action_give_up(self) -> None:
        """The theme as it was."""
        self.app.theme = self._before
        self.dismiss()
