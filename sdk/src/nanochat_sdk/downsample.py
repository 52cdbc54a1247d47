"""Fewer points, the same picture: envelopes that keep every spike, and smoothing over them.

The core reduces series before a panel sees them; these are for numbers a panel computes itself,
and for smoothing what it was sent.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from nanochat_sdk.data import Series
from nanochat_sdk.payload import pack

MAX_NONFINITE = 64


class Envelope(NamedTuple):
    """Buckets of equal width over x, oldest first, empty ones left out; all of equal length.
    x: the bucket's last position; n: finite points in it. nonfinite: x of NaN and infinities."""

    x: array[float]
    lo: array[float]
    hi: array[float]
    mean: array[float]
    n: array[float]
    nonfinite: list[float]


def envelope(x: Sequence[float], y: Sequence[float], columns: int) -> Envelope:
    """Reduce points (x ascending) to at most `columns` buckets of min, max and mean.

    Raises ValueError if x and y differ in length or `columns` is below 1.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} points and y has {len(y)}")
    if columns < 1:
        raise ValueError(f"columns is {columns}: it must be at least 1")
    cols = [array("d") for _ in range(5)]
    out = Envelope(cols[0], cols[1], cols[2], cols[3], cols[4], nonfinite=[])
    if not x:
        return out
    start = x[0]
    scale = columns / (x[-1] - start) if x[-1] > start else 0.0
    bucket = -1
    total = 0.0
    for position, value in zip(x, y, strict=True):
        if not math.isfinite(value):
            out.nonfinite.append(position)
            continue
        index = min(int((position - start) * scale), columns - 1) if scale else 0
        if index != bucket:
            bucket, total = index, 0.0
            for column, first in zip(cols, (position, value, value, value, 0.0), strict=True):
                column.append(first)
        total += value
        out.x[-1] = position
        out.lo[-1] = min(out.lo[-1], value)
        out.hi[-1] = max(out.hi[-1], value)
        out.n[-1] += 1
        out.mean[-1] = total / out.n[-1]
    del out.nonfinite[:-MAX_NONFINITE]
    return out


def to_series(
    metric: str, x: Sequence[float], y: Sequence[float], columns: int = 160, unit: str = ""
) -> Series:
    """Points as the `Series` the core would send. Raises ValueError as `envelope` does."""
    buckets = envelope(x, y, columns)
    finite = [(value, at) for at, value in zip(x, y, strict=True) if math.isfinite(value)]
    best = min(finite, default=None)
    return Series(
        metric=metric,
        **{name: pack(getattr(buckets, name)) for name in ("x", "lo", "hi", "mean", "n")},
        nonfinite=pack(buckets.nonfinite),
        total=len(x),
        best=(best[1], best[0]) if best else None,
        unit=unit,
    )


def ema(means: Sequence[float], counts: Sequence[float], weight: float) -> array[float]:
    """Exponential moving average of buckets, corrected for its start.

    A bucket that stands for n points decays the past by `weight ** n`, so the curve keeps its
    shape whatever the zoom. Buckets that are not finite repeat the value before them. weight 0
    changes nothing; it is held below 1.
    """
    weight = min(max(weight, 0.0), 0.9999)
    out = array("d")
    value = mass = 0.0
    for mean, n in zip(means, counts, strict=True):
        if math.isfinite(mean):
            keep = weight ** max(n, 1.0)
            value = value * keep + mean * (1.0 - keep)
            mass = mass * keep + 1.0 - keep
        out.append(value / mass if mass > 0 else math.nan)
    return out


def quantile(values: Sequence[float], counts: Sequence[float], q: float) -> float:
    """The value below which a share `q` of the points lies; NaN when there is none."""
    pairs = sorted(
        (v, n) for v, n in zip(values, counts, strict=True) if math.isfinite(v) and n > 0
    )
    wanted = q * sum(n for _, n in pairs)
    seen = 0.0
    for value, n in pairs:
        seen += n
        if seen >= wanted:
            return value
    return math.nan
