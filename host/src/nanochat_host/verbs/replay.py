"""`nanochat-cli replay`: show what a run left behind as if it went on now."""

from __future__ import annotations

import argparse

from nanochat_host.core import calls_replay as calls
from nanochat_host.core.wire_replay import StartReplay
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs import follow
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit, emit_line


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "replay",
        "play a log, recorded events or spans as a run, and watch it",
        "nanochat-cli replay train.log spans.jsonl.gz --speed 10\n"
        "nanochat-cli replay events.jsonl --speed 0 --detach",
        replay,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a log, an events.jsonl, spans as JSON lines; .gz"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="times as fast as it happened; 0: at once"
    )
    parser.add_argument("--name", default="", help="default: the first file's name")
    parser.add_argument(
        "--only", action="append", default=[], metavar="KEY=VALUE",
        help="only spans whose resource has this; default: those of the log's run",
    )  # fmt: skip
    parser.add_argument("--layout", default="", help="layout to open")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--detach", action="store_true", help="start it and return")
    form.add_argument("--headless", action="store_true", help="print progress until it ends")


def replay(args: argparse.Namespace, paths: Paths) -> int:
    if not 0 <= args.speed <= 1e6:
        raise UsageError(f"`--speed {args.speed:g}` is not 0 to 1,000,000")
    if wrong := next((pair for pair in args.only if not pair.partition("=")[1]), ""):
        raise UsageError(f"`--only {wrong}` is not KEY=VALUE", "for example `run.id=mc-cpu`")
    headless = args.headless or args.detach or args.json
    if not headless:
        from nanochat_host.cli import open_tui, require_terminal

        require_terminal()  # before there is a run
    files = [str(expand(name).absolute()) for name in args.files]
    wish = StartReplay(files, args.speed, args.name, args.only)
    client = connect(paths)
    run = client.ask(calls.start_replay(wish))
    run_id = run.facts.id
    if args.headless:
        emit_line(args, run, f"replaying {run_id}")
        return follow.until_end(args, client, run_id)
    if headless:
        emit(args, run, f"replaying {run_id}; watch it: nanochat-cli --run {run_id}")
        return 0
    return open_tui(args.layout, run_id)
