"""One run's folder: made, read, locked. See docs/architecture.md, "A run on disk"."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from nanochat_host.core.wire import RunRecord, RunStatus
from nanochat_host.errors import NanochatCliError
from nanochat_host.paths import Paths, RunPaths, atomic_write

ENDED = frozenset({"done", "failed", "lost"})
GOING = ".gone"
"""Ending of a folder that is being removed."""
T = TypeVar("T")
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class BrokenRunError(NanochatCliError):
    """A run's folder that cannot be understood."""

    code = "broken_run"


def new_run_id(target: str, now: float) -> str:
    """Sortable and readable: `20261122-041530-base_train-k3f9`."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    word = re.sub(r"[^A-Za-z0-9_]+", "-", target.rpartition(".")[2]).strip("-")[:40] or "run"
    return f"{stamp}-{word}-{''.join(secrets.choice(_ALPHABET) for _ in range(4))}"


def create(paths: Paths, record: RunRecord, status: RunStatus) -> RunPaths:
    """Make the folder, 0700, with run.json, state.json and empty logs. Raises OSError; nothing is
    left behind then."""
    run = paths.run(record.id)
    paths.runs.mkdir(parents=True, exist_ok=True)
    run.root.mkdir(mode=0o700)
    try:
        atomic_write(run.run_json, msgspec.json.format(msgspec.json.encode(record)), 0o600)
        write_status(run, status)
        for empty in (run.out_log, run.events_jsonl, run.control_jsonl, run.shim_log):
            empty.touch(mode=0o600)
    except OSError:
        remove(run)
        raise
    return run


def remove(run: RunPaths) -> None:
    """Delete a run's folder. Links inside are removed, never followed. Raises OSError; may then be
    called again."""
    going = run.root.with_name(f".{run.run_id}{GOING}")
    if run.root.exists():  # moved first: what others still write to it must not come back
        run.root.rename(going)
    _remove(going)


def runs_in(paths: Paths) -> list[RunPaths]:
    """Every run's folder, by name. What a killed core was removing is removed now. Raises
    OSError."""
    folders = sorted(paths.runs.iterdir()) if paths.runs.is_dir() else []
    for folder in folders:
        if folder.name.startswith(".") and folder.name.endswith(GOING):
            with contextlib.suppress(OSError):
                _remove(folder)
    return [paths.run(folder.name) for folder in folders if not folder.name.startswith(".")]


def _remove(going: Path) -> None:
    for folder, folders, files in os.walk(going, topdown=False):
        for name in files:
            (Path(folder) / name).unlink(missing_ok=True)
        for name in folders:
            child = Path(folder) / name
            child.unlink() if child.is_symlink() else child.rmdir()
    going.rmdir()


def read_record(run: RunPaths) -> RunRecord:
    """run.json. Raises BrokenRunError."""
    return _read(run.run_json, RunRecord)


def read_status(run: RunPaths) -> RunStatus:
    """state.json. Raises BrokenRunError."""
    return _read(run.state_json, RunStatus)


def write_status(run: RunPaths, status: RunStatus) -> None:
    """state.json, atomically: before the shim exists, or when it is gone. Raises OSError."""
    atomic_write(run.state_json, msgspec.json.encode(status), 0o600)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise BrokenRunError(f"{path}: {error.strerror}", _WAY_OUT) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenRunError(f"{path}: {error}", _WAY_OUT) from None


_WAY_OUT = "move the folder away if the run is of no use any more"


def lock_shim(run: RunPaths) -> int | None:
    """Lock `shim.lock` for a shim about to be started; None while one lives. The descriptor is
    handed to the shim, so that at no moment nobody holds it."""
    fd = os.open(run.shim_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def shim_is_alive(run: RunPaths) -> bool:
    """Does a shim hold the lock?"""
    fd = lock_shim(run)
    if fd is not None:
        os.close(fd)
    return fd is None
