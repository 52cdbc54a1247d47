"""`nanochat-cli checkpoint`: what was saved, whether it is whole, what it fits."""

from __future__ import annotations

import argparse
from datetime import datetime

from nanochat_sdk import format as fmt

from nanochat_host.core import calls_checkpoints as calls
from nanochat_host.core import wire_checkpoints as wire
from nanochat_host.core.results.measures import order
from nanochat_host.errors import RefusedError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_pairs, parse_value
from nanochat_host.verbs.output import confirm, emit, is_tty, table

BASE = "nanochat-cli checkpoint"
SHOWN_TENSORS = 40


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "checkpoint", "list, verify, delete and convert checkpoints", f"{BASE} list"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    listing = add_verb(
        subs,
        "list",
        "list checkpoints of every stage and tag; incomplete ones are marked",
        f"{BASE} list --checkout nanochat --stage base",
        list_all,
    )
    listing.add_argument("--stage", default="", help="base, mid, sft, rl")
    listing.add_argument("--tag", default="", help="model tag")
    show = add_verb(
        subs,
        "show",
        "print metadata, weights and options of a checkpoint",
        f"{BASE} show base/d4/000120",
        show_one,
    )
    report = add_verb(
        subs,
        "report",
        "print what evaluations measured: a report card over stages, and CORE's tasks",
        f"{BASE} report --checkout nanochat",
        show_report,
    )
    check = add_verb(
        subs,
        "check",
        "say whether a checkpoint loads or resumes here, and what to do if not",
        f"{BASE} check base/d4 --resume --nproc 2 --set depth=4",
        check_one,
    )
    check.add_argument("--resume", action="store_true", help="to go on training from it")
    check.add_argument("--nproc", type=int, default=0, help="processes of the run that resumes")
    check.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of that run"
    )
    check.add_argument("--no-probe", action="store_true", help="do not ask the checkout's torch")
    delete = add_verb(
        subs,
        "delete",
        "delete checkpoints by id, or all but what a rule keeps; asks first",
        f"{BASE} delete base/d4/000100\n{BASE} delete --tag d4 --keep-last 2 --keep-best 1 --yes",
        delete_some,
    )
    delete.add_argument("ids", nargs="*", metavar="ID", help="whole ids: stage/tag/step")
    delete.add_argument("--stage", default="", help="the rule looks at this stage only")
    delete.add_argument("--tag", default="", help="the rule looks at this tag only")
    for name, what in (
        ("last", "newest steps of each tag"),
        ("every", "steps that are a multiple"),
        ("best", "steps with the lowest validation loss"),
    ):
        delete.add_argument(f"--keep-{name}", type=int, default=0, metavar="N", help=f"keep {what}")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    prune = add_verb(
        subs,
        "prune",
        "keep the newest checkpoints of each tag and delete the rest; shows what goes and asks",
        f"{BASE} prune --keep 3 --keep-best",
        prune_old,
    )
    prune.add_argument("--keep", type=int, required=True, metavar="N", help="newest of each tag")
    prune.add_argument(
        "--keep-best", action="store_true", help="keep the lowest validation loss too"
    )
    prune.add_argument("--stage", default="", help="look at this stage only")
    prune.add_argument("--tag", default="", help="look at this tag only")
    prune.add_argument("--yes", action="store_true", help="do not ask")
    reshard = add_verb(
        subs,
        "reshard",
        "convert the optimizer's shards to another number of processes, as a new tag",
        f"{BASE} reshard base/d4 --nproc 1",
        reshard_one,
    )
    reshard.add_argument("--nproc", type=int, required=True, help="processes to resume with")
    reshard.add_argument("--into", default="", metavar="TAG", help="default: <tag>_w<nproc>")
    for verb in (show, check, reshard):
        verb.add_argument("id", help="stage/tag/step, a part of it (`sft`, `d4/120`), or `last`")
    for verb in (listing, show, report, check, delete, prune, reshard):
        verb.add_argument("--checkout", default="tiny", help="default: the embedded one")


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    found = connect(paths).ask(calls.checkpoints(args.checkout))
    found.checkpoints = [
        c for c in found.checkpoints if args.stage in ("", c.stage) and args.tag in ("", c.tag)
    ]
    lines = _rows(found.checkpoints) or [f"no checkpoint in {found.base_dir}"]
    total = sum(c.size_bytes for c in found.checkpoints)
    free = fmt.size(found.free_bytes)
    foot = f"{len(found.checkpoints)} in {found.base_dir}, {fmt.size(total)}, {free} free"
    emit(args, found, [*lines, "", foot] if found.checkpoints else lines)
    return 0


def _rows(checkpoints: list[wire.CheckpointInfo]) -> list[str]:
    rows = [
        [c.id, c.state, fmt.size(c.size_bytes), str(c.ranks or "-"), _score(c), _saved(c),
         c.problems[0] if c.problems else ""]
        for c in checkpoints
    ]  # fmt: skip
    return table(["ID", "STATE", "SIZE", "RANKS", "VAL", "SAVED", ""], rows) if rows else []


def _score(info: wire.CheckpointInfo) -> str:
    for name in ("val_bpb", "val_loss"):
        if name in info.metrics:
            return f"{info.metrics[name]:.4f}"
    return "-"


def _saved(info: wire.CheckpointInfo) -> str:
    return datetime.fromtimestamp(info.saved_at).strftime("%Y-%m-%d %H:%M")


