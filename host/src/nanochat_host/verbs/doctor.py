"""`nanochat-cli doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb
from nanochat_host.verbs.output import emit

MARKS = {"ok": "ok  ", "warn": "warn", "off": "off ", "fail": "FAIL"}


def register(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "doctor",
        "say what works on this machine, layer by layer, and what to do about the rest",
        "nanochat-cli doctor\nnanochat-cli doctor --report",
        examine,
    )
    parser.add_argument(
        "--report",
        nargs="?",
        const="",
        default=None,
        metavar="FILE",
        help="also write an archive for a bug report; secrets are scrubbed",
    )


def examine(args: argparse.Namespace, paths: Paths) -> int:
    from nanochat_host.doctor import machine, ours, outside
    from nanochat_host.doctor.check import run_checks

    checks = run_checks(
        paths,
        [
            ("python", machine.python),
            ("terminal", machine.terminal),
            ("disk", machine.disk),
            ("gpu", machine.gpu),
            ("training", machine.training),
            ("core", ours.core),
            ("settings", ours.settings),
            ("screens", ours.layouts),
            ("screens", ours.declarations),
            ("sandbox", ours.sandbox),
            ("accounts", outside.accounts),
            ("telemetry", outside.otlp),
            ("crashes", ours.crashes),
        ],
    )
    width = max(len(check.name) for check in checks)
    lines, area = [], ""
    for check in checks:
        if check.area != area:
            area = check.area
            lines.append(area)
        lines.append(f"  {MARKS[check.state]}  {check.name.ljust(width)}  {check.detail}")
        if check.fix:
            lines.append(f"        {' ' * width}  -> {check.fix}")
    report = ""
    if args.report is not None:
        from nanochat_host.doctor.report import write_report

        default = f"nanochat-cli-report-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz"
        target = Path(args.report or default).absolute()
        report = str(write_report(paths, checks, target / default if target.is_dir() else target))
        lines += ["", f"report: {report}"]
    emit(args, {"checks": checks, "report": report}, lines)
    return 1 if any(check.state == "fail" for check in checks) else 0
