"""What every worker may read: Python's library, the system's shared libraries, time zones."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DEVICES = ("/dev/urandom",)
"""Not /dev/zero: a shared mapping of it is memory that no limit of data counts."""
NULL = "/dev/null"


def stdlib() -> list[str]:
    """Folders of this interpreter's own modules."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    compiled = f"{sys.base_exec_prefix}/{sys.platlibdir}/{version}"
    return existing([os.path.dirname(os.__file__), compiled])  # noqa: PTH120


def readable() -> list[str]:
    """All that exist. Never a configuration, a home or anything below /proc and /sys."""
    libs = [f"{base}/lib" for base in (sys.base_prefix, sys.base_exec_prefix)]
    system = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo"]
    files = ["/etc/ld.so.cache", "/etc/localtime"]
    return existing([*stdlib(), *libs, *system, *files])


def existing(paths: Sequence[str]) -> list[str]:
    """Those that exist, by their own and their real names, without those inside another."""
    names: dict[str, None] = {}
    for path in paths:
        if os.path.exists(path):  # noqa: PTH110 - strings all along: they become system call arguments
            names[path] = names[os.path.realpath(path)] = None
    return [
        name
        for name in names
        if not any(name != other and name.startswith(other + "/") for other in names)
    ]
