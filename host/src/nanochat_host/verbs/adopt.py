"""`run adopt`, `run sources` and `run health`: what comes from outside, and how all fares."""

from __future__ import annotations

import argparse
from pathlib import Path

from nanochat_host.core import calls_outside as calls
from nanochat_host.core.wire_outside import AdoptRun
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs.common import Verbs, add_verb, connect, read_run
from nanochat_host.verbs.output import emit, table


def register(subs: Verbs) -> None:
    """Add `run adopt` and `run sources` to the parser."""
    adopt = add_verb(
        subs,
        "adopt",
        "follow a run that was started without nanochat-cli, by its log",
        "nanochat-cli run adopt ~/nanochat/train.log\n"
        "nanochat-cli run adopt train.log --wandb me/nanochat/ab12cd34",
        adopt_log,
    )
    adopt.add_argument("log", metavar="LOGFILE", help="the file the trainer prints to")
    adopt.add_argument("--name", default="", help="default: the file's name")
    adopt.add_argument("--checkout", default="", help="which checkout it runs, for the record")
    adopt.add_argument("--pid", type=int, default=0, help="default: whoever writes the log")
    adopt.add_argument("--wandb", default="", metavar="RUN", help="entity/project/run-id to poll")
    adopt.add_argument("--wandb-dir", default="", metavar="DIR", help="folder of its W&B files")
    adopt.add_argument("--cost-per-hour", type=float, default=0.0, help="US dollars")
    sources = add_verb(
        subs,
        "sources",
        "say where a run's telemetry comes from, and how that stands",
        "nanochat-cli run sources last",
        show_sources,
    )
    sources.add_argument("run")
    health = add_verb(
        subs,
        "health",
        "say how a run and its machine fare: memory, data loading, sources, disk, alerts",
        "nanochat-cli run health last",
        show_health,
    )
    health.add_argument("run")


def adopt_log(args: argparse.Namespace, paths: Paths) -> int:
    folder = str(_absolute(args.wandb_dir)) if args.wandb_dir else ""
    wish = AdoptRun(
        log=str(_absolute(args.log)), name=args.name, checkout=args.checkout, pid=args.pid,
        wandb=args.wandb, wandb_dir=folder, cost_per_hour=args.cost_per_hour,
    )  # fmt: skip
    run = connect(paths).ask(calls.adopt(wish))
    emit(args, run, f"adopted {run.facts.id}; watch it: nanochat-cli --run {run.facts.id}")
    return 0


def show_sources(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    found = client.ask(calls.sources(read_run(client, args.run).summary.facts.id))
    rows = [[info.name, info.state, info.detail or "-", info.page or "-"] for info in found]
    emit(args, found, table(["SOURCE", "STATE", "WHY", "PAGE"], rows))
    return 0


def show_health(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    found = client.ask(calls.health(read_run(client, args.run).summary.facts.id))
    rows = [[part.label, part.text, part.level, part.why] for part in found]
    emit(args, found, table(["WHAT", "STATE", "", "WHY"], rows))
    return 0


def _absolute(name: str) -> Path:
    return expand(name).resolve()
