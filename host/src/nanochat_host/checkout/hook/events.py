"""Appends events to `events.jsonl`: one line, one `write`, and never an exception.

A full disk costs neither training nor events: lines wait in memory until it takes them again. Past
`MAX_OWED_BYTES` they are only counted, and a note follows.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from typing import Any

MAX_TEXT = 4000
MAX_OWED_BYTES = 16 * 1024 * 1024
"""About 40,000 steps of 35 scalars."""
PAID_AT_ONCE = 256
"""Lines written in one step of the loop once there is room: less than a millisecond."""
LARGEST_EXACT_INT = 2**53


def json_safe(value: Any) -> Any:
    """A value as JSON can hold it: non-finite floats as "nan", "inf", "-inf"; text bounded."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_EXACT_INT else _as_float(value)
    if isinstance(value, dict):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    return str(value)[:MAX_TEXT]


def _as_float(value: int) -> float | str:
    """JSON readers with 64-bit integers refuse larger ones; as a float they read it."""
    try:
        return float(value)
    except OverflowError:
        return "inf" if value > 0 else "-inf"


class EventWriter:
    """path "": events go nowhere (the run has no folder, or this rank does not report)."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.dropped = 0
        self._fd = -1
        self._torn = False
        self._failure = ""
        self._owed: deque[bytes] = deque()
        self._owed_bytes = 0

    def emit(self, kind: str, step: int | None = None, **fields: Any) -> None:
        if not self.path:
            return
        event: dict[str, Any] = {"ts": round(time.time(), 4), "kind": kind}
        if step is not None:
            event["step"] = step
        event.update((name, json_safe(value)) for name, value in fields.items())
        # The escape keeps a lone surrogate (a file name, say) from failing the encoding.
        self.write(json.dumps(event, allow_nan=False).encode("ascii", "replace") + b"\n")

    def state(self, what: str, step: int | None = None, **fields: Any) -> None:
        self.emit("state", step, what=what, **fields)

    def write(self, line: bytes) -> None:
        """Append one complete line (with its newline), now or when the disk takes it."""
        if not self.path:
            return
        if self._owed:
            self._owe(line)
            self._pay(PAID_AT_ONCE)
        elif not self._put(line):
            self._owe(line)

    def _put(self, line: bytes) -> bool:
        """True: the file has the line."""
        try:
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._fd = os.open(self.path, flags, 0o644)
            # After half a line a newline comes first, so that what follows is whole again.
            data = b"\n" + line if self._torn else line
            written = os.write(self._fd, data)
        except OSError as exc:
            self._failure = exc.strerror or str(exc)
            return False
        if written < len(data):
            self._torn = self._torn or written > 0
            self._failure = "short write"
            return written == len(data) - 1  # all but its newline, which comes before the next
        self._torn = False
        return True

    def _owe(self, line: bytes) -> None:
        """Keep a line for later; without room for it, count it."""
        if self._owed_bytes + len(line) > MAX_OWED_BYTES:
            self.dropped += 1
            return
        self._owed.append(line)
        self._owed_bytes += len(line)

    def _pay(self, most: int) -> None:
        """Write what is owed, oldest first, until the disk refuses or `most` lines are written."""
        while self._owed and most > 0:
            if not self._put(self._owed[0]):
                return
            self._owed_bytes -= len(self._owed.popleft())
            most -= 1
        if self.dropped and not self._owed:
            lost, self.dropped = self.dropped, 0
            self.emit("log", text=f"{lost} events were lost: {self._failure}", level="warning")

    def close(self) -> None:
        self._pay(len(self._owed))
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.path = ""
