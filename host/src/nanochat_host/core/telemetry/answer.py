"""A column's answer to a `SeriesQuery`."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from nanochat_sdk.data import Series, SeriesQuery
from nanochat_sdk.payload import pack

from nanochat_host.core.telemetry.buckets import Buckets, Range, reduce, select
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.pyramid import STEP, TS
from nanochat_host.core.telemetry.records import Floats

MAX_NONFINITE = 64


def series(
    column: Column, query: SeriesQuery, *, unit: str, started_at: float, tokens_per_step: float
) -> Series:
    """Answer `query` from `column`. x by "step" or "tokens" shows the newest values of each step
    of the newest stage; by "time" everything that was recorded, in seconds since `started_at`."""
    by_time = query.x == "time"
    axis = TS if by_time else STEP
    scale = float(tokens_per_step or 1) if query.x == "tokens" else 1.0
    offset = started_at if by_time else 0.0

    def x_of(positions: Floats) -> Floats:
        return array("d", [p * scale - offset for p in positions])

    def inverse(x: float | None) -> float | None:
        return None if x is None else (x + offset) / scale

    ranges = select(column, axis, inverse(query.start), inverse(query.end), by_time=by_time)
    buckets = reduce(column, ranges, query.columns)
    return Series(
        metric=column.name,
        x=pack(x_of(buckets.ts if by_time else buckets.step)),
        lo=pack(buckets.drawable(buckets.lo)),
        hi=pack(buckets.drawable(buckets.hi)),
        mean=pack(buckets.mean()),
        n=pack(buckets.n),
        nonfinite=pack(x_of(_nonfinite(column, ranges, axis))),
        total=sum(b - a for a, b in ranges),
        best=_best(column, buckets, axis, x_of),
        unit=unit,
    )


def _nonfinite(column: Column, ranges: list[Range], axis: int) -> Floats:
    """Positions of the newest points of `ranges` that are NaN or infinite, ascending."""
    found: list[Floats] = []
    left = MAX_NONFINITE
    for start, stop in reversed(ranges):
        for a, b in reversed(column.nonfinite.newest(start, stop, left)):
            found.append(column.points.read(a, b)[axis])
            left -= b - a
        if left <= 0:
            break
    return array("d", [x for part in reversed(found) for x in part])


def _best(
    column: Column, buckets: Buckets, axis: int, x_of: Callable[[Floats], Floats]
) -> tuple[float, float] | None:
    """(x, value) of the least finite value, found by walking down from the least bucket."""
    if not buckets.lo:
        return None
    least = min(buckets.lo)
    point = column.least(*buckets.ranges[buckets.lo.index(least)])
    if point is None:
        return None
    row = column.points.read(point, point + 1)
    return x_of(row[axis])[0], row[2][0]


def extreme(column: Column, *, greatest: bool) -> tuple[float, float, float] | None:
    """(step, ts, value) of the least or greatest finite point of the newest stage; None if none
    is finite."""
    choose = max if greatest else min
    points = [column.least(a, b, greatest=greatest) for a, b in column.spans.ranges(len(column))]
    rows = [[c[0] for c in column.points.read(p, p + 1)] for p in points if p is not None]
    found = choose(rows, key=lambda row: row[2], default=None)
    return (found[0], found[1], found[2]) if found else None
