"""A payload as plain text: what a golden test compares and `panel render --text` prints.

A stand-in for the host's drawing, not a copy of it: same content and same room, no colours, one
character a cell for curves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanochat_sdk import format as fmt
from nanochat_sdk.forms import BoolField, ChoiceField, Editor, Field, Form, NumberField
from nanochat_sdk.payload import (
    Axis,
    Cells,
    Chart,
    Column,
    Gauge,
    Heatmap,
    Payload,
    Plot,
    Span,
    Stack,
    Table,
    Text,
    unpack,
)

CURVES = "·•x+o*#%"
SHADES = " ░▒▓█"


def to_text(payload: Payload, width: int, height: int) -> str:
    """Exactly `height` lines of at most `width` cells, trailing spaces removed."""
    return "\n".join(line.rstrip() for line in _draw(payload, max(width, 0), max(height, 0)))


def _draw(payload: Payload, width: int, height: int) -> list[str]:
    if width == 0 or height == 0:
        return [""] * height
    if isinstance(payload, Text):
        lines = _text(payload, width, height)
    elif isinstance(payload, Table):
        lines = _table(payload, width, height)
    elif isinstance(payload, Chart):
        lines = _chart(payload, width, height)
    elif isinstance(payload, Gauge):
        lines = [_gauge(payload, width)]
    elif isinstance(payload, Heatmap):
        lines = _heatmap(payload, height)
    elif isinstance(payload, Cells):
        lines = [_join(line) for line in payload.lines]
    elif isinstance(payload, Form):
        lines = _form(payload, width)
    elif isinstance(payload, Editor):
        head = [line for line in (payload.title, payload.message) if line]
        lines = [*head, *payload.text.split("\n")]
    else:
        lines = _stack(payload, width, height)
    lines = [fmt.fit(line, width) if fmt.cells(line) != width else line for line in lines[:height]]
    return lines + [" " * width] * (height - len(lines))


def _join(line: Sequence[Span]) -> str:
    return "".join(text for text, _ in line)


def _text(payload: Text, width: int, height: int) -> list[str]:
    lines: list[str] = []
    for line in map(_join, payload.lines):
        lines += fold(line, width) if payload.wrap else [line]
    lines = lines[-height:] if payload.anchor == "bottom" else lines[:height]
    if payload.align == "center":
        lines = [" " * ((width - fmt.cells(line)) // 2) + line for line in lines]
        lines = [""] * ((height - len(lines)) // 2) + lines
    return lines


def fold(line: str, width: int) -> list[str]:
    """Break a line at spaces, and inside words longer than `width`."""
    lines, current = [], ""
    for word in line.split(" "):
        joined = f"{current} {word}" if current else word
        if fmt.cells(joined) <= width:
            current = joined
            continue
        if current:
            lines.append(current)
        while fmt.cells(word) > width:
            head = 1
            while head < len(word) and fmt.cells(word[: head + 1]) <= width:
                head += 1
            lines.append(word[:head])
            word = word[head:]
        current = word
    return [*lines, current]


def _table(payload: Table, width: int, height: int) -> list[str]:
    columns = list(enumerate(payload.columns))
    body = [[text for text, _ in row] for row in payload.rows]

    def need(index: int, column: Column) -> int:
        texts = [row[index] for row in body if index < len(row)]
        return column.width or max(map(fmt.cells, [column.title, *texts[:200]]))

    while len(columns) > 1 and sum(need(i, c) + 2 for i, c in columns) - 2 > width:
        columns.remove(min(reversed(columns), key=lambda item: item[1].keep))

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            fmt.fit(row[i] if i < len(row) else "", need(i, c), c.align) for i, c in columns
        )

    if not body:
        return [line([c.title for c in payload.columns]), payload.empty]
    shown = body[: max(height - 1, 0)]
    return [line([c.title for c in payload.columns]), *map(line, shown)]


def _gauge(payload: Gauge, width: int) -> str:
    room = width - fmt.cells(payload.label) - fmt.cells(payload.text) - 2
    if room < 4:
        left = width - fmt.cells(payload.text) - 1
        return f"{fmt.fit(payload.label, left)} {payload.text}" if left > 0 else payload.text
    filled = round((payload.value or 0.0) * room)
    bar = "?" * room if payload.value is None else "█" * filled + "░" * (room - filled)
    return f"{payload.label} {bar} {payload.text}"


def _form(payload: Form, width: int) -> list[str]:
    labels = min(max(fmt.cells(field.label) for field in payload.fields), max(width // 2, 1))
    rows = [f"{fmt.fit(field.label, labels)}  {_field(field)}" for field in payload.fields]
    head = [line for line in (payload.title,) if line]
    tail = [line for line in (payload.message,) if line]
    return [*head, *rows, *tail, f"[ {payload.submit} ]"]


def _field(field: Field) -> str:
    if isinstance(field, BoolField):
        return "[x]" if field.value else "[ ]"
    if isinstance(field, ChoiceField):
        return f"‹ {field.value or field.choices[0]} ›"
    if isinstance(field, NumberField):
        return f"[{'' if field.value is None else f'{field.value:g}'}]"
    return f"[{field.value}]"


def _heatmap(payload: Heatmap, height: int) -> list[str]:
    values = unpack(payload.values)
    finite = [v for v in values if math.isfinite(v)]
    lo = payload.lo if payload.lo is not None else min(finite, default=0.0)
    hi = payload.hi if payload.hi is not None else max(finite, default=1.0)
    gutter = max(map(fmt.cells, payload.rows), default=0) + 1
    lines = [_join(payload.caption)] if payload.caption else []
    for index, label in enumerate(payload.rows):
        row = values[index * payload.columns : (index + 1) * payload.columns]
        lines.append(fmt.fit(label, gutter) + "".join(_shade(v, lo, hi) for v in row))
    return lines


def _shade(value: float, lo: float, hi: float) -> str:
    if not math.isfinite(value):
        return " "
    share = _share(min(max(value, lo), hi), lo, hi) or 0.0
    return SHADES[1 + min(int(share * 4), 3)]


def _stack(payload: Stack, width: int, height: int) -> list[str]:
    vertical = payload.direction == "vertical"
    total = height if vertical else width
    total -= payload.gap * max(len(payload.children) - 1, 0)
    fixed = sum(child.size for child in payload.children)
    weights = sum(child.weight for child in payload.children if not child.size) or 1
    free = max(total - fixed, 0)
    parts: list[list[str]] = []
    used = 0
    for child in payload.children:
        share = child.size or free * child.weight // weights
        share = max(min(share, total - used), 0)
        used += share
        box = (width, share) if vertical else (share, height)
        parts.append(_draw(child.payload, *box))
    if vertical:
        gap = [" " * width] * payload.gap
        lines: list[str] = []
        for index, part in enumerate(parts):
            lines += (gap if index else []) + part
        return lines
    return [(" " * payload.gap).join(row) for row in zip(*parts, strict=False)]


def _chart(payload: Chart, width: int, height: int) -> list[str]:
    head = [_join(payload.caption)] if payload.caption and height > 2 else []
    if not any(plot.x for plot in payload.plots):
        return [*head, payload.empty]
    rows, columns = height - len(head) - 1, width - _GUTTER
    if rows < 1 or columns < 4:
        return head or [payload.plots[0].label]
    grid = _Grid(payload, rows, columns)
    left = any(plot.axis == "left" for plot in payload.plots)
    lo, hi = grid.y["left" if left else "right"]
    ticks = {0: fmt.number(hi), rows - 1: fmt.number(lo)}
    lines = [
        fmt.fit(ticks.get(index, ""), _GUTTER - 1, "right") + "│" + "".join(row)
        for index, row in enumerate(grid.cells)
    ]
    ends = [fmt.short(x) for x in grid.x]
    label = payload.x.label.center(max(columns - sum(map(len, ends)), 0))
    return [*head, *lines, " " * _GUTTER + ends[0] + label + ends[1]]


_GUTTER = 8


class _Grid:
    """A chart's curves as characters. x, y: limits of the axes. cells: rows of characters."""

    def __init__(self, chart: Chart, rows: int, columns: int) -> None:
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = _limits([x for plot in chart.plots for x in unpack(plot.x)], chart.x)
        self.y = {
            side: _limits([y for plot in chart.plots if plot.axis == side for y in _ys(plot)], axis)
            for side, axis in (("left", chart.y), ("right", chart.right or Axis()))
        }
        for index, plot in enumerate(chart.plots):
            char = CURVES[index % len(CURVES)]
            self._curve(plot, char, columns)
            for x in unpack(plot.nonfinite):
                self._place(x, self.y[plot.axis][0], plot.axis, "!")
        for mark in chart.marks:
            y = mark.y if mark.y is not None else self.y[mark.axis][0]
            self._place(mark.x, y, mark.axis, "◆")

    def _curve(self, plot: Plot, char: str, columns: int) -> None:
        """Points, and for a line one character in each column between two of them."""
        xs, ys = unpack(plot.x), unpack(plot.y)
        width = (self.x[1] / 2 - self.x[0] / 2) / columns * 2
        for index, (x, y) in enumerate(zip(xs, ys, strict=True)):
            self._place(x, y, plot.axis, char)
            gap = x - xs[index - 1] if index and plot.draw == "line" else 0.0
            steps = int(min(gap / width, columns)) if width > 0 and math.isfinite(gap) else 0
            for k in range(1, steps):
                share = k / steps
                between = ys[index - 1] * (1 - share) + y * share
                self._place(x - gap * (1 - share), between, plot.axis, char)

    def _place(self, x: float, y: float, side: str, char: str) -> None:
        across, up = _share(x, *self.x), _share(y, *self.y[side])
        if across is not None and up is not None:
            row = round((1 - up) * (len(self.cells) - 1))
            self.cells[row][round(across * (len(self.cells[0]) - 1))] = char


def _ys(plot: Plot) -> list[float]:
    return [*unpack(plot.y), *unpack(plot.lo), *unpack(plot.hi)]


def _limits(values: list[float], axis: Axis) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    lo = axis.lo if axis.lo is not None else min(finite, default=0.0)
    return lo, axis.hi if axis.hi is not None else max(finite, default=1.0)


def _share(value: float, lo: float, hi: float) -> float | None:
    """Where value lies between lo and hi, None outside. Halved, so that no span overflows."""
    if not lo <= value <= hi:
        return None
    return (value / 2 - lo / 2) / (hi / 2 - lo / 2) if hi / 2 > lo / 2 else 0.5
