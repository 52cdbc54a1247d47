"""`nanochat-cli core`: the background process that owns the runs."""

from __future__ import annotations

import argparse
import time

from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "core", "start, inspect or stop the background process", "nanochat-cli core status"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "start", "start the core if it is not up", "nanochat-cli core start", start)
    add_verb(subs, "status", "say whether it is up", "nanochat-cli core status --json", status)
    add_verb(subs, "stop", "stop the core; runs go on without it", "nanochat-cli core stop", stop)
    debug = add_verb(
        subs, "debug", "switch verbose logging on or off", "nanochat-cli core debug on", set_debug
    )
    debug.add_argument("state", choices=["on", "off"])


def start(args: argparse.Namespace, paths: Paths) -> int:
    info = connect(paths).health()
    emit(args, info, f"core is up: pid {info.pid}, home {info.home}")
    return 0


def status(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import core_is_up

    if not core_is_up(paths):
        emit(args, {"up": False}, "core is not running; any verb or the TUI starts it")
        return 1
    info = CoreClient(paths).health()
    minutes = (time.time() - info.started_at) / 60
    emit(
        args,
        info,
        [
            f"core {info.version} is up: pid {info.pid}, for {minutes:.0f} min",
            f"  home    {info.home}",
            f"  socket  {paths.core_socket}",
            f"  runs    {info.active_runs} active",
            f"  memory  {info.rss_bytes / 2**20:.0f} MiB",
            f"  debug   {'on' if info.debug else 'off'}",
        ],
    )
    return 0


def stop(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.start import core_is_up

    if not core_is_up(paths):
        emit(args, {"stopped": False}, "core is not running")
        return 0
    client = CoreClient(paths)
    active = client.health().active_runs
    client.shutdown()
    note = f"; {active} run(s) go on and are taken up again at the next start" if active else ""
    emit(args, {"stopped": True, "active_runs": active}, f"core is stopped{note}")
    return 0


def set_debug(args: argparse.Namespace, paths: Paths) -> int:
    connect(paths).set_debug(args.state == "on")
    log = paths.logs / "core.jsonl"
    emit(args, {"debug": args.state == "on"}, f"debug is {args.state}; the core's log is {log}")
    return 0
