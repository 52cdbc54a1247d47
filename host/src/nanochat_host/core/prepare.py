"""From a wish to a run: which commands, with which options, in which environment."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nanochat_host
from nanochat_host.checkout.dialects import command_line
from nanochat_host.checkout.launch import hook_env, step_command
from nanochat_host.checkout.model import Checkout, Stage, Step
from nanochat_host.core import options as opts
from nanochat_host.core import snapshot
from nanochat_host.core.config.preset import NO_PRESET, Preset
from nanochat_host.core.run_folder import new_run_id
from nanochat_host.core.secrets import handover
from nanochat_host.core.targets import steps_of
from nanochat_host.core.wire import CheckoutRef, RunRecord, RunStep, StartRun
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.paths import Paths, RunPaths

MAX_NPROC = 1024
IMPORT_CHECK_S = 20.0
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Prepared(NamedTuple):
    """record: becomes run.json. extra_env: variables of the request, which may be secret."""

    record: RunRecord
    extra_env: dict[str, str]


def prepare(
    paths: Paths,
    wish: StartRun,
    ref: CheckoutRef,
    found: Checkout,
    *,
    gpus: int = 0,
    preset: Preset = NO_PRESET,
) -> Prepared:
    """Everything a run needs before its folder is made. Blocks (git, hashing, a look whether torch
    is there). gpus: of this machine. preset: what the wish's prefab sets. Raises UsageError,
    NotFoundError or RefusedError; nothing was started then."""
    if wish.nproc is not None and not 1 <= wish.nproc <= MAX_NPROC:
        raise UsageError(f"nproc is 1 to {MAX_NPROC}, not {wish.nproc}")
    for name, value in wish.env.items():
        if not _ENV_NAME.fullmatch(name) or "\0" in value:
            raise UsageError(f"`{name}` cannot be set in the environment")
    planned = steps_of(wish.checkout, wish.target, wish.nproc, found, preset)
    preset.refuse_unless_used([stage.name for _, stage in planned if stage])
    if ref.builtin:
        _require_torch(ref.python)
    now = time.time()
    run = paths.run(new_run_id(wish.target, now))
    while run.root.exists():
        run = paths.run(new_run_id(wish.target, now))
    steps, configs = _plan(wish, planned, ref.python, run, gpus, preset)
    main = next((i for i, (_, stage) in enumerate(planned) if stage and stage.trains), 0)
    record = RunRecord(
        id=run.run_id,
        name=wish.name or wish.target,
        checkout=ref.name,
        checkout_path=ref.path,
        python=ref.python,
        base_dir=ref.base_dir,
        steps=steps,
        created_at=now,
        target=wish.target,
        commit=found.commit,
        dirty=found.dirty,
        diff=snapshot.dirty_diff(Path(ref.path)) if found.dirty else "",
        config=configs[main],
        env={"NANOCHAT_BASE_DIR": ref.base_dir},
        env_names=sorted({*handover.environment(), *wish.env}),
        world_size=max(step.nproc for step in steps),
        tokenizer_sha256=snapshot.tokenizer_sha256(ref.base_dir),
        cost_per_hour=wish.cost_per_hour,
        host_version=nanochat_host.__version__,
        prefab=preset.name,
    )
    return Prepared(record, dict(wish.env))


def launch_env(record: RunRecord, run: RunPaths, extra: Mapping[str, str]) -> dict[str, str]:
    """The trainer's environment: the core's own, the request's, and what makes its output timely
    and keeps its checkout clean."""
    env = {"WANDB_DIR": str(run.root), **handover.environment(), **extra}
    env |= record.env
    env |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    named = (env.get("OTEL_RESOURCE_ATTRIBUTES"), f"nanochat_cli.run={run.run_id}")
    env["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(filter(None, named))
    return env


def _plan(
    wish: StartRun,
    planned: list[tuple[Step, Stage | None]],
    python: str,
    run: RunPaths,
    gpus: int,
    preset: Preset,
) -> tuple[list[RunStep], list[dict[str, Any]]]:
    """Commands, and each one's effective options."""
    wanted = opts.normalise(wish.options)
    used: set[str] = set()
    steps: list[RunStep] = []
    configs: list[dict[str, Any]] = []
    for step, stage in planned:
        argv = list(step.argv)
        config: dict[str, Any] = {}
        if stage is not None:
            by_name = {option.name: option for option in stage.options}
            given, meant = opts.of_stage(wanted, stage.name, by_name)
            used |= meant
            mine = {name: opts.fit(by_name[name], value) for name, value in given.items()}
            mine = preset.options_of(stage, wanted) | mine
            typed = opts.read_argv(stage.options, argv)
            kept = [piece for piece in typed if not (piece.option and piece.option.name in mine)]
            argv = [word for piece in kept for word in piece.words]
            argv += command_line(stage.options, mine, stage.dialect)
            config = {option.name: option.default for option in stage.options}
            config |= {piece.option.name: piece.value for piece in kept if piece.option} | mine
        gloo = step.nproc > 1 and not gpus
        steps.append(_step(dataclasses.replace(step, argv=argv), stage, python, run, gloo=gloo))
        configs.append(config)
    for name in wanted:
        if name not in used:
            known = {o.name for _, stage in planned if stage for o in stage.options}
            raise UsageError(
                f"`{wish.target}` has no option `{name}`",
                opts.nearest(name, known) or f"see `nanochat-cli checkout info {wish.checkout}`",
            )
    return steps, configs


def _step(step: Step, stage: Stage | None, python: str, run: RunPaths, *, gloo: bool) -> RunStep:
    hook = stage is not None and stage.trains
    env = dict(step.env)
    if hook:
        env |= hook_env(str(run.events_jsonl), str(run.control_jsonl), gloo=gloo)
    return RunStep(
        title=stage.name if stage else step.module.rpartition(".")[2],
        module=step.module,
        argv=step.argv,
        nproc=step.nproc,
        hook=hook,
        env=env,
        command=step_command(python, step, hook),
    )


def _require_torch(python: str) -> None:
    check = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"
    try:
        found = subprocess.run(
            [python, "-c", check],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=IMPORT_CHECK_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RefusedError(f"{python} does not run: {error}", "repair the environment") from None
    if found.returncode != 0:
        raise RefusedError(
            f"torch is not installed in {python}",
            f"install it with: {python} -m pip install 'nanochat-cli[train]'",
        )
