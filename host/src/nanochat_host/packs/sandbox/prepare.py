"""What a zygote prepares once, so that each of its workers has little to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from nanochat_host.packs.sandbox import (
    granted,
    identity,
    kernel,
    landlock,
    library,
    mounts,
    namespaces,
)
from nanochat_host.packs.sandbox.granted import Granted
from nanochat_host.packs.sandbox.level import Level
from nanochat_host.packs.sandbox.seccomp import Filter


class Plan(NamedTuple):
    """What the host wants. highest: how far to go at most. readable: files and folders of the pack.
    packages: folders of modules that workers may import later. files: what the person let it read,
    each as (name, real name)."""

    highest: Level
    readable: Sequence[str]
    packages: Sequence[str]
    files: Sequence[tuple[str, str]] = ()


class Prepared(NamedTuple):
    """In every worker from its birth. ruleset_fd, filter: None where the kernel has none. user_id:
    whom to become. zygote_pid: as the host sees it."""

    zygote_pid: int
    in_namespaces: bool = False
    ruleset_fd: int | None = None
    filter: Filter | None = None
    user_id: int | None = None


def prepare(plan: Plan, load: Callable[[], None]) -> Prepared:
    """Enter the namespaces if they are wanted and to be had, call `load` to import what workers
    need, make rules and filter. Whatever this kernel lacks is left out, and said so on stderr.

    Call early, with one thread. Does not return in the outer process (see `namespaces`).
    """
    # Inherited by the workers. When memory runs out the largest of them goes first; a zygote that
    # went would take all of them along.
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")
    if plan.highest is Level.NONE or not kernel.KNOWN:
        load()
        return Prepared(os.getpid())
    pack = library.existing([*plan.packages, *plan.readable])
    # Someone else's files are no use to a user of its own, so root stays root for them.
    own = [*pack, *(real for _name, real in plan.files)]
    user_id = identity.DEDICATED_ID if identity.can_be_dedicated(library.stdlib(), own) else None
    inner_pid = None
    if plan.highest is Level.STRICT:
        inner_pid = namespaces.enter(user_id)
    files = granted.opened(plan.files)
    if inner_pid is None:
        load()
    else:
        _into_own_root(plan, pack, files, load)
    identity.forbid_regaining()
    ruleset_fd = _ruleset(plan, pack, files)
    granted.close(files)
    return Prepared(
        inner_pid or os.getpid(),
        inner_pid is not None,
        ruleset_fd,
        Filter(kernel.MACHINE),
        user_id,
    )


def _into_own_root(
    plan: Plan, pack: list[str], files: Sequence[Granted], load: Callable[[], None]
) -> None:
    """What fails in here ends the inner process: the outer one goes on without namespaces."""
    try:
        devices = [path for path in (library.NULL, *library.DEVICES) if os.path.exists(path)]  # noqa: PTH110
        paths = [*library.existing([*library.readable(), *pack]), *devices]
        mounts.build(paths, files)
        load()
        mounts.enter()
    except OSError as error:
        print(f"namespaces: {error}", file=sys.stderr, flush=True)
        os._exit(namespaces.FAILED)


def _ruleset(plan: Plan, pack: list[str], files: Sequence[Granted]) -> int | None:
    version = landlock.abi()
    if version == 0:
        return None
    rules: list[tuple[str | int, int]] = [
        (path, landlock.READ) for path in (*library.readable(), *pack)
    ]
    rules += [(one.fd, landlock.READ) for one in files]
    rules += [(path, landlock.READ_FILE) for path in library.DEVICES]
    rules.append((library.NULL, landlock.READ_FILE | landlock.WRITE_FILE))
    try:
        return landlock.ruleset(rules, version)
    except OSError as error:
        print(f"landlock: {error}", file=sys.stderr, flush=True)
        return None
