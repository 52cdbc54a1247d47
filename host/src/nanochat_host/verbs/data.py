"""`nanochat-cli data`: the text a checkout trains on, and its tokenizer."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire import StartRun
from nanochat_host.core.wire_setup import DataStatus
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.follow import ENDED
from nanochat_host.verbs.output import emit, is_tty, printable, table

LOOK_S = 1.0
LOOK_SHORT_S = 0.2


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "data", "see and fetch what a checkout trains on", "nanochat-cli data status tiny"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    status = add_verb(
        subs,
        "status",
        "print shards, the validation shard and the tokenizer, told from their files",
        "nanochat-cli data status nanochat",
        show_status,
    )
    download = add_verb(
        subs,
        "download",
        "run the checkout's own downloader, then look at what it brought",
        "nanochat-cli data download nanochat --shards 8",
        fetch,
    )
    download.add_argument(
        "--shards", type=int, default=None, help="train shards (default: its own)"
    )
    download.add_argument("--detach", action="store_true", help="do not wait for the end")
    for parser in (status, download):
        parser.add_argument("checkout", nargs="?", default="tiny", help="default: the embedded one")


def show_status(args: argparse.Namespace, paths: Paths) -> int:
    status = connect(paths).ask(calls.data(args.checkout))
    emit(args, status, _lines(status))
    return 0


def fetch(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    options: dict[str, Any] = {} if args.shards is None else {"num_files": args.shards}
    run = client.start_run(StartRun(args.checkout, "dataset", options=options)).facts
    if args.detach:
        emit(args, run, f"started {run.id}; `nanochat-cli data status {args.checkout}`")
        return 0
    last = ""
    while run.state not in ENDED:
        status = client.ask(calls.data(args.checkout))
        last = _progress(args, status, last)
        time.sleep(LOOK_S if status.size_bytes else LOOK_SHORT_S)
        run = client.run(run.id).summary.facts
    status = client.ask(calls.data(args.checkout))
    if run.state != "done":
        from nanochat_host.errors import NanochatCliError

        raise NanochatCliError(run.reason or run.state, f"nanochat-cli run logs {run.id}")
    emit(args, status, _lines(status))
    return 0


def _progress(args: argparse.Namespace, status: DataStatus, last: str) -> str:
    """One line that is written over on a terminal, and nothing where nobody looks."""
    if args.json or not is_tty():
        return last
    of = f" of {status.wanted}" if status.wanted else ""
    line = f"{status.shards}{of} shards, {status.size_bytes / 1e6:,.0f} MB"
    if line != last:
        sys.stdout.write(f"\r{printable(line)}   ")
        sys.stdout.flush()
    return line


def _lines(status: DataStatus) -> list[str]:
    of = f" of {status.available:,}" if status.available else ""
    lines = [
        f"data set   {status.folder or '-'}",
        f"  shards     {status.shards}{of} whole, {status.size_bytes / 1e6:,.1f} MB",
        f"  validation {status.validation or '-'}" + (" (named by nanochat)" * status.pinned),
    ]
    if status.unfinished:
        lines.append(f"  unfinished {', '.join(shard.name for shard in status.unfinished)}")
    if status.broken:
        rows = [[shard.name, f"{shard.size_bytes:,}", shard.trouble] for shard in status.broken]
        lines += [f"  {line}" for line in table(["DAMAGED", "BYTES", "WHY"], rows)]
    if status.trouble:
        lines.append(f"  ! {status.trouble}")
    tokenizer = status.tokenizer
    if tokenizer is not None:
        lines.append(f"tokenizer  {tokenizer.folder}")
        if tokenizer.vocab_size:
            asked = f" of {tokenizer.asked:,} asked for" if tokenizer.asked else ""
            lines.append(f"  vocabulary {tokenizer.vocab_size:,}{asked}")
        if tokenizer.run:
            lines.append(f"  trained by {tokenizer.run}")
        if tokenizer.evaluated:
            lines.append(f"  evaluated by {tokenizer.evaluated}")
        if tokenizer.trouble:
            lines.append(f"  ! {tokenizer.trouble}")
    return lines
