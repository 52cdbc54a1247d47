"""System calls that Python has no function for, by name and number."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

MACHINE = os.uname().machine
NUMBERS: dict[str, dict[str, int]] = json.loads(
    (Path(__file__).parent / "syscalls.json").read_text()
)
"""Machine to name to number. Only what the filter names; `tests` compare it with the headers."""
KNOWN = sys.platform == "linux" and MACHINE in NUMBERS
"""Whether this kernel's walls are known at all."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 38, 47

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
if sys.platform == "linux":
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def system_call(name: str, *args: Any) -> int:
    """args: numbers, or what ctypes passes as a pointer. Raises OSError."""
    number = ctypes.c_long(NUMBERS[MACHINE][name])
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    result: int = libc.syscall(number, *words)
    if result < 0:
        _raise(name)
    return result


def prctl(option: int, value: int, third: int = 0) -> None:
    """Raises OSError."""
    if libc.prctl(option, value, third, 0, 0) < 0:
        _raise(f"prctl({option})")


def die_with(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends, and end now if it already has. Linux only:
    elsewhere the closed pipe is what ends the process."""
    if sys.platform != "linux":
        return
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def checked(name: str, result: int) -> None:
    """For calls through `libc`: raises OSError when the result says that it failed."""
    if result < 0:
        _raise(name)


def _raise(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")
