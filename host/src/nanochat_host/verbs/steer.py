"""Steering a run that is under way: save, evaluate, sample, pause, resume, patch, stop."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nanochat_host.core.wire import Control, ControlAck, StopRun
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.paths import Paths
from nanochat_host.verbs.common import Verbs, add_verb, connect, find_run, parse_value
from nanochat_host.verbs.output import confirm, emit, is_tty

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient

WAIT_S = 60.0
SIMPLE = {
    "save": ("save a checkpoint at the end of this step", "save"),
    "eval": ("evaluate now", "eval"),
    "sample": ("generate samples now", "sample"),
    "pause": ("pause after this step; memory stays in use", "pause"),
    "resume": ("go on after a pause", "resume"),
}


def register(subs: Verbs) -> None:
    """Add the steering actions to `run`."""
    for name, (summary, _) in SIMPLE.items():
        parser = add_verb(subs, name, summary, f"nanochat-cli run {name} last", command)
        parser.set_defaults(cmd=name)
        _common(parser)
    patch = add_verb(
        subs,
        "patch",
        "change a live value, or the learning-rate multiplier",
        "nanochat-cli run patch last eval_every=50\nnanochat-cli run patch last lr=0.5",
        patch_value,
    )
    patch.add_argument("pair", metavar="KEY=VALUE", help="`lr` multiplies the learning rate")
    _common(patch)
    stop = add_verb(
        subs,
        "stop",
        "finish the step, save and stop",
        "nanochat-cli run stop last\nnanochat-cli run stop last --mode kill --yes",
        stop_run,
    )
    stop.add_argument("run")
    stop.add_argument(
        "--mode",
        choices=["save", "term", "kill"],
        default="save",
        help="save: finish the step and save; term, kill: send the signal",
    )
    stop.add_argument(
        "--grace-s", type=float, help="before the next, harder rung (default: 30, or three steps)"
    )
    stop.add_argument("--yes", action="store_true", help="do not ask")


def _common(parser: argparse.ArgumentParser) -> None:
    # The run comes first also where a KEY=VALUE follows, so it is moved to the front.
    run = parser.add_argument("run")
    parser._actions.insert(1, parser._actions.pop(parser._actions.index(run)))
    parser.add_argument("--at-step", type=int, default=None, help="at the first step not before it")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is applied")


def command(args: argparse.Namespace, paths: Paths) -> int:
    return _send(args, paths, Control(cmd=args.cmd, at_step=args.at_step))


def patch_value(args: argparse.Namespace, paths: Paths) -> int:
    name, equals, text = args.pair.partition("=")
    if not equals:
        raise UsageError(f"`{args.pair}` is not KEY=VALUE", "for example eval_every=50")
    value = parse_value(text)
    if name == "lr":
        return _send(args, paths, Control(cmd="lr", value=value, at_step=args.at_step))
    name = name.replace("-", "_")
    return _send(args, paths, Control(cmd="set", name=name, value=value, at_step=args.at_step))


def _send(args: argparse.Namespace, paths: Paths, control: Control) -> int:
    client = connect(paths)
    run_id = find_run(client, args.run).facts.id
    ack = client.control(run_id, control)
    if not ack.accepted:
        raise RefusedError(f"{control.cmd}: {ack.note}")
    if args.no_wait or control.at_step is not None or ack.note:
        why = f"; {ack.note}" if ack.note else ""
        emit(args, ack, f"{control.cmd} is on its way (command {ack.id}){why}")
        return 0
    return _await(args, client, run_id, control, ack)


def _await(
    args: argparse.Namespace, client: CoreClient, run_id: str, control: Control, ack: ControlAck
) -> int:
    event = client.wait_for_ack(run_id, ack.id, WAIT_S)
    if event is None and (facts := client.run(run_id).summary.facts).ended_at:
        raise RefusedError(
            f"{control.cmd}: {run_id} ended before it: {facts.reason or facts.state}"
        )
    if event is None:
        emit(
            args,
            ack,
            f"{control.cmd} is sent but not applied after {WAIT_S:.0f} s; a step may be long",
        )
        return 1
    what = event.fields.get("what")
    if what == "refused":
        raise RefusedError(f"{control.cmd}: {event.fields.get('error', 'refused by the trainer')}")
    emit(args, event, f"{control.cmd} {what} at step {event.step}")
    return 0


def stop_run(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    run = find_run(client, args.run)
    if args.mode == "kill" and not args.yes:
        if not is_tty():
            raise RefusedError("`--mode kill` loses what is not saved", "add `--yes` to do it")
        if not confirm(f"Kill {run.facts.id}? What is not saved is lost."):
            return 2
    ack = client.stop_run(run.facts.id, StopRun(mode=args.mode, grace_s=args.grace_s))
    how = {"save": "saves and stops", "term": "is asked to stop", "kill": "is killed"}[args.mode]
    if ack.note:
        how = f"is asked to stop; {ack.note}" if ack.id else f"goes on stopping: {ack.note}"
    emit(args, {"run": run.facts.id, "mode": args.mode}, f"{run.facts.id} {how}")
    return 0
