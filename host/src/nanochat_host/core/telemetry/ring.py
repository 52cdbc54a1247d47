"""A machine metric over time: fine for half an hour, coarser for a day, in bounded memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import inf, nan

from nanochat_sdk.data import Point, Series
from nanochat_sdk.payload import pack

FINE = 1800
COARSE_S = 16.0
COARSE = int(24 * 3600 / COARSE_S)
_SLACK = 256


class TimeRing:
    """Readings at about 1 Hz. Those that leave the fine part remain as buckets of `COARSE_S`."""

    def __init__(self, unit: str = "") -> None:
        self.unit = unit
        self.ts, self.value = array("d"), array("d")
        self.old_ts, self.old_lo, self.old_hi = array("d"), array("d"), array("d")
        self.old_total, self.old_n = array("d"), array("d")
        self.rev = 0

    def add(self, ts: float, value: float, rev: int) -> None:
        """Append a reading. A clock set back is taken as standing still."""
        self.ts.append(max(ts, self.ts[-1]) if self.ts else ts)
        self.value.append(value)
        self.rev = rev
        if len(self.ts) >= FINE + _SLACK:
            self._thin()

    @property
    def latest(self) -> Point | None:
        """The newest reading."""
        return Point(self.value[-1], 0, self.ts[-1], self.unit) if self.ts else None

    def _thin(self) -> None:
        leaving = len(self.ts) - FINE
        for ts, value in zip(self.ts[:leaving], self.value[:leaving], strict=True):
            if not self.old_ts or ts // COARSE_S != self.old_ts[-1] // COARSE_S:
                for column, first in (
                    (self.old_ts, ts), (self.old_lo, value), (self.old_hi, value),
                    (self.old_total, value), (self.old_n, 1.0),
                ):  # fmt: skip
                    column.append(first)
                continue
            self.old_ts[-1] = ts
            self.old_lo[-1] = min(self.old_lo[-1], value)
            self.old_hi[-1] = max(self.old_hi[-1], value)
            self.old_total[-1] += value
            self.old_n[-1] += 1
        del self.ts[:leaving], self.value[:leaving]
        if len(self.old_ts) > COARSE + _SLACK:
            for column in (self.old_ts, self.old_lo, self.old_hi, self.old_total, self.old_n):
                del column[:_SLACK]

    def series(self, name: str, columns: int, start: float, end: float, zero: float) -> Series:
        """The readings from `start` to `end` (Unix seconds) in at most `columns` buckets of equal
        time. x: seconds since `zero`."""
        a, b = bisect_left(self.old_ts, start), bisect_right(self.old_ts, end)
        c, d = bisect_left(self.ts, start), bisect_right(self.ts, end)
        fine = self.value[c:d]
        ts = self.old_ts[a:b] + self.ts[c:d]
        lo, hi = self.old_lo[a:b] + fine, self.old_hi[a:b] + fine
        total = self.old_total[a:b] + fine
        n = self.old_n[a:b] + array("d", [1.0]) * len(fine)
        if not ts:
            return Series(name, unit=self.unit)
        width = max((ts[-1] - ts[0]) / columns * 1.000001, 1e-9)
        x, los, his, means, counts = (array("d") for _ in range(5))
        i = 0
        while i < len(ts):
            bucket = int((ts[i] - ts[0]) / width)
            j = max(i + 1, bisect_left(ts, ts[0] + (bucket + 1) * width, i))
            x.append(ts[j - 1] - zero)
            los.append(min(lo[i:j]))
            his.append(max(hi[i:j]))
            counts.append(sum(n[i:j]))
            means.append(sum(total[i:j]) / counts[-1] if counts[-1] else nan)
            i = j
        least = min(lo, default=inf)
        return Series(
            metric=name, x=pack(x), lo=pack(los), hi=pack(his), mean=pack(means), n=pack(counts),
            total=int(sum(n)), best=(ts[lo.index(least)] - zero, least), unit=self.unit,
        )  # fmt: skip