def show_one(args: argparse.Namespace, paths: Paths) -> int:
    detail = connect(paths).ask(calls.checkpoint(args.checkout, args.id))
    info = detail.info
    lines = [f"{info.id}  {info.state}  {info.folder}", ""]
    lines += table(
        ["FILE", "SIZE", ""], [[f.name, fmt.size(f.size_bytes), f.trouble] for f in info.files]
    )
    ranks = f", optimizer over {detail.world_size} ranks" if detail.world_size else ""
    lines += ["", f"{detail.params:,} parameters in {len(detail.tensors)} weights{ranks}"]
    lines += [f"  {key} = {value}" for key, value in info.model.items()]
    lines += [f"  {key} = {value:.6g}" for key, value in info.metrics.items()]
    rows = [[t.name, "x".join(map(str, t.shape)), t.dtype] for t in detail.tensors[:SHOWN_TENSORS]]
    lines += ["", *table(["WEIGHT", "SHAPE", "TYPE"], rows)]
    if len(detail.tensors) > SHOWN_TENSORS:
        lines.append(f"and {len(detail.tensors) - SHOWN_TENSORS} more; --json has all")
    if detail.options:
        words = " ".join(f"--set {key}={value}" for key, value in detail.options.items())
        lines += ["", f"options to resume with: {words}"]
    emit(args, detail, lines + finding_lines(detail.findings))
    return 0


def show_report(args: argparse.Namespace, paths: Paths) -> int:
    card = connect(paths).ask(calls.report_card(args.checkout))
    lines = _card(card.entries)
    for found in card.tables:
        of = " or ".join(found.checkpoints) or "a model that is gone"
        lines += ["", f"{found.file}, of {of}: CORE {_figure(found.core)}"]
        tasks = [[t.task, _figure(t.accuracy), _figure(t.centered)] for t in found.tasks]
        lines += table(["TASK", "ACCURACY", "CENTERED"], tasks)
    emit(args, card, lines or [f"nothing was evaluated in `{card.checkout}` yet"])
    return 0


def _card(entries: list[wire.CardEntry]) -> list[str]:
    """A row for each model, a column for each measure that any has."""
    models: dict[tuple[str, str], dict[str, wire.CardEntry]] = {}
    for entry in entries:
        models.setdefault((entry.stage, entry.tag), {})[entry.measure] = entry
    names = sorted({entry.measure for entry in entries}, key=order)
    rows = []
    for (stage, tag), found in models.items():
        step = max(entry.step for entry in found.values())
        told = ", ".join(sorted({entry.where for entry in found.values()}))
        figures = (_figure(found[n].value if n in found else None) for n in names)
        rows.append([stage, tag or "-", str(step) if step >= 0 else "-", *figures, told])
    return table(["STAGE", "TAG", "STEP", *names, "FROM"], rows) if rows else []


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def check_one(args: argparse.Namespace, paths: Paths) -> int:
    options = {key: parse_value(text) for key, text in parse_pairs(args.set).items()}
    wish = wire.CheckWish(
        checkout=args.checkout,
        checkpoint=args.id,
        options=options,
        nproc=args.nproc,
        use="resume" if args.resume or args.nproc or options else "load",
        probe=not args.no_probe,
    )
    report = connect(paths).ask(calls.check_checkpoint(wish))
    use = "be resumed" if wish.use == "resume" else "be loaded"
    looked = "" if report.probed else " (the checkout's own model was not asked)"
    verdict = f"{report.detail.info.id} can{'' if report.fits else 'not'} {use} here{looked}"
    emit(args, report, [verdict, *finding_lines(report.findings)])
    return 0 if report.fits else 2


def delete_some(args: argparse.Namespace, paths: Paths) -> int:
    rule = wire.KeepRule(last=args.keep_last, every=args.keep_every, best=args.keep_best)
    wish = wire.DeleteWish(
        checkout=args.checkout,
        checkpoints=args.ids,
        rule=rule if rule.last or rule.every or rule.best or not args.ids else None,
        stage=args.stage,
        tag=args.tag,
    )
    return _delete(args, paths, wish)


def prune_old(args: argparse.Namespace, paths: Paths) -> int:
    rule = wire.KeepRule(last=args.keep, best=int(args.keep_best))
    wish = wire.DeleteWish(args.checkout, rule=rule, stage=args.stage, tag=args.tag)
    return _delete(args, paths, wish)


def _delete(args: argparse.Namespace, paths: Paths, wish: wire.DeleteWish) -> int:
    """Show what goes, ask, and delete that and nothing else."""
    client = connect(paths)
    plan = client.ask(calls.delete_checkpoints(wish))
    what = f"{len(plan.delete)} checkpoints, {fmt.size(plan.size_bytes)}"
    if not plan.delete:
        emit(args, plan, "nothing to delete")
        return 0
    if not args.yes:
        if not args.json:
            emit(args, plan, _rows(plan.delete))
        if not confirm(f"delete {what}? This cannot be undone."):
            hint = "nothing was deleted" if is_tty() else "`--yes` deletes without asking"
            raise RefusedError(f"{what} would be deleted", hint)
    wish.sure = True
    wish.checkpoints, wish.rule = [info.id for info in plan.delete], None
    done = client.ask(calls.delete_checkpoints(wish))
    emit(args, done, f"deleted {what}")
    return 0


def reshard_one(args: argparse.Namespace, paths: Paths) -> int:
    wish = wire.ReshardWish(args.checkout, args.id, args.nproc, args.into)
    done = connect(paths).ask(calls.reshard_checkpoint(wish))
    made = done.checkpoint
    emit(args, done, f"{made.id} is for {done.world_size} processes (was {done.old_world_size})")
    return 0


def finding_lines(findings: list[wire.CheckpointFinding]) -> list[str]:
    """Each with its way out."""
    lines: list[str] = []
    for finding in findings:
        lines += ["", f"{finding.severity}: {finding.what}"]
        lines += [f"  {finding.remedy}"] if finding.remedy else []
    return lines
