"""Values to positions along an axis, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

NAN = math.nan
LIMIT = 1e300
"""Numbers beyond this are not drawn: their differences would overflow."""
FAR = 1e9
"""Positions are clipped here: far outside any screen, and safe to compute with."""


class Scale(msgspec.Struct, frozen=True):
    """Maps [lo, hi] to [0, size]. A log scale maps what is not above zero to NaN."""

    lo: float
    hi: float
    size: float
    log: bool = False

    def positions(self, values: Sequence[float]) -> list[float]:
        """Positions of finite or NaN values, within `FAR` of the axis."""
        start, factor = self._start(), self._factor()
        if self.log:
            log10 = math.log10
            out = [(log10(v) - start) * factor if v > 0 else NAN for v in values]
        else:
            out = [(v - start) * factor for v in values]
        total = sum(out)
        if total != total or (out and (max(out) > FAR or min(out) < -FAR)):
            return [v if v != v else min(FAR, max(-FAR, v)) for v in out]
        return out

    def position(self, value: float) -> float:
        """Position of one value."""
        return self.positions((value,))[0]

    def value(self, position: float) -> float:
        """Inverse of `position`."""
        raw = self._start() + position / self._factor()
        return 10.0 ** min(300.0, max(-300.0, raw)) if self.log else raw

    def _start(self) -> float:
        return math.log10(self.lo) if self.log else self.lo

    def _factor(self) -> float:
        end = math.log10(self.hi) if self.log else self.hi
        span = end - self._start()
        return self.size / span if span > 0 else 0.0


def limits(values: Sequence[float], *, log: bool) -> tuple[float, float] | None:
    """Least and greatest of the values that the scale can show, None when there are none."""
    total = sum(values)
    if values and total == total:  # without NaN, least and greatest need no loop of ours
        lo, hi = min(values), max(values)
        if lo > -LIMIT and hi < LIMIT and (lo > 0 or not log):
            return lo, hi
    usable = [v for v in values if -LIMIT < v < LIMIT and (v > 0 or not log)]
    return (min(usable), max(usable)) if usable else None


def padded(lo: float, hi: float, *, log: bool, share: float) -> tuple[float, float]:
    """Limits with air on both sides; equal limits become a range around the value."""
    if log:
        low, high = math.log10(lo), math.log10(hi)
        air = (high - low) * share or 0.1
        return 10.0 ** max(-299.0, low - air), 10.0 ** min(299.0, high + air)
    if hi - lo <= max(abs(lo), abs(hi)) * 1e-12:
        air = abs(lo) * 0.05 or 0.5
        return lo - air, hi + air
    air = (hi - lo) * share
    # Counts and rates start at zero rather than slightly below.
    low = 0.0 if lo >= 0 > lo - air else lo - air
    return low, hi + air
