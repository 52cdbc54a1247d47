"""`python -m nanochat_host.core.replayer`: stands in for a trainer. It prints a recorded log and
writes recorded events at the pace at which they came, so that to everybody else it is a run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from nanochat_host.core.recording import Item, Recording, Row
from nanochat_host.core.telemetry import journal
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import RunPaths

BATCH_S = 0.02
"""What is due within so long is written together."""
NOT_REPLAYED = frozenset({"alert"})
"""Kinds of events that the core makes itself, anew."""
_OF_THE_CORE = frozenset({"lost", "adopted"})
"""States of the recorded run that say nothing about this one."""


class _Clock:
    """Moments of now at the recording's pace. speed: how many times faster than it happened; 0 is
    at once. No two stamps are alike: what came one after the other stays in that order."""

    def __init__(self, speed: float) -> None:
        self._began = time.time()
        self._speed = speed
        self._last = 0.0

    def due(self, item: Item) -> float:
        """When it is to be written."""
        return self._began + item.at_s / self._speed if self._speed else self._began

    def stamp(self, item: Item) -> float:
        """Its date."""
        ts = self.due(item) if self._speed else time.time()
        self._last = round(max(ts, self._last + 2e-6), 6)
        return self._last


def play(recording: Recording, run: RunPaths, speed: float) -> None:
    """Write everything, times moved to now. Raises OSError."""
    clock = _Clock(speed)
    batch: list[Item] = []
    for item in recording.items():
        due = clock.due(item)
        if batch and (due - time.time() > BATCH_S or len(batch) >= 500):
            _write(batch, run, clock)
            batch = []
        if (wait := due - time.time()) > BATCH_S:
            time.sleep(wait)
        batch.append(item)
    _write(batch, run, clock)


def _write(items: list[Item], run: RunPaths, clock: _Clock) -> None:
    lines = b"".join(item.line for item in items)
    while lines:
        lines = lines[os.write(sys.stdout.fileno(), lines) :]
    rows = [_row(item.row, clock.stamp(item)) for item in items if item.row is not None]
    journal.append_rows(run, [row for row in rows if row.get("kind") not in NOT_REPLAYED])


def _row(row: Row, ts: float) -> Row:
    """The event at another time."""
    if row.get("kind") == "state" and row.get("what") in _OF_THE_CORE:
        text = f"recorded: {row.get('what')}: {row.get('reason')}"
        return {"ts": ts, "kind": "log", "text": text, "level": "info"}
    return {**row, "ts": ts}


def main() -> int:
    """Exit codes: 0 it was played, or stopped; 1 it could not be."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parser = argparse.ArgumentParser(description="Play a recording into a run's folder.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--into", required=True, type=Path, help="the run's folder")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--only", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    only = dict(pair.split("=", 1) for pair in args.only)
    try:
        play(Recording(args.files, only), RunPaths(args.into), args.speed)
    except (NanochatCliError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
