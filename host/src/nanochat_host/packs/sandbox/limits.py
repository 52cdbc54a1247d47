"""What a worker gets: its variables, its share of memory, time and files."""

from __future__ import annotations

import resource
import sys

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


def set_limits() -> bool:
    """Set them all. False when this system refuses one (macOS does not bound the address space).
    Raises OSError or ValueError where none may be refused."""
    complete = True
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
            if sys.platform == "linux":
                raise
            complete = False
    return complete
