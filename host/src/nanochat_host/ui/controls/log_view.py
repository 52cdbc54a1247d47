"""Lines of a log with numbers, levels and hits of a search, painted line by line."""

from __future__ import annotations

from typing import ClassVar

from nanochat_sdk.data import LogLine, LogPage
from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.key_ids import with_ids
from nanochat_host.ui.render.palette import Palette

LEVEL_STYLES = {"info": "", "warning": "warning", "error": "error"}


class LogView(ScrollView, can_focus=True):
    """follow: stay at the end as lines arrive; scrolling up lets go, `f` or End takes it up."""

    DEFAULT_CSS = "LogView { scrollbar-size-vertical: 1; height: 1fr; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = with_ids(
        "lines",
        [
            Binding("up", "by(-1)", show=False),
            Binding("down", "by(1)", show=False),
            Binding("pageup", "page(-1)", show=False),
            Binding("pagedown", "page(1)", show=False),
            Binding("home", "top", show=False),
            Binding("end", "bottom", show=False),
        ],
    )

    follow: reactive[bool] = reactive(True)
    wrap: reactive[bool] = reactive(False)

    class FollowChanged(Message):
        """It began or ceased to follow."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._page = LogPage()
        self._search = ""
        self._empty = ""
        self._rows: list[tuple[LogLine, str, bool]] = []

    def set_empty(self, text: str) -> None:
        """What stands there while there is no line."""
        self._empty = text
        self.refresh()

    def set_page(self, page: LogPage, search: str) -> None:
        """Show these lines; hits of `search` stand out. The line at the top stays at the top
        unless the view follows."""
        top = self.scroll_offset.y
        anchor = self._rows[top][0].n if 0 <= top < len(self._rows) else 0
        self._page, self._search = page, search.lower()
        self._fold()
        if self.follow:
            self._to_end()
        else:
            row = next((i for i, (line, _, _) in enumerate(self._rows) if line.n >= anchor), 0)
            self.scroll_to(y=row, animate=False, immediate=True, force=True)
        self.refresh()

    def seen_lines(self) -> list[str]:
        """Texts of the lines in view, whole."""
        first = self.scroll_offset.y
        rows = self._rows[first : first + self.size.height]
        return [clean(text) for text in {line.n: line.text for line, _, _ in rows}.values()]

    def _to_end(self) -> None:
        # Once more after the layout: until then the end may be that of the old size.
        self.scroll_end(animate=False, immediate=True, force=True)
        self.call_after_refresh(self._keep_end)

    def _keep_end(self) -> None:
        if self.follow:
            self.scroll_end(animate=False, immediate=True, force=True)

    def _fold(self) -> None:
        width = max(8, self.size.width - self._gutter - 2)
        self._rows = []
        for line in self._page.lines:
            text = clean(line.text)
            parts = chop_cells(text, width) if self.wrap else [text]
            for index, part in enumerate(parts or [""]):
                self._rows.append((line, part, index == 0))
        self.virtual_size = Size(self.size.width, len(self._rows))

    @property
    def _gutter(self) -> int:
        last = self._page.lines[-1].n if self._page.lines else 0
        return max(4, len(str(last + 1)) + 1)

    def on_resize(self) -> None:
        self.set_page(self._page, self._search)

    def watch_follow(self, follow: bool) -> None:
        if follow:
            self._to_end()
        self.post_message(self.FollowChanged())

    def watch_wrap(self) -> None:
        self.set_page(self._page, self._search)

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if new < old and new < self.max_scroll_y:
            self.follow = False
        elif new >= self.max_scroll_y > 0:
            self.follow = True

    def action_by(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True)

    def action_page(self, pages: int) -> None:
        self.action_by(pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_bottom(self) -> None:
        self.follow = True

    def render_line(self, y: int) -> Strip:
        palette = Palette.from_theme(self.app)
        width = self.size.width
        index = y + self.scroll_offset.y
        if not self._rows:
            text = f"  {self._empty}" if y == 0 else ""
            return Strip([Segment(text, palette["muted"])]).adjust_cell_length(width, palette[""])
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, palette[""])
        line, text, first = self._rows[index]
        number = f"{line.n + 1 if first else '':>{self._gutter}}  "
        style = palette[LEVEL_STYLES[line.level]]
        segments = [Segment(number, palette["host-axis"])]
        segments.extend(self._hits(text, style, palette["host-selection"]))
        strip = Strip(segments)
        if strip.cell_length > width:
            return Strip([*strip.crop(0, width - 1), Segment("…", palette["muted"])])
        return strip.adjust_cell_length(width, palette[""])

    def _hits(self, text: str, style: Style, hit: Style) -> list[Segment]:
        """The text with every place that was searched for in another style."""
        if not self._search:
            return [Segment(text, style)]
        segments, start, low = [], 0, text.lower()
        # Lower-casing may change the length of some scripts; such a line is shown plain.
        while len(low) == len(text) and (found := low.find(self._search, start)) >= 0:
            end = found + len(self._search)
            segments += [Segment(text[start:found], style), Segment(text[found:end], hit)]
            start = end
        return [*segments, Segment(text[start:], style)]
