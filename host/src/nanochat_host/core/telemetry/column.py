"""The history of one metric: points, the pyramid over them, and which points count."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from math import inf, isfinite, nan
from pathlib import Path

from nanochat_host.core.telemetry.pyramid import (
    FACTOR,
    HI,
    LEVEL_WIDTH,
    LO,
    STEP,
    first_level,
    next_level,
)
from nanochat_host.core.telemetry.records import Floats, Records
from nanochat_host.core.telemetry.spans import Runs, Spans

KEPT_LEVEL = 2
"""Levels from this one on stay in memory: 1/256 of the points. Below, rows live on disk."""
COARSE = FACTOR**KEPT_LEVEL


class Column:
    """Points in the order they arrived, never removed; `spans` says which are visible by step.

    A resumed run writes steps again: the newer values win, the older are hidden (not lost: by
    time they still show). A new stage of a pipeline hides the stages before it.
    """

    def __init__(self, name: str, folder: Path | None = None, file: str = "") -> None:
        self.name = name
        self.folder = folder
        self.file = file
        self.points = Records(3, self._path("points"), align=FACTOR)
        self.levels: list[Records] = []
        self.spans = Spans()
        self.nonfinite = Runs()
        self.last_step, self.last_ts, self.last_value = -inf, 0.0, nan
        self.stage = 0
        self.rev = 0
        self.from_hook = False

    def _path(self, suffix: str) -> Path | None:
        return self.folder / f"{self.file}.{suffix}" if self.folder else None

    def level(self, index: int) -> Records:
        """Rows at a level: 0 are the points, 1 summarises 16 of them, 2 256, and so on."""
        return self.levels[index - 1] if index else self.points

    def __len__(self) -> int:
        return len(self.points)

    @property
    def memory_bytes(self) -> int:
        return self.points.memory_bytes + sum(level.memory_bytes for level in self.levels)

    @property
    def touched(self) -> int:
        """Rows read since the column was made."""
        return self.points.touched + sum(level.touched for level in self.levels)

    def append(self, step: Floats, ts: Floats, value: Floats, *, stage: int = 0) -> bool:
        """Append points whose steps ascend strictly. A first step that repeats the newest one is
        dropped (a tee of what is already there). Returns whether anything was added."""
        if stage != self.stage:
            self.stage = stage
            self.spans.begin(len(self), [])
        elif step[0] == self.last_step or (step[0] < self.last_step and self.spans.full):
            fresh = bisect_right(step, self.last_step)
            step, ts, value = step[fresh:], ts[fresh:], value[fresh:]
            if not step:
                return False
        elif step[0] < self.last_step:
            self.spans.begin(len(self), self._before(step[0]))
        if not isfinite(sum(value)):
            self.nonfinite.add(len(self) + i for i, v in enumerate(value) if v - v != 0.0)
        self.points.extend((step, ts, value))
        self.last_step, self.last_ts, self.last_value = step[-1], ts[-1], value[-1]
        self._grow()
        return True

    def _grow(self) -> None:
        below, index = self.points, 1
        while True:
            if index > len(self.levels):
                if len(below) < FACTOR:
                    return
                self.levels.append(self._new_level(index))
            level = self.levels[index - 1]
            done, ready = len(level), len(below) // FACTOR
            if ready > done:
                rows = below.read(done * FACTOR, ready * FACTOR)
                below.touched -= (ready - done) * FACTOR
                level.extend(first_level(rows) if index == 1 else next_level(rows))
            below, index = level, index + 1

    def _new_level(self, index: int) -> Records:
        path = self._path(f"l{index}") if index <= KEPT_LEVEL else None
        return Records(LEVEL_WIDTH, path, keep=index >= KEPT_LEVEL, align=FACTOR)

    def _before(self, step: float) -> list[tuple[int, int]]:
        """The visible spans, ended before the first point that `step` supersedes."""
        ends = ((a, self.search(STEP, step, a, b)) for a, b in self.spans.ranges(len(self)))
        return [(start, end) for start, end in ends if start < end]

    def search(self, axis: int, x: float, lo: int, hi: int, *, right: bool = False) -> int:
        """First point of lo..hi at or after `x` (after it, if right). axis: STEP or TS, ascending
        between lo and hi. Reads fewer than 512 points, whatever the length."""
        find = bisect_right if right else bisect_left
        first, last = -(-lo // COARSE), hi // COARSE
        if first < last:
            bucket = find(self.level(KEPT_LEVEL).column(axis), x, first, last)
            lo = bucket * COARSE if bucket > first else lo
            hi = min((bucket + 1) * COARSE, hi)
        return lo + find(self.points.read(lo, hi)[axis], x)

    def pieces(
        self, start: int, stop: int, top: int | None = None
    ) -> Iterator[tuple[int, int, int]]:
        """Cover the points start..stop exactly with rows (level, first, last), coarsest in the
        middle, in order."""
        top = len(self.levels) if top is None else top
        size = FACTOR**top
        first, last = -(-start // size), stop // size
        if top == 0:
            if start < stop:
                yield 0, start, stop
        elif first < last:
            yield from self.pieces(start, first * size, top - 1)
            yield top, first, last
            yield from self.pieces(last * size, stop, top - 1)
        else:
            yield from self.pieces(start, stop, top - 1)

    def least(self, start: int, stop: int, *, greatest: bool = False) -> int | None:
        """Which point of start..stop has the least (or greatest) finite value; None if none is
        finite."""
        choose, column = (max, HI) if greatest else (min, LO)
        best, where = None, (0, -1)
        for level, first, last in self.pieces(start, stop):
            values = self.level(level).read(first, last)[column if level else 2]
            found = choose((v for v in values if v - v == 0.0), default=None)
            if found is not None and (best is None or choose(found, best) != best):
                best, where = found, (level, first + values.index(found))
        level, row = where
        if best is None:
            return None
        while level:
            level, first = level - 1, row * FACTOR
            values = self.level(level).read(first, first + FACTOR)[column if level else 2]
            row = first + values.index(best)
        return row

    def flush(self) -> int:
        """Write what is new to disk; return bytes written. Raises OSError."""
        return self.points.flush() + sum(level.flush() for level in self.levels[:KEPT_LEVEL])

    @property
    def crcs(self) -> list[int]:
        """Checksums of the files: points, level 1, level 2."""
        return [r.crc for r in (self.points, *self.levels[:KEPT_LEVEL])]

    def load(self, count: int, crcs: list[int]) -> None:
        """Take up `count` points written earlier. Raises StoreDamagedError, OSError."""
        self.points.load(count, crcs[0])
        for index, crc in enumerate(crcs[1:], 1):
            self.levels.append(self._new_level(index))
            self.levels[-1].load(count // FACTOR**index, crc)
        if count:
            last = self.points.read(count - 1, count)
            self.last_step, self.last_ts, self.last_value = (c[0] for c in last)
        self._grow()
