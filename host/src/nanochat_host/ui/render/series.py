"""A plot's packed numbers, made safe to draw and cut to the x range in view."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby
from operator import le

import msgspec
from nanochat_sdk.payload import Plot, unpack

from nanochat_host.ui.render.scale import LIMIT, NAN


class Curve(msgspec.Struct, frozen=True):
    """Columns of one plot: equal length, x finite and ascending, y finite or NaN.
    lo and hi are empty when the plot has no envelope."""

    plot: Plot
    xs: Sequence[float]
    ys: Sequence[float]
    lo: Sequence[float]
    hi: Sequence[float]

    def cut(self, start: float, end: float) -> Curve:
        """Points in [start, end] and one neighbour on each side, so that lines reach the edge."""
        first = max(0, bisect_left(self.xs, start) - 1)
        last = min(len(self.xs), bisect_right(self.xs, end) + 1)
        if first == 0 and last == len(self.xs):
            return self
        part = slice(first, last)
        return Curve(self.plot, self.xs[part], self.ys[part], self.lo[part], self.hi[part])

    def inside(self, start: float, end: float) -> slice:
        """Indices of the points in [start, end]."""
        return slice(bisect_left(self.xs, start), bisect_right(self.xs, end))

    def nearest(self, x: float) -> int:
        """Index of the point nearest to x, -1 when there is none."""
        if not self.xs:
            return -1
        right = bisect_left(self.xs, x)
        if right == 0:
            return 0
        if right == len(self.xs) or x - self.xs[right - 1] <= self.xs[right] - x:
            return right - 1
        return right


def numbers(raw: bytes) -> Sequence[float]:
    """Packed floats; a last incomplete one is left out. Infinities and overflows become NaN."""
    values = unpack(raw[: len(raw) - len(raw) % 8])
    if math.isfinite(sum(values)) and (not values or max(map(abs, values)) < LIMIT):
        return values
    return [v if -LIMIT < v < LIMIT else NAN for v in values]


def read(plot: Plot) -> Curve:
    """The columns of a plot. Points without a finite x are dropped, unsorted ones sorted."""
    xs, ys = numbers(plot.x), numbers(plot.y)
    count = min(len(xs), len(ys))
    lo, hi = numbers(plot.lo), numbers(plot.hi)
    envelope = len(lo) >= count and len(hi) >= count and count > 0
    columns: list[Sequence[float]] = [xs[:count], ys[:count]]
    columns += [lo[:count], hi[:count]] if envelope else [(), ()]
    ascending = all(map(le, columns[0], columns[0][1:]))
    if not ascending:
        order = sorted((i for i in range(count) if xs[i] == xs[i]), key=xs.__getitem__)
        columns = [[column[i] for i in order] if column else () for column in columns]
    elif count == 1 and xs[0] != xs[0]:
        columns = [(), (), (), ()]
    return Curve(plot, *columns)


def thin(
    xs: Sequence[float], columns: Sequence[Sequence[float]]
) -> tuple[list[float], list[Sequence[float]]]:
    """Positions and [y, lo, hi] with one point for each whole x: the mean, and an envelope of all
    that it stands for. lo and hi may be empty. A place with nothing but NaN stays a gap."""
    ys, lo, hi = columns
    out: tuple[list[float], list[float], list[float]] = ([], [], [])
    places: list[float] = []
    end = 0
    for place, group in groupby(map(int, xs)):
        start, end = end, end + sum(1 for _ in group)
        part = slice(start, end)
        finite = [y for y in ys[part] if y == y]
        ends = [v for v in (*lo[part], *hi[part], *finite) if v == v]
        places.append(float(place))
        out[0].append(sum(finite) / len(finite) if finite else NAN)
        out[1].append(min(ends, default=NAN))
        out[2].append(max(ends, default=NAN))
    return places, list(out)
