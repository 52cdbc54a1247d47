"""`nanochat-cli run`: start, list, show and follow runs. Steering lies in `steer.py`."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any, get_args

from nanochat_sdk.data import RunState

from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_checkpoints import TRAINERS
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs import adopt, compare, export, follow, queue, steer
from nanochat_host.verbs.alerts import active_alerts
from nanochat_host.verbs.common import (
    Verbs,
    add_verb,
    connect,
    find_run,
    parse_pairs,
    prefab_name,
    read_run,
)
from nanochat_host.verbs.output import confirm, emit, table

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient
    from nanochat_host.core.wire_checkpoints import FormFill


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(verbs, "run", "start, watch and steer runs", "nanochat-cli run list")
    subs = parent.add_subparsers(metavar="ACTION")
    begin = add_verb(
        subs,
        "start",
        "start a stage or a pipeline, detached: closing the terminal never harms it",
        "nanochat-cli run start base_train --checkout nanochat --set depth=4",
        start,
    )
    begin.add_argument("target", nargs="?", default="", help="a stage, a module, or a pipeline")
    begin.add_argument("--checkout", default="tiny", help="default: the embedded one")
    begin.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the stage"
    )
    begin.add_argument(
        "--prefab", type=prefab_name, default="", help="a named configuration; --set goes over it"
    )
    begin.add_argument(
        "--nproc",
        type=int,
        default=None,
        help="processes (torchrun above 1; default: prefab's, or 1)",
    )
    begin.add_argument(
        "--from",
        dest="parent",
        default="",
        metavar="CKPT",
        help="go on from a checkpoint: its own stage resumes with its options, another begins",
    )
    begin.add_argument(
        "--continue",
        dest="continues",
        default="",
        metavar="RUN",
        help="go on with a run from its newest checkpoint, with its options and its patches",
    )
    begin.add_argument(
        "--name", default="", help="name of the run, of its W&B run and of its model's folder"
    )
    begin.add_argument("--gpus", default="", metavar="N,N", help="the only GPUs it may see")
    queue.add_start_options(begin)
    begin.add_argument("--cost-per-hour", type=float, default=0.0, help="US dollars")
    begin.add_argument(
        "--force", action="store_true", help="start although preflight found an error"
    )
    begin.add_argument("--follow", action="store_true", help="print progress until it ends")
    listing = add_verb(subs, "list", "list runs, newest first", "nanochat-cli run list", list_all)
    listing.add_argument(
        "--state", default="", choices=get_args(RunState), help="only runs in this state"
    )
    show = add_verb(
        subs, "show", "print all facts of a run", "nanochat-cli run show last", show_one
    )
    show.add_argument("run")
    metrics = add_verb(
        subs, "metrics", "list a run's metrics", "nanochat-cli run metrics last", list_metrics
    )
    metrics.add_argument("run")
    delete = add_verb(
        subs,
        "delete",
        "delete the record of an ended run",
        "nanochat-cli run delete last",
        delete_one,
    )
    delete.add_argument("run")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    adopt.register(subs)
    compare.register(subs)
    follow.register(subs)
    queue.register(subs)
    steer.register(subs)
    export.register(subs)


def start(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    options: dict[str, Any] = {**parse_pairs(args.set)}
    nproc = args.nproc
    if args.parent:
        filled = _filled(client, args)
        options = {**filled.options, **options}
        nproc = nproc or filled.nproc
    wish = StartRun(
        checkout=args.checkout,
        target=args.target,
        options=options,
        nproc=nproc,
        name=args.name,
        cost_per_hour=args.cost_per_hour,
        prefab=args.prefab,
        force=args.force,
        gpus=args.gpus,
        continues=find_run(client, args.continues).facts.id if args.continues else "",
    )
    if not (args.target or args.continues):
        raise UsageError("say what to start", "`nanochat-cli checkout info NAME` lists the stages")
    if args.queue:
        return queue.add(args, client, wish)
    run = client.start_run(wish)
    how = f"started {run.facts.id}; watch it: nanochat-cli --run {run.facts.id}"
    emit(args, run, [how, *(f"  {note}" for note in run.notes)])
    return follow.until_end(args, client, run.facts.id) if args.follow else 0


def _filled(client: CoreClient, args: argparse.Namespace) -> FormFill:
    """Options to go on from the checkpoint that was named. Raises what the core says of it."""
    from nanochat_host.core import calls_checkpoints as calls
    from nanochat_host.core.wire_checkpoints import FormWish

    own = client.ask(calls.checkpoint(args.checkout, args.parent)).info.stage
    if args.target == TRAINERS.get(own):
        wish = FormWish(args.checkout, args.parent, "resume")
    else:
        wish = FormWish(args.checkout, args.parent, "continue", args.target)
    return client.ask(calls.checkpoint_form(wish))


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    runs = sorted(connect(paths).runs(), key=lambda r: r.facts.created_at, reverse=True)
    runs = [r for r in runs if args.state in ("", r.facts.state)]
    rows = [
        [r.facts.id, r.facts.state, r.facts.stage, progress(r), number(r.loss), number(r.val_bpb)]
        for r in runs
    ]
    headings = ["RUN", "STATE", "STAGE", "STEP", "LOSS", "VAL BPB"]
    none = f"no run is {args.state}" if args.state else "no runs yet; try `nanochat-cli demo`"
    emit(args, runs, table(headings, rows) if rows else none)
    return 0


def progress(run: RunSummary) -> str:
    """Step and steps planned, as far as known."""
    facts = run.facts
    if facts.step < 0:
        return "-"
    return f"{facts.step}/{facts.num_steps}" if facts.num_steps else str(facts.step)


def number(value: float | None) -> str:
    """A metric for a table."""
    return "-" if value is None else f"{value:.4f}"


def show_one(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    detail = read_run(client, args.run)
    facts, record = detail.summary.facts, detail.record
    lines = [
        f"{facts.id}  {facts.state}{': ' + facts.reason if facts.reason else ''}",
        f"  name      {facts.name}",
        f"  checkout  {record.checkout} {record.checkout_path}",
        f"  commit    {record.commit[:12] or '-'}{' with changes' if record.dirty else ''}",
        f"  started   {clock(facts.started_at)}   ended {clock(facts.ended_at)}",
        f"  exit code {'-' if facts.exit_code is None else facts.exit_code}",
        f"  step      {progress(detail.summary)}   loss {number(detail.summary.loss)}"
        f"   val bpb {number(detail.summary.val_bpb)}",
        f"  folder    {paths.run(facts.id).root}",
        "  commands",
    ]
    for index, step in enumerate(record.steps):
        mark = ">" if index == facts.stage_index else " "
        lines.append(f"   {mark} {step.module} {' '.join(step.argv)}")
    lines += [f"  patched   {_patched(patch)}" for patch in detail.patches]
    lines += [f"  alert     {message}" for message in active_alerts(client, facts.id)]
    if detail.live:
        lines.append(f"  live      {', '.join(detail.live)}")
    emit(args, detail, lines)
    return 0


def _patched(patch: dict[str, Any]) -> str:
    name = "learning rates" if patch["cmd"] == "lr" else patch["name"]
    wish = f"{name} = {patch['value']}"
    if patch["result"] != "applied":
        return f"{wish}: {patch['result']}{', ' * ('error' in patch)}{patch.get('error', '')}"
    return f"{wish} from step {patch['step']:,}, was {patch['old']}"


def clock(ts: float) -> str:
    """Local time, or a dash."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ts)) if ts else "-"


def list_metrics(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    infos = client.metrics(read_run(client, args.run).summary.facts.id)
    rows = [
        [m.name, "nan" if m.value is None else f"{m.value:.6g}", m.unit, str(m.count),
         f"{m.first}-{m.last}"]
        for m in infos
    ]  # fmt: skip
    emit(args, infos, table(["METRIC", "LATEST", "UNIT", "POINTS", "STEPS"], rows))
    return 0


def delete_one(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    run = find_run(client, args.run)
    folder = paths.run(run.facts.id).root
    if not args.yes and not confirm(f"Delete {folder}? Checkpoints are kept."):
        emit(args, {"deleted": False}, "nothing was deleted (`--yes` deletes without asking)")
        return 2
    client.delete_run(run.facts.id)
    emit(args, {"deleted": run.facts.id}, f"{run.facts.id} is deleted; its checkpoints are kept")
    return 0
