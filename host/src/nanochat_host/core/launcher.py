"""Start run shims: out of the core's reach, and without the core's niceness.

The core steps back behind the trainer (`nice`). Niceness is inherited and cannot be given back,
so shims are started from a thread that was there before the core became nice: on Linux niceness
belongs to the thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nanochat_host.core.shim.__main__ import ASKS, LOCK_FD
from nanochat_host.paths import RunPaths

SHIM = Path(__file__).with_name("shim") / "__main__.py"
NICENESS = 5


class Launcher:
    """The thread that starts shims."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "launcher")
        self._thread.submit(int).result()  # the thread must exist before the core gets nice

    async def start(
        self,
        run: RunPaths,
        lock_fd: int,
        env: Mapping[str, str],
        secrets: Sequence[Mapping[str, str]] = (),
        *,
        adopt: bool = False,
    ) -> int:
        """Start a shim for the run and return its pid. lock_fd: `shim.lock`, locked; it is closed
        here. env: the trainer's environment, secrets: what single steps get besides; both travel
        through a pipe. Raises OSError."""
        loop = asyncio.get_running_loop()
        handed = json.dumps({"env": dict(env), "secrets": [dict(s) for s in secrets]}).encode()
        return await loop.run_in_executor(self._thread, _spawn, run, lock_fd, handed, adopt)

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def step_back() -> None:
    """Let the trainer go first. Other systems' niceness would reach the shims: left alone there."""
    if not sys.platform.startswith("linux"):
        return
    os.nice(NICENESS)
    try:  # where sessions are scheduled as groups, niceness counts only inside the group
        Path("/proc/self/autogroup").write_text(str(NICENESS))
    except OSError:
        return


def _spawn(run: RunPaths, lock_fd: int, handed: bytes, adopt: bool) -> int:
    command = [sys.executable, "-I", "-S", str(SHIM), str(run.root), *(["--adopt"] * adopt)]
    try:
        source, sink = os.pipe()
    except OSError:
        os.close(lock_fd)
        raise
    try:
        log = os.open(run.shim_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            pid = os.posix_spawn(
                command[0],
                command,
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, source, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                    (os.POSIX_SPAWN_DUP2, lock_fd, LOCK_FD),
                ],
                setsigmask=ASKS,  # until its handlers stand: an early stop must wait, not kill
            )
        finally:
            os.close(log)
    except OSError:
        os.close(sink)
        raise
    finally:
        os.close(source)
        os.close(lock_fd)
    try:
        with os.fdopen(sink, "wb") as pipe:
            pipe.write(handed)
    except BrokenPipeError:
        pass  # it died already: whoever watches it finds out and says so
    return pid
