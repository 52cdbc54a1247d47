"""One line of styled text, painted from its parts."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, to_strip
from nanochat_host.ui.terminal import needs_ascii


class TextLine(Widget):
    """Callers sanitise what comes from outside. An unchanged line is not painted again."""

    DEFAULT_CSS = "TextLine { height: 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pieces: list[Piece] = []

    def show(self, pieces: Sequence[Piece]) -> None:
        """Paint these (text, style)."""
        if list(pieces) != self.pieces:
            self.pieces = list(pieces)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        pieces = [(" ", ""), *self.pieces]
        strip = to_strip(pieces, self.size.width, Palette.from_theme(self.app))
        return to_ascii([strip])[0] if needs_ascii() else strip
