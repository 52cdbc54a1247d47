"""`nanochat-cli demo`: train the embedded checkout and watch it."""

from __future__ import annotations

import argparse

from nanochat_host.core.wire import StartRun
from nanochat_host.paths import Paths
from nanochat_host.verbs import follow
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit_line

CHECKOUT = "tiny"
PIPELINE = "demo"


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "demo",
        "train the embedded checkout on this machine and watch it",
        "nanochat-cli demo\nnanochat-cli demo --headless --set num_iterations=50",
        run_demo,
    )
    parser.add_argument("--headless", action="store_true", help="no TUI: print progress, then end")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of base_train"
    )
    parser.add_argument("--layout", default="", help="layout to open")
    parser.add_argument("--new", action="store_true", help="start another even if one is running")


def run_demo(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.verbs.common import parse_pairs

    wanted = StartRun(checkout=CHECKOUT, target=PIPELINE, options=parse_pairs(args.set))
    if not args.headless and not args.json:
        from nanochat_host.cli import open_tui

        return open_tui(args.layout, start=wanted, attach=not args.new)
    client = connect(paths)
    live = [
        run
        for run in client.runs()
        if run.facts.checkout == CHECKOUT
        and run.target == PIPELINE
        and run.facts.state not in follow.ENDED
    ]
    run = live[0] if live and not args.new else client.start_run(wanted)
    emit_line(args, run, f"{'attached to' if live and not args.new else 'started'} {run.facts.id}")
    return follow.until_end(args, client, run.facts.id)
