"""What `complete` and `chat` share: which checkpoints, how they speak, their words as they come."""

from __future__ import annotations

import argparse
import sys

import msgspec

from nanochat_host.core import calls_chat as calls
from nanochat_host.core import http1
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.client import CoreClient
from nanochat_host.errors import CoreUnavailableError, NanochatCliError
from nanochat_host.verbs.output import printable_block

DEFAULTS = wire.ChatSettings()


def add_speaking(parser: argparse.ArgumentParser, checkpoint: str, max_tokens: int) -> None:
    """Options of both verbs."""
    parser.add_argument("--checkout", default="tiny", help="default: the embedded one")
    parser.add_argument(
        "-c", "--checkpoint", default=checkpoint, metavar="ID",
        help=f"stage/tag/step, a part of it, or `last` (default: {checkpoint or 'last'})",
    )  # fmt: skip
    parser.add_argument("--vs", default="", metavar="ID", help="a second one, same prompt and seed")
    parser.add_argument(
        "-t", "--temperature", type=float, default=DEFAULTS.temperature, help="0: the likeliest"
    )
    parser.add_argument("-k", "--top-k", type=int, default=DEFAULTS.top_k, help="0: all tokens")
    parser.add_argument(
        "-n", "--max-tokens", type=int, default=max_tokens, help="length of an answer at most"
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULTS.seed, help="the same seed gives the same answer"
    )
    parser.add_argument(
        "--device",
        default="",
        choices=["", "cpu", "cuda", "mps"],
        help="default: the best there is",
    )


def settings_of(args: argparse.Namespace) -> wire.ChatSettings:
    """Checked where they are decoded: by the core."""
    return wire.ChatSettings(args.temperature, args.top_k, args.max_tokens, args.seed)


def begin(client: CoreClient, args: argparse.Namespace, mode: str) -> wire.ChatInfo:
    """A new chat with the checkpoints named."""
    names = [args.checkpoint or "last", *([args.vs] if args.vs else [])]
    wish = wire.NewChat(args.checkout, names, mode, args.device)  # type: ignore[arg-type]
    return client.ask(calls.begin_chat(wish))


def speak(client: CoreClient, chat: wire.ChatInfo, say: wire.Say, *, as_json: bool) -> None:
    """Print the answers: JSON lines, or text, the second side after the first. Raises what a side
    failed with, after what the others said, and CoreUnavailableError when the core goes before."""
    events = client.listen(calls.say(chat.id, say))
    later: list[wire.ChatEvent] = []
    cut_off = CoreUnavailableError(http1.CLOSED, http1.HINT)
    trouble: NanochatCliError | None = cut_off
    for event in events:
        if event.event == "error":
            trouble = NanochatCliError(event.text, event.hint)
        elif event.event == "done" and trouble is cut_off:
            trouble = None
        if as_json:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
            sys.stdout.flush()
        elif event.side == 0:
            _write(chat, event)
        else:
            later.append(event)
    if not as_json:
        for event in later:
            _write(chat, event)
    if trouble is not None:
        raise trouble


def _write(chat: wire.ChatInfo, event: wire.ChatEvent) -> None:
    if event.event == "loading" and sys.stderr.isatty():
        sys.stderr.write(f"loading {chat.checkpoints[event.side]} …\n")
    elif event.event == "begin" and len(chat.checkpoints) > 1:
        sys.stdout.write(f"── {chat.checkpoints[event.side]}\n")
    elif event.event == "piece":
        sys.stdout.write(_piece(event))
    elif event.event == "end":
        sys.stdout.write("\n")
        if sys.stdout.isatty():
            sys.stdout.write(f"  [{figures(event)}]\n")
    sys.stdout.flush()


def _piece(event: wire.ChatEvent) -> str:
    lines = event.text.split("\n")
    text = "\n".join(printable_block(line) if line else "" for line in lines)
    marks = {"tool": ("⟨", "⟩"), "output": ("⟨= ", "⟩")}.get(event.kind)
    return f"{marks[0]}{text}{marks[1]}" if marks else text


def figures(event: wire.ChatEvent) -> str:
    """How fast it was."""
    rate = f", {event.tok_per_s:.1f} tok/s" if event.tok_per_s else ""
    return f"{event.tokens} tokens, first after {1000 * event.ttft_s:.0f} ms{rate}, {event.reason}"
