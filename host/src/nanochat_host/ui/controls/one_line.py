"""A line that lies over or under panels: painted when it changes, not when they do."""

from __future__ import annotations

from typing import Any, Self

from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def plain_filters(widget: Widget) -> bool:
    """Nothing has to be done to strips of a palette: the filter that Textual always has is for
    terminal colours, which no palette has."""
    return all(isinstance(used, ANSIToTruecolor) for used in widget.get_line_filters())


class OneLine(Widget):
    """Textual asks every widget near a changed panel for its lines, and works out borders, padding
    and colours anew for each; a line of `render_line` has none, so it is kept until `refresh`."""

    _line: tuple[object, Strip] | None = None

    def refresh(self, *regions: Region, **options: Any) -> Self:
        self._line = None
        return super().refresh(*regions, **options)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.outer_size
        if crop != Region(0, 0, width, height) or height != 1 or not plain_filters(self):
            return super().render_lines(crop)
        made_for = (width, self.app.theme)
        if self._line is None or self._line[0] != made_for:
            self._line = (made_for, self.render_line(0))
        return [self._line[1]]
