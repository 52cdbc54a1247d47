"""Payload to strips. Pure: the same arguments yield the same cells; nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nanochat_sdk.forms import Editor, Form
from nanochat_sdk.payload import Cells, Chart, Child, Gauge, Heatmap, Payload, Stack, Table, Text
from textual.strip import Strip

from nanochat_host.ui.render.ascii import to_ascii
from nanochat_host.ui.render.chart import draw_chart
from nanochat_host.ui.render.chart_layout import ChartView
from nanochat_host.ui.render.form import draw_editor, draw_form
from nanochat_host.ui.render.gauge import draw_gauge, label_columns
from nanochat_host.ui.render.heatmap import draw_heatmap
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import blank, fill_height
from nanochat_host.ui.render.table import draw_table
from nanochat_host.ui.render.text import draw_cells, draw_text

NO_VIEW = ChartView()


def draw(payload: Payload, width: int, height: int, palette: Palette, view: ChartView = NO_VIEW,
         ascii: bool = False) -> list[Strip]:  # fmt: skip
    """Exactly `height` strips of exactly `width` cells, whatever the payload holds.

    ascii: no character outside ASCII (a terminal without Unicode).
    """
    if width <= 0 or height <= 0:
        return [Strip([], 0)] * max(0, height)
    strips = _draw(payload, width, height, palette, view, ascii, None)
    return to_ascii(strips) if ascii else strips


def _draw(payload: Payload, width: int, height: int, palette: Palette, view: ChartView,
          ascii_only: bool, columns: tuple[int, int] | None) -> list[Strip]:  # fmt: skip
    match payload:
        case Chart():
            return draw_chart(payload, width, height, palette, view, ascii_only)
        case Text():
            return draw_text(payload, width, height, palette, view.scroll)
        case Table():
            return draw_table(payload, width, height, palette, view.scroll)
        case Gauge():
            return draw_gauge(payload, width, height, palette, columns)
        case Heatmap():
            return draw_heatmap(payload, width, height, palette)
        case Cells():
            return draw_cells(payload, width, height, palette)
        case Stack():
            return _draw_stack(payload, width, height, palette, view, ascii_only)
        case Form():
            return draw_form(payload, width, height, palette, view.entry)
        case Editor():
            return draw_editor(payload, width, height, palette, view.entry)


def sizes(children: Sequence[Child], total: int, gap: int) -> list[int]:
    """Cells along the stack for each child: fixed sizes first, the rest by weight.

    When the fixed ones alone are too much, the last children get less, then nothing.
    """
    room = max(0, total - gap * (len(children) - 1))
    weights = sum(child.weight for child in children if not child.size)
    spare = max(0, room - sum(child.size for child in children))
    out: list[int] = []
    shared = taken = 0
    for child in children:
        if child.size:
            size = child.size
        else:
            taken += child.weight
            size = spare * taken // weights - shared
            shared += size
        out.append(min(size, room - sum(out)))
    return out


def _draw_stack(stack: Stack, width: int, height: int, palette: Palette, view: ChartView,
                ascii_only: bool) -> list[Strip]:  # fmt: skip
    vertical = stack.direction == "vertical"
    gauges = [child.payload for child in stack.children if isinstance(child.payload, Gauge)]
    shared = label_columns(gauges, width) if vertical and len(gauges) > 1 else None
    parts: list[list[Strip]] = []
    for child, size in zip(
        stack.children, sizes(stack.children, height if vertical else width, stack.gap), strict=True
    ):
        if size > 0:
            columns, rows = (width, size) if vertical else (size, height)
            aligned = shared if isinstance(child.payload, Gauge) else None
            parts.append(_draw(child.payload, columns, rows, palette, view, ascii_only, aligned))
    space = palette[""]
    if vertical:
        strips: list[Strip] = []
        for part in parts:
            strips += [blank(width, space)] * (stack.gap if strips else 0) + part
        return fill_height(strips, width, height, palette)
    if not parts:
        return [blank(width, space)] * height
    between = blank(stack.gap, space)
    rows_of: list[Strip] = []
    for row in range(height):
        pieces = [part[row] for part in parts]
        spaced = [piece for part in pieces for piece in (between, part)][1:]
        line = Strip.join(spaced)
        rows_of.append(Strip.join([line, blank(width - line.cell_length, space)]))
    return rows_of


class Leaf(NamedTuple):
    """A payload that is no stack, and the cells it is drawn in."""

    left: int
    top: int
    width: int
    height: int
    payload: Payload


def leaves(payload: Payload, width: int, height: int) -> Iterator[Leaf]:
    """Where `draw` puts the parts of a payload, in reading order."""
    if not isinstance(payload, Stack):
        yield Leaf(0, 0, width, height, payload)
        return
    vertical = payload.direction == "vertical"
    at = 0
    shares = sizes(payload.children, height if vertical else width, payload.gap)
    for child, size in zip(payload.children, shares, strict=True):
        if size > 0:
            inner = (width, size) if vertical else (size, height)
            for leaf in leaves(child.payload, *inner):
                yield (
                    leaf._replace(top=leaf.top + at)
                    if vertical
                    else leaf._replace(left=leaf.left + at)
                )
            at += size + payload.gap
