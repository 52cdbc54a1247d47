"""A column reduced to what a chart can draw, at a cost that does not depend on its length."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import inf, nan

from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.pyramid import (
    COUNT,
    FACTOR,
    HI,
    LO,
    STEP,
    TOTAL,
    TS,
    finite,
    summarise_rows,
    summarise_values,
)
from nanochat_host.core.telemetry.records import Floats

Range = tuple[int, int]


@dataclass
class Buckets:
    """Rows of a chart, as a level's rows plus `n`, the points each stands for, and `ranges`,
    which points those are."""

    step: Floats = field(default_factory=lambda: array("d"))
    ts: Floats = field(default_factory=lambda: array("d"))
    lo: Floats = field(default_factory=lambda: array("d"))
    hi: Floats = field(default_factory=lambda: array("d"))
    total: Floats = field(default_factory=lambda: array("d"))
    count: Floats = field(default_factory=lambda: array("d"))
    n: Floats = field(default_factory=lambda: array("d"))
    ranges: list[Range] = field(default_factory=list)

    def mean(self) -> Floats:
        """Mean of the finite points; NaN where there is none."""
        pairs = zip(self.total, self.count, strict=True)
        return array("d", [t / c if c else nan for t, c in pairs])

    def drawable(self, limits: Floats) -> Floats:
        """`lo` or `hi` with NaN where a bucket has no finite point."""
        return array("d", [v if v - v == 0.0 else nan for v in limits])


def select(
    column: Column, axis: int, start: float | None, end: float | None, *, by_time: bool
) -> list[Range]:
    """The visible points with start <= x <= end, as ranges of indices."""
    ranges = [(0, len(column))] if by_time else column.spans.ranges(len(column))
    out = []
    for a, b in ranges:
        lo = a if start is None else column.search(axis, start, a, b)
        hi = b if end is None else column.search(axis, end, lo, b, right=True)
        if lo < hi:
            out.append((lo, hi))
    return out


def points_per_bucket(ranges: list[Range], limit: int, levels: int) -> tuple[int, int]:
    """(points a bucket, level to read): buckets start at multiples of their size, so they do not
    shift as a run grows, and are 2 to 20 rows of a level: at least 3/5 of `limit` buckets."""
    per = max(1, -(-sum(b - a for a, b in ranges) // limit))
    while True:
        level = 0
        while level < levels and 5 * FACTOR ** (level + 1) <= 4 * per:
            level += 1
        size = FACTOR**level
        per = -(-per // size) * size
        buckets = sum((b - 1) // per - a // per + 1 for a, b in ranges)
        if buckets <= limit or per >= max(b for _, b in ranges):
            return per, level
        per += size


def reduce(column: Column, ranges: list[Range], limit: int) -> Buckets:
    """The points of `ranges` in at most `limit` buckets."""
    out = Buckets()
    if not ranges:
        return out
    per, level = points_per_bucket(ranges, limit, len(column.levels))
    for start, stop in ranges:
        first, last = -(-start // per), stop // per
        if first >= last:
            middle = (start // per + 1) * per
            for a, b in ((start, min(middle, stop)), (middle, stop)):
                _one(column, out, a, b)
            continue
        _one(column, out, start, first * per)
        _many(column, out, first, last, per, level)
        _one(column, out, last * per, stop)
    while len(out.n) > limit:
        out = _halve(out)
    return out


def _many(column: Column, out: Buckets, first: int, last: int, per: int, level: int) -> None:
    """Whole buckets first..last of `per` points each, from one read of one level."""
    size = per // FACTOR**level
    rows = column.level(level).read(first * size, last * size)
    if level:
        parts = summarise_rows(rows[LO], rows[HI], rows[TOTAL], rows[COUNT], size)
    else:
        parts = summarise_values(rows[2], size)
    out.step.extend(rows[STEP][size - 1 :: size])
    out.ts.extend(rows[TS][size - 1 :: size])
    for mine, part in zip((out.lo, out.hi, out.total, out.count), parts, strict=True):
        mine.extend(part)
    out.n.extend(array("d", [per]) * (last - first))
    out.ranges.extend((i * per, (i + 1) * per) for i in range(first, last))


def _one(column: Column, out: Buckets, start: int, stop: int) -> None:
    """One bucket over points that are no whole bucket, assembled from all levels."""
    if start >= stop:
        return
    lo, hi, total, count = inf, -inf, 0.0, 0.0
    step = ts = 0.0
    for level, first, last in column.pieces(start, stop):
        rows = column.level(level).read(first, last)
        step, ts = rows[STEP][-1], rows[TS][-1]
        if level:
            lo, hi = min(lo, *rows[LO]), max(hi, *rows[HI])
            total, count = total + sum(rows[TOTAL]), count + sum(rows[COUNT])
        elif clean := finite(rows[2]):
            lo, hi = min(lo, *clean), max(hi, *clean)
            total, count = total + sum(clean), count + len(clean)
    mine = (out.step, out.ts, out.lo, out.hi, out.total, out.count, out.n)
    for array_, value in zip(mine, (step, ts, lo, hi, total, count, stop - start), strict=True):
        array_.append(value)
    out.ranges.append((start, stop))


def _halve(b: Buckets) -> Buckets:
    """Neighbours merged two by two: for runs resumed more often than there are buckets."""
    odd = [] if len(b.n) % 2 == 0 else [len(b.n) - 1]
    lo, hi, total, count = summarise_rows(b.lo, b.hi, b.total, b.count, 2)
    out = Buckets(
        b.step[1::2], b.ts[1::2], lo, hi, total, count,
        array("d", [x + y for x, y in zip(b.n[::2], b.n[1::2], strict=False)]),
        [(x[0], y[1]) for x, y in zip(b.ranges[::2], b.ranges[1::2], strict=False)],
    )  # fmt: skip
    for i in odd:
        for name in ("step", "ts", "lo", "hi", "total", "count", "n"):
            getattr(out, name).append(getattr(b, name)[i])
        out.ranges.append(b.ranges[i])
    return out
