"""Spans to strips of an exact width. The one place that knows how wide characters are cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette

Piece = tuple[str, str]
"""Text and style name."""


def enough(text: str, width: int) -> str:
    """As much of clean text as decides what `width` cells show of it: a character takes a cell or
    two, and at most one mark. To measure all of a long one would hold up the screen."""
    return text[: 2 * max(0, width) + 2]


def fit(text: str, width: int, *, mark: str = "…") -> str:
    """`text` cut to at most `width` cells, with `mark` at its end when something is missing."""
    if len(text) <= width and text.isascii():
        return text
    text = enough(text, width)
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    room = width - len(mark)
    if room < 0:
        return ""
    out: list[str] = []
    for character in text:
        room -= cell_len(character)
        if room < 0:
            break
        out.append(character)
    return "".join(out) + mark


def single(text: str) -> str:
    """`text` with one character a cell, for places that count characters: wide ones become
    question marks, those without a width go."""
    if text.isascii():
        return text
    return "".join(c if (size := cell_len(c)) == 1 else "?" * size for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` cut or filled with spaces to exactly `width` cells."""
    text = fit(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def blank(width: int, style: RichStyle) -> Strip:
    """A strip of spaces."""
    return Strip([Segment(" " * width, style)] if width else [], width)


def line_width(pieces: Iterable[Piece]) -> int:
    """Cells of a line of spans."""
    return sum(cell_len(text) for text, _ in pieces)


def to_strip(
    pieces: Sequence[Piece], width: int, palette: Palette, *, align: str = "left", mark: str = "…"
) -> Strip:
    """Spans as one strip of exactly `width` cells. align: "left", "center" or "right"."""
    segments: list[Segment] = []
    room = width
    for piece, style in pieces:
        text, size = piece, len(piece)
        if not text.isascii():  # most are, and are as wide as they are long
            text = text if size <= room else enough(text, room)
            size = cell_len(text)
        if size > room:
            text = fit(text, room, mark=mark if room >= len(mark) else "")
            size = cell_len(text)
            if text:
                segments.append(Segment(text, palette[style]))
            room -= size
            break
        if text:
            segments.append(Segment(text, palette[style]))
            room -= size
    if room > 0:
        before = 0 if align == "left" else room if align == "right" else room // 2
        if before:
            segments.insert(0, Segment(" " * before, palette[""]))
        if room - before:
            segments.append(Segment(" " * (room - before), palette[""]))
    return Strip(segments, width)


def fill_height(strips: list[Strip], width: int, height: int, palette: Palette) -> list[Strip]:
    """Exactly `height` strips: cut at the bottom or filled with blank ones."""
    if len(strips) < height:
        strips = strips + [blank(width, palette[""])] * (height - len(strips))
    return strips[:height]
