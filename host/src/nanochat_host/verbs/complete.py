"""`nanochat-cli complete`: a checkpoint goes on with a text."""

from __future__ import annotations

import argparse
import sys

from nanochat_host.core import wire_chat as wire
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.speaking import add_speaking, begin, settings_of, speak


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    verb = add_verb(
        verbs,
        "complete",
        "let a checkpoint go on with a text",
        'nanochat-cli complete "The capital of France is" -c base/d4 --vs base/d4/100',
        complete,
    )
    verb.add_argument("prompt", nargs="?", default="", help="the text; `-` reads it from stdin")
    verb.add_argument("-p", "--prompt", dest="said", default="", help="the same, as in `chat`")
    add_speaking(verb, "base", 64)


def complete(args: argparse.Namespace, paths: Paths) -> int:
    if args.prompt and args.said:
        raise UsageError("two texts to go on with", "give one, with or without -p")
    prompt = args.said or args.prompt
    prompt = sys.stdin.read() if prompt == "-" else prompt
    if not prompt:
        raise UsageError("there is no text to go on with", "give it in quotes; `-` reads stdin")
    client = connect(paths)
    chat = begin(client, args, "continue")
    if not args.json and not args.vs:
        sys.stdout.write(prompt)
    speak(client, chat, wire.Say(prompt, settings_of(args)), as_json=args.json)
    return 0
