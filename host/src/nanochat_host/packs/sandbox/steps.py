"""What a worker does to itself between fork and the first byte of a pack, in one ordered list.

The order matters: single-threaded, what needs a file before what forbids files, what needs a system
call before what forbids calls, and the witness last, because it reports what really holds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Literal, NamedTuple

from nanochat_sdk.serve import CHANNEL_OUT

from nanochat_host.packs.sandbox import identity, kernel, landlock, witness
from nanochat_host.packs.sandbox.limits import ENVIRONMENT, NICENESS, set_limits
from nanochat_host.packs.sandbox.prepare import Prepared

Wall = Literal["closed", "OPEN", "absent"]
_RULESET_FD = CHANNEL_OUT + 1
_LINUX = sys.platform == "linux"


class Setup(NamedTuple):
    """What the zygote hands to a worker: its ends of the pipes, who its parent must be, and what is
    prepared."""

    read_fd: int
    write_fd: int
    log_fd: int
    parent_pid: int
    prepared: Prepared


def _namespaces(setup: Setup) -> Wall:
    """Entered by the zygote, before the first fork."""
    return "closed" if setup.prepared.in_namespaces else "absent"


def _session(setup: Setup) -> Wall:
    os.setsid()
    return "closed"


def _descriptors(setup: Setup) -> Wall:
    """0 is /dev/null, 1 and 2 the log pipe, 3 and 4 the channel, 5 the rules until they are in
    force, and nothing else is open."""
    null = os.open("/dev/null", os.O_RDWR)
    wanted = [null, setup.log_fd, setup.log_fd, setup.read_fd, setup.write_fd]
    if setup.prepared.ruleset_fd is not None:
        wanted.append(setup.prepared.ruleset_fd)
    spare = 200  # out of the way of the numbers about to be overwritten
    for offset, fd in enumerate(wanted):
        os.dup2(fd, spare + offset, inheritable=False)
    for target in range(len(wanted)):
        os.dup2(spare + target, target, inheritable=False)
    os.closerange(len(wanted), os.sysconf("SC_OPEN_MAX"))
    return "closed"


def _environment(setup: Setup) -> Wall:
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    os.umask(0o077)
    os.chdir("/")
    return "closed"


def _priority(setup: Setup) -> Wall:
    """The zygote has already offered itself and its workers for when memory runs out."""
    os.nice(NICENESS)
    return "closed"


def _limits(setup: Setup) -> Wall:
    return "closed" if set_limits() else "absent"


def _capabilities(setup: Setup) -> Wall:
    if not kernel.KNOWN:
        return "absent"
    return "closed" if identity.drop(setup.prepared.user_id) else "OPEN"


def _privileges(setup: Setup) -> Wall:
    """No new privileges by exec, no reading of this process by others, dead with the zygote. After
    the change of user, which forgets the last of them."""
    if not _LINUX:
        return "absent"
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.die_with(setup.parent_pid)
    return "closed"


def _landlock(setup: Setup) -> Wall:
    if setup.prepared.ruleset_fd is None:
        return "absent"
    landlock.restrict(_RULESET_FD)
    os.close(_RULESET_FD)
    return "closed"


def _seccomp(setup: Setup) -> Wall:
    if setup.prepared.filter is None:
        return "absent"
    try:
        setup.prepared.filter.install(os.getpid())
    except OSError:
        return "absent"  # a kernel without filters; the witness says what that means
    return "closed"


class Step(NamedTuple):
    """name: in the hello. holds: what is true once the step is done, as a person reads it."""

    name: str
    holds: str
    build: Callable[[Setup], Wall]


STEPS = (
    Step("namespaces", "sees no other process, mount or network device", _namespaces),
    Step("session", "has no terminal", _session),
    Step("descriptors", "holds its three pipes and nothing else", _descriptors),
    Step("environment", "gets eight neutral variables and none of yours", _environment),
    Step("priority", "gives way to everything else, and is killed first", _priority),
    Step("limits", "256 MiB of memory, 1 h of processor time, no file writing", _limits),
    Step("capabilities", "holds none, even when started by root", _capabilities),
    Step("privileges", "can gain none, cannot be inspected, dies with its parent", _privileges),
    Step("landlock", "reads only Python's library and its own pack", _landlock),
    Step("seccomp", "makes only harmless system calls", _seccomp),
)


def build_walls(setup: Setup) -> dict[str, str]:
    """Run every step in order, then try what must not be possible any more; both for the hello.
    Raises OSError when a step fails that this system has: a half-built worker must not go on."""
    walls: dict[str, str] = {step.name: step.build(setup) for step in STEPS}
    return walls | witness.testify(walls, setup.parent_pid)
