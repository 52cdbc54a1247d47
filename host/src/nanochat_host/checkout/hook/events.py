"""Appends events to `events.jsonl`: one line, one `write`, and never an exception.

A full disk costs events, not training: they are counted, and a note follows when writing works
again.
"""

from __future__ import annotations

import json
import math
import os
import time
from typing import Any

MAX_TEXT = 4000
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
        """Append one complete line (with its newline)."""
        if not self.path:
            return
        try:
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._fd = os.open(self.path, flags, 0o644)
            # After half a line a newline comes first, so that only the torn line is lost.
            data = b"\n" + line if self._torn else line
            written = os.write(self._fd, data)
        except OSError as exc:
            self.dropped += 1
            self._failure = exc.strerror or str(exc)
            return
        if written < len(data):
            self._torn = self._torn or written > 0
            self.dropped += 1
            self._failure = "short write"
            return
        self._torn = False
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            self.emit("log", text=f"{lost} events were lost: {self._failure}", level="warning")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.path = ""
