"""`nanochat-cli prefab`: named configurations, as files."""

from __future__ import annotations

import argparse

import msgspec

from nanochat_host.core import calls_config as calls
from nanochat_host.core import wire_config as wire
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_pairs
from nanochat_host.verbs.config import problem_lines, value
from nanochat_host.verbs.output import confirm, emit, table


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "prefab", "list, print and save named configurations", "nanochat-cli prefab list"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    add_verb(subs, "list", "list prefabs", "nanochat-cli prefab list", list_all)
    show = add_verb(
        subs,
        "show",
        "print a prefab, whether it fits a checkout, and the GPUs it fits",
        "nanochat-cli prefab show speedrun --checkout nanochat",
        show_one,
    )
    show.add_argument("name")
    show.add_argument("--checkout", default="tiny", help="default: the embedded one")
    save = add_verb(
        subs,
        "save",
        "save a prefab of yours that holds only what differs from another",
        "nanochat-cli prefab save mine --from speedrun --set depth=20",
        save_one,
    )
    save.add_argument("name")
    save.add_argument("--from", dest="extends", default="", help="the prefab it extends")
    save.add_argument("--title", default="", help="a line that says what it is for")
    save.add_argument("--checkout", default="tiny", help="whose options these are")
    save.add_argument("--stage", default="base_train", help="default: base_train")
    save.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the stage"
    )
    delete = add_verb(
        subs, "delete", "delete a prefab of yours", "nanochat-cli prefab delete mine", delete_one
    )
    delete.add_argument("name")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    infos = connect(paths).ask(calls.prefabs())
    rows = [
        [i.name, i.origin, f"{i.gpus} x {i.gpu or 'CPU'}" if i.gpus else "-", i.error or i.title]
        for i in infos
    ]
    emit(args, infos, table(["PREFAB", "FROM", "MEANT FOR", "TITLE"], rows))
    return 0


def show_one(args: argparse.Namespace, paths: Paths) -> int:
    found = connect(paths).ask(calls.prefab(args.name, args.checkout))
    info = found.info
    lines = [f"{info.name}: {info.title}", f"  {info.help}", f"  {info.path}"]
    if len(found.chain) > 1:
        lines.append(f"  extends {' > '.join(found.chain[1:])}")
    for stage, options in found.stages.items():
        lines += ["", f"[{stage}]", *(f"  {k} = {value(v)}" for k, v in options.items())]
    emit(args, found, lines + _misfits(found, args.checkout) + _matrix(found))
    return 2 if found.problems else 0


def _misfits(found: wire.PrefabDetail, checkout: str) -> list[str]:
    """What of it the checkout has not; files without their folder, which a pack's makes long."""
    if not found.problems:
        return []
    lines = ["", f"checkout `{checkout}` does not have all of it; show another: --checkout NAME"]
    for problems in found.problems.values():
        near = [msgspec.structs.replace(p, where=p.where.rpartition("/")[2]) for p in problems]
        lines += problem_lines(near)[1:]
    return lines


def save_one(args: argparse.Namespace, paths: Paths) -> int:
    if not args.set and not args.extends:
        raise UsageError("there is nothing to save", "give --set KEY=VALUE, --from PREFAB or both")
    wish = wire.SavePrefab(
        name=args.name,
        checkout=args.checkout,
        stage=args.stage,
        extends=args.extends,
        options=dict(parse_pairs(args.set)),
        title=args.title,
    )
    info = connect(paths).ask(calls.save_prefab(wish))
    emit(args, info, f"saved {info.path}")
    return 0


def delete_one(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    if not args.yes and not confirm(f"Delete prefab `{args.name}`?"):
        emit(args, {"deleted": False}, "nothing was deleted (`--yes` deletes without asking)")
        return 2
    info = client.ask(calls.delete_prefab(args.name))
    emit(args, {"deleted": info.name}, f"{info.path} is deleted")
    return 0


def _matrix(found: wire.PrefabDetail) -> list[str]:
    if not found.matrix:
        return []
    rows = [
        [
            f"{row.gpus} x {row.gpu}",
            str(row.device_batch_size) if row.fits else "does not fit",
            f"{row.hours:,.1f}" if row.fits else "",
            f"{row.usd:,.2f}" if row.fits else "",
        ]
        for row in found.matrix
    ]
    head = f"depth {found.depth}, {found.tokens / 1e9:.2f}B tokens; all of this is estimated:"
    return ["", head, *table(["GPUS", "ROWS", "HOURS", "USD"], rows)]
