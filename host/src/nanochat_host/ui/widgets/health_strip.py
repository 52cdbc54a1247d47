"""One line on how the run and its machine fare: what the core judged, in as many words as fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip

from nanochat_host.core.wire_health import HealthPart, Level
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.one_line import OneLine
from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.terminal import needs_ascii

MARKS: dict[Level, tuple[str, str]] = {
    "good": ("", "muted"), "warn": ("▲ ", "warning"), "bad": ("✖ ", "error-bold"),
    "off": ("", "muted"),
}  # fmt: skip
"""Before a part, and its style: colour is never the only sign."""
SOURCE_MARKS = {"live": "●", "stale": "◐", "retrying": "↻", "off": "○", "ended": "○"}
"""First word of a source's state to its sign."""
GAP = 2
SPARED = ("disk", "memory", "data", "gpu", "controller")
"""What goes first on a narrow terminal, as long as it is well."""


class Shown(msgspec.Struct, frozen=True):
    """A part as painted. key: of the part."""

    key: str
    text: str
    style: str


def wording(part: HealthPart, brief: bool) -> Shown:
    """A part in words; brief: a source that is well or off is its sign and name only."""
    label, text = clean(part.label), clean(part.text)
    mark, style = MARKS[part.level]
    if part.key.startswith("source:"):
        sign = SOURCE_MARKS.get(text.split(" ")[0], "○")
        calm = part.level in ("good", "off")
        style = "success" if part.level == "good" else style
        return Shown(part.key, f"{sign} {label}" + ("" if calm and brief else f" {text}"), style)
    if part.key == "alerts":
        return Shown(part.key, f"{mark}{text} {label}", style)
    return Shown(part.key, f"{mark}{label} {text}", style)


def fitting(parts: Sequence[HealthPart], width: int) -> list[Shown]:
    """What fits: all in words, else calm sources as signs, else without those that are off, then
    without what is well; what is not well stays, cut at the edge."""
    left = list(parts)
    shown = [wording(part, False) for part in left]
    if _width(shown) <= width:
        return shown
    while _width(shown := [wording(part, True) for part in left]) > width:
        gone = _spared(left)
        if gone is None:
            break
        left.remove(gone)
    return shown


def _spared(parts: list[HealthPart]) -> HealthPart | None:
    for part in reversed(parts):
        if part.key.startswith("source:") and part.level == "off":
            return part
    calm = {part.key: part for part in parts if part.level == "good"}
    sources = [part for key, part in calm.items() if key.startswith("source:")]
    return next((calm[key] for key in SPARED if key in calm), sources[-1] if sources else None)


def _width(shown: Sequence[Shown]) -> int:
    return sum(cell_len(one.text) + GAP for one in shown) - GAP + 2


class HealthStrip(OneLine):
    """Painted when it changes, never else. A click on a part asks to have it explained."""

    DEFAULT_CSS = "HealthStrip { height: 1; }"

    @dataclass
    class Asked(Message):
        """key: of the part that was clicked."""

        key: str

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[HealthPart] = []
        self._spots: list[tuple[int, int, str]] = []

    def show(self, parts: Sequence[HealthPart]) -> None:
        """Show these."""
        if list(parts) != self._parts:
            self._parts = list(parts)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        strip = self.paint(self.size.width, Palette.from_theme(self.app))
        return to_ascii([strip])[0] if needs_ascii() else strip

    def paint(self, width: int, palette: Palette) -> Strip:
        """The line in exactly `width` cells."""
        shown = fitting(self._parts, width)
        segments = [Segment(" ", palette[""])]
        self._spots, x = [], 1
        for one in shown:
            end = x + cell_len(one.text)
            self._spots.append((x, end, one.key))
            segments.append(Segment(one.text, palette[one.style]))
            segments.append(Segment(" " * GAP, palette[""]))
            x = end + GAP
        return Strip(segments).adjust_cell_length(width, palette[""])

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spots:
            if start <= event.x < end:
                self.post_message(self.Asked(key))
