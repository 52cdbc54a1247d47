"""`nanochat-cli chat`: talk to a checkpoint; what was said is kept."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

from nanochat_host.core import calls_chat as calls
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.client import CoreClient
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import confirm, emit, is_tty, table
from nanochat_host.verbs.speaking import add_speaking, begin, settings_of, speak

LEAVE = {"quit", "exit", "/q"}


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    verb = add_verb(
        verbs,
        "chat",
        "talk to a checkpoint; transcripts are kept and searchable",
        'nanochat-cli chat -c sft/d4\nnanochat-cli chat -c sft --vs base -p "Why is the sky?"\n'
        "nanochat-cli chat --search sky\nnanochat-cli chat --show last",
        chat,
    )
    add_speaking(verb, "", 256)
    verb.add_argument("-p", "--prompt", default="", help="say this, print the answer, leave")
    verb.add_argument(
        "--resume", default="", metavar="CHAT", help="go on with a chat: id or `last`"
    )
    verb.add_argument("--list", action="store_true", help="list transcripts")
    verb.add_argument("--search", default="", metavar="WORDS", help="list those with these words")
    verb.add_argument("--show", default="", metavar="CHAT", help="print a transcript: id or `last`")
    verb.add_argument("--delete", default="", metavar="CHAT", help="delete a transcript")
    verb.add_argument("--yes", action="store_true", help="do not ask before deleting")


def chat(args: argparse.Namespace, paths: Paths) -> int:
    if not (args.prompt or args.list or args.search or args.show or args.delete or is_tty()):
        raise UsageError("a conversation needs a terminal", "say one thing with --prompt TEXT")
    client = connect(paths)
    if args.list or args.search:
        return _listing(args, client)
    if args.show:
        return _show(args, client)
    if args.delete:
        return _delete(args, client)
    info = _find(client, args.resume).info if args.resume else begin(client, args, "")
    if args.prompt:
        speak(client, info, wire.Say(args.prompt, settings_of(args)), as_json=args.json)
        return 0
    return _converse(args, client, info)


def _converse(args: argparse.Namespace, client: CoreClient, info: wire.ChatInfo) -> int:
    sys.stdout.write(f"{' and '.join(info.checkpoints)}; `quit` leaves, ctrl+c ends an answer\n")
    while True:
        try:
            said = input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            sys.stdout.write("\n")
            return 0
        if said in LEAVE:
            return 0
        if said:
            try:
                speak(client, info, wire.Say(said, settings_of(args)), as_json=args.json)
            except KeyboardInterrupt:  # hanging up has told the model to stop
                sys.stdout.write("\n")


def _listing(args: argparse.Namespace, client: CoreClient) -> int:
    found = client.ask(calls.chats(args.search))
    rows = [[c.id, " | ".join(c.checkpoints), str(c.turns), c.found or c.title] for c in found]
    none = f"nobody said `{args.search}`" if args.search else "no transcripts yet"
    emit(args, found, table(["CHAT", "CHECKPOINTS", "TURNS", ""], rows) if rows else none)
    return 0


def _show(args: argparse.Namespace, client: CoreClient) -> int:
    found = _find(client, args.show)
    info = found.info
    when = datetime.fromtimestamp(info.created_at).strftime("%Y-%m-%d %H:%M")
    lines = [f"{info.id}  {when}  {' and '.join(info.checkpoints)} of {info.checkout}"]
    for turn in found.turns:
        lines += ["", *(f"> {line}" for line in turn.prompt.splitlines())]
        for name, answer in zip(info.checkpoints, turn.answers, strict=True):
            lines += [f"── {name}"] if len(info.checkpoints) > 1 else []
            lines += answer.text.splitlines() or [f"[{answer.error or answer.reason}]"]
    emit(args, found, lines)
    return 0


def _delete(args: argparse.Namespace, client: CoreClient) -> int:
    info = _find(client, args.delete).info
    if not args.yes and not confirm(f"delete {info.id} ({info.title})?"):
        raise RefusedError(f"{info.id} would be deleted", "`--yes` deletes without asking")
    client.ask(calls.delete_chat(info.id))
    emit(args, info, f"deleted {info.id}")
    return 0


def _find(client: CoreClient, word: str) -> wire.Chat:
    newest = client.ask(calls.chats(limit=1)) if word == "last" else []
    return client.ask(calls.chat(newest[0].id if newest else word))
