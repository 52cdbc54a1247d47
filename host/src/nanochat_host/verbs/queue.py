"""`nanochat-cli run queue`: what is to run next. `run start --queue` adds to it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nanochat_host.core import calls_queue as calls
from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_queue import QueueInfo, QueueItem, QueueWish
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import confirm, emit, is_tty, table

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient


def register(subs: Verbs) -> None:
    """Add `run queue` to the parser."""
    parser = add_verb(
        subs,
        "queue",
        "print what is to run next, or change it; `run start --queue` adds to it",
        "nanochat-cli run queue\nnanochat-cli run queue --move q1a2b3c --to 1",
        queue,
    )
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--remove", default="", metavar="ID", help="take it out")
    change.add_argument("--move", default="", metavar="ID", help="put it at the place `--to`")
    change.add_argument("--pause", action="store_true", help="start nothing more")
    change.add_argument(
        "--resume", action="store_true", help="go on, also after a failure that held it"
    )
    parser.add_argument("--to", type=int, default=1, help="place in the queue, from 1")
    parser.add_argument("--yes", action="store_true", help="do not ask before --remove")


def add_start_options(start: argparse.ArgumentParser) -> None:
    """What `run start` takes to wait for its turn."""
    start.add_argument(
        "--queue", action="store_true", help="start it when what runs on its device has ended"
    )
    start.add_argument(
        "--even-after-failure", action="store_true", help="with --queue: however that ended"
    )
    start.add_argument(
        "--beside", action="store_true", help="with --queue: do not wait for its device"
    )


def add(args: argparse.Namespace, client: CoreClient, wish: StartRun) -> int:
    """Queue what `run start` would start."""
    body = QueueWish(wish, even_after_failure=args.even_after_failure, beside=args.beside)
    item = client.ask(calls.add(body))
    emit(args, item, f"queued as {item.id}; `nanochat-cli run queue` shows what waits")
    return 0


def queue(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    if args.remove:
        if not args.yes and is_tty() and not confirm(f"Take {args.remove} out of the queue?"):
            return 2
        item = client.ask(calls.remove(args.remove))
        emit(args, item, f"{item.id} ({_what(item)}) is out of the queue")
        return 0
    if args.move:
        if args.to < 1:
            raise UsageError(f"--to is 1 or more, not {args.to}")
        info = client.ask(calls.move(args.move, args.to - 1))
    elif args.pause or args.resume:
        info = client.ask(calls.pause(args.pause))
    else:
        info = client.ask(calls.queue())
    emit(args, info, _lines(info))
    return 0


def _lines(info: QueueInfo) -> list[str]:
    if not info.items:
        return ["nothing waits; `run start STAGE --queue` adds something"]
    lines = []
    if info.paused:
        lines.append("paused; `run queue --resume` goes on")
    elif info.held:
        lines.append(f"held: {info.held}; `run queue --resume` goes on all the same")
    rows = [
        [str(n), item.id, _what(item), item.start.checkout, _when(item)]
        for n, item in enumerate(info.items, 1)
    ]
    return [*lines, *table(["", "ID", "WHAT", "CHECKOUT", "STARTS"], rows)]


def _what(item: QueueItem) -> str:
    start = item.start
    target = start.target or f"continues {start.continues}"
    return f"{start.name} ({target})" if start.name else target


def _when(item: QueueItem) -> str:
    if item.beside:
        return "at once"
    how = "after" if not item.even_after_failure else "after, however it ends:"
    return f"{how} {', '.join(item.after)}" if item.after else "in its turn"
