"""The columns of one run, in memory and on disk."""

from __future__ import annotations

import contextlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import lt
from pathlib import Path
from typing import Any

import msgspec

from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.decode import Block, floats, number
from nanochat_host.core.telemetry.metrics import canonical
from nanochat_host.core.telemetry.records import Floats, StoreDamagedError
from nanochat_host.core.telemetry.spans import Runs, Spans

MAX_COLUMNS = 4096
FLUSH_POINTS = 2048


class ColumnIndex(msgspec.Struct):
    """What the index file says about a column; `Column` and its parts name the fields."""

    name: str
    file: str
    count: int
    crcs: list[int]
    closed: list[tuple[int, int]]
    start: int
    nan_starts: list[int]
    nan_stops: list[int]
    last: tuple[float, float, float]
    stage: int = 0
    from_hook: bool = False


class StoreIndex(msgspec.Struct):
    """The part of the index file that belongs to the store."""

    columns: list[ColumnIndex] = []
    stage: int = 0
    step: float = 0.0


class Store:
    """Columns by metric name. folder None: memory only.

    stage: counts the commands of the run; a column that goes on in a new stage begins anew.
    step: newest step of any row; rows without a step of their own take it, and of several such
    rows in one step the first is kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.columns: dict[str, Column] = {}
        self.stage = 0
        self.step = 0.0
        self._by_key: dict[str, Column | None] = {}
        self._files = 0

    @property
    def memory_bytes(self) -> int:
        return sum(column.memory_bytes for column in self.columns.values())

    def column(self, key: str) -> Column | None:
        """The column of a metric under any of its names, made when new; None past the limit."""
        if key not in self._by_key:
            name = canonical(key)
            column = self.columns.get(name)
            if column is None and len(self.columns) < MAX_COLUMNS:
                column = Column(name, self.folder, f"{self._files:04d}")
                self.columns[name] = column
                self._files += 1
            self._by_key[key] = column
        return self._by_key[key]

    def append(self, block: Block, *, rev: int, from_hook: bool = True) -> None:
        """Append rows. Values that are no numbers are left out. rev: stamped on what changed.
        from_hook False: rows of the log, which yield to the hook's own. Rows of other sources come
        late: they add to the end of a column and never go back."""
        step = block.step or array("d", [self.step]) * len(block.ts)
        late = bool(block.source)
        self.step = max(self.step, step[-1]) if late else step[-1]
        parts = _ascending(step)
        for key, raw in block.values.items():
            column = self.column(key)
            if column is None or (column.from_hook and not from_hook):
                continue
            values, xs, ts, where = floats(raw), step, block.ts, parts
            if values is None:
                xs, ts, values = _numbers(step, block.ts, raw)
                where = _ascending(xs)
            for a, b in where:
                if late and column.stage == self.stage:
                    a = bisect_right(xs, column.last_step, a, b)
                if a == b:
                    continue
                whole = b - a == len(xs)
                rows = (xs, ts, values) if whole else (xs[a:b], ts[a:b], values[a:b])
                if column.append(*rows, stage=self.stage):
                    column.rev = rev
                    column.from_hook = column.from_hook or from_hook

    def flush(self, *, full: bool = False) -> int:
        """Write columns that have enough unwritten points (all, if full); return bytes written.
        Raises OSError: then the points stay in memory."""
        if self.folder is None:
            return 0
        written = 0
        for i, column in enumerate(self.columns.values()):
            # Columns grow together: different thresholds keep them from being written together.
            if full or column.points.unflushed >= FLUSH_POINTS + 97 * i % FLUSH_POINTS:
                written += column.flush()
        return written

    def index(self) -> StoreIndex:
        """What `load` needs to take up the files as they are after a full flush."""
        columns = [
            ColumnIndex(
                c.name, c.file, len(c), c.crcs, c.spans.closed, c.spans.start,
                c.nonfinite.starts, c.nonfinite.stops, (c.last_step, c.last_ts, c.last_value),
                c.stage, c.from_hook,
            )
            for c in self.columns.values() if len(c)
        ]  # fmt: skip
        return StoreIndex(columns, self.stage, self.step)

    def load(self, index: StoreIndex, *, rev: int) -> None:
        """Take up files written earlier. Raises StoreDamagedError, OSError: rebuild from events."""
        self.stage, self.step = index.stage, index.step
        for i in index.columns:
            column = Column(i.name, self.folder, i.file)
            column.load(i.count, i.crcs)
            found = (column.last_step, column.last_ts, column.last_value)
            if repr(found) != repr(tuple(i.last)):
                raise StoreDamagedError(f"{i.file}.points does not end as its index says")
            column.spans = Spans(i.closed, i.start)
            column.nonfinite = Runs(i.nan_starts, i.nan_stops)
            column.stage, column.from_hook, column.rev = i.stage, i.from_hook, rev
            self.columns[i.name] = column
            self._files = max(self._files, int(i.file) + 1)

    def remove_files(self) -> None:
        """Delete what `flush` wrote."""
        if self.folder is None:
            return
        for path in self.folder.glob("[0-9]*.*"):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _ascending(step: Floats) -> list[tuple[int, int]]:
    """Ranges over which steps ascend strictly; a row that repeats a step is left out."""
    if all(map(lt, step, islice(step, 1, None))):
        return [(0, len(step))] if step else []
    out: list[tuple[int, int]] = []
    start = 0
    for i in range(1, len(step) + 1):
        if i < len(step) and step[i] > step[i - 1]:
            continue
        if start < i:
            out.append((start, i))
        start = i if i < len(step) and step[i] < step[i - 1] else i + 1
    return out


def _numbers(step: Floats, ts: Floats, raw: Sequence[Any]) -> tuple[Floats, Floats, Floats]:
    """The rows whose value is a number."""
    rows = [(s, t, v) for s, t, v in zip(step, ts, map(number, raw), strict=True) if v is not None]
    return tuple(array("d", [row[i] for row in rows]) for i in range(3))  # type: ignore[return-value]
