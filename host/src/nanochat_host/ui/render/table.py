"""Tables: columns as wide as their content, the dispensable ones dropped when space is short."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk.payload import Column, Table
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, blank, enough, fill_height, pad, to_strip

GAP = 2
MIN_COLUMN = 6
"""Cells below which a text column is dropped rather than cut further."""


def column_widths(
    columns: Sequence[Column], natural: Sequence[int], width: int
) -> list[tuple[int, int]]:
    """(index, cells) of the columns shown.

    Columns with the least `keep` go first (of equals the last one) until the rest fits; left
    columns may be cut to `MIN_COLUMN`. Space that remains stays at the right: a row is read more
    easily when its cells lie close together.
    """
    shown = list(range(len(columns)))
    wanted = [column.width or max(1, size) for column, size in zip(columns, natural, strict=True)]

    def least(index: int) -> int:
        column = columns[index]
        fixed = column.width or column.align == "right"
        return wanted[index] if fixed else min(wanted[index], MIN_COLUMN)

    while len(shown) > 1 and sum(map(least, shown)) + GAP * (len(shown) - 1) > width:
        shown.remove(min(shown, key=lambda i: (columns[i].keep, -i)))
    sizes = {index: wanted[index] for index in shown}
    excess = sum(sizes.values()) + GAP * (len(shown) - 1) - width
    while excess > 0:
        widest = max(shown, key=lambda i: (sizes[i] - least(i), sizes[i]))
        cut = min(excess, max(1, sizes[widest] - max(least(widest), sizes[widest] * 2 // 3)))
        if sizes[widest] <= 1:
            break
        sizes[widest] -= min(cut, sizes[widest] - 1)
        excess = sum(sizes.values()) + GAP * (len(shown) - 1) - width
    return [(index, sizes[index]) for index in shown]


def _selected(strip: Strip, width: int, palette: Palette) -> Strip:
    """The row in the selection's colours; bold spans stay bold."""
    style = palette["host-selection"]
    return Strip([Segment(segment.text, style) for segment in strip], width)


def _with_place(
    heading: Strip, first: int, rows: Sequence[object], table: Table, width: int, palette: Palette
) -> Strip:
    """The heading, with the place among all rows at its right end where it covers no title."""
    if len(rows) == len(table.rows):
        return heading
    place = f" {first + 1}-{first + len(rows)} of {len(table.rows)}"
    room = width - len(place)
    covered = heading.crop(max(0, room), width).text
    if room < 1 or covered.strip():
        return heading
    return Strip.join([heading.crop(0, room), to_strip([(place, "muted")], len(place), palette)])


def visible_from(table: Table, height: int, scroll: int = 0) -> tuple[int, int]:
    """(rows of the heading, index of the first row shown) at a height: the selected row is in
    view, near the middle. scroll: rows to move down a table without a selection."""
    header = 1 if height > 1 and any(column.title for column in table.columns) else 0
    room = height - header
    wanted = table.selected - room // 2 if table.selected >= 0 else scroll
    return header, max(0, min(wanted, len(table.rows) - room))


def draw_table(
    table: Table, width: int, height: int, palette: Palette, scroll: int = 0
) -> list[Strip]:
    """Exactly `height` strips. The selected row is kept in view; without one, `scroll` says where
    to begin. What is above and below is counted at the right of the heading."""
    header, first = visible_from(table, height, scroll)
    room = height - header
    rows = table.rows[first : first + room]
    natural = [
        max(
            cell_len(column.title),
            max((cell_len(enough(row[i][0], width)) for row in rows if i < len(row)), default=0),
        )
        for i, column in enumerate(table.columns)
    ]
    columns = column_widths(table.columns, natural, width)

    def line(cells: Sequence[Piece]) -> Strip:
        pieces: list[Piece] = []
        for place, (index, size) in enumerate(columns):
            text, style = cells[index] if index < len(cells) else ("", "")
            right = table.columns[index].align == "right"
            if place:
                pieces.append((" " * GAP, ""))
            pieces.append((pad(text, size, right=right), style))
        return to_strip(pieces, width, palette, mark="")

    titles: list[Piece] = [(column.title, "muted") for column in table.columns]
    strips = [_with_place(line(titles), first, rows, table, width, palette)] if header else []
    if not rows:
        strips += [blank(width, palette[""])] * ((room - 1) // 2)
        strips.append(to_strip([(table.empty, "muted")], width, palette, align="center"))
    for offset, row in enumerate(rows):
        strip = line(row)
        strips.append(
            _selected(strip, width, palette) if first + offset == table.selected else strip
        )
    return fill_height(strips, width, height, palette)
