"""Reads the commands that the core appends to `control.jsonl`."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TAIL_BYTES = 64 * 1024
COMMANDS = ("save", "eval", "sample", "stop", "pause", "resume", "set", "lr")


@dataclass(frozen=True)
class Command:
    """One line of the file. error: why it cannot be carried out whatever the script is."""

    id: str
    cmd: str
    name: str = ""
    value: Any = None
    at_step: int | None = None
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def parse_command(line: bytes) -> Command:
    """Never raises: a line that is no command becomes one with an `error`."""
    try:
        raw = json.loads(line)
    except ValueError:
        return Command("", "", error="not a line of JSON")
    if not isinstance(raw, dict):
        return Command("", "", error="not a JSON object")
    cmd, at_step = str(raw.get("cmd", "")), raw.get("at_step")
    error = ""
    if cmd not in COMMANDS:
        error = f"unknown command {cmd[:40]!r}"
    elif at_step is not None and type(at_step) is not int:
        at_step, error = None, "at_step is not a whole number"
    return Command(
        str(raw.get("id", "")), cmd, str(raw.get("name", "")), raw.get("value"), at_step, error
    )


def answered_until(events: str) -> int:
    """How much of the control file the last stage of this run has answered, from the `end` event
    it left; 0 if there was none. A stop of one stage is not one of the next."""
    try:
        with Path(events).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        if b'"what": "end"' in line:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return int(json.loads(line)["control"])
    return 0


class ControlFile:
    """Follows the file by its size: one `fstat` while nothing is new. position: where to begin,
    in bytes."""

    def __init__(self, path: str, position: int = 0) -> None:
        self._path = path
        self._fd = -1
        self.position = position

    def poll(self) -> list[Command]:
        """Commands appended since the last call; half a line waits for its end."""
        if not self._path:
            return []
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            size = os.fstat(self._fd).st_size
            if size <= self.position:
                return []
            data = os.pread(self._fd, size - self.position, self.position)
        except OSError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self.position += len(complete)
        return [parse_command(line) for line in complete.splitlines() if line.strip()]
