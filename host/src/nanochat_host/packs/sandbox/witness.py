"""What a worker really can do, tried before the first byte of a pack is read.

The walls say what was asked of the kernel; the witness says what the kernel makes of it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeVar

CANARIES = (os.path.realpath(sys.executable), "/etc/passwd", "/proc/self/status")
"""Files that exist and are no business of a worker."""
_WRITABLE = ("/tmp", "/var/tmp", "/dev/shm", "/run")
_T = TypeVar("_T")


class Line(NamedTuple):
    """name: in the hello. holds: what is true when closed, as a person reads it. tries: returns
    when the thing could be done, raises OSError when it was refused. walls: which steps, any of
    them, should stand in its way: open in spite of them is an alarm, open without them a fact."""

    name: str
    holds: str
    tries: Callable[[int], None]
    walls: tuple[str, ...]


def _read(parent_pid: int) -> None:
    _any_of(_open, CANARIES)


def _write(parent_pid: int) -> None:
    _any_of(_create_in, _WRITABLE)


def _connect(parent_pid: int) -> None:
    _any_of(_make_socket, (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX))


def _signal(parent_pid: int) -> None:
    os.kill(parent_pid, 0)


def _fork(parent_pid: int) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _look(parent_pid: int) -> None:
    _any_of(os.stat, CANARIES)


LINES = (
    Line("files", "cannot read any other file", _read, ("landlock", "namespaces")),
    Line("writing", "cannot create a file anywhere", _write, ("landlock", "namespaces")),
    Line("network", "cannot open a socket of any kind", _connect, ("seccomp",)),
    Line("signals", "cannot signal another process", _signal, ("seccomp",)),
    Line("processes", "cannot start a process", _fork, ("seccomp",)),
    Line("names", "cannot tell whether another file exists", _look, ("namespaces",)),
)


def testify(walls: dict[str, str], parent_pid: int) -> dict[str, str]:
    """By line: "closed"; "absent" when open and nothing was built against it; "OPEN" when open in
    spite of what was built. walls: what the steps before achieved."""
    found = {}
    for line in LINES:
        try:
            line.tries(parent_pid)
        except OSError:
            found[line.name] = "closed"
        else:
            built = any(walls.get(name) == "closed" for name in line.walls)
            found[line.name] = "OPEN" if built else "absent"
    return found


def _open(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _create_in(folder: str) -> None:
    path = f"{folder}/.nanochat-cli-witness-{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _make_socket(family: socket.AddressFamily) -> None:
    socket.socket(family, socket.SOCK_DGRAM).close()


def _any_of(attempt: Callable[[_T], object], things: Iterable[_T]) -> None:
    """Return at the first with which it succeeds; raise the last refusal when with none."""
    refusal = OSError()
    for thing in things:
        try:
            attempt(thing)
        except OSError as error:
            refusal = error
        else:
            return
    raise refusal
