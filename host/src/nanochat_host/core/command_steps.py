"""The commands of a run, each with its effective options."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nanochat_host.checkout.dataset import dataset_place
from nanochat_host.checkout.dialects import command_line
from nanochat_host.checkout.launch import hook_env, step_command
from nanochat_host.checkout.model import Stage, Step
from nanochat_host.core import options as opts
from nanochat_host.core.config.preset import Preset
from nanochat_host.core.naming import Naming
from nanochat_host.core.setup import verify
from nanochat_host.core.wire import CheckoutRef, RunStep, StartRun
from nanochat_host.errors import UsageError
from nanochat_host.paths import RunPaths

Planned = Sequence[tuple[Step, Stage | None]]


def command_steps(
    wish: StartRun,
    planned: Planned,
    ref: CheckoutRef,
    run: RunPaths,
    preset: Preset,
    *,
    gpus: int,
    wandb: bool,
) -> tuple[list[RunStep], list[dict[str, Any]]]:
    """Commands, and each one's effective options. Raises UsageError for an option no stage has, or
    a value that does not fit."""
    wanted = opts.normalise(wish.options)
    naming = Naming(wish.name, wandb=wandb)
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
            mine = naming.options(stage, _values(typed) | mine) | mine
            kept = [piece for piece in typed if not (piece.option and piece.option.name in mine)]
            argv = [word for piece in kept for word in piece.words]
            argv += command_line(stage.options, mine, stage.dialect)
            config = {option.name: option.default for option in stage.options}
            config |= _values(kept) | mine
        gloo = step.nproc > 1 and not gpus
        steps.append(_step(dataclasses.replace(step, argv=argv), stage, ref, run, gloo=gloo))
        configs.append(config)
        if stage is not None and stage.name == "dataset":
            check = _check_of_data(ref, config, whole=len(planned) == 1)
            steps += check
            configs += [{} for _ in check]
    _refuse_unknown(wish, planned, set(wanted) - used)
    return steps, configs


def _values(pieces: Sequence[opts.Typed]) -> dict[str, Any]:
    return {piece.option.name: piece.value for piece in pieces if piece.option}


def _refuse_unknown(wish: StartRun, planned: Planned, unknown: set[str]) -> None:
    for name in sorted(unknown):
        known = {o.name for _, stage in planned if stage for o in stage.options}
        raise UsageError(
            f"`{wish.target}` has no option `{name}`",
            opts.nearest(name, known) or f"see `nanochat-cli checkout info {wish.checkout}`",
        )


def _step(
    step: Step, stage: Stage | None, ref: CheckoutRef, run: RunPaths, *, gloo: bool
) -> RunStep:
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
        command=step_command(ref.python, step, hook),
    )


def _check_of_data(ref: CheckoutRef, config: dict[str, Any], *, whole: bool) -> list[RunStep]:
    """A command of ours after a download, which itself ends well whatever it brought. whole: all
    files asked for must be there; a recipe goes on with fewer."""
    place = dataset_place(Path(ref.path))
    if place is None or place.suffix != ".parquet":
        return []
    number = config.get("num_files")
    wanted = place.wanted(number) if whole and isinstance(number, int) else 0
    command = verify.command(sys.executable, ref.base_dir, place, wanted)
    return [RunStep("check the data", "", [], command=command)]
