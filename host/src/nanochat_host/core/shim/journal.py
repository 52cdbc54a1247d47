"""What the shim writes: state.json and its own events. A full disk delays both, loses neither.

The trainer must never feel it: a write that fails is kept and tried again by `flush`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping

MAX_PENDING_BYTES = 1024 * 1024


class Journal:
    """State and events of one run. `behind` is true while something is still unwritten."""

    def __init__(self, root: str, status: Mapping[str, object]) -> None:
        self._state_path = f"{root}/state.json"
        self._events_path = f"{root}/events.jsonl"
        self.status: dict[str, object] = dict(status)
        self._state_due = False
        self._pending = b""

    @property
    def behind(self) -> bool:
        return self._state_due or bool(self._pending)

    def set(self, **fields: object) -> None:
        """Change fields of the state and write it, atomically."""
        self.status.update(fields)
        self._state_due = True
        self.flush()

    def event(self, kind: str, **fields: object) -> None:
        """Append an event, after the state it tells of."""
        line = json.dumps({"ts": round(time.time(), 4), "kind": kind, **fields}).encode() + b"\n"
        if len(self._pending) + len(line) <= MAX_PENDING_BYTES:
            self._pending += line
        self.flush()

    def flush(self) -> bool:
        """Write what is due. False: the disk refused; call again later."""
        try:
            if self._state_due:
                self._write_state()
                self._state_due = False
            if self._pending:
                self._append()
        except OSError:
            return False
        return True

    def _write_state(self) -> None:
        temporary = f"{self._state_path}.shim.tmp"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                raw = json.dumps(self.status).encode()
                if os.write(fd, raw) != len(raw):
                    raise OSError("short write")
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, self._state_path)
        except OSError:
            try:
                os.unlink(temporary)  # what little it holds may be what others need
            except OSError:
                pass
            raise

    def _append(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self._events_path, flags, 0o600)
        try:
            written = os.write(fd, self._pending)
        finally:
            os.close(fd)
        if written < len(self._pending):
            # Others append to this file too: end the torn line, and write it again whole later.
            done = self._pending.rfind(b"\n", 0, written) + 1
            torn = written > done
            self._pending = (b"\n" if torn else b"") + self._pending[done:]
            raise OSError("short write")
        self._pending = b""
