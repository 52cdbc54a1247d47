"""Cursor, zoom, pan and scales of a chart: from what a person does to a new ChartView. Pure."""

from __future__ import annotations

from msgspec.structs import replace
from nanochat_sdk.payload import Chart

from nanochat_host.ui.render.chart_layout import ChartLayout, ChartView

ZOOM = 0.6
"""Share of the x range that is left after one step inwards."""
PAN = 0.25
SMOOTHING = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


def _window(layout: ChartLayout, view: ChartView, full: tuple[float, float], start: float,
            end: float) -> ChartView:  # fmt: skip
    """The view of dots [start, end] of the axis. An edge at the end of the data stays open, so
    that the chart goes on following it."""
    lo, hi = layout.x.value(start), layout.x.value(end)
    if not hi > lo:
        return view
    slack = (full[1] - full[0]) * 1e-6
    return replace(
        view,
        x_start=None if lo <= full[0] + slack else lo,
        x_end=None if hi >= full[1] - slack else hi,
    )


def zoom(layout: ChartLayout, view: ChartView, full: tuple[float, float], inwards: bool,
         around: float | None = None) -> ChartView:  # fmt: skip
    """One step in or out around the value `around`, else the cursor, else the newest end.

    full: the x range of all the data.
    """
    center = around if around is not None else view.cursor_x
    size = layout.x.size
    at = layout.x.position(center) if center is not None else size
    at = min(size, max(0.0, at)) if at == at else size
    factor = ZOOM if inwards else 1 / ZOOM
    return _window(layout, view, full, at - at * factor, at + (size - at) * factor)


def pan(layout: ChartLayout, view: ChartView, full: tuple[float, float], steps: int) -> ChartView:
    """Quarter ranges to the right, or left below zero; nothing while all of the data is shown."""
    if not view.zoomed:
        return view
    size = layout.x.size
    shift = steps * PAN * size
    first, last = layout.x.position(full[0]), layout.x.position(full[1])
    if first == first and shift < 0:
        shift = max(shift, min(0.0, first))
    if last == last and shift > 0:
        shift = min(shift, max(0.0, last - size))
    return _window(layout, view, full, shift, size + shift)


def move_cursor(layout: ChartLayout, view: ChartView, columns: int) -> ChartView:
    """By whole cells. Without a cursor it appears at the newest end, or the oldest going right."""
    if view.cursor_x is None:
        column = layout.width - 1 if columns < 0 else 0
    else:
        column = layout.column_of(view.cursor_x) + columns
    return cursor_at(layout, view, layout.left + min(layout.width - 1, max(0, column)))


def cursor_at(layout: ChartLayout, view: ChartView, column: int) -> ChartView:
    """Cursor at a cell of the chart; none outside the plot area."""
    if not layout.left <= column < layout.left + layout.width:
        return replace(view, cursor_x=None)
    return replace(view, cursor_x=layout.x_at(column))


def toggle_log(chart: Chart, view: ChartView, axis: str) -> ChartView:
    """The other kind of scale for "x" or "y"."""
    if axis == "x":
        return replace(view, log_x=not (chart.x.log if view.log_x is None else view.log_x))
    return replace(view, log_y=not (chart.y.log if view.log_y is None else view.log_y))


def next_smoothing(current: float, direction: int) -> float:
    """The next stronger (1) or weaker (-1) weight."""
    if direction > 0:
        return next((s for s in SMOOTHING if s > current + 1e-9), SMOOTHING[-1])
    return next((s for s in reversed(SMOOTHING) if s < current - 1e-9), SMOOTHING[0])
