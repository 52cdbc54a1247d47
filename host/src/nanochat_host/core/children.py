"""Processes the core speaks with through pipes: how it gets them, and how it parts from them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
GONE_S = 5.0
"""Longest wait for a process that was killed: one that is stuck in the kernel is not waited for."""


async def started(start: Coroutine[Any, Any, T]) -> T:
    """What `asyncio` started. Cancelled in between, asyncio would wait until nobody holds the
    process's pipes any more: the start is gone through with, and the caller, who can clean up, is
    cancelled at its next `await`."""
    work, task, cancelled = asyncio.ensure_future(start), asyncio.current_task(), False
    assert task is not None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
            task.uncancel()
    if cancelled:
        task.cancel()
    return work.result()


async def let_go(process: asyncio.subprocess.Process) -> None:
    """Kill the process if it lives, and close our ends of its pipes. What it started may hold the
    other ends for ever, and as long as a pipe is open asyncio's transport outlives everybody who
    could close it, the event loop too."""
    transport: Any = process._transport  # type: ignore[attr-defined]  # nothing public closes these
    for fd in (0, 1, 2):
        if (pipe := transport.get_pipe_transport(fd)) is not None:
            pipe.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GONE_S):
            await process.wait()
