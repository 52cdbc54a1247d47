"""A Chart as strips: curves in braille, axes, rules, marks, cursor.

Painting order: envelopes, bars and muted curves, then the others in payload order. Where a curve
crosses what lies behind, the cell shows the curve alone; two curves share a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk.payload import Chart
from rich.segment import Segment
from textual.strip import Strip

from nanochat_host.ui.render import chart_header
from nanochat_host.ui.render.chart_layout import ChartLayout, ChartView, lay_out
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.raster import DOTS_X, RUNS, Canvas
from nanochat_host.ui.render.raster import Curve as Dots
from nanochat_host.ui.render.scale import Scale
from nanochat_host.ui.render.series import Curve, numbers, thin
from nanochat_host.ui.render.strips import blank, fill_height, single, to_strip

MUTED = frozenset(("muted", ""))
GLYPHS = b" *+ox#@%&=~^$"
"""Without braille, the second and later curves are told apart by their character."""

CROWDED = 1.3
"""Points per dot column from which a line would be a solid block: its mean is drawn instead, and
the rest as its envelope."""


class Inks:
    """Style names to the small numbers that the canvas stores per cell."""

    def __init__(self) -> None:
        self.names = [""]

    def __call__(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        self.names.append(name)
        return len(self.names) - 1


class Plane:
    """The plot area as rows of characters and inks, on which small things are put."""

    def __init__(self, rows: list[tuple[str, bytes]], width: int) -> None:
        self.rows = rows
        self.width = width

    def under(self, row: int, character: str, ink: int) -> None:
        """Fill the empty cells of a row."""
        if 0 <= row < len(self.rows):
            text, inks = self.rows[row]
            table = bytes([ink]) + bytes(range(1, 256))
            # Cells that hold a curve keep theirs; blank text and ink 0 go together.
            self.rows[row] = text.replace(" ", character), inks.translate(table)

    def put(self, row: int, column: int, text: str, ink: int, *, empty_only: bool = False) -> None:
        """Write over the cells from `column` on, clipped. empty_only: spare what is drawn."""
        if not 0 <= row < len(self.rows) or column >= self.width or column < 0:
            return
        line, inks = self.rows[row]
        text = single(text)[: self.width - column]
        end = column + len(text)
        if empty_only and inks[column:end].strip(b"\0"):
            return
        self.rows[row] = (
            line[:column] + text + line[end:],
            inks[:column] + bytes([ink]) * len(text) + inks[end:],
        )


def _nonfinite_columns(layout: ChartLayout) -> set[int]:
    """Cells of the plot area where a curve was NaN or infinite, each once: a panel may name
    thousands of places."""
    end = layout.width * DOTS_X
    places = (layout.x.positions(numbers(curve.plot.nonfinite)) for curve in layout.curves)
    return {int(at) // DOTS_X for found in places for at in found if 0 <= at < end}


def _dots(curve: Curve, layout: ChartLayout, scale: Scale) -> tuple[Dots | None, Dots]:
    """Band (if any) and line of a curve."""
    xs = layout.x.positions(curve.xs)
    columns: list[Sequence[float]] = [scale.positions(c) for c in (curve.ys, curve.lo, curve.hi)]
    if sum(xs) != sum(xs):  # x that a log axis cannot show
        shown = [i for i, x in enumerate(xs) if x == x]
        columns = [[column[i] for i in shown] if column else () for column in columns]
        xs = [xs[i] for i in shown]
    if curve.plot.draw == "line" and len(xs) > CROWDED * layout.width * DOTS_X:
        xs, columns = thin(xs, columns)
    ys, lo, hi = columns
    band = None
    if lo:
        band = Dots(layout.width, layout.height)
        band.band(xs, lo, hi)
    line = Dots(layout.width, layout.height)
    if curve.plot.draw == "points":
        line.points(xs, ys)
    elif curve.plot.draw == "step":
        line.step(xs, ys)
    elif curve.plot.draw == "bars":
        line.bars(xs, ys, scale.position(0.0) if not scale.log else 0.0)
    else:
        line.line(xs, ys)
    return band, line


def _paint(layout: ChartLayout, inks: Inks, ascii_only: bool) -> Plane:
    back = Canvas(layout.width, layout.height)
    front = Canvas(layout.width, layout.height)
    glyphs = bytearray(b" " * 256)
    drawn = 0
    for curve in layout.curves:
        scale = layout.right if curve.plot.axis == "right" and layout.right else layout.y
        band, line = _dots(curve, layout, scale)
        if band:
            ink = inks(f"host-band-{curve.plot.style}")
            back.add(band.cells(), ink)
            glyphs[ink] = ord(":")
        ink = inks(curve.plot.style)
        if curve.plot.style in MUTED or curve.plot.draw == "bars":
            back.add(line.cells(), ink)
            glyphs[ink] = ord(".")
        else:
            front.add(line.cells(), ink)
            drawn += 1
            glyphs[ink] = GLYPHS[min(drawn, len(GLYPHS) - 1)]
    back.cover(front)
    distinct = ascii_only and len(layout.curves) > 1
    return Plane(back.rows(bytes(glyphs) if distinct else None), layout.width)


def _decorate(plane: Plane, chart: Chart, layout: ChartLayout, view: ChartView, inks: Inks) -> None:
    """Rules, marks, non-finite places, cursor, grid: whatever is not a curve."""
    for rule in chart.rules:
        row = layout.row_of(rule.y, layout.y)
        plane.under(row, "╌", inks(rule.style))
        if rule.label and 0 <= row < layout.height:
            label = f" {single(rule.label)} "
            plane.put(row, layout.width - len(label) - 1, label, inks(rule.style))
    for column in sorted(_nonfinite_columns(layout)):
        for row in range(layout.height - 1):
            plane.put(row, column, "┊", inks("host-band-error"), empty_only=True)
        plane.put(layout.height - 1, column, "✗", inks("error-bold"))
    for mark in chart.marks:
        column = layout.column_of(mark.x)
        if mark.y is None:
            for row in range(layout.height):
                plane.put(row, column, "┊", inks(mark.style), empty_only=True)
            row = 0
        else:
            scale = layout.right if mark.axis == "right" and layout.right else layout.y
            row = layout.row_of(mark.y, scale)
            plane.put(row, column, "◆", inks(mark.style))
        _mark_label(plane, row, column, mark.label, inks(mark.style))
    if view.cursor_x is not None:
        column = layout.column_of(view.cursor_x)
        for row in range(layout.height):
            plane.put(row, column, "│", inks("host-cursor"), empty_only=True)
        for curve in layout.curves:
            index = curve.nearest(view.cursor_x)
            if index >= 0:
                scale = layout.right if curve.plot.axis == "right" and layout.right else layout.y
                at = layout.column_of(curve.xs[index])
                if abs(at - column) <= 1:
                    row = layout.row_of(curve.ys[index], scale)
                    plane.put(row, column, "●", inks(curve.plot.style))
    for value, _ in layout.y_labels:
        plane.under(layout.row_of(value, layout.y), "┈", inks("host-grid"))


def _mark_label(plane: Plane, row: int, column: int, label: str, ink: int) -> None:
    """Beside the mark, on the first side where no curve is in the way."""
    if not label or not 0 <= column < plane.width:
        return
    text = f" {single(label)}"
    left = column - len(text) - 1
    places = [(row, column + 1, text), (row - 1, column + 1, text), (row, left, f"{text} "),
              (row + 1, column + 1, text), (row - 1, left, f"{text} ")]  # fmt: skip
    for at_row, at_column, shown in places:
        inside = at_column >= 0 and at_column + len(shown) <= plane.width
        if inside and 0 <= at_row < len(plane.rows):
            before = plane.rows[at_row]
            plane.put(at_row, at_column, shown, ink, empty_only=True)
            if plane.rows[at_row] is not before:
                return


def _rows(
    plane: Plane, layout: ChartLayout, inks: Inks, margin: int, palette: Palette
) -> list[Strip]:
    """Plot rows with their axis labels."""
    axis, muted = palette["host-axis"], palette["muted"]
    left = {layout.row_of(v, layout.y): text for v, text in layout.y_labels}
    scale = layout.right or layout.y
    right = {layout.row_of(v, scale): text for v, text in layout.right_labels}
    styles = [palette[name] for name in inks.names]
    width = layout.left + layout.width + margin
    strips: list[Strip] = []
    for row, (text, owners) in enumerate(plane.rows):
        segments: list[Segment] = []
        if layout.left:
            label = left.get(row)
            segments.append(Segment((label or "").rjust(layout.left - 2) + " ", muted))
            segments.append(Segment("┤" if label is not None else "│", axis))
        segments += [
            Segment(text[run.start() : run.end()], styles[owners[run.start()]])
            for run in RUNS.finditer(owners)
        ]
        if margin:
            label = right.get(row)
            segments.append(Segment("├" if label is not None else "│", axis))
            segments.append(Segment(" " + (label or "").ljust(margin - 2), muted))
        strips.append(Strip(segments, width))
    return strips


def _x_axis(chart: Chart, layout: ChartLayout, view: ChartView, width: int,
            palette: Palette) -> list[Strip]:  # fmt: skip
    """The axis line with its ticks, and the row of labels. The axis' name goes where there is
    room: right or left of the labels, else on the line."""
    row = [" "] * width
    line = ["─"] * layout.width
    for value, text in layout.x_labels:
        column = layout.column_of(value)
        start = layout.left + column - len(text) // 2
        start = max(layout.left and layout.left - 1, min(width - len(text), start))
        row[start : start + len(text)] = text
        if 0 <= column < layout.width:
            line[column] = "┬"
    labels = "".join(row)
    on_line = ""
    name = single(chart.x.label)
    if view.zoomed:
        name = f"{name} ⤢".strip()
    if name and len(labels) - len(labels.rstrip()) > len(name) + 2:
        labels = labels[: width - len(name)] + name
    elif name and labels[layout.left :][: len(name) + 2].isspace():
        labels = labels[: layout.left] + name + labels[layout.left + len(name) :]
    elif layout.axis_line and 0 < len(name) + 2 < layout.width:
        del line[-len(name) - 1 :]
        on_line = f" {name}"
    strips = [to_strip([(labels, "muted")], width, palette)]
    if layout.axis_line:
        corner = " " * (layout.left - 1) + "└" if layout.left else ""
        end = "┘" if layout.right_labels else ""
        pieces = [(corner + "".join(line), "host-axis"), (on_line, "muted"), (end, "host-axis")]
        strips.insert(0, to_strip(pieces, width, palette))
    return strips


def draw_chart(chart: Chart, width: int, height: int, palette: Palette, view: ChartView,
               ascii_only: bool = False) -> list[Strip]:  # fmt: skip
    """Exactly `height` strips of `width` cells."""
    layout = lay_out(chart, width, height, view)
    if not any(c.plot.nonfinite or any(y == y for y in c.ys) for c in layout.curves):
        strips = [blank(width, palette[""])] * ((height - 1) // 2)
        strips.append(to_strip([(chart.empty, "muted")], width, palette, align="center"))
        return fill_height(strips, width, height, palette)
    inks = Inks()
    plane = _paint(layout, inks, ascii_only)
    _decorate(plane, chart, layout, view, inks)
    strips = []
    if layout.top:
        strips.append(chart_header.draw_header(chart, layout, view, width, palette))
    strips += _rows(plane, layout, inks, width - layout.left - layout.width, palette)
    if len(strips) < height:
        strips += _x_axis(chart, layout, view, width, palette)
    return fill_height(strips, width, height, palette)
