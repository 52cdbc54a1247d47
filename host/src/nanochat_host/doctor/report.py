"""`doctor --report`: one archive to attach to a bug report, with secrets scrubbed.

Every text in it passes `scrub`, also files that were scrubbed when written: a log may be older
than a rule. Configuration values of runs stay; environment values and outputs of training do not
travel, only the last lines of logs of our own.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from nanochat_host.doctor.check import Check
from nanochat_host.paths import Paths, atomic_write
from nanochat_host.scrub import scrub

TAIL_BYTES = 200_000
KEPT_RUNS = 10


def write_report(paths: Paths, checks: list[Check], target: Path) -> Path:
    """Write the archive to `target`. Raises OSError."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in _files(paths, checks):
            raw = scrub(text).encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"nanochat-cli-report/{name}")
            entry.size, entry.mtime, entry.mode = len(raw), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(raw))
    atomic_write(target, buffer.getvalue(), mode=0o600)
    return target


def _files(paths: Paths, checks: list[Check]) -> Iterator[tuple[str, str]]:
    yield "doctor.json", msgspec.json.format(msgspec.json.encode(checks), indent=1).decode()
    yield "environment.txt", "\n".join(sorted(os.environ))  # names only
    for folder in (paths.logs, paths.crashes):
        for path in sorted(folder.glob("*.json*")):
            yield f"{folder.name}/{path.name}", _tail(path)
    if paths.core_log.exists():
        yield "core.stderr", _tail(paths.core_log)
    newest = sorted(paths.runs.glob("*/state.json"), key=lambda p: p.parent.name)[-KEPT_RUNS:]
    for state in newest:
        run = paths.run(state.parent.name)
        yield f"runs/{run.run_id}/state.json", _tail(run.state_json)
        yield f"runs/{run.run_id}/shim.log", _tail(run.shim_log)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(cannot be read: {error.strerror})"
