"""Facts about processes, straight from the kernel. A pid alone may be somebody else's by now, so
a process of ours is always named by its pid and its start time.

Standard library only and few imports: the shim loads this under `python -I -S`.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import sys
import time

LINUX = sys.platform.startswith("linux")
PR_SET_CHILD_SUBREAPER = 36
PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, struct pidfd_info), Linux 6.13
PIDFD_INFO_EXIT = 1 << 3  # Linux 6.15: the exit status of a process that is not our child
_PIDFD_INFO = struct.Struct("=QQ11Ii")
REAPED_WITHIN_S = 0.5


class ProcStat:
    """/proc/PID/stat: state letter, parent, start in clock ticks since boot, wait status."""

    __slots__ = ("pid", "ppid", "start", "state", "status")

    def __init__(self, pid: int, raw: str) -> None:
        fields = raw[raw.rindex(")") + 2 :].split()
        self.pid = pid
        self.state = fields[0]
        self.ppid = int(fields[1])
        self.start = int(fields[19])
        self.status = int(fields[49]) if len(fields) > 49 else 0


def proc_stat(pid: int) -> ProcStat | None:
    """None when there is no such process or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return ProcStat(pid, file.read())
    except (OSError, ValueError, IndexError):
        return None


def start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 where the kernel does not tell."""
    stat = proc_stat(pid)
    return stat.start if stat else 0


def boot_id() -> str:
    """Changes with every boot; "" where the kernel does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_alive(pid: int, start: int) -> bool:
    """Is the process that started at `start` still there? A zombie is not; neither is another
    process that was given the same pid. start 0: unknown, the pid alone decides."""
    if pid <= 1:
        return False
    if not LINUX:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return start == 0
        return True
    stat = proc_stat(pid)
    return stat is not None and stat.state not in "ZX" and start in (0, stat.start)


def open_pidfd(pid: int, start: int) -> int | None:
    """A descriptor that becomes readable when that very process ends. None when it is gone, or
    where there are no pidfds (then poll `is_alive`)."""
    try:
        fd = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None
    if is_alive(pid, start):  # checked after opening: now the descriptor cannot be of another
        return fd
    os.close(fd)
    return None


def send_signal(pid: int, start: int, number: int) -> bool:
    """Signal that very process. False: it is gone."""
    if (pidfd := open_pidfd(pid, start)) is not None:
        import signal

        try:
            signal.pidfd_send_signal(pidfd, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(pidfd)
    if not is_alive(pid, start):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def children_of(root: int) -> list[int]:
    """All live descendants of a process, nearest first."""
    parents: dict[int, list[int]] = {}
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        stat = proc_stat(pid)
        if stat and stat.state not in "ZX":
            parents.setdefault(stat.ppid, []).append(pid)
    found: list[int] = []
    queue = [root]
    while queue:
        queue.extend(parents.get(parent := queue.pop(0), []))
        if parent != root:
            found.append(parent)
    return found


def become_subreaper() -> None:
    """Orphaned descendants become our children: the ranks of a killed torchrun stay in reach."""
    if LINUX:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def foreign_wait_status(pid: int, start: int, pidfd: int | None) -> int | None:
    """Wait status of an ended process that is not our child. None when the kernel does not tell:
    it does while the process is a zombie, and from Linux 6.15 on also afterwards."""
    deadline = time.monotonic() + REAPED_WITHIN_S
    while True:
        stat = proc_stat(pid)
        if stat and stat.start == start and stat.state == "Z":
            return stat.status
        if pidfd is None:
            return None
        info = bytearray(_PIDFD_INFO.pack(PIDFD_INFO_EXIT, 0, *[0] * 11, 0))
        try:
            fcntl.ioctl(pidfd, PIDFD_GET_INFO, info)
        except OSError:
            return None
        mask, *_, status = _PIDFD_INFO.unpack(info)
        if mask & PIDFD_INFO_EXIT:
            return int(status)
        if time.monotonic() > deadline:
            return None
        select.select([], [], [], 0.01)
