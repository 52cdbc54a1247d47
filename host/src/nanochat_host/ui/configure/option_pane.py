"""The option table: a painted list, and one line that edits the value under the cursor in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from nanochat_host.ui.configure.option_rows import COLUMNS, VALUE_COLUMN, columns_for
from nanochat_host.ui.controls.row_list import Row, RowList


class ValueLine(Input):
    """The editor. Enter or an arrow takes the value, Esc leaves it, Tab takes the nearest legal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "done(-1)", show=False),
        Binding("down", "done(1)", show=False),
        Binding("enter", "done(0)", "Take it"),
        Binding("tab", "nearest", "Nearest legal value"),
        Binding("escape", "drop", "Leave it"),
    ]

    @dataclass
    class Done(Message):
        """text is to be taken; the cursor moves on by `move` rows."""

        text: str
        move: int

    class Dropped(Message):
        """Nothing is to be changed."""

    class NearestWanted(Message):
        """The nearest legal value is to stand in the line."""

    def action_done(self, move: int) -> None:
        self.post_message(self.Done(self.value, move))

    def action_drop(self) -> None:
        self.post_message(self.Dropped())

    def action_nearest(self) -> None:
        self.post_message(self.NearestWanted())


class OptionPane(Container):
    """rows are set by the screen; what is typed is told while it is typed. editing: key of the row
    under the editor, "" for none; began_with: what stood there."""

    DEFAULT_CSS = """
    OptionPane { layers: table line; height: 1fr; }
    OptionPane RowList { layer: table; }
    OptionPane ValueLine, OptionPane ValueLine:focus {
        layer: line; position: absolute; height: 1; border: none; padding: 0; display: none;
        background: $primary 30%; color: $foreground;
    }
    OptionPane ValueLine.-wrong, OptionPane ValueLine.-wrong:focus { background: $error 40%; }
    """

    @dataclass
    class Typed(Message):
        """A value is being typed. key: of the row."""

        key: str
        text: str

    @dataclass
    class Taken(Message):
        """A value is to be taken, if it will do. move: rows to go on by."""

        key: str
        text: str
        move: int

    class Left(Message):
        """Editing ended without a change."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.editing = ""
        self.began_with = ""
        self.nearest = ""
        self._rows: list[Row] = []
        self._note = ("", "")

    def compose(self) -> ComposeResult:
        yield RowList(*COLUMNS, id="options")
        yield ValueLine(compact=True, select_on_focus=True)

    @property
    def table(self) -> RowList:
        return self.query_one(RowList)

    @property
    def line(self) -> ValueLine:
        return self.query_one(ValueLine)

    def set_rows(self, rows: list[Row], empty: str) -> None:
        """Show these. The row under the editor stays where it is, and keeps its note."""
        self._rows = rows
        self.table.set_columns(*columns_for(rows, self.size.width))
        self.table.set_rows([self._noted(row) for row in rows], empty=empty)
        self.call_after_refresh(self._place)

    def edit(self, key: str, value: str) -> None:
        """Begin to edit a row."""
        self.table.select(key)
        self.editing, self.began_with, self.nearest = key, value, ""
        self._note = ("", "")
        line = self.line
        line.remove_class("-wrong")
        line.value = value
        line.display = True
        line.focus()
        self._place()

    def close(self) -> None:
        """Stop editing."""
        if self.editing:
            self.editing, self._note = "", ("", "")
            self.table.focus()
            self.line.display = False
            self.set_rows(self._rows, "")

    def say(self, text: str, wrong: bool, nearest: str = "") -> None:
        """About the value under way. nearest: what Tab would put there."""
        self.nearest = nearest
        self._note = (text, "error" if wrong else "muted")
        self.line.set_class(wrong, "-wrong")
        self.set_rows(self._rows, "")

    def on_resize(self) -> None:
        self.table.set_columns(*columns_for(self._rows, self.size.width))
        self.call_after_refresh(self._place)

    def _noted(self, row: Row) -> Row:
        if row.key != self.editing or not self._note[0]:
            return row
        gap = " " * max(self.line.size.width - self.table.span(VALUE_COLUMN)[1], 0)
        return Row(
            row.key, (*row.cells[: VALUE_COLUMN + 1], (f"{gap}{self._note[0]}", self._note[1]))
        )

    def _place(self) -> None:
        """Lay the line over the value it edits."""
        if not self.editing:
            return
        table = self.table
        x, width = table.span(VALUE_COLUMN)
        y = table.cursor - table.scroll_offset.y + 1
        self.line.styles.offset = (x, y)
        self.line.styles.width = min(width + 1, max(self.size.width - x - 1, 4))

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        if self.editing:
            self.post_message(self.Typed(self.editing, message.value))

    @on(ValueLine.Done)
    def _done(self, message: ValueLine.Done) -> None:
        self.post_message(self.Taken(self.editing, message.text, message.move))

    @on(ValueLine.Dropped)
    def _dropped(self) -> None:
        self.close()
        self.post_message(self.Left())

    @on(ValueLine.NearestWanted)
    def _nearest(self) -> None:
        if self.nearest:
            self.line.value = self.nearest
            self.line.action_end()
