"""`nanochat-cli run export`: the plain shell commands of a run, to do it again without us, or a
report of it."""

from __future__ import annotations

import argparse
import shlex

from nanochat_host.core.wire import RunRecord, RunStep
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, read_run
from nanochat_host.verbs.compare import AXES
from nanochat_host.verbs.output import emit


def register(subs: Verbs) -> None:
    """Add `run export` to the parser."""
    export = add_verb(
        subs,
        "export",
        "print the plain shell commands that repeat a run, or write a report of one or several",
        "nanochat-cli run export last > again.sh\nnanochat-cli run export last --report out\n"
        "nanochat-cli run export d4 d6 --report out --x tokens",
        print_commands,
    )
    export.add_argument("runs", nargs="+", metavar="RUN", help="several only with --report")
    export.add_argument(
        "--report",
        nargs="?",
        const="",
        default=None,
        metavar="DIR",
        help="write report.md and report.html there (default: a folder named after the run)",
    )
    export.add_argument("--x", choices=AXES, default="step", help="what several are drawn along")


def print_commands(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    ids = list(dict.fromkeys(read_run(client, word).summary.facts.id for word in args.runs))
    if len(ids) > 1:
        if args.report is None:
            raise UsageError("commands are of one run", "--report DIR compares several")
        from nanochat_host.verbs.report import write_several

        return write_several(args, client, ids)
    record = client.run(ids[0]).record
    lines = shell_lines(record)
    if args.report is not None:
        from nanochat_host.verbs.report import write_report

        return write_report(args, client, record.id, lines)
    emit(args, {"run": record.id, "commit": record.commit, "lines": lines}, lines)
    return 0


def shell_lines(record: RunRecord) -> list[str]:
    """A bash script of the run's commands, without our hook."""
    lines = ["#!/usr/bin/env bash", f"# run {record.id}, checkout {record.checkout}"]
    if record.adopted_log:
        return [*lines, f"# it was started without nanochat-cli; its log: {record.adopted_log}"]
    if record.commit:
        changed = "; it had uncommitted changes (see `diff` in run.json)" if record.dirty else ""
        lines.append(f"# commit {record.commit}{changed}")
    lines += ["set -euo pipefail", f"cd {shlex.quote(record.checkout_path)}"]
    env = {"NANOCHAT_BASE_DIR": record.base_dir, **record.env}
    lines += [f"export {name}={shlex.quote(value)}" for name, value in env.items() if value]
    if record.resent:
        lines.append("# values patched live, which a plain start does not set: see `resent`")
    if any("NANOCHAT_CLI_GLOO" in step.env for step in record.steps):
        lines.append(
            "# its ranks trained together over gloo, which plain nanochat has for GPUs only"
        )
    return lines + [_command(record, step) for step in record.steps if not _is_ours(step)]


def _is_ours(step: RunStep) -> bool:
    """A look of ours at what the command before it did."""
    return "nanochat_host.core.setup.verify" in step.command


def _command(record: RunRecord, step: RunStep) -> str:
    env = [
        f"{name}={shlex.quote(value)}"
        for name, value in step.env.items()
        if not name.startswith("NANOCHAT_CLI_")
    ]
    if not step.module:
        return " ".join([*env, shlex.join(step.command)])
    python = shlex.quote(record.python)
    if step.nproc > 1:
        start = [python, "-m torch.distributed.run --standalone", f"--nproc_per_node={step.nproc}"]
        start += ["-m", step.module, "--"]
    else:
        start = [python, "-m", step.module]
    return " ".join([*env, *start, *map(shlex.quote, step.argv)])
