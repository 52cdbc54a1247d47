"""`nanochat-cli checkout env`: the Python a checkout runs with."""

from __future__ import annotations

import argparse
import shlex

from nanochat_host.core import calls_setup as calls
from nanochat_host.core.wire import RunStep
from nanochat_host.core.wire_setup import EnvInfo, MakeEnv
from nanochat_host.errors import NanochatCliError, RefusedError, UsageError
from nanochat_host.paths import Paths, expand
from nanochat_host.verbs import follow
from nanochat_host.verbs.common import Verbs, add_verb, connect
from nanochat_host.verbs.output import emit


def register(subs: Verbs) -> None:
    """Add `checkout env` to the parser."""
    env = add_verb(
        subs,
        "env",
        "print the Python a checkout runs with and what that can do; make or choose another",
        "nanochat-cli checkout env nanochat --make\n"
        "nanochat-cli checkout env nanochat --use ~/envs/torch",
        environment,
    )
    env.add_argument("name")
    what = env.add_mutually_exclusive_group()
    what.add_argument(
        "--make", action="store_true", help="make it (uv, else venv and pip), or add what it lacks"
    )
    what.add_argument(
        "--use",
        default="",
        metavar="PYTHON",
        help="run with this interpreter or environment; `ours` is nanochat-cli's, `auto` finds one",
    )
    env.add_argument("--torch", default="", metavar="VERSION", help="with --make: not its own pin")
    env.add_argument("--pip", action="store_true", help="with --make: leave uv and its lock aside")
    env.add_argument("--plan", action="store_true", help="with --make: print the commands only")
    env.add_argument("--follow", action="store_true", help="with --make: print progress to the end")


def environment(args: argparse.Namespace, paths: Paths) -> int:
    client = connect(paths)
    if (args.plan or args.torch or args.pip or args.follow) and not args.make:
        raise UsageError("--torch, --pip, --plan and --follow go with --make", "add `--make`")
    if not args.make:
        known = {"ours", "auto"}
        if args.use:
            word = args.use if args.use in known else str(expand(args.use).absolute())
            info = client.ask(calls.use_env(args.name, word))
        else:
            info = client.ask(calls.env(args.name, anew=True))
        emit(args, info, _lines(info))
        return 0 if not info.trouble else 1
    wish = MakeEnv(torch=args.torch, pip=args.pip)
    steps = client.ask(calls.plan_env(args.name, wish))
    if args.plan:
        emit(args, steps, [_command(step) for step in steps] or ["nothing is missing"])
        return 0
    if not steps:
        raise RefusedError(
            f"the environment of `{args.name}` lacks nothing", "`--use` chooses another Python"
        )
    run = client.ask(calls.make_env(args.name, wish))
    what = ", then ".join(step.title for step in steps)
    how = f"started {run.facts.id}: {what}; `nanochat-cli run logs last --follow` shows it"
    emit(args, run, how)
    if not args.follow or follow.until_end(args, client, run.facts.id) == 0:
        return 0
    raise NanochatCliError(
        f"the environment of `{args.name}` was not made",
        "`--make --pip` takes pip and its index, `--torch VERSION` another torch, "
        "`--use PYTHON` one that is there",
    )


def _command(step: RunStep) -> str:
    env = [f"{name}={shlex.quote(value)}" for name, value in step.env.items() if name != "PATH"]
    return " ".join([*env, shlex.join(step.command)])


def _lines(info: EnvInfo) -> list[str]:
    lines = [
        f"{info.checkout}  {info.interpreter}",
        f"  python  {info.python or '-'}",
        f"  torch   {info.torch or '-'}",
        f"  devices {', '.join(info.devices) or '-'}",
    ]
    if info.trouble:
        lines += [f"  ! {info.trouble}", f"    {info.way_out}"]
    if info.run:
        lines.append(f"  being made by {info.run}")
    others = [choice for choice in info.choices if not choice.used]
    if others:
        names = {"own": "its .venv", "made": "made by us", "ours": "nanochat-cli's", "chosen": ""}
        lines.append("  others at hand (--use):")
        lines += [f"    {choice.path}  {names[choice.kind]}".rstrip() for choice in others]
    return lines
