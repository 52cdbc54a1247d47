"""A payload as plain text: what a golden test compares and `panel render --text` prints.

A stand-in for the host's drawing, not a copy of it: same content and same room, no colours, one
character a cell for curves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanochat_sdk import format as fmt
from nanochat_sdk.payload import (
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
        lines = _heatmap(payload, width, height)
    elif isinstance(payload, Cells):
        lines = [_join(line) for line in payload.lines]
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


def _heatmap(payload: Heatmap, width: int, height: int) -> list[str]:
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
    share = (value - lo) / (hi - lo) if hi > lo else 0.5
    return SHADES[1 + min(int(max(share, 0.0) * 4), 3)]


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
    room = height - len(head) - 1
    if room < 1 or width < 12:
        return head or [payload.plots[0].label]
    xs = [x for plot in payload.plots for x in unpack(plot.x) if math.isfinite(x)]
    x_lo = payload.x.lo if payload.x.lo is not None else min(xs, default=0.0)
    x_hi = payload.x.hi if payload.x.hi is not None else max(xs, default=1.0)
    gutter = 8
    columns = width - gutter
    grid = [[" "] * columns for _ in range(room)]
    limits: dict[str, tuple[float, float]] = {}
    for side, axis in (("left", payload.y), ("right", payload.right)):
        ys = [
            y
            for plot in payload.plots
            if plot.axis == side
            for y in (*unpack(plot.y), *unpack(plot.lo), *unpack(plot.hi))
            if math.isfinite(y)
        ]
        fixed = (axis.lo if axis else None, axis.hi if axis else None)
        lo = fixed[0] if fixed[0] is not None else min(ys, default=0.0)
        hi = fixed[1] if fixed[1] is not None else max(ys, default=1.0)
        limits[side] = (lo, hi)

    def place(x: float, y: float, side: str, char: str) -> None:
        lo, hi = limits[side]
        if not (math.isfinite(x) and math.isfinite(y)) or not x_lo <= x <= x_hi:
            return
        column = round((x - x_lo) / (x_hi - x_lo) * (columns - 1)) if x_hi > x_lo else columns // 2
        row = round((hi - y) / (hi - lo) * (room - 1)) if hi > lo else room // 2
        if 0 <= row < room:
            grid[row][column] = char

    for index, plot in enumerate(payload.plots):
        _curve(plot, CURVES[index % len(CURVES)], place)
        for x in unpack(plot.nonfinite):
            place(x, limits[plot.axis][0], plot.axis, "!")
    for mark in payload.marks:
        y = mark.y if mark.y is not None else limits[mark.axis][0]
        place(mark.x, y, mark.axis, "◆")
    lo, hi = limits["left"] if any(p.axis == "left" for p in payload.plots) else limits["right"]
    ticks = {0: fmt.number(hi, 4), room - 1: fmt.number(lo, 4)}
    lines = [
        fmt.fit(ticks.get(index, ""), gutter - 1, "right") + "│" + "".join(row)
        for index, row in enumerate(grid)
    ]
    ends = fmt.short(x_lo), fmt.short(x_hi)
    label = payload.x.label.center(max(columns - sum(map(len, ends)), 0))
    return [*head, *lines, " " * gutter + ends[0] + label + ends[1]]


def _curve(plot: Plot, char: str, place: object) -> None:
    assert callable(place)
    for x, y in zip(unpack(plot.x), unpack(plot.y), strict=False):
        place(x, y, plot.axis, char)
