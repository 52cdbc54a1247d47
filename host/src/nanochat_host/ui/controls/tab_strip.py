"""One line of tabs, numbered like their keys."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from nanochat_host.ui.controls.one_line import OneLine
from nanochat_host.ui.render.palette import Palette


class TabStrip(OneLine):
    """titles: what is written, in order. active: index of the open one. note: at the right end."""

    DEFAULT_CSS = "TabStrip { height: 1; }"

    titles: reactive[tuple[str, ...]] = reactive(())
    active: reactive[int] = reactive(0)
    note: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """The person clicked a tab. index: from 0."""

        index: int

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._spots: list[tuple[int, int]] = []

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = Palette.from_theme(self.app)
        plain, key = palette["muted"], palette["accent"]
        self._spots.clear()
        segments = [Segment(" ", plain)]
        x = 1
        for index, title in enumerate(self.titles):
            style = palette["host-selection"] if index == self.active else plain
            number = key + style.background_style if index == self.active else key
            parts = [(" ", style), (f"{index + 1}", number), (f" {title} ", style)]
            tab = Strip([Segment(text, part) for text, part in parts])
            segments.extend(tab)
            segments.append(Segment(" ", plain))
            self._spots.append((x, x + tab.cell_length))
            x += tab.cell_length + 1
        note = Strip([Segment(f"{self.note} ", plain)])
        gap = width - x - note.cell_length
        if gap >= 1:
            segments.append(Segment(" " * gap, plain))
            segments.extend(note)
        return Strip(segments).adjust_cell_length(width, plain)

    def on_click(self, event: events.Click) -> None:
        for index, (start, end) in enumerate(self._spots):
            if start <= event.x < end:
                self.post_message(self.Chosen(index))
