"""Why a worker ended, in words a person reads inside the panel's frame."""

from __future__ import annotations

import signal

import msgspec
from nanochat_sdk.serve import EXIT_BROKEN, EXIT_OUT_OF_MEMORY


class Failure(msgspec.Struct, frozen=True):
    """reason: what happened, without the panel's name. traceback: for the panel's author.
    violation: it broke the protocol, which honest code cannot do by accident. blameless: it was not
    the panel's doing, so it does not count against it. final: trying again would end the same way,
    until the person changes something."""

    reason: str
    traceback: str = ""
    violation: bool = False
    blameless: bool = False
    final: bool = False


def failure_of_exit(code: int) -> Failure:
    """code: exit code, or minus the signal's number."""
    if code == EXIT_BROKEN:
        return Failure("the worker itself failed; its log says why")
    if code == EXIT_OUT_OF_MEMORY:
        return Failure("out of memory")
    if code >= 0:
        return Failure(f"exited with code {code}")
    if -code == signal.SIGSYS:
        return Failure("killed by SIGSYS: it tried a forbidden system call", violation=True)
    if -code == signal.SIGXCPU:
        return Failure("killed by SIGXCPU: it used up its processor time")
    if -code == signal.SIGKILL:
        return Failure("killed by SIGKILL: by hand, or the machine ran out of memory")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Failure(f"killed by {name}")
