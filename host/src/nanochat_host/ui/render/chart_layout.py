"""Where the parts of a chart go, and which values its axes span. Shared by drawing and cursor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from nanochat_sdk.payload import Axis, Chart

from nanochat_host.ui.render.entry import Entry
from nanochat_host.ui.render.raster import DOTS_X, DOTS_Y
from nanochat_host.ui.render.scale import Scale, limits, padded
from nanochat_host.ui.render.series import Curve, read
from nanochat_host.ui.render.ticks import labelled, linear_ticks, log_ticks

MIN_GUTTER_WIDTH, MIN_GUTTER_HEIGHT = 24, 4
"""Plots smaller than this carry no axis labels: curves matter more."""

MIN_TICK_ROWS = 1.8
"""Rows between labels of the y axis; closer ones would jump between distances of one and two."""


class ChartView(msgspec.Struct, frozen=True):
    """What a person chose about a panel's drawing.

    x_start/x_end: zoom (None: the data's end). cursor_x: value under the cursor, None for no
    cursor. log_x/log_y: None keeps the panel's choice. scroll: lines a text is moved from its
    anchored end, or rows a table without a selection is moved down. entry: typed into its form or
    editor and not sent.
    """

    x_start: float | None = None
    x_end: float | None = None
    cursor_x: float | None = None
    log_x: bool | None = None
    log_y: bool | None = None
    scroll: int = 0
    entry: Entry | None = None

    @property
    def zoomed(self) -> bool:
        return self.x_start is not None or self.x_end is not None


Labels = list[tuple[float, str]]


class ChartLayout(msgspec.Struct, frozen=True):
    """Cells: the plot area lies at (left, top), `width` x `height`. Scales map to dots.
    labels: ticks with text per axis, empty where the axis is not labelled."""

    curves: list[Curve]
    left: int
    top: int
    width: int
    height: int
    axis_line: bool
    x: Scale
    y: Scale
    right: Scale | None
    x_labels: Labels
    y_labels: Labels
    right_labels: Labels

    def x_at(self, column: int) -> float:
        """Value of x in the middle of a cell of the panel."""
        return self.x.value((column - self.left + 0.5) * DOTS_X)

    def column_of(self, x: float) -> int:
        """Cell of the plot area (from its left edge) that shows x; may lie outside."""
        at = self.x.position(x)
        return int(max(-1e6, min(1e6, at)) // DOTS_X) if at == at else -1

    def row_of(self, y: float, scale: Scale) -> int:
        """Row of the plot area (from its top) that shows y; may lie outside."""
        at = scale.position(y)
        return self.height - 1 - int(max(-1e6, min(1e6, at + 0.5)) // DOTS_Y) if at == at else -1


def x_limits(
    curves: Sequence[Curve], axis: Axis, view: ChartView, log: bool
) -> tuple[float, float]:
    """The range of x in view."""
    # On a log axis the least value that counts may lie anywhere: step 0 does not.
    ends = [x for c in curves for x in (c.xs if log else (*c.xs[:1], *c.xs[-1:]))]
    lo, hi = limits(ends, log=log) or ((1.0, 10.0) if log else (0.0, 1.0))
    lo = axis.lo if axis.lo is not None and (axis.lo > 0 or not log) else lo
    hi = axis.hi if axis.hi is not None and (axis.hi > 0 or not log) else hi
    if view.x_start is not None and (view.x_start > 0 or not log):
        lo = view.x_start
    if view.x_end is not None and (view.x_end > 0 or not log):
        hi = view.x_end
    if not hi > lo:
        lo, hi = (lo / 1.5, lo * 1.5) if log else (lo - 0.5, lo + 0.5)
    return lo, (hi if hi > lo else lo + abs(lo) * 1e-9 + 1.0)


def _y_scale(chart: Chart, curves: list[Curve], span: tuple[float, float], side: str, axis: Axis,
             log: bool, dots: int) -> Scale:  # fmt: skip
    values: list[float] = []
    bars = False
    for curve in curves:
        if curve.plot.axis != side:
            continue
        inside = curve.inside(*span)
        bars = bars or curve.plot.draw == "bars"
        for column in (curve.ys, curve.lo, curve.hi):
            found = limits(column[inside], log=log)
            values += found or ()
    marks = (mark for mark in chart.marks if mark.axis == side and span[0] <= mark.x <= span[1])
    values += [mark.y for mark in marks if mark.y is not None]
    lo, hi = limits(values, log=log) or ((1.0, 10.0) if log else (0.0, 1.0))
    if side == "left":
        # A target is shown while it is near; far away it would flatten the curves.
        near = [r.y for r in chart.rules if lo - (hi - lo) <= r.y <= hi + (hi - lo)]
        lo, hi = limits([lo, hi, *near], log=log) or (lo, hi)
    if bars and not log:
        lo, hi = min(lo, 0.0), max(hi, 0.0)
    low, high = padded(lo, hi, log=log, share=0.05)
    low = axis.lo if axis.lo is not None and (axis.lo > 0 or not log) else low
    high = axis.hi if axis.hi is not None and (axis.hi > 0 or not log) else high
    if not high > low:
        low, high = padded(low, low, log=log, share=0.05)
    return Scale(low, high, dots - 1, log)


def _ticks(scale: Scale, axis: Axis, count: int) -> tuple[float, ...]:
    if scale.log:
        return log_ticks(scale.lo, scale.hi, count)
    return linear_ticks(scale.lo, scale.hi, count, axis.unit)


def _y_labels(scale: Scale, axis: Axis, rows: int) -> Labels:
    """About one in three rows; more where round numbers are sparse, since one tick is no scale."""
    few = max(2, min(8, rows // 3))
    found: Labels = []
    for count in range(few, max(few, rows // 2) + 1):
        found = labelled(_ticks(scale, axis, count), axis.unit, log=scale.log)
        if len(found) > 1:
            break
    heights = [scale.position(value) / DOTS_Y for value, _ in found]
    crowded = any(abs(b - a) < MIN_TICK_ROWS for a, b in pairwise(heights))
    return found[::2] if crowded and len(found) > 2 else found


def _x_labels(scale: Scale, axis: Axis, width: int) -> Labels:
    """As many ticks as fit with at least three cells between their labels."""
    for count in range(max(3, width // 9), 1, -1):
        found = labelled(_ticks(scale, axis, count), axis.unit, log=scale.log)
        widest = max(len(text) for _, text in found)
        places = [scale.position(value) / DOTS_X for value, _ in found]
        nearest = min((b - a for a, b in pairwise(places)), default=width)
        if nearest >= widest + 3:
            return found
    return found if width > widest else []


def lay_out(chart: Chart, width: int, height: int, view: ChartView) -> ChartLayout:
    """Share out `width` x `height` cells between caption, axes and plot area."""
    curves = [read(plot) for plot in chart.plots]
    log_x = chart.x.log if view.log_x is None else view.log_x
    log_y = chart.y.log if view.log_y is None else view.log_y
    span = x_limits(curves, chart.x, view, log_x)
    legend = chart.legend and len(chart.plots) > 1
    wanted = bool(chart.caption) or view.cursor_x is not None
    top = 1 if (height >= 4 and wanted) or (height >= 5 and (legend or chart.y.label)) else 0
    roomy = width >= MIN_GUTTER_WIDTH and height >= MIN_GUTTER_HEIGHT
    axis_line = roomy and height >= 6
    rows = max(1, height - top - (1 if roomy else 0) - (1 if axis_line else 0))
    dots = rows * DOTS_Y
    y = _y_scale(chart, curves, span, "left", chart.y, log_y, dots)
    right_axis = chart.right or Axis()
    uses_right = any(plot.axis == "right" for plot in chart.plots)
    right = (
        _y_scale(chart, curves, span, "right", right_axis, right_axis.log, dots)
        if uses_right
        else None
    )
    y_labels = _y_labels(y, chart.y, rows) if roomy else []
    right_labels = _y_labels(right, right_axis, rows) if roomy and right else []
    left = max((len(text) for _, text in y_labels), default=-2) + 2
    margin = max((len(text) for _, text in right_labels), default=-2) + 2
    area = width - left - margin
    if area < 8:
        left, margin, area, y_labels, right_labels = 0, 0, width, [], []
    x = Scale(*span, area * DOTS_X - 1, log_x)
    x_labels = _x_labels(x, chart.x, area) if roomy else []
    curves = [curve.cut(*span) for curve in curves]
    return ChartLayout(curves, left, top, area, rows, axis_line, x, y, right, x_labels, y_labels,
                       right_labels)  # fmt: skip
