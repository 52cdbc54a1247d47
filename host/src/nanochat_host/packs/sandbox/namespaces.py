"""A world of their own for a zygote and its workers: users, processes, mounts, network, IPC, name.

Three processes take part. The outer one, started by the host, stays as it was: it can write the
maps of ids, and go on without namespaces when something fails on the way. The middle one enters the
namespaces and ends. The inner one is the first process there, and everything there ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from nanochat_host.packs.sandbox import kernel

FAILED = 95
"""Exit code of an inner process whose namespaces did not come about."""
_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_ALL = _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWUSER | _NEWPID | _NEWNET
_PR_SET_CHILD_SUBREAPER = 36
_NOBODY = 65534
_NAME = b"panel"


def enter(extra_id: int | None) -> int | None:
    """Call in a process with one thread, early: two copies of it stay.

    Returns, in the inner process, its pid as the host sees it. Returns None, in the outer process,
    when there are no namespaces to be had; the reason went to stderr. Otherwise does not return in
    the outer process, which ends as the inner one does. extra_id: a user and group that root wants
    to become in there.
    """
    kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    told_read, told_write = os.pipe()
    go_read, go_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.close(told_read)
        os.close(go_write)
        return _inside(told_write, go_read)
    os.close(told_write)
    os.close(go_read)
    inner = _inner_pid(middle, told_read, go_write, extra_id)
    os.close(told_read)
    if inner is not None:
        os.write(go_write, b"%d" % inner)
        _end_like(os.waitpid(inner, 0)[1])
    os.close(go_write)
    kernel.prctl(_PR_SET_CHILD_SUBREAPER, 0)
    return None


def _inner_pid(middle: int, told_read: int, go_write: int, extra_id: int | None) -> int | None:
    """Lead the middle process to its end; from then on the inner one is our child. None when it
    gave up."""
    said = b""
    if os.read(told_read, 1):
        try:
            _write_maps(middle, extra_id)
            os.write(go_write, b"g")
            said = os.read(told_read, 32)
        except OSError as error:
            print(f"namespaces: {error}", file=sys.stderr)
            os.kill(middle, signal.SIGKILL)
    os.waitpid(middle, 0)
    return int(said) if said else None


def _end_like(status: int) -> None:
    """End as the inner process did. Returns when it could not get its namespaces."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif os.WEXITSTATUS(status) != FAILED:
        os._exit(os.WEXITSTATUS(status))


def _inside(told_write: int, go_read: int) -> int:
    """The middle process, which ends here, and the inner one, which returns."""
    try:
        kernel.checked("unshare", kernel.libc.unshare(_ALL))
        os.write(told_write, b"u")
        if not os.read(go_read, 1):
            os._exit(FAILED)
        # A machine's name often says whose it is.
        kernel.checked("sethostname", kernel.libc.sethostname(_NAME, len(_NAME)))
        inner = os.fork()
    except OSError as error:
        print(f"namespaces: {error}", file=sys.stderr)
        os._exit(FAILED)
    if inner:
        os.write(told_write, b"%d" % inner)
        os._exit(0)
    os.close(told_write)
    said = os.read(go_read, 32)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    # The outer process holds the other end for as long as it lives.
    if not said or select.select([go_read], [], [], 0)[0]:
        os._exit(FAILED)
    os.close(go_read)
    return int(said)


def _write_maps(pid: int, extra_id: int | None) -> None:
    user, group = os.geteuid(), os.getegid()
    if extra_id is None:
        _write(pid, "setgroups", "deny")
        _write(pid, "uid_map", f"{_NOBODY} {user} 1")
        _write(pid, "gid_map", f"{_NOBODY} {group} 1")
    else:
        _write(pid, "uid_map", f"0 {user} 1\n{extra_id} {extra_id} 1")
        _write(pid, "gid_map", f"0 {group} 1\n{extra_id} {extra_id} 1")


def _write(pid: int, name: str, text: str) -> None:
    with open(f"/proc/{pid}/{name}", "w") as file:  # noqa: PTH123
        file.write(text)
