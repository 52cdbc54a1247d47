"""Summaries of sixteen: how a column's levels are built. Pure functions over arrays.

A level's row says of its points: `step` and `ts` of the last, `lo`, `hi`, `total` and `count` of
the finite ones. A row without a finite point has lo +inf, hi -inf, total 0, count 0, so rows
combine without special cases.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import inf, isfinite

from nanochat_host.core.telemetry.records import Floats

FACTOR = 16
STEP, TS, LO, HI, TOTAL, COUNT = range(6)
LEVEL_WIDTH = 6


def finite(values: Iterable[float]) -> list[float]:
    """The values that are neither NaN nor infinite."""
    return [v for v in values if v - v == 0.0]


def group(values: Sequence[float], size: int) -> Iterator[tuple[float, ...]]:
    """Whole groups of `size` consecutive values; an unfinished last group is left out."""
    return zip(*[iter(values)] * size, strict=False)


def summarise_values(values: Sequence[float], size: int) -> tuple[Floats, Floats, Floats, Floats]:
    """lo, hi, total and count of each group of `size` raw values, which may be NaN or infinite."""
    groups = list(group(values, size))
    total = array("d", map(sum, groups))
    if isfinite(sum(total)):
        lo, hi = array("d", map(min, groups)), array("d", map(max, groups))
        return lo, hi, total, array("d", [size]) * len(groups)
    clean = [finite(g) for g in groups]
    return (
        array("d", [min(g, default=inf) for g in clean]),
        array("d", [max(g, default=-inf) for g in clean]),
        array("d", map(sum, clean)),
        array("d", map(len, clean)),
    )


def summarise_rows(
    lo: Sequence[float],
    hi: Sequence[float],
    total: Sequence[float],
    count: Sequence[float],
    size: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    """lo, hi, total and count of each group of `size` rows of a level."""
    return (
        array("d", map(min, group(lo, size))),
        array("d", map(max, group(hi, size))),
        array("d", map(sum, group(total, size))),
        array("d", map(sum, group(count, size))),
    )


def first_level(points: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Rows of level 1 from whole groups of points (step, ts, value)."""
    step, ts, value = points
    last = FACTOR - 1
    return (step[last::FACTOR], ts[last::FACTOR], *summarise_values(value, FACTOR))


def next_level(rows: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Rows of the level above from whole groups of a level's rows."""
    step, ts, lo, hi, total, count = rows
    last = FACTOR - 1
    parts = summarise_rows(lo, hi, total, count, FACTOR)
    return (step[last::FACTOR], ts[last::FACTOR], *parts)
