"""One of many, by typing a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from nanochat_host.ui.controls.row_list import ListColumn, Row, RowList
from nanochat_host.ui.screens.dialog import Dialog


class ChooseScreen(Dialog[str]):
    """Dismissed with the key of a row, or "". rows: with keys; what is typed filters by any of
    their texts. chosen: key under the cursor at first."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "Cancel"),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    def __init__(
        self, title: str, columns: Sequence[ListColumn], rows: Sequence[Row], chosen: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._columns = columns
        self._rows = rows
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content(self._title), classes="title")
            yield Input(placeholder="type to filter", compact=True)
            yield RowList(*self._columns, id="choices")

    def on_mount(self) -> None:
        choices = self.query_one("#choices", RowList)
        choices.set_rows(self._rows)
        choices.select(self._chosen)
        choices.can_focus = False

    @on(Input.Changed)
    def _filter(self, message: Input.Changed) -> None:
        word = message.value.strip().lower()
        rows = [r for r in self._rows if word in " ".join(text for text, _ in r.cells).lower()]
        self.query_one("#choices", RowList).set_rows(rows, empty=f"nothing has “{word}”")

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.dismiss(self.query_one("#choices", RowList).key)

    @on(RowList.Chosen, "#choices")
    def _picked(self, message: RowList.Chosen) -> None:
        self.dismiss(message.key)

    def action_move(self, delta: int) -> None:
        """Move the cursor while typing goes on."""
        self.query_one("#choices", RowList).action_move(delta)
