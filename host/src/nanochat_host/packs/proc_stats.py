"""What a worker costs, from /proc: readable even for a process that forbids being inspected."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(msgspec.Struct, frozen=True):
    """rss_bytes: resident memory, shared pages included. private_bytes: without those of files.
    cpu_s: user and system time."""

    rss_bytes: int
    private_bytes: int
    cpu_s: float


def usage(pid: int) -> Usage | None:
    """None when the process is gone, or where there is no /proc."""
    folder = Path("/proc") / str(pid)
    try:
        resident, of_files = map(int, (folder / "statm").read_text().split()[1:3])
        # The name, in parentheses, may hold spaces.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError, IndexError):
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
    return Usage(resident * _PAGE, (resident - of_files) * _PAGE, cpu_s)
