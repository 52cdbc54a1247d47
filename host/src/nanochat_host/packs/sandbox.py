"""What a worker does to itself between fork and the first byte of a pack, in one ordered list.

Covered here: the worker holds no descriptor, variable or signal handler of the host's, cannot take
memory, processor time or files without bound, gains no privilege and dies with the zygote. NOT
covered yet, and reported as "absent" in the hello: files it may read, the network, signals and
other processes. Until those walls stand, only packs the person trusts as much as the program itself
may be opened.

The order matters: single-threaded, what needs a file before what forbids files, what needs a system
call before what forbids calls, and the witness last, because it reports what really holds.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple

from nanochat_sdk.serve import CHANNEL_IN, CHANNEL_OUT

Wall = Literal["closed", "OPEN", "absent"]

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/",
    "PYTHONDONTWRITEBYTECODE": "1",
    # One worker a panel is parallelism enough; a pool of threads in each would crowd the trainer.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
MIB = 1 << 20
LIMITS = {
    "RLIMIT_AS": 768 * MIB,
    "RLIMIT_DATA": 256 * MIB,
    "RLIMIT_STACK": 8 * MIB,
    "RLIMIT_NOFILE": 64,
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 0,
    "RLIMIT_MEMLOCK": 0,
    "RLIMIT_MSGQUEUE": 0,
    "RLIMIT_SIGPENDING": 64,
    "RLIMIT_NICE": 0,
    "RLIMIT_RTPRIO": 0,
    "RLIMIT_CPU": 3600,
}
"""Bytes, descriptors or seconds; set hard. RLIMIT_NPROC is missing because it counts all processes
of the user."""
NICENESS = 10

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_LINUX = sys.platform == "linux"


class Setup(NamedTuple):
    """What the zygote hands to a worker: its ends of the pipes, and who its parent must be."""

    read_fd: int
    write_fd: int
    log_fd: int
    parent_pid: int


def prctl(option: int, value: int) -> None:
    """Raises OSError. Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    if libc.prctl(option, value, 0, 0, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def die_with(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent ends, and end now if it already has. Linux only:
    elsewhere the closed pipe is what ends the process."""
    if not _LINUX:
        return
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def _session(setup: Setup) -> Wall:
    os.setsid()
    return "closed"


def _descriptors(setup: Setup) -> Wall:
    """0 is /dev/null, 1 and 2 the log pipe, 3 and 4 the channel, and nothing else is open."""
    spare = 200  # out of the way of the numbers about to be overwritten
    sources = []
    for fd in (os.open("/dev/null", os.O_RDWR), setup.log_fd, setup.read_fd, setup.write_fd):
        os.dup2(fd, spare, inheritable=False)
        sources.append(spare)
        spare += 1
    null, log, read, write = sources
    for target, fd in ((0, null), (1, log), (2, log), (CHANNEL_IN, read), (CHANNEL_OUT, write)):
        os.dup2(fd, target, inheritable=False)
    os.closerange(CHANNEL_OUT + 1, os.sysconf("SC_OPEN_MAX"))
    return "closed"


def _environment(setup: Setup) -> Wall:
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    os.umask(0o077)
    os.chdir("/")
    return "closed"


def _priority(setup: Setup) -> Wall:
    """The first to be killed when memory runs out, the last to get the processor."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")
    os.nice(NICENESS)
    return "closed"


def _limits(setup: Setup) -> Wall:
    wall: Wall = "closed"
    for name, value in LIMITS.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _soft, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            if _LINUX:
                raise
            wall = "absent"  # macOS refuses to bound the address space
    return wall


def _privileges(setup: Setup) -> Wall:
    """No new privileges by exec, no reading of this process by others, dead with the zygote."""
    if not _LINUX:
        return "absent"
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_DUMPABLE, 0)
    die_with(setup.parent_pid)
    return "closed"


def _absent(setup: Setup) -> Wall:
    return "absent"


class Step(NamedTuple):
    """name: in the hello. holds: what is true once the step is done, as a person reads it."""

    name: str
    holds: str
    build: Callable[[Setup], Wall]


STEPS = (
    # Of the zygote: entered once, before the first fork.
    Step("namespaces", "sees no other process, mount or network device", _absent),
    Step("session", "has no terminal", _session),
    Step("descriptors", "holds its three pipes and nothing else", _descriptors),
    Step("environment", "gets eight neutral variables and none of yours", _environment),
    Step("priority", "gives way to everything else, and is killed first", _priority),
    Step("limits", "256 MiB of memory, 1 h of processor time, no file writing", _limits),
    Step("capabilities", "holds none, even when started by root", _absent),
    Step("privileges", "can gain none, cannot be inspected, dies with its parent", _privileges),
    Step("landlock", "reads only Python's library and its own pack", _absent),
    Step("seccomp", "makes only harmless system calls", _absent),
    Step("witness", "has tried the walls before the pack was loaded", _absent),
)


def build_walls(setup: Setup) -> dict[str, str]:
    """Run every step in order; what each achieved, for the hello. Raises OSError when a step that
    this system has fails: a half-built worker must not go on."""
    return {step.name: step.build(setup) for step in STEPS}
