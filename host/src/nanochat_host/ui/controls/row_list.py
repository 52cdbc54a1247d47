"""A list of rows with columns, painted line by line: as fast with ten rows as with ten thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.render.palette import Palette

Cell = tuple[str, str]
"""Text and the name of its style (see `nanochat_sdk.style`). Painted as it is, never as markup;
callers sanitise what comes from outside."""


@dataclass(frozen=True)
class Row:
    """key: what is chosen; "" is a heading, over which the cursor jumps. cells: fewer than columns
    let the last one run on to the right edge."""

    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ListColumn:
    """title: heading. width: cells, 0 takes what is left. keep: columns with a lower number go
    first when there is no room."""

    title: str
    width: int = 0
    right: bool = False
    keep: int = 5


@dataclass
class RowMessage(Message):
    """Something about the row with that key."""

    row_list: RowList
    key: str

    @property
    def control(self) -> RowList:
        """The list it happened in, for `@on(..., "#id")`."""
        return self.row_list


class RowList(ScrollView, can_focus=True):
    """A list to choose from. columns: none paints no heading."""

    DEFAULT_CSS = "RowList { scrollbar-size-vertical: 1; height: 1fr; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "list",
        [
            Binding("up", "move(-1)", show=False),
            Binding("down", "move(1)", show=False),
            Binding("pageup", "page(-1)", show=False),
            Binding("pagedown", "page(1)", show=False),
            Binding("home", "edge(-1)", show=False),
            Binding("end", "edge(1)", show=False),
            Binding("enter", "choose", show=False),
        ],
    )

    cursor: reactive[int] = reactive(-1)

    class Chosen(RowMessage):
        """Enter or click."""

    class Moved(RowMessage):
        """The cursor stands on another row."""

    def __init__(self, *columns: ListColumn, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._rows: Sequence[Row] = ()
        self._empty = empty

    @property
    def rows(self) -> Sequence[Row]:
        """What is listed."""
        return self._rows

    @property
    def key(self) -> str:
        """Key of the row under the cursor, "" when there is none."""
        return self._rows[self.cursor].key if 0 <= self.cursor < len(self._rows) else ""

    def set_rows(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Show these rows; the cursor stays on its row if that is still there."""
        key, index = self.key, self.cursor
        self._rows = rows
        if empty is not None:
            self._empty = empty
        self.virtual_size = Size(self.size.width, len(rows) + self._head)
        keys = [row.key for row in rows]
        if key and key in keys:
            self.cursor = keys.index(key)
        else:
            self.cursor = self._step(min(max(self.cursor, 0), len(rows)), 1)
        if self.cursor == index and self.key != key and self.is_attached:
            # Another row came under a cursor that did not move.
            self.post_message(self.Moved(self, self.key))
        self.refresh()

    def set_columns(self, *columns: ListColumn) -> None:
        """Other columns, for the rows that follow."""
        self._columns = columns

    def select(self, key: str) -> None:
        """Put the cursor on the row with that key."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self.cursor = index

    @property
    def _head(self) -> int:
        return 1 if any(column.title for column in self._columns) else 0

    def _step(self, start: int, direction: int) -> int:
        """The first row that can be chosen at or after `start`, else the nearest before it."""
        for indexes in (
            range(start, len(self._rows) if direction > 0 else -1, direction),
            range(start - direction, -1 if direction > 0 else len(self._rows), -direction),
        ):
            for index in indexes:
                if 0 <= index < len(self._rows) and self._rows[index].key:
                    return index
        return -1

    def on_mount(self) -> None:
        # Rows may have come before; a watcher is not called until the widget runs.
        if self.cursor >= 0:
            self.watch_cursor(self.cursor)

    def watch_cursor(self, cursor: int) -> None:
        if cursor >= 0:
            above = 1 if cursor > 0 and not self._rows[cursor - 1].key else 0
            self.scroll_to_region(
                Region(0, cursor - above, 1, 1 + above + self._head),
                animate=False,
                immediate=True,
                force=True,
            )
            self.post_message(self.Moved(self, self.key))

    def action_move(self, delta: int) -> None:
        if self._rows:
            self.cursor = self._step(max(0, min(len(self._rows) - 1, self.cursor + delta)), delta)

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.size.height - 2))

    def action_edge(self, direction: int) -> None:
        if self._rows:
            self.cursor = self._step(0 if direction < 0 else len(self._rows) - 1, -direction)

    def action_choose(self) -> None:
        if self.key:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y - self._head
        if 0 <= index < len(self._rows) and self._rows[index].key:
            again = self.cursor == index
            self.cursor = index
            if again or event.chain > 1:
                self.action_choose()

    def _widths(self) -> list[int]:
        """Cells of each column; 0 is not shown."""
        room = self.size.width - 2
        shown = sorted(range(len(self._columns)), key=lambda i: -self._columns[i].keep)
        while shown and sum((self._columns[i].width or 16) + 2 for i in shown) > room:
            shown.pop()
        widths = [self._columns[i].width if i in shown else 0 for i in range(len(self._columns))]
        elastic = [i for i in shown if not self._columns[i].width]
        left = room - sum(width + 2 for width in widths if width) - 2 * len(elastic)
        for index in elastic:
            widths[index] = max(1, left // len(elastic))
        return widths

    def span(self, column: int) -> tuple[int, int]:
        """Where a column begins and how wide it is, in cells; width 0: it is not shown."""
        widths = self._widths()
        return 1 + _taken(widths, column + 1), widths[column]

    def _paint(self, cells: Sequence[Cell], over: Style | None = None) -> Strip:
        palette = Palette.from_theme(self.app)
        plain = over or palette[""]
        segments = [Segment(" ", plain)]
        widths = self._widths()
        if len(cells) < len(widths):
            # The last cell given has the rest of the line.
            widths = [*widths[: len(cells) - 1], self.size.width - 2 - _taken(widths, len(cells))]
        for (text, name), column, width in zip(cells, self._columns, widths, strict=False):
            if width <= 0:
                continue
            if cell_len(text) > width:
                text = f"{set_cell_size(text, width - 1)}…"
            gap = " " * (width - cell_len(text))
            text = f"{gap}{text}  " if column.right else f"{text}{gap}  "
            segments.append(Segment(text, over or palette[name]))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def render_line(self, y: int) -> Strip:
        palette = Palette.from_theme(self.app)
        if not self._rows:
            text = self._empty if y == self._head else ""
            text = set_cell_size(f" {text}", self.size.width)
            return Strip([Segment(text, palette["muted"])])
        if self._head and y == 0:
            return self._paint([(column.title, "muted") for column in self._columns])
        index = y - self._head + self.scroll_offset.y
        if not 0 <= index < len(self._rows):
            return Strip.blank(self.size.width, palette[""])
        row = self._rows[index]
        if index != self.cursor:
            return self._paint(row.cells)
        return self._paint(row.cells, palette["host-selection" if self.has_focus else "host-bar"])


def _taken(widths: list[int], cells: int) -> int:
    """Cells that the columns before the last given one take."""
    return sum(width + 2 for width in widths[: max(0, cells - 1)] if width)
