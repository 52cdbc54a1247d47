"""`nanochat-cli keys`: every key of the TUI by id, and what is wrong with one's own keymap."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import emit, table


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "keys", "list keys, check keymap.toml", "nanochat-cli keys list")
    subs = parent.add_subparsers(metavar="ACTION")
    listed = add_verb(
        subs,
        "list",
        "list every action of the TUI by id, with its keys",
        "nanochat-cli keys list\nnanochat-cli keys list --toml > ~/.nanochat-cli/keymap.toml",
        list_all,
    )
    listed.add_argument("--toml", action="store_true", help="as a keymap.toml, commented out")
    add_verb(subs, "check", "say what is wrong with keymap.toml", "nanochat-cli keys check", check)


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.ui.keymap import as_toml, known_keys, read_keymap

    known = known_keys()
    if args.toml:
        emit(args, {"toml": as_toml(known)}, as_toml(known))
        return 0
    mine = read_keymap(paths)
    data = [{**asdict(bound), "yours": mine.get(bound.id, "")} for bound in known.values()]
    rows = [[row["id"], row["yours"] or row["keys"], row["does"]] for row in data]
    emit(args, data, table(["ID", "KEYS", "DOES"], rows))
    return 0


def check(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.ui.keymap import check as check_keymap
    from nanochat_host.ui.keymap import read_keymap

    keymap = read_keymap(paths)
    wrong = check_keymap(keymap)
    text = wrong or f"{paths.keymap_toml}: {len(keymap)} actions moved, no errors"
    emit(args, {"path": str(paths.keymap_toml), "moved": keymap, "wrong": wrong}, text)
    return 2 if wrong else 0
