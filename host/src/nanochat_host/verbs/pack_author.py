"""`nanochat-cli pack new|dev|test`: for those who write packs."""

from __future__ import annotations

import argparse
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nanochat_host.errors import NanochatCliError, NotFoundError, UsageError
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs.common import Verbs, add_verb, connect, find_run
from nanochat_host.verbs.follow import ENDED
from nanochat_host.verbs.output import emit, remark

if TYPE_CHECKING:
    from nanochat_sdk.data import Data, Needs
    from nanochat_sdk.payload import Payload

    from nanochat_host.core.client import CoreClient
    from nanochat_host.packs.author.check import PanelReport
    from nanochat_host.packs.catalog import PanelEntry

FORGET_S = 20.0
"""Longest wait for a replay that was killed: a moment, unless the machine is busy."""


def register_author(subs: Verbs) -> None:
    """Add the sub-verbs to those of `pack`."""
    new = add_verb(
        subs,
        "new",
        "write a pack that works, with a test, to begin with",
        "nanochat-cli pack new loss-spread",
        new_one,
    )
    new.add_argument("id", help="lower-case words joined by -")
    new.add_argument("--folder", metavar="DIR", help="where to write it (default: ./ID)")
    dev = add_verb(
        subs,
        "dev",
        "show a pack live beside a run; it is loaded anew at every save",
        "nanochat-cli pack dev .\nnanochat-cli pack dev . --run last\n"
        "nanochat-cli pack dev . --replay events.jsonl --speed 20",
        dev_one,
    )
    dev.add_argument("folder", help="the pack's folder")
    source = dev.add_mutually_exclusive_group()
    source.add_argument("--run", default="", help="a run: id, name or `last`")
    source.add_argument(
        "--replay", action="append", default=[], metavar="FILE",
        help="what to play, as for `replay` (default: a sample)",
    )  # fmt: skip
    dev.add_argument("--speed", type=float, default=4.0, help="of the replay, 0: at once")
    test = add_verb(
        subs,
        "test",
        "draw a pack's panels at several sizes and feed them hostile data, in their sandbox",
        "nanochat-cli pack test .\nnanochat-cli pack test . --update",
        test_one,
    )
    test.add_argument("folder", help="the pack's folder")
    test.add_argument("--update", action="store_true", help="keep what is drawn now as right")
    test.add_argument("--replay", metavar="FILE", help="events.jsonl to draw (default: a sample)")


def new_one(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs.author.scaffold import new_pack

    folder = Path(args.folder or args.id)
    written = new_pack(folder, args.id)
    lines = [f"wrote {path}" for path in written]
    lines += ["", f"see it live: nanochat-cli pack dev {folder}"]
    emit(args, {"id": args.id, "files": [str(path) for path in written]}, lines)
    return 0


def pack_entries(folder: Path) -> list[PanelEntry]:
    """The panels of the pack in a folder. Raises PackError or NotFoundError."""
    from nanochat_host.packs.catalog import Catalog

    folder = folder.absolute()
    catalog = Catalog.discover([folder])
    entries = [entry for entry in catalog.panels.values() if entry.folder == folder]
    if not entries:
        for error in catalog.errors:
            raise error
        raise NotFoundError(f"{folder} holds no pack", "a pack is a folder with a pack.toml")
    return entries


def dev_one(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.cli import open_tui
    from nanochat_host.packs.author import SAMPLE
    from nanochat_host.packs.author.bench import write_layout
    from nanochat_host.packs.catalog import DEV_VARIABLE

    entries = pack_entries(Path(args.folder))
    files = [expand(name) for name in args.replay] or [SAMPLE]
    client = connect(paths)
    played = "" if args.run else _play(client, files, args.speed)
    run = played or find_run(client, args.run).facts.id
    layout = write_layout(paths, entries)
    if args.json:
        emit(args, {"run": run, "layout": str(layout), "panels": [e.name for e in entries]}, "")
        return 0
    os.environ[DEV_VARIABLE] = str(entries[0].folder)
    try:
        return open_tui(str(layout), run, passing=bool(played))
    finally:
        if played:
            _forget(client, played)


def _play(client: CoreClient, files: list[Path], speed: float) -> str:
    """Start a replay; returns the run's id. Raises UsageError."""
    from nanochat_host.core.calls_replay import start_replay
    from nanochat_host.core.wire_replay import StartReplay

    if not 0 <= speed <= 1e6:
        raise UsageError(f"`--speed {speed:g}` is not 0 to 1,000,000")
    wish = StartReplay([str(file.absolute()) for file in files], speed, "pack dev")
    return client.ask(start_replay(wish)).facts.id


def _forget(client: CoreClient, run: str) -> None:
    """The replay was for looking at; a run that will not end at once stays in the list."""
    from nanochat_host.core.wire import StopRun

    with suppress(NanochatCliError, OSError):
        if client.run(run).summary.facts.state not in ENDED:
            client.stop_run(run, StopRun(mode="kill"))
        deadline = time.monotonic() + FORGET_S
        while time.monotonic() < deadline:
            if client.run(run).summary.facts.state in ENDED:
                client.delete_run(run)
                return
            time.sleep(0.05)


def test_one(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.core.replay import Replay
    from nanochat_host.packs.author import SAMPLE
    from nanochat_host.packs.author.check import check_panel

    entries = pack_entries(Path(args.folder))
    with ExitStack() as stack:
        replay = stack.enter_context(Replay(Path(args.replay) if args.replay else SAMPLE))
        if replay.bad_lines:
            remark(f"{args.replay}: left out {replay.bad_lines} line(s) that are no events")

        def query(entry: PanelEntry, needs: Needs) -> Data:
            from nanochat_host.verbs.panel import answer_of

            return answer_of(replay, entry, needs)

        reports = [check_panel(entry, query, _draw, update=args.update) for entry in entries]
    emit(args, msgspec.to_builtins(reports), [line for r in reports for line in _lines(r)])
    return 1 if any(report.wrong for report in reports) else 0


def _draw(payload: Payload, width: int, height: int) -> list[str]:
    from nanochat_host.ui.render.draw import draw
    from nanochat_host.ui.render.palette import palette_of
    from nanochat_host.ui.themes import THEMES

    strips = draw(payload, width, height, palette_of(THEMES[0]))
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def _lines(report: PanelReport) -> list[str]:
    what = [f"{report.drawn} pictures as kept"] if report.drawn else []
    what += [f"{len(report.written)} new in golden/"] if report.written else []
    what += [f"{report.hostile_frames} hostile frames"]
    mark = "✗" if report.wrong else "✓"
    return [f"{mark} {report.panel}: {', '.join(what)}", *(f"  {line}" for line in report.wrong)]
