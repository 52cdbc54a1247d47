"""`nanochat-cli auth`: tokens for W&B and Hugging Face. A token is never an argument, and is never
printed."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from pathlib import Path

from nanochat_host.core import calls_outside as calls
from nanochat_host.core import wire_outside as wire
from nanochat_host.core.secrets.kinds import BY_ENV, KINDS, kind_of
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit, table

MAX_TOKEN = 4096


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "auth", "tokens for W&B and Hugging Face", "nanochat-cli auth status")
    subs = parent.add_subparsers(metavar="ACTION")
    login = add_verb(
        subs,
        "login",
        "keep a token; it is asked for without echo, or read from standard input",
        "nanochat-cli auth login wandb\nnanochat-cli auth login hf --no-check",
        log_in,
    )
    login.add_argument("account", choices=list(KINDS))
    login.add_argument("--no-check", action="store_true", help="do not ask the service first")
    status = add_verb(
        subs, "status", "say which tokens there are", "nanochat-cli auth status --check", show
    )
    status.add_argument("--check", action="store_true", help="ask the services whose they are")
    take = add_verb(
        subs,
        "import",
        "take tokens over from .netrc, .mc_env, .env or variables; files are read, never run",
        "nanochat-cli auth import\nnanochat-cli auth import ~/MegaContext/.mc_env",
        import_tokens,
    )
    take.add_argument("files", nargs="*", metavar="FILE", help="default: the usual places")
    forget = add_verb(subs, "forget", "remove a token", "nanochat-cli auth forget wandb", remove)
    forget.add_argument("account", choices=list(KINDS))


def log_in(args: argparse.Namespace, paths: Paths) -> int:
    kind = kind_of(args.account)
    if sys.stdin.isatty():
        token = getpass.getpass(f"token for {kind.title} (from {kind.page}): ")
    else:
        token = sys.stdin.read(MAX_TOKEN)
    if not token.strip():
        raise UsageError("no token was given", f"get one at {kind.page}")
    wish = wire.Login(kind.name, token, check=not args.no_check)
    info = connect(paths).ask(calls.login(wish))
    who = f" as {info.checked_as}" if info.checked_as else ", not checked"
    emit(args, info, f"{kind.title}: token saved{who} ({_place(info)})")
    return 0


def show(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    accounts = client.ask(calls.accounts())
    if args.check:
        accounts = [
            client.ask(calls.check_account(info.account)) if info.where else info
            for info in accounts
        ]
    rows = [
        [
            info.account,
            "yes" if info.where else "no",
            info.checked_as or "-",
            _place(info),
            time.strftime("%Y-%m-%d", time.localtime(info.saved_at)) if info.saved_at else "-",
            info.origin or f"nanochat-cli auth login {info.account}",
        ]
        for info in accounts
    ]
    emit(args, accounts, table(["ACCOUNT", "TOKEN", "AS", "KEPT IN", "SINCE", "FROM"], rows))
    return 0


def import_tokens(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    wish = wire.ImportTokens(
        files=[str(expand(name).absolute()) for name in args.files],
        folders=[str(Path.cwd()), *(ref.path for ref in client.checkouts() if not ref.builtin)],
        environ={} if args.files else {k: v for k, v in os.environ.items() if k in BY_ENV},
    )
    found = client.ask(calls.import_tokens(wish))
    lines = []
    for token in found:
        what = "saved" if token.saved else "left, another place came first"
        lines.append(f"{KINDS[token.account].title}: {what}, from {token.origin}")
        if token.warning:
            lines.append(f"  warning: {token.warning}")
    emit(args, found, lines or "no token was found")
    return 0 if found else 1


def remove(args: argparse.Namespace, paths: Paths) -> int:
    info = connect(paths).ask(calls.forget_account(args.account))
    left = f"; {info.origin} is still set in the environment" if info.where else ""
    emit(args, info, f"{info.title}: token removed{left}")
    return 0


def _place(info: wire.AccountInfo) -> str:
    return info.where or "-"
