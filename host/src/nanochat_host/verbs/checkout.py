"""`nanochat-cli checkout`: which nanochat, or fork of it, is trained."""

from __future__ import annotations

import argparse
import shlex

from nanochat_host.core.wire import AddCheckout, CheckoutInfo, PipelineInfo, StageInfo
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs import environment, setup
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit, table


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "checkout", "register and read checkouts", "nanochat-cli checkout info tiny"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    add = add_verb(
        subs,
        "add",
        "register a nanochat checkout or a fork of it; nothing in it is changed",
        "nanochat-cli checkout add ~/src/nanochat --name nanochat",
        add_checkout,
    )
    add.add_argument("path", help="folder that holds scripts/")
    add.add_argument("--name", default="", help="default: the folder's name")
    add.add_argument("--python", default="", help="interpreter its scripts run with")
    add.add_argument("--base-dir", default="", help="its NANOCHAT_BASE_DIR")
    add_verb(subs, "list", "list registered checkouts", "nanochat-cli checkout list", list_all)
    info = add_verb(
        subs,
        "info",
        "print stages, options, pipelines, dialect and commit",
        "nanochat-cli checkout info tiny --stage base_train",
        show_info,
    )
    info.add_argument("name")
    info.add_argument(
        "--stage", default="", help="print the options of this stage, or a pipeline's commands"
    )
    environment.register(subs)
    setup.register(subs)
    remove = add_verb(
        subs,
        "remove",
        "forget a checkout; its folder is not touched",
        "nanochat-cli checkout remove nanochat",
        remove_checkout,
    )
    remove.add_argument("name")


def add_checkout(args: argparse.Namespace, paths: Paths) -> int:
    path = str(expand(args.path).absolute())
    ref = connect(paths).add_checkout(
        AddCheckout(path=path, name=args.name, python=args.python, base_dir=args.base_dir)
    )
    lines = [f"registered `{ref.name}` at {ref.path}; see `checkout setup {ref.name}`"]
    if ref.error:
        lines.append(f"{ref.error}; `checkout info {ref.name}` says why")
    emit(args, ref, lines)
    return 0


def list_all(args: argparse.Namespace, paths: Paths) -> int:
    refs = connect(paths).checkouts()
    rows = [
        [r.name, (r.commit[:8] or "-") + ("+" if r.dirty else ""), r.path, r.error or "ok"]
        for r in refs
    ]
    emit(args, refs, table(["NAME", "COMMIT", "PATH", "STATE"], rows))
    return 0


def show_info(args: argparse.Namespace, paths: Paths) -> int:
    info = connect(paths).checkout(args.name)
    if args.stage:
        from nanochat_host.errors import NotFoundError

        stage = next((s for s in info.stages if args.stage in (s.name, s.module)), None)
        pipeline = next((p for p in info.pipelines if p.name == args.stage), None)
        if stage is None and pipeline is not None:
            emit(args, pipeline, _pipeline_lines(pipeline))
            return 0
        if stage is None:
            known = ", ".join(s.name for s in info.stages)
            raise NotFoundError(f"`{args.name}` has no stage `{args.stage}`", f"it has: {known}")
        emit(args, stage, _stage_lines(stage))
        return 0
    emit(args, info, _info_lines(info))
    return 0


def _info_lines(info: CheckoutInfo) -> list[str]:
    ref = info.ref
    dirty = " (with uncommitted changes)" if ref.dirty else ""
    lines = [f"{ref.name}  {ref.path}", f"  commit {ref.commit[:12] or 'none'}{dirty}"]
    lines += [f"  python {ref.python or '-'}", f"  base   {ref.base_dir or '-'}", ""]
    rows = [
        [s.name, s.dialect, str(len(s.options)), "yes" if s.trains else "", s.error or s.module]
        for s in info.stages
    ]
    lines += table(["STAGE", "DIALECT", "OPTIONS", "LOOP", "MODULE"], rows)
    if info.pipelines:
        lines.append("")
        rows = [
            [
                p.name,
                str(len(p.unread) or ""),
                " > ".join(s.module.split(".")[-1] for s in p.steps),
            ]
            for p in info.pipelines
        ]
        lines += table(["PIPELINE", "LEFT OUT", "STEPS"], rows)
    return lines


def _pipeline_lines(pipeline: PipelineInfo) -> list[str]:
    lines = [pipeline.path, *([f"  {pipeline.help}"] if pipeline.help else []), ""]
    for step in pipeline.steps:
        many = f"{step.nproc or 'one for each GPU'} x " if step.nproc != 1 else ""
        lines.append(f"  {many}{step.module} {shlex.join(step.argv)}".rstrip())
    if pipeline.unread:
        lines += ["", "left out, for they are only known when the recipe itself runs:"]
        lines += [f"  {line}" for line in pipeline.unread]
    return lines


def _stage_lines(stage: StageInfo) -> list[str]:
    head = f"{stage.module} ({stage.dialect}, {len(stage.options)} options)"
    if stage.error:
        return [head, f"  cannot be read: {stage.error}"]
    rows = [[o.flag, o.type, str(o.default), _help(o.help, o.choices)] for o in stage.options]
    return [head, "", *table(["OPTION", "TYPE", "DEFAULT", "HELP"], rows)]


def _help(text: str, choices: list[object] | None) -> str:
    return f"{text} [{'|'.join(map(str, choices))}]" if choices else text


def remove_checkout(args: argparse.Namespace, paths: Paths) -> int:
    connect(paths).remove_checkout(args.name)
    emit(args, {"removed": args.name}, f"`{args.name}` is forgotten; its folder is untouched")
    return 0
