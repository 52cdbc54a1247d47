"""What a process that may hold a token does for itself."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4


def hide_memory() -> bool:
    """Let no other process of this user look into this one's memory or environment, and let the
    kernel write no core dump of it. Linux only; returns whether it holds. Programs that are started
    from here are not concerned: `exec` undoes it."""
    if sys.platform != "linux":
        return False
    import ctypes  # a few milliseconds: not before the first paint

    return int(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)) == 0
