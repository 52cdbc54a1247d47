"""`nanochat-cli panel`: one panel, drawn without a screen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from nanochat_sdk.data import Data, Needs

from nanochat_host.core.wire import Query, QueryItem, QueryResult
from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_pairs, parse_value, read_run
from nanochat_host.verbs.output import emit, remark, table

if TYPE_CHECKING:
    from nanochat_sdk.payload import Payload

    from nanochat_host.core.replay import Replay
    from nanochat_host.packs.catalog import PanelEntry

MAX_SIZE = (400, 200)


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "panel", "list panels and draw one", "nanochat-cli panel list")
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "list", "list panels and their options", "nanochat-cli panel list", list_all)
    render = add_verb(
        subs,
        "render",
        "draw one panel, of a run or of recorded events, in a worker of its own",
        "nanochat-cli panel render builtin:loss --run last --size 100x24\n"
        "nanochat-cli panel render builtin:loss --replay events.jsonl --svg > loss.svg",
        render_one,
    )
    render.add_argument("panel", metavar="PACK:PANEL")
    source = render.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", help="a run: id, name or `last`")
    source.add_argument(
        "--replay", metavar="FILE", nargs="+", help="a log, an events.jsonl, spans as JSON lines"
    )
    render.add_argument("--size", default="80x20", metavar="WxH", help="cells")
    render.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option")
    form = render.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="as text (the default)")
    form.add_argument("--svg", action="store_true", help="as an SVG picture")


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.packs.catalog import Catalog

    entries = Catalog.discover().panels
    data = [{"id": key, "pack": e.pack.id, "panel": e.panel} for key, e in entries.items()]
    rows = [[key, e.panel.help, " ".join(e.panel.options)] for key, e in entries.items()]
    emit(args, data, table(["PANEL", "SHOWS", "OPTIONS"], rows))
    return 0


def parse_size(text: str) -> tuple[int, int]:
    """ "80x20" to (80, 20). Raises UsageError."""
    width, cross, height = text.lower().partition("x")
    if cross and width.isdigit() and height.isdigit():
        size = int(width), int(height)
        if 1 <= size[0] <= MAX_SIZE[0] and 1 <= size[1] <= MAX_SIZE[1]:
            return size
    raise UsageError(f"`--size {text}` is not WIDTHxHEIGHT", "for example --size 80x20")


def render_one(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_sdk.errors import OptionError

    from nanochat_host.packs.catalog import Catalog
    from nanochat_host.packs.offline import render_once

    width, height = parse_size(args.size)
    panels = Catalog.discover().panels
    entry = panels.get(args.panel)
    if entry is None:
        import difflib

        near = difflib.get_close_matches(args.panel, panels, 1)
        hint = f"did you mean `{near[0]}`?" if near else "`nanochat-cli panel list` shows them"
        raise NotFoundError(f"there is no panel `{args.panel}`", hint)
    options = {key: parse_value(value) for key, value in parse_pairs(args.set).items()}
    with ExitStack() as stack:
        answer = _of_run(args, paths, entry) if args.run else _of_files(stack, args.replay, entry)
        try:
            payload = render_once(entry, options, answer, width, height)
        except OptionError as error:
            raise UsageError(f"{args.panel}: {error}") from None
    _print(args, payload, width, height)
    return 0


def _item(entry: PanelEntry, needs: Needs) -> QueryItem:
    """With what was granted; a pack in a folder of one's own gets what it declares."""
    held = entry.panel.capabilities if entry.held is None else sorted(entry.held)
    return QueryItem(needs=needs, granted=list(held))


def _decode(result: QueryResult) -> Data:
    raw = result.answers[0].data
    return Data() if raw is None else msgspec.msgpack.decode(raw, type=Data)


def _of_run(args: argparse.Namespace, paths: Paths, entry: PanelEntry) -> Callable[[Needs], Data]:
    client = connect(paths)
    run_id = read_run(client, args.run).summary.facts.id
    return lambda needs: _decode(client.query(Query(run=run_id, items=[_item(entry, needs)])))


def _of_files(stack: ExitStack, files: list[str], entry: PanelEntry) -> Callable[[Needs], Data]:
    from nanochat_host.core.replay import Replay

    replay = stack.enter_context(Replay(*map(Path, files)))
    if replay.bad_lines:
        remark(f"{files[0]}: left out {replay.bad_lines} line(s) that are no events")
    return lambda needs: answer_of(replay, entry, needs)


def answer_of(replay: Replay, entry: PanelEntry, needs: Needs) -> Data:
    """What recorded events have to say to a panel that was granted all it declares."""
    data = _decode(replay.query(_item(entry, needs)))
    # As it looked at its end, so that the same recording gives the same picture tomorrow.
    return msgspec.structs.replace(data, now=replay.ended_at) if replay.ended_at else data


def _print(args: argparse.Namespace, payload: Payload, width: int, height: int) -> None:
    from nanochat_host.ui.render.draw import draw
    from nanochat_host.ui.render.palette import palette_of
    from nanochat_host.ui.themes import THEMES

    strips = draw(payload, width, height, palette_of(THEMES[0]))
    text = ["".join(segment.text for segment in strip).rstrip() for strip in strips]
    if not args.svg:
        emit(args, payload, text)
        return
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    for strip in strips:
        line = Text.assemble(*((segment.text, segment.style or "") for segment in strip))
        console.print(line, no_wrap=True, crop=False)
    svg = console.export_svg(title=args.panel)
    emit(args, {"svg": svg}, svg.splitlines())
