"""The core's own lines in a run's events.jsonl."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from typing import Any

import msgspec
from nanochat_sdk.data import Event

from nanochat_host.paths import RunPaths


def append(run: RunPaths, event: Event) -> None:
    """One event as one line with one write. A line that somebody left torn (a full disk, a kill) is
    closed first, so that it costs only itself. Raises OSError."""
    row: dict[str, Any] = {"ts": round(event.ts, 4), "kind": event.kind}
    if event.step is not None:
        row["step"] = event.step
    append_rows(run, [row | event.fields])


def append_rows(run: RunPaths, rows: Sequence[dict[str, Any]]) -> None:
    """Several rows, each a line, with one write. Raises OSError."""
    if not rows:
        return
    line = b"".join(msgspec.json.encode(_plain(row)) + b"\n" for row in rows)
    fd = os.open(run.events_jsonl, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)  # the shim may be giving back what room was left behind it
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = os.write(fd, line)
        if written != len(line):
            raise OSError(28, "the disk is full")
    finally:
        os.close(fd)


def _plain(value: Any) -> Any:
    """JSON has no NaN: non-finite numbers are words."""
    if isinstance(value, float) and value - value != 0.0:
        return str(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
