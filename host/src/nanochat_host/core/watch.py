"""Learn that a process has ended: by pidfd where there is one, else by looking now and then."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from nanochat_host.core.shim import procs

LOOK_S = 0.5


def watch_exit(
    pid: int, start: int, is_gone: Callable[[], bool], callback: Callable[[], object]
) -> Callable[[], None]:
    """Call `callback` once, in the loop, when the process is gone; reap it if it was our child.
    is_gone: asked now and then where the kernel cannot tell. Returns how to stop watching."""
    loop = asyncio.get_running_loop()
    pidfd = procs.open_pidfd(pid, start) if pid else None
    if pidfd is None:
        task = loop.create_task(_look(pid, is_gone, callback))
        return lambda: None if task is asyncio.current_task() else _cancel(task)

    def stop() -> None:
        nonlocal pidfd
        if pidfd is not None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            pidfd = None

    def ended() -> None:
        stop()
        reap(pid)
        callback()

    loop.add_reader(pidfd, ended)
    return stop


def reap(pid: int) -> None:
    """Take a child's exit status, so that no zombie stays; nothing if it is not ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


async def _look(pid: int, is_gone: Callable[[], bool], callback: Callable[[], object]) -> None:
    while not _answers(is_gone):
        await asyncio.sleep(LOOK_S)
    if pid:
        reap(pid)
    callback()


def _answers(is_gone: Callable[[], bool]) -> bool:
    """Yes only if that is known: out of descriptors for a moment, it is asked again."""
    with contextlib.suppress(OSError):
        return is_gone()
    return False


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
