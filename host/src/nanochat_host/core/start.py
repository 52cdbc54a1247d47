"""Start the core on demand. Anyone may try; the core's own lock lets one win."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

from nanochat_host.core.client import CoreClient, connect
from nanochat_host.core.secrets import handover
from nanochat_host.core.wire import API_VERSION, CoreInfo
from nanochat_host.errors import CoreUnavailableError
from nanochat_host.paths import Paths

POLL_S = 0.02
START_S = 30.0
"""Longest wait for a core that is alive to answer; one that ends says so at once."""
MAX_STDERR_BYTES = 256 * 1024
LOST_THE_RACE = 4
"""Exit status of a core that found another one serving the same home."""


def core_is_up(paths: Paths) -> bool:
    """Does somebody answer at the socket?"""
    try:
        connect(paths, 2.0).close()
    except CoreUnavailableError:
        return False
    return True


def is_foreign(paths: Paths) -> bool:
    """Does somebody answer at the socket who is no core? A core holds the lock as long as it
    listens."""
    if not core_is_up(paths):
        return False
    try:
        fd = os.open(paths.core_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return core_is_up(paths)  # while we hold the lock, whoever answers is no core
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


def prepare_core_dir(paths: Paths) -> Path:
    """The core's folder, 0700 and ours. Raises CoreUnavailableError otherwise: whoever else can
    write there could put a socket of theirs in our place."""
    folder = paths.core_dir
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise CoreUnavailableError(
            f"cannot use {folder}: {error.strerror}", "set NANOCHAT_CLI_HOME to a folder of yours"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise CoreUnavailableError(f"{folder} is not a folder of yours", "remove it, try again")
    if found.st_mode & 0o077:
        raise CoreUnavailableError(
            f"{folder} is open to other users (mode {found.st_mode & 0o777:04o})",
            f"`chmod 700 {folder}`, then try again",
        )
    return folder


def spawn_core(paths: Paths) -> subprocess.Popen[bytes]:
    """Start a core in a session of its own and return at once; `wait_for_core` tells how it went.
    Raises CoreUnavailableError when not even that is possible."""
    prepare_core_dir(paths)
    env, secret = handover.split({**os.environ, "NANOCHAT_CLI_HOME": str(paths.home)})
    try:
        with paths.core_log.open("ab") as log:
            if log.tell() > MAX_STDERR_BYTES:
                log.truncate(0)
            child = subprocess.Popen(
                [sys.executable, "-m", "nanochat_host.core.server"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=env,
                cwd="/",
                start_new_session=True,
            )
        with contextlib.suppress(BrokenPipeError), child.stdin as pipe:  # type: ignore[union-attr]
            pipe.write(secret)
        return child
    except OSError as error:
        raise CoreUnavailableError(
            f"cannot start the core: {error}", f"look at {paths.core_dir}"
        ) from None


def ensure_core(paths: Paths, timeout_s: float = START_S) -> CoreInfo:
    """A core that answers, started if there is none. Raises CoreUnavailableError with the core's
    own last words, or when it speaks another version of the API."""
    child: subprocess.Popen[bytes] | None = None
    if is_foreign(paths):
        raise CoreUnavailableError(
            f"{paths.core_socket} is in use by another program", "end it, then try again"
        )
    if not core_is_up(paths):
        child = spawn_core(paths)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            info = CoreClient(paths).health()
            break
        except CoreUnavailableError as error:
            code = child.poll() if child else None
            if code in (0, LOST_THE_RACE):  # another one was there, and may be gone by now
                child = None
            elif code is not None:
                raise CoreUnavailableError(_last_words(paths), f"see {paths.core_log}") from None
            if time.monotonic() > deadline:
                raise CoreUnavailableError(
                    f"the core did not answer within {timeout_s:.0f} s ({error.message})",
                    f"see {paths.core_log}",
                ) from None
            time.sleep(POLL_S)
            if child is None and not core_is_up(paths):
                child = spawn_core(paths)
    if info.api != API_VERSION:
        raise CoreUnavailableError(
            f"the core at {paths.core_socket} is version {info.version}, not this one",
            "`nanochat-cli core stop`, then try again: runs go on meanwhile",
        )
    return info


def _last_words(paths: Paths) -> str:
    try:
        lines = paths.core_log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines and shutil.disk_usage(paths.core_dir).free == 0:
        return f"the core cannot start: the disk of {paths.home} is full"
    return (
        lines[-1][:500].removeprefix("nanochat-cli: ") if lines else "the core ended without a word"
    )
