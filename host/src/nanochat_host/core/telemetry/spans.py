"""Ranges of point numbers: which points of a column are visible, and which are not finite."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

MAX_SPANS = 64
MAX_RUNS = 65_536


class Spans:
    """The visible points of a column by step: ranges of indices over which steps ascend.

    Bounded: a column whose steps go back more often than `MAX_SPANS` allows is `full`, and takes
    no more points that go back.
    """

    __slots__ = ("closed", "start")

    def __init__(self, closed: list[tuple[int, int]] | None = None, start: int = 0) -> None:
        self.closed = closed or []
        self.start = start

    @property
    def full(self) -> bool:
        return len(self.closed) >= MAX_SPANS

    def ranges(self, length: int) -> list[tuple[int, int]]:
        """All visible ranges, the last of them open to `length`."""
        return [*self.closed, (self.start, length)] if self.start < length else list(self.closed)

    def begin(self, at: int, kept: list[tuple[int, int]]) -> None:
        """Points from `at` on supersede earlier ones; `kept` is what stays visible of those."""
        self.closed, self.start = kept, at


class Runs:
    """Indices as runs [start, stop): a run that is NaN for good costs one entry."""

    __slots__ = ("starts", "stops")

    def __init__(self, starts: list[int] | None = None, stops: list[int] | None = None) -> None:
        self.starts = starts or []
        self.stops = stops or []

    def __bool__(self) -> bool:
        return bool(self.starts)

    def add(self, indices: Iterable[int]) -> None:
        """Add ascending indices beyond those held. The oldest runs go when there are too many."""
        for index in indices:
            if self.stops and self.stops[-1] == index:
                self.stops[-1] = index + 1
            else:
                self.starts.append(index)
                self.stops.append(index + 1)
        if len(self.starts) > MAX_RUNS:
            del self.starts[: MAX_RUNS // 2], self.stops[: MAX_RUNS // 2]

    def newest(self, start: int, stop: int, limit: int) -> list[tuple[int, int]]:
        """The newest `limit` indices within start..stop, as ascending runs."""
        out: list[tuple[int, int]] = []
        i = bisect_left(self.starts, stop) - 1
        first = bisect_right(self.stops, start)
        while i >= first and limit > 0:
            hi = min(self.stops[i], stop)
            lo = max(self.starts[i], start, hi - limit)
            if lo < hi:
                out.append((lo, hi))
                limit -= hi - lo
            i -= 1
        return out[::-1]
