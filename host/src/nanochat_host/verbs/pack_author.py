"""`nanochat-cli pack new|test`: for those who write packs."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nanochat_host.errors import NotFoundError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import emit, remark

if TYPE_CHECKING:
    from nanochat_sdk.data import Data, Needs
    from nanochat_sdk.payload import Payload

    from nanochat_host.packs.author.check import PanelReport
    from nanochat_host.packs.catalog import PanelEntry


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
