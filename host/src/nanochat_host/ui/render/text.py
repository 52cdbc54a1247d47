"""Text and Cells as strips: wrapping, alignment, which end stays in view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nanochat_sdk.payload import Cells, Text
from rich.cells import cell_len
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, blank, fill_height, to_strip


def fold(line: Sequence[Piece], width: int) -> list[list[Piece]]:
    """A line of spans folded at spaces (or anywhere, if a word is too long) to `width` cells."""
    if width <= 0 or sum(cell_len(text) for text, _ in line) <= width:
        return [list(line)]
    rows: list[list[Piece]] = [[]]
    used = 0
    for text, style in line:
        for word in _words(text):
            size = cell_len(word)
            if used and used + cell_len(word.rstrip()) > width:
                rows.append([])
                used = 0
                word = word.lstrip()
                size = cell_len(word)
            while size > width:
                head, word = _split(word, width - used)
                rows[-1].append((head, style))
                rows.append([])
                used, size = 0, cell_len(word)
            if used + size > width:  # the space after the last word of a row
                word = word.rstrip()
                size = width - used
            if word:
                rows[-1].append((word, style))
                used += size
    return rows


def _words(text: str) -> Iterable[str]:
    """Words, each with the spaces that follow it."""
    start = 0
    for at in range(1, len(text)):
        if text[at] != " " and text[at - 1] == " ":
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _split(text: str, width: int) -> tuple[str, str]:
    """`text` at the last character that fits; at least one character is taken."""
    room = width
    for at, char in enumerate(text):
        room -= cell_len(char)
        if room < 0:
            return text[: max(1, at)], text[max(1, at) :]
    return text, ""


def _part(line: Sequence[Piece], most: int, *, from_end: bool) -> list[Piece]:
    """At most so many characters of a line, from one of its ends."""
    out: list[Piece] = []
    for text, style in reversed(line) if from_end else line:
        if most <= 0:
            break
        out.append((text[-most:] if from_end else text[:most], style))
        most -= len(text)
    return out[::-1] if from_end else out


def draw_text(
    text: Text, width: int, height: int, palette: Palette, scroll: int = 0
) -> list[Strip]:
    """Exactly `height` strips. scroll: rows away from the anchored end."""
    wanted = height + max(0, scroll)
    from_end = text.anchor == "bottom"
    rows: list[list[Piece]] = []
    reach = 2 * max(1, width) * wanted  # see `strips.enough`
    for line in reversed(text.lines) if from_end else text.lines:
        folded: list[list[Piece]] = [list(line)]
        if text.wrap:
            folded = fold(_part(line, reach, from_end=from_end), width)
        rows += folded[::-1] if from_end else folded
        if len(rows) >= wanted:
            break
    skip = max(0, min(scroll, len(rows) - height))
    rows = rows[skip : skip + height]
    if from_end:
        rows.reverse()
    align = "center" if text.align == "center" else "left"
    strips = [to_strip(row, width, palette, align=align) for row in rows]
    if text.align == "center" and len(strips) < height:
        strips = [blank(width, palette[""])] * ((height - len(strips)) // 2) + strips
    return fill_height(strips, width, height, palette)


def draw_cells(cells: Cells, width: int, height: int, palette: Palette) -> list[Strip]:
    """Exactly `height` strips; what does not fit is cut without a mark."""
    strips = [to_strip(line, width, palette, mark="") for line in cells.lines[:height]]
    return fill_height(strips, width, height, palette)
