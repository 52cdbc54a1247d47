"""Lines of aligned fields and one-line captions that drop what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nanochat_sdk import Size, Span, Style
from nanochat_sdk import format as fmt

FIELD_WIDTH = 34
"""Cells a field wants before a second column of them begins."""


class Field(NamedTuple):
    """A label, its value and, where there is room, a muted note."""

    label: str
    value: str
    style: Style = ""
    note: str = ""


def fields(items: Sequence[Field], size: Size, whole: int = 0) -> list[list[Span]]:
    """Fields as lines with aligned values, most important first: what does not fit in
    `size.height` goes to further columns where the width allows, else it is dropped.
    whole: so many of the first have a line of their own, across all columns."""
    if whole:
        lines = [_field(item, items, size.width) for item in items[:whole]]
        room = Size(size.width, size.height - len(lines))
        return [*lines, *(fields(items[whole:], room) if room.height > 0 else [])]
    if not items:
        return []
    columns = 1
    while columns * size.height < len(items) and (columns + 1) * FIELD_WIDTH <= size.width:
        columns += 1
    per_column = max(-(-len(items) // columns), 1)
    per_column = min(per_column, max(size.height, 1))
    width = max((size.width - 2 * (columns - 1)) // columns, 1)
    lines = []
    for row in range(per_column):
        line: list[Span] = []
        for column in range(columns):
            part = items[column * per_column : (column + 1) * per_column]
            if row < len(part):
                gap = [("  ", "")] if line else []
                line += [*gap, *_field(part[row], part, width)]  # type: ignore[list-item]
        lines.append(line)
    return lines


def _field(item: Field, column: Sequence[Field], width: int) -> list[Span]:
    gutter = min(max(fmt.cells(each.label) for each in column) + 2, max(width // 2, 1))
    room = max(width - gutter, 0)
    value = fmt.cut(fmt.plain(item.value), room)
    spans: list[Span] = [(fmt.fit(item.label, gutter), "muted"), (value, item.style)]
    left = room - fmt.cells(value)
    note = f"  {fmt.plain(item.note)}" if item.note else ""
    if note and fmt.cells(note) <= left:
        spans.append((note, "muted"))
        left -= fmt.cells(note)
    return [*spans, (" " * left, "")] if left else spans


def caption(parts: Sequence[Sequence[Span]], width: int) -> list[Span]:
    """Parts in one line, two spaces apart, as many from the front as fit."""
    line: list[Span] = []
    used = 0
    for part in parts:
        need = sum(fmt.cells(text) for text, _ in part) + (3 if line else 0)
        if used + need > width:
            break
        line += [*([("   ", "")] if line else []), *part]  # type: ignore[list-item]
        used += need
    return line


def labelled(label: str, value: str, style: Style = "bold", of: Style = "muted") -> list[Span]:
    """A label and its value, for captions. of: the label's style, that of its curve if it has one,
    so that the caption serves as a legend."""
    return [(f"{label} ", of), (value, style)]
