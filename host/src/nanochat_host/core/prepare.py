"""From a wish to a run: which commands, with which options, in which environment."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import nanochat_host
from nanochat_host.checkout.model import Checkout
from nanochat_host.core import snapshot
from nanochat_host.core.command_steps import command_steps
from nanochat_host.core.config.preset import NO_PRESET, Preset
from nanochat_host.core.naming import trainer_env, wandb_listens
from nanochat_host.core.requirements import require_base, require_port, require_python
from nanochat_host.core.run_folder import new_run_id
from nanochat_host.core.secrets import handover
from nanochat_host.core.targets import steps_of
from nanochat_host.core.wire import CheckoutRef, RunRecord, StartRun
from nanochat_host.errors import UsageError
from nanochat_host.paths import Paths, RunPaths
from nanochat_host.scrub import is_secret_name

MAX_NPROC = 1024
_GPUS = re.compile(r"\d+(,\d+)*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TELLING = re.compile(
    r"TORCH|PYTORCH_|CUDA_(?!HOME|PATH|VISIBLE)|CUBLAS_|NCCL_|GLOO_|NANOCHAT_(?!CLI_)|OMP_NUM_THREADS$"
    r"|WANDB_MODE$"
)


class Prepared(NamedTuple):
    """record: becomes run.json. extra_env: variables of the request, which may be secret. notes:
    for the run's events."""

    record: RunRecord
    extra_env: dict[str, str]
    notes: tuple[str, ...] = ()


def prepare(
    paths: Paths,
    wish: StartRun,
    ref: CheckoutRef,
    found: Checkout,
    *,
    gpus: int = 0,
    preset: Preset = NO_PRESET,
    wandb_token: bool = False,
) -> Prepared:
    """Everything a run needs before its folder is made. Blocks (git, hashing, a look whether torch
    is there). gpus: of this machine. preset: what the wish's prefab sets. wandb_token: we hold
    one. Raises UsageError, NotFoundError or RefusedError; nothing was started then."""
    if wish.nproc is not None and not 1 <= wish.nproc <= MAX_NPROC:
        raise UsageError(f"nproc is 1 to {MAX_NPROC}, not {wish.nproc}")
    for name, value in wish.env.items():
        if not _ENV_NAME.fullmatch(name) or "\0" in value:
            raise UsageError(f"`{name}` cannot be set in the environment")
    seen = len(wish.gpus.split(",")) if wish.gpus else gpus
    planned = steps_of(wish.checkout, wish.target, wish.nproc, found, preset, gpus=seen)
    preset.refuse_unless_used([stage.name for _, stage in planned if stage])
    require_python(ref, [stage for _, stage in planned if stage])
    require_base(ref)
    now = time.time()
    run = paths.run(new_run_id(wish.target, now))
    while run.root.exists():
        run = paths.run(new_run_id(wish.target, now))
    wandb = wandb_listens(trainer_env(wish.env), stored=wandb_token)
    steps, configs = command_steps(wish, planned, ref, run, preset, gpus=gpus, wandb=wandb)
    for config in configs:
        require_port(config)
    main = next((i for i, step in enumerate(steps) if step.hook), 0)
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
        env={
            **_telling(trainer_env(wish.env)),
            "NANOCHAT_BASE_DIR": ref.base_dir,
            **_devices(wish),
        },
        env_names=sorted({*handover.environment(), *wish.env}),
        world_size=max(step.nproc for step in steps),
        tokenizer_sha256=snapshot.tokenizer_sha256(ref.base_dir),
        cost_per_hour=wish.cost_per_hour,
        host_version=nanochat_host.__version__,
        prefab=preset.name,
    )
    return Prepared(record, dict(wish.env), _left_out(wish, found))


def _left_out(wish: StartRun, found: Checkout) -> tuple[str, ...]:
    """A note on a recipe of which not all could be taken over."""
    if any(wish.target in (stage.name, stage.module) for stage in found.stages):
        return ()
    recipe = next((p for p in found.pipelines if p.name == wish.target and p.unread), None)
    if recipe is None:
        return ()
    see = f"`nanochat-cli checkout info {wish.checkout} --stage {wish.target}` lists them"
    return (f"{recipe.path}: {len(recipe.unread)} of its commands are left out; {see}",)


def _devices(wish: StartRun) -> dict[str, str]:
    """Raises UsageError for what names no GPUs."""
    if wish.gpus and not _GPUS.fullmatch(wish.gpus):
        raise UsageError(f"`{wish.gpus}` names no GPUs", "for example `0` or `0,1`")
    return {"CUDA_VISIBLE_DEVICES": wish.gpus} if wish.gpus else {}


def _telling(env: Mapping[str, str]) -> dict[str, str]:
    """What it inherits and another shell may lack, of which the numbers or the ranks depend."""
    return {
        name: value
        for name, value in sorted(env.items())
        if _TELLING.match(name) and not is_secret_name(name)
    }


def launch_env(record: RunRecord, run: RunPaths, extra: Mapping[str, str]) -> dict[str, str]:
    """The trainer's environment: the core's own, the request's, and what makes its output timely
    and keeps its checkout clean."""
    env = {"WANDB_DIR": str(run.root), **handover.environment(), **extra}
    env |= record.env
    env |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    named = (env.get("OTEL_RESOURCE_ATTRIBUTES"), f"nanochat_cli.run={run.run_id}")
    env["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(filter(None, named))
    return env
