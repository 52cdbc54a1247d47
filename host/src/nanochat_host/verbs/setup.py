"""`nanochat-cli checkout setup`: what a checkout still needs before it trains and talks."""

from __future__ import annotations

import argparse

from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire_setup import SetupStatus
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit, table

DO = {
    "environment": "nanochat-cli checkout env {name} --make",
    "dataset": "nanochat-cli data download {name}",
    "tokenizer": "nanochat-cli run start tok_train --checkout {name}",
    "base": "nanochat-cli run start base_train --checkout {name}",
    "chat": "nanochat-cli run start chat_sft --checkout {name}",
}


def register(subs: Verbs) -> None:
    """Add `checkout setup` to the parser."""
    parser = add_verb(
        subs,
        "setup",
        "print what is ready and what is missing, with the command that makes it",
        "nanochat-cli checkout setup nanochat",
        setup,
    )
    parser.add_argument("name")


def setup(args: argparse.Namespace, paths: Paths) -> int:
    status = connect(paths).ask(calls.status(args.name, wait=True))
    emit(args, status, _lines(status))
    return 0


def _lines(status: SetupStatus) -> list[str]:
    rows = []
    for item in status.items:
        said = item.said
        if item.total:
            said += f" ({item.done:g} of {item.total:g} {item.unit})"
        if item.state in ("missing", "broken") and item.id in DO:
            said += f"; {DO[item.id].format(name=status.checkout)}"
        rows.append([item.title, item.state, said])
    return table(["WHAT", "STATE", ""], rows)
