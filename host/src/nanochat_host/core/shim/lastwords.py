"""Why did it end? Read from the tail of what the trainer printed and of what the hook wrote."""

from __future__ import annotations

import json
import os

TAIL_BYTES = 64 * 1024
MAX_REASON = 300
ERROR_LINES = 12
_ERROR = ("error:", "error ", "fatal:", "[errno ")
_NOISE = ("warning", "[rank", "wandb:", "---", "===", "***", "failures:", "<no other failures>")


def tail(path: str, size: int = TAIL_BYTES, *, start: int = 0) -> bytes:
    """The last `size` bytes at most, none before offset `start`; b"" when it cannot be read."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - size))
            return file.read(size)
    except OSError:
        return b""


def last_words(log: str, start: int = 0) -> str:
    """The line of a log that says why: the last exception of a traceback, else a line near the end
    that calls itself an error, else the last one with words in it. start: offset at which the
    command in question began to print."""
    text = tail(log, start=start).decode("utf-8", "replace").replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    marks = [i for i, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    if marks:
        prefix = lines[marks[0]].split("Traceback")[0]  # torchrun puts "[rank0]: " before each line
        for line in lines[marks[0] + 1 :]:
            body = line.removeprefix(prefix)
            if body and not body[0].isspace():
                return _clean(body)
    for line in reversed(lines[-ERROR_LINES:]):  # a server says good-bye after its error
        if line.strip().lower().startswith(_ERROR):
            return _clean(line.strip())
    for line in reversed(lines):
        low = line.strip().lower()
        if any(c.isalpha() for c in low) and not low.startswith(_NOISE):
            return _clean(line.strip())
    return ""


def _clean(line: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in line)
    return printable if len(printable) <= MAX_REASON else printable[: MAX_REASON - 1] + "…"


def hook_exit_code(events: str, index: int) -> int | None:
    """Exit code of step `index` as the hook said it with its last breath: its `end` event, or 1
    for an `error` event. None when it said nothing since the step began."""
    code: int | None = None
    for line in tail(events, 1024 * 1024).split(b"\n"):
        if b'"state"' not in line:
            continue
        try:
            event = json.loads(line)
            what = event.get("what")
        except (ValueError, AttributeError):
            continue
        if what == "stage":
            code = None if event.get("index") == index else code
        elif what == "end" and isinstance(event.get("exit_code"), int):
            code = event["exit_code"]
        elif what == "error" and code is None:
            code = 1
    return code
