"""Paragraphs wrapped at words, painted line by line; stays at the end while somebody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.talk import Line


class TalkView(ScrollView, can_focus=True):
    """Text is clean already: see `Talk.lines`."""

    DEFAULT_CSS = "TalkView { scrollbar-size-vertical: 1; height: 1fr; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "talk",
        [
            Binding("up", "scroll_up", show=False),
            Binding("down", "scroll_down", show=False),
        ],
    )

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._paragraphs: list[Line] = []
        self._rows: list[Line] = []

    def set_lines(self, paragraphs: Iterable[Line]) -> None:
        """Show these; a reader who scrolled up stays where they are."""
        self._paragraphs = list(paragraphs)
        self._wrap()

    def on_resize(self) -> None:
        self._wrap()

    def _wrap(self) -> None:
        width = max(self.size.width - 2, 8)
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        self._rows = [(row, style) for text, style in self._paragraphs for row in wrap(text, width)]
        self.virtual_size = Size(self.size.width, len(self._rows))
        if at_end:
            self.scroll_end(animate=False, force=True, immediate=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = Palette.from_theme(self.app)
        at = y + self.scroll_offset.y
        text, style = self._rows[at] if 0 <= at < len(self._rows) else ("", "")
        return Strip([Segment(set_cell_size(f" {text}", self.size.width), palette[style])])


def wrap(text: str, width: int) -> Iterator[str]:
    """Rows of at most `width` cells, broken at spaces where there are any. What the first row is
    indented by stays: models write code."""
    words = text.lstrip(" ")
    row, begun = " " * min(len(text) - len(words), width // 2), False
    for word in words.split(" "):
        joined = f"{row} {word}" if begun else f"{row}{word}"
        if cell_len(joined) > width:
            if begun:
                yield row
            *whole, joined = chop_cells(word, width) or [""]
            yield from whole
        row, begun = joined, True
    yield row
