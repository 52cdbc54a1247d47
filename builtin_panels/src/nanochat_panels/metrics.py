"""Any metrics of the run or the machine as curves, chosen by name or glob."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal, cast

from nanochat_sdk import (
    SERIES_STYLES,
    Axis,
    Chart,
    Needs,
    Payload,
    Plot,
    Rule,
    Series,
    SeriesQuery,
    Size,
    Span,
    pack,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.data import XAxis
from nanochat_sdk.downsample import ema

from nanochat_panels.base import DataPanel, empty, staleness
from nanochat_panels.curves import LIMIT, columns, plot, x_axis, zoom
from nanochat_panels.lines import caption, labelled

MOST = len(SERIES_STYLES)
"""Curves that can be told apart by colour, and lines for limits."""


class Metrics(DataPanel):
    """Curves of `options.metrics`, those that `options.right` names on an axis of their own."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=tuple(SeriesQuery(n, columns(size), self._x, start, end) for n in self._names),
            latest=self._names,
        )

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.options.metrics, *self.options.right]))[:64]

    @property
    def _x(self) -> XAxis:
        """What was chosen; time where the machine, which has no steps, is among them."""
        machine = any(name.startswith(("sys/", "gpu/")) for name in self._names)
        return "time" if machine else cast(XAxis, self.options.x)

    def render(self, size: Size) -> Payload:
        found = [s for s in self.data.series.values() if s or s.nonfinite]
        shown = found[:MOST]
        self.status = staleness(self.data, shown[0].metric) if shown else ""
        if len(found) > MOST:
            self.status = f"{MOST} of {len(found)}"
        zoomed = zoom(self.view) != (None, None)
        if not shown and not zoomed:
            names = ", ".join(self._names) or "that name"
            what = f"metrics named {fmt.cut(fmt.plain(names), 60)}"
            return empty(self.data, what, "they come with the steps; E, enter chooses others")
        right = [one for one in shown if self._is_right(one)]
        left = [one for one in shown if not self._is_right(one)]
        return Chart(
            plots=[
                each for index, one in enumerate(shown) for each in self._plots(one, index, right)
            ],
            x=x_axis(self._x),
            y=Axis(label=_unit(left), log=self.options.log_y),
            right=Axis(label=_unit(right)) if right else None,
            rules=self._rules(),
            legend=False,
            caption=caption(self._caption(shown, size.width), size.width),
            empty="nothing in this range: zoom out" if zoomed else "no finite value yet",
        )

    def _is_right(self, series: Series) -> bool:
        return any(fnmatchcase(series.metric, pattern) for pattern in self.options.right)

    def _plots(self, series: Series, index: int, right: Sequence[Series]) -> Iterator[Plot]:
        """One curve, smoothed if asked for; one that is alone keeps its envelope."""
        axis: Literal["left", "right"] = "right" if series in right else "left"
        label, style = fmt.plain(series.metric), SERIES_STYLES[index]
        weight = self.options.smoothing if self.view.smoothing is None else self.view.smoothing
        weight = fmt.as_float(weight) or 0.0
        alone = len(self.data.series) == 1
        if weight <= 0:
            yield plot(series, label, style, axis=axis, band=alone)
            return
        if alone:
            yield plot(series, "raw", "muted", axis=axis, band=True)
        smooth = pack(ema(series.means(), series.counts(), weight))
        yield Plot(label=label, x=series.x, y=smooth, style=style, axis=axis)

    def _rules(self) -> list[Rule]:
        """Lines at the limits; the status tells of a text that is no number."""
        rules = []
        for text in filter(None, map(str.strip, self.options.limits.split(",")[:MOST])):
            value = _number(text)
            if value is None:
                self.status = f"limits: {fmt.cut(fmt.plain(text), 20)} is no number"
            else:
                rules.append(Rule(value, fmt.number(value), "warning"))
        return rules

    def _caption(self, shown: Sequence[Series], width: int) -> list[list[Span]]:
        """Names and newest values in the colours of their curves: the legend."""
        parts = []
        for series, style in zip(shown, SERIES_STYLES, strict=False):
            point = self.data.latest.get(series.metric)
            value = fmt.number(point.value) if point else "–"
            name = fmt.cut(fmt.plain(series.metric), max(width - fmt.cells(value) - 1, 1))
            parts.append(labelled(name, value, of=style))
        return parts


def _unit(series: Sequence[Series]) -> str:
    """The unit that all of them have, for the axis."""
    units = {each.unit for each in series}
    return fmt.plain(units.pop()) if len(units) == 1 else ""


def _number(text: str) -> float | None:
    """What a chart can hold, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LIMIT else None
