"""control.jsonl: the commands of one run, in the order they were given."""

from __future__ import annotations

import os
import time
from typing import Any

import msgspec

from nanochat_host.core.wire import Control
from nanochat_host.errors import CannotWriteError, NanochatCliError
from nanochat_host.paths import RunPaths


class ControlLog:
    """Appends commands and gives them ids, `c1`, `c2`, ...; counts on after a restart."""

    def __init__(self, run: RunPaths) -> None:
        self._path = run.control_jsonl
        self._count = len(self.commands())

    def commands(self) -> list[dict[str, Any]]:
        """All commands so far, as written; torn or foreign lines are left out."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=dict[str, Any]))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return found

    def append(self, control: Control) -> str:
        """Write a command for the hook and return its id. Raises NanochatCliError: disk full."""
        command_id = f"c{self._count + 1}"
        entry: dict[str, Any] = {"id": command_id, "ts": round(time.time(), 3), "cmd": control.cmd}
        if control.cmd == "set":
            entry["name"] = control.name
        if control.cmd in ("set", "lr"):
            entry["value"] = control.value
        if control.at_step is not None:
            entry["at_step"] = control.at_step
        raw = msgspec.json.encode(entry) + b"\n"
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                written = os.write(fd, raw)
                if 0 < written < len(raw):
                    os.write(fd, b"\n")  # end the torn line; the hook skips it
            finally:
                os.close(fd)
        except OSError as error:
            raise CannotWriteError(self._path, error) from None
        if written < len(raw):
            raise NanochatCliError(f"cannot write {self._path}: disk full", "free some space")
        self._count += 1
        return command_id
