"""The line above the curves: caption and legend, or the values under the cursor."""

from __future__ import annotations

from nanochat_sdk.payload import Chart
from rich.cells import cell_len
from textual.strip import Strip

from nanochat_host.ui.render.chart_layout import ChartLayout, ChartView
from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.strips import Piece, fit, line_width, to_strip
from nanochat_host.ui.render.ticks import write

KEYS = {"line": "━", "step": "━", "points": "∙", "bars": "█"}


def draw_header(
    chart: Chart, layout: ChartLayout, view: ChartView, width: int, palette: Palette
) -> Strip:
    """One strip of `width` cells."""
    if view.cursor_x is not None:
        return to_strip(_readout(chart, layout, view.cursor_x), width, palette)
    caption: list[Piece] = [(text, style) for text, style in chart.caption]
    if not caption and chart.y.label:
        caption = [(fit(chart.y.label, width), "muted")]
    room = width - line_width(caption) - 2
    legend = _legend(chart, room) if chart.legend else []
    if not legend:
        return to_strip(caption, width, palette)
    gap = " " * (width - line_width(caption) - line_width(legend))
    return to_strip([*caption, (gap, ""), *legend], width, palette)


def _legend(chart: Chart, room: int) -> list[Piece]:
    """As many labels as fit; none for a single curve, which the title or caption names."""
    entries: dict[str, list[Piece]] = {}
    for plot in chart.plots:
        if plot.label and plot.label not in entries:
            style = plot.style or "muted"
            entries[plot.label] = [(KEYS[plot.draw], style), (f" {fit(plot.label, 24)}", "muted")]
    if len(entries) < 2:
        return []
    out: list[Piece] = []
    for entry in entries.values():
        piece = [("  ", ""), *entry] if out else entry
        if line_width(out) + line_width(piece) > room:
            break
        out += piece
    return out


def _readout(chart: Chart, layout: ChartLayout, cursor_x: float) -> list[Piece]:
    """x and the value of every curve nearest to it."""
    curves = [c for c in layout.curves if c.xs]
    if not curves:
        return []
    snapped = min((c.xs[c.nearest(cursor_x)] for c in curves), key=lambda x: abs(x - cursor_x))
    pieces: list[Piece] = [
        (f"{chart.x.label or 'x'} ", "muted"),
        (_exact(snapped, chart.x.unit), "bold"),
    ]
    for curve in curves:
        axis = chart.right if curve.plot.axis == "right" and chart.right else chart.y
        value = curve.ys[curve.nearest(cursor_x)]
        label = f" {fit(curve.plot.label, 20)} " if cell_len(curve.plot.label) else " "
        pieces += [
            ("  ", ""), (KEYS[curve.plot.draw], curve.plot.style or "muted"), (label, "muted"),
            (write(value, axis.unit), curve.plot.style),
        ]  # fmt: skip
    return pieces


def _exact(value: float, unit: str) -> str:
    """Steps are read digit by digit, so they are not shortened to thousands."""
    if unit in ("", "int") and abs(value) < 1e12 and value == round(value):
        return f"{value:,.0f}"
    return write(value, unit)
