"""Crash dumps: a file per crash, scrubbed, that the next start points at once."""

from __future__ import annotations

import json
import platform
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from nanochat_host import __version__
from nanochat_host.paths import Paths, atomic_write
from nanochat_host.scrub import scrub

KEPT_CRASHES = 20
_SEEN = ".seen"


@dataclass(frozen=True)
class Crash:
    """A dump on disk. role: which process. summary: the exception in one line."""

    path: Path
    role: str
    summary: str
    ts: float


def write_crash(paths: Paths, role: str, error: BaseException) -> Path | None:
    """Write a dump of `error`; returns its path, None when even that is impossible.

    Local variables are left out on purpose: they are where secrets would be.
    """
    now = time.time()
    summary = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    dump = {
        "ts": now,
        "role": role,
        "version": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "summary": summary,
        "traceback": "".join(traceback.format_exception(error)),
    }
    path = paths.crashes / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{role}.json"
    try:
        paths.crashes.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_write(path, scrub(json.dumps(dump, indent=1)), mode=0o600)
        for old in sorted(paths.crashes.glob("*.json"))[:-KEPT_CRASHES]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return path


def last_crash(paths: Paths, *, unseen: bool = True) -> Crash | None:
    """The newest dump; with `unseen`, only if no start has pointed at it yet."""
    newest = max(paths.crashes.glob("*.json"), default=None)
    if newest is None or (unseen and _seen(paths) >= newest.name):
        return None
    try:
        dump = json.loads(newest.read_text())
        return Crash(newest, str(dump["role"]), str(dump["summary"]), float(dump["ts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Crash(newest, "unknown", "the dump cannot be read", 0.0)


def mark_seen(paths: Paths, crash: Crash) -> None:
    """The person has been told about this one."""
    atomic_write(paths.crashes / _SEEN, crash.path.name)


def _seen(paths: Paths) -> str:
    try:
        return (paths.crashes / _SEEN).read_text()
    except OSError:
        return ""
