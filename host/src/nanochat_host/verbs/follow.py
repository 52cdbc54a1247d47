"""Following a run from the command line: its log, and its progress until it ends."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nanochat_sdk.data import Event, LogLine, LogQuery, RunFacts

from nanochat_host.errors import CoreUnavailableError, NanochatCliError, NotFoundError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, find_run
from nanochat_host.verbs.output import emit, emit_line, printable, remark

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient

ENDED = frozenset({"done", "failed", "lost"})
PAGE = 500


def register(subs: Verbs) -> None:
    """Add `run logs` to the parser."""
    logs = add_verb(
        subs, "logs", "print a run's log", "nanochat-cli run logs last --follow", print_log
    )
    logs.add_argument("run")
    logs.add_argument("--lines", type=int, default=50, help="lines from the end, at most 500")
    logs.add_argument("--search", default="", help="only lines with this text")
    levels = ["all", "info", "warning", "error"]
    logs.add_argument("--level", default="all", choices=levels, help="the least level shown")
    logs.add_argument("--follow", action="store_true", help="go on until the run ends")


def print_log(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    run_id = find_run(client, args.run).facts.id
    query = LogQuery(lines=max(1, min(args.lines, PAGE)), search=args.search, level=args.level)
    page = client.log(run_id, query)
    if not args.follow:
        emit(args, page, [line.text for line in page.lines])
        return 0
    query = LogQuery(lines=PAGE, search=args.search, level=args.level)
    last = _print_new(args, page.lines, None)
    for message in client.stream(run_id):
        last = _print_new(args, client.log(run_id, query).lines, last)
        if message.facts is not None and message.facts.state in ENDED:
            return 0
    raise _cut_off(client, run_id)


def _print_new(
    args: argparse.Namespace, lines: Sequence[LogLine], last: LogLine | None
) -> LogLine | None:
    """Print what comes after line `last`, and that one anew if it has grown: it was half written.
    Returns the last one printed."""
    whole = not args.search and args.level == "all"
    if whole and last and lines and (lost := lines[0].n - last.n - 1) > 0:
        remark(f"{lost:,} lines left out: more than {PAGE} came at once")
    for line in lines:
        if last is None or line.n > last.n or (line.n == last.n and line.text != last.text):
            emit_line(args, line, line.text)
            last = line
    return last


def until_end(args: argparse.Namespace, client: CoreClient, run_id: str) -> int:
    """Print progress and what happens until the run ends. Returns 0 if it ended well, else 1.
    Ctrl-C lets go of the run; it goes on. Raises CoreUnavailableError when the core goes before,
    NotFoundError when the run is deleted."""
    shown = 0.0
    facts: RunFacts | None = None
    try:
        for message in client.stream(run_id):
            for event in message.events:
                if (text := describe(event)) is not None:
                    emit_line(args, event, text)
            facts = message.facts or facts
            if facts is None:
                continue
            ended = facts.state in ENDED
            if ended or time.monotonic() - shown >= 1.0:
                shown = time.monotonic()
                emit_line(args, facts, _progress(client, facts))
            if ended:
                return 0 if facts.state == "done" else 1
    except KeyboardInterrupt:
        sys.stderr.write(f"\nlet go; the run goes on: nanochat-cli --run {run_id}\n")
        return 0
    raise _cut_off(client, run_id)


def _cut_off(client: CoreClient, run_id: str) -> NanochatCliError:
    """Why the news of a run ended before the run did."""
    try:
        client.run(run_id)
    except NotFoundError as error:
        return error
    except CoreUnavailableError:
        pass
    again = f"`nanochat-cli run logs {run_id} --follow` reads on"
    return CoreUnavailableError("the core has gone, runs go on", again)


def _progress(client: CoreClient, facts: RunFacts) -> str:
    summary = client.run(facts.id).summary
    parts = [f"{facts.state:9}", facts.stage]
    if facts.step >= 0:
        parts.append(f"step {facts.step}" + (f"/{facts.num_steps}" if facts.num_steps else ""))
    if summary.loss is not None:
        parts.append(f"loss {summary.loss:.4f}")
    if summary.val_bpb is not None:
        parts.append(f"val bpb {summary.val_bpb:.4f}")
    if facts.reason:
        parts.append(facts.reason)
    return "  ".join(parts)


def describe(event: Event) -> str | None:
    """An event in words, None for those nobody waits for."""
    fields = event.fields
    if event.kind == "checkpoint":
        return f"checkpoint saved at step {event.step}: {fields.get('dir', '')}"
    if event.kind == "alert":
        return f"{fields.get('severity', 'alert')}: {fields.get('message', '')}"
    if event.kind == "sample":
        return f"sample at step {event.step}: {printable(str(fields.get('text', '')))[:160]}"
    if event.kind != "state":
        return None
    what = fields.get("what")
    if what == "stage":
        return f"stage {fields.get('title', '')} begins"
    if what == "refused":
        return f"refused: {fields.get('cmd', '')}: {fields.get('error', '')}"
    if what in {"applied", "paused", "resumed"}:
        return f"{what}: {fields.get('cmd', '')} at step {event.step}"
    return f"{what}: {fields.get('reason', '')}" if what in {"lost", "adopted"} else None
