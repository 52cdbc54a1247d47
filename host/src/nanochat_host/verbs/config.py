"""`nanochat-cli config`: what a stage takes, what a run would get, what is wrong, what it costs."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat_sdk import format as fmt

from nanochat_host.core import calls_config as calls
from nanochat_host.core import wire_config as wire
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, parse_pairs, prefab_name
from nanochat_host.verbs.output import emit, table

BASE = "nanochat-cli config"


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parent = add_verb(
        verbs, "config", "look at configurations before they run", f"{BASE} plan --set depth=12"
    )
    subs = parent.add_subparsers(metavar="ACTION")
    shown = add_verb(
        subs,
        "schema",
        "print a stage's options: type, default, unit, category",
        f"{BASE} schema --stage base_train --search lr",
        show_schema,
    )
    _of_stage(shown)
    shown.add_argument("--search", default="", help="only options that mention these words")
    for name, summary, handler in (
        ("show", "print the effective values and where each is from", show_values),
        ("diff", "print what differs from a prefab or the defaults", show_diff),
        ("validate", "say what is wrong, before anything is started", validate),
        ("plan", "print parameters, steps, memory, hours and dollars", show_plan),
    ):
        verb = add_verb(
            subs, name, summary, f"{BASE} {name} --prefab speedrun --set depth=20", handler
        )
        _of_stage(verb)
        _of_values(verb)
        if name == "diff":
            verb.add_argument("--against", default="", help="a prefab, or `defaults`")
        elif name != "show":
            if name == "validate":
                verb.add_argument("--target", default="", help="a pipeline: every step of it")
            kinds = "what to plan for: a GPU, for example H100, or this machine's CPU"
            verb.add_argument("--gpu", default="", help=kinds)
            verb.add_argument("--price", type=float, default=0.0, help="US dollars a GPU and hour")
    change = add_verb(
        subs,
        "set",
        "change options in a prefab of yours; its comments and order stay",
        f"{BASE} set depth=20 --prefab mine --reset save_every",
        set_values,
    )
    change.add_argument("pairs", nargs="*", metavar="KEY=VALUE")
    change.add_argument(
        "--prefab", type=prefab_name, required=True, help="one of yours; begun if it is new"
    )
    change.add_argument("--reset", action="append", default=[], metavar="KEY", help="take out")
    _of_stage(change)


def _of_stage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkout", default="tiny", help="default: the embedded one")
    parser.add_argument("--stage", default="base_train", help="default: base_train")


def _of_values(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prefab", type=prefab_name, default="", help="a named configuration")
    parser.add_argument("--nproc", type=int, default=None, help="processes, one for each GPU")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the stage"
    )


def _wish(args: argparse.Namespace) -> wire.ConfigWish:
    return wire.ConfigWish(
        checkout=args.checkout,
        stage=args.stage,
        prefab=args.prefab,
        options=dict(parse_pairs(args.set)),
        nproc=args.nproc,
        gpu=getattr(args, "gpu", ""),
        usd_per_gpu_hour=getattr(args, "price", 0.0),
    )


def show_schema(args: argparse.Namespace, paths: Paths) -> int:
    wish = wire.SchemaWish(checkout=args.checkout, stage=args.stage, search=args.search)
    schema = connect(paths).ask(calls.config_schema(wish))
    lines = [
        f"{schema.stage} of {schema.checkout} ({schema.dialect}), {len(schema.fields)} options"
    ]
    for category in schema.categories:
        rows = [
            [f.name, f.type, value(f.default), f.unit, "live" if f.live else "", _help(f)]
            for f in schema.fields
            if f.category == category.id
        ]
        lines += ["", f"{category.title}: {category.help}"]
        lines += [f"  {x}" for x in table(["OPTION", "TYPE", "DEFAULT", "UNIT", "", "HELP"], rows)]
    emit(args, schema, lines)
    return 0


def show_values(args: argparse.Namespace, paths: Paths) -> int:
    config = connect(paths).ask(calls.config_show(_wish(args)))
    rows = [[v.name, value(v.value), v.source] for v in config.values]
    lines = [_head(config), "", *table(["OPTION", "VALUE", "FROM"], rows)]
    emit(args, config, lines + problem_lines(config.problems))
    return 2 if config.problems else 0


def show_diff(args: argparse.Namespace, paths: Paths) -> int:
    rows = connect(paths).ask(calls.config_diff(wire.DiffWish(_wish(args), args.against)))
    cells = [[r.name, value(r.left), value(r.right), r.source] for r in rows]
    against = args.against or args.prefab or "defaults"
    emit(args, rows, table(["OPTION", against.upper(), "HERE", "FROM"], cells) if rows else "equal")
    return 0


def validate(args: argparse.Namespace, paths: Paths) -> int:
    if args.target:
        return _validate_target(args, paths)
    report = connect(paths).ask(calls.config_plan(_wish(args)))
    errors = [f for f in report.findings if f.severity == "error"]
    lines = finding_lines(report.findings)[1:] or [f"{_head(report.config)}: nothing is wrong"]
    emit(args, report.findings, lines)
    return 2 if errors else 0


def _validate_target(args: argparse.Namespace, paths: Paths) -> int:
    """Every step of a stage or pipeline; what an earlier one makes counts as there."""
    wish = wire.TargetWish(
        checkout=args.checkout,
        target=args.target,
        prefab=args.prefab,
        options=dict(parse_pairs(args.set)),
        nproc=args.nproc,
        gpu=args.gpu,
        usd_per_gpu_hour=args.price,
        ask=True,
    )
    report = connect(paths).ask(calls.config_target(wish))
    lines = [f"{args.target} of {args.checkout}, {len(report.steps)} steps"]
    for step in report.steps:
        found = finding_lines(step.findings) or ["  nothing is wrong"]
        lines += ["", step.title, *(f"  {line}".rstrip() for line in found if line)]
    emit(args, report, [*lines, *([report.prefab_error] if report.prefab_error else [])])
    errors = any(f.severity == "error" for step in report.steps for f in step.findings)
    return 2 if errors or report.prefab_error else 0


def show_plan(args: argparse.Namespace, paths: Paths) -> int:
    report = connect(paths).ask(calls.config_plan(_wish(args)))
    if report.plan is None:
        if report.config.problems:
            emit(args, report, problem_lines(report.config.problems))
            return 2
        raise UsageError(f"`{args.stage}` cannot be planned: {report.plan_error}")
    rows = [
        [f.title, figure(f), "" if f.exact else "estimate", f.note] for f in report.plan.figures
    ]
    lines = [_head(report.config), "", *table(["", "VALUE", "", ""], rows)[1:], ""]
    lines += [f"assumed: {line}" for line in report.plan.assumptions]
    emit(args, report, lines + finding_lines(report.findings))
    return 2 if report.config.problems else 0


def set_values(args: argparse.Namespace, paths: Paths) -> int:
    if not args.pairs and not args.reset:
        raise UsageError("nothing to set", "give KEY=VALUE, or --reset KEY")
    wish = wire.SavePrefab(
        name=args.prefab,
        checkout=args.checkout,
        stage=args.stage,
        options=dict(parse_pairs(args.pairs)),
        reset=args.reset,
    )
    info = connect(paths).ask(calls.save_prefab(wish))
    emit(args, info, f"saved {info.path}")
    return 0


def finding_lines(findings: list[wire.Finding]) -> list[str]:
    """Each finding with its reason and its way out."""
    lines: list[str] = []
    for finding in findings:
        lines += ["", f"{finding.severity}: {finding.what}", f"  {finding.why}"]
        if finding.fix:
            words = [
                f"{name}={value(to)}" if to is not None else f"leave out {name} (--set {name}=)"
                for name, to in finding.fix.items()
            ]
            lines.append("  fix: " + " ".join(words))
        if finding.fix_note:
            lines.append(f"  {finding.fix_note}")
    return lines


def problem_lines(problems: list[wire.FieldProblem]) -> list[str]:
    """Each problem with its place, and what is near."""
    from nanochat_host.core.config.check import say

    return ["", *(f"error: {say(problem)}" for problem in problems)] if problems else []


def figure(shown: wire.Figure) -> str:
    """A figure for a person: sizes in GiB, large numbers with marks."""
    number = shown.value
    if isinstance(number, str):
        return number
    if shown.unit == "bytes":
        return fmt.size(number)
    if shown.unit == "FLOPs":
        return f"{number:.3e}"
    if shown.unit == "USD":
        return f"{number:,.2f} USD"
    if shown.unit == "fraction":
        return f"{100 * number:.1f} %"
    if shown.unit == "h":
        return fmt.duration(3600 * number) if number >= 1 / 3600 else "under a second"
    text = f"{number:,}" if isinstance(number, int) else f"{number:.4g}"
    return f"{text} {shown.unit}".strip()


def value(shown: Any) -> str:
    """An option's value as typed."""
    if shown is None:
        return "-"
    return str(shown).lower() if isinstance(shown, bool) else str(shown)


def _help(field: wire.FieldInfo) -> str:
    choices = f" [{'|'.join(map(str, field.choices))}]" if field.choices else ""
    return f"{field.help}{choices}"


def _head(config: wire.EffectiveConfig) -> str:
    chain = f", prefab {' > '.join(config.chain)}" if config.chain else ""
    many = f", {config.nproc} processes" if config.nproc > 1 else ""
    return f"{config.stage} of {config.checkout}{chain}{many}"
