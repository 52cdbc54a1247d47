"""When an app is at rest: by its event loop, as Textual's own way is fooled on a busy machine."""

from __future__ import annotations

import asyncio

FRAME_S = 0.02
"""Longer than a screen gathers what it paints, 1/60 s."""
CALM_TURNS = 3
LIMIT_S = 20.0


async def settled(min_sleep: float = 0.0, max_sleep: float = LIMIT_S) -> None:
    """In place of `wait_for_idle`, which takes a process that uses no CPU time for idle. So is one
    that waits for its turn on a busy machine, and keys seem handled that no widget has seen.

    Returns when no callback is left to run, before and after a frame. Threads, processes and longer
    timers are not waited for: a test polls for what those do.
    """
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    await _drained(deadline)
    await asyncio.sleep(FRAME_S)
    await _drained(deadline)


async def _drained(deadline: float) -> None:
    loop = asyncio.get_running_loop()
    calm = 0
    while calm < CALM_TURNS and loop.time() < deadline:
        await asyncio.sleep(0)
        calm = 0 if loop._ready else calm + 1  # type: ignore[attr-defined]
