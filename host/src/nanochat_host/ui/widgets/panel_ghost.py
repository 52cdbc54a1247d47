"""The outline of where a panel will lie when the mouse lets go of it."""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import to_strip
from nanochat_host.ui.terminal import needs_ascii

SIDES = ("top", "bottom", "left", "right")


class GhostSide(Widget):
    """One side of the outline, over the panels. Four of them leave what they enclose visible."""

    DEFAULT_CSS = "GhostSide { layer: ghost; }"

    def __init__(self, side: str) -> None:
        super().__init__()
        self.side = side
        self.note = ""
        self.fits = True

    def show(self, note: str, fits: bool) -> None:
        """note: stands in the upper side. fits: the panel can be put there."""
        if (note, fits) != (self.note, self.fits):
            self.note, self.fits = note, fits
            self.refresh()

    def within(self, outline: Region) -> Region:
        """The cells of this side."""
        x, y, width, height = outline
        if self.side in ("top", "bottom"):
            return Region(x, y if self.side == "top" else outline.bottom - 1, width, 1)
        return Region(x if self.side == "left" else outline.right - 1, y + 1, 1, max(0, height - 2))

    def render_line(self, y: int) -> Strip:
        palette = Palette.from_theme(self.app)
        width = self.size.width
        style = "accent" if self.fits else "error"
        if self.side in ("left", "right"):
            text = "┃"
        else:
            first, last = ("┏", "┓") if self.side == "top" else ("┗", "┛")
            note = f" {self.note} " if self.side == "top" and self.note else ""
            text = f"{first}{note[: max(0, width - 2)]:━<{max(0, width - 2)}}{last}"
        strip = to_strip([(text, style)], width, palette, mark="")
        return to_ascii([strip])[0] if needs_ascii() else strip
