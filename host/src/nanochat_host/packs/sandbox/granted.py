"""Files and folders that the person let a pack read, opened by what they are and not by a name.

The host has looked at where each name leads, and says so. Between that look and this one a link on
the way may have been turned elsewhere: what is opened here is compared with what was looked at.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import NamedTuple


class Granted(NamedTuple):
    """names: where workers find it, its real name among them. fd: the thing itself, opened as a
    place only."""

    names: tuple[str, ...]
    fd: int


def opened(files: Iterable[tuple[str, str]]) -> list[Granted]:
    """files: (name, real name). What is not there any more, or is another thing now, is left out
    and said so on stderr."""
    found = []
    for name, real in files:
        try:
            fd = os.open(real, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            print(f"granted {name!r}: {error.strerror}", file=sys.stderr)
            continue
        if os.readlink(f"/proc/self/fd/{fd}") != real:  # noqa: PTH115
            os.close(fd)
            print(f"granted {name!r}: it leads elsewhere now", file=sys.stderr)
            continue
        found.append(Granted(tuple(dict.fromkeys((real, name))), fd))
    return found


def close(granted: Iterable[Granted]) -> None:
    """Rules and mounts hold them by themselves."""
    for one in granted:
        os.close(one.fd)
