"""How verbs speak: text for people, `--json` for programs, the same facts in both."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from nanochat_host.scrub import scrub

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, those that turn the direction of what follows, and halves of pairs."""


def printable(text: str) -> str:
    """Text from a log or a file, without anything a terminal would obey."""
    return _CONTROL.sub("·", text.expandtabs(4))


def emit(args: argparse.Namespace, data: Any, text: str | Iterable[str]) -> None:
    """Print `data` as JSON when asked to, else `text` (lines)."""
    if args.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
    else:
        lines = [text] if isinstance(text, str) else list(text)
        sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
    sys.stdout.flush()


def emit_line(args: argparse.Namespace, data: Any, text: str) -> None:
    """One item of a stream: a line of JSON, or a line of text."""
    line = msgspec.json.encode(data).decode() if args.json else printable(text)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(json_wanted: bool, code: str, message: str, hint: str) -> None:
    """The one place where an error reaches the person."""
    if json_wanted:
        body = {"error": {"code": code, "message": scrub(message), "hint": scrub(hint)}}
        sys.stderr.write(json.dumps(body) + "\n")
        return
    tail = f"\n  {hint}" if hint else ""
    sys.stderr.write(printable_block(f"nanochat-cli: {scrub(message)}{scrub(tail)}") + "\n")


def remark(text: str) -> None:
    """Something the person should know beside the answer."""
    sys.stderr.write(f"nanochat-cli: {printable(text)}\n")


def printable_block(text: str) -> str:
    """Like `printable`, for several lines."""
    return "\n".join(printable(line) for line in text.splitlines())


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned columns as wide as their content."""
    cells = [list(headings), *[list(map(str, row)) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def is_tty() -> bool:
    """Both ends are a terminal, so a person is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def confirm(question: str) -> bool:
    """Ask before something that cannot be undone. Without a terminal the answer is no."""
    if not is_tty():
        return False
    with contextlib.suppress(EOFError):
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    return False


def close_quietly() -> None:
    """The reader of our pipe has gone (`| head`): say nothing more."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
