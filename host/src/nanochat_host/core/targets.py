"""What a person names to start: a stage, a module or a pipeline, and the commands it stands for."""

from __future__ import annotations

from dataclasses import replace

from nanochat_host.checkout.model import Checkout, Stage, Step
from nanochat_host.core import options as opts
from nanochat_host.core.config.preset import PARALLEL, Preset
from nanochat_host.errors import NotFoundError, UsageError


def steps_of(
    checkout: str,
    target: str,
    nproc: int | None,
    found: Checkout,
    preset: Preset,
    *,
    gpus: int = 0,
) -> list[tuple[Step, Stage | None]]:
    """The commands, each with the stage it runs, if it is one we could read, and the processes it
    is to have. nproc: as asked, None for the prefab's, else a recipe's own, else 1. gpus: of the
    machine, for a recipe that has a process for each. Raises NotFoundError or UsageError."""
    stages = {stage.module: stage for stage in found.stages}
    for stage in found.stages:
        if target in (stage.name, stage.module):
            processes = nproc or preset.nproc_of(stage) or 1
            return [(Step(stage.module, [], processes, dict(stage.env)), readable(stage))]
    for pipeline in found.pipelines:
        if pipeline.name == target:
            if not pipeline.steps:
                raise UsageError(f"{pipeline.path} holds no command that could be read")
            return [
                _shared(step, stages.get(step.module), nproc, preset, gpus)
                for step in pipeline.steps
            ]
    names = [stage.name for stage in found.stages] + [p.name for p in found.pipelines]
    raise NotFoundError(
        f"checkout `{checkout}` has no stage or pipeline `{target}`",
        opts.nearest(target, names) or f"see `nanochat-cli checkout info {checkout}`",
    )


def readable(stage: Stage) -> Stage:
    """The stage itself. Raises UsageError for one whose script could not be read."""
    if stage.error:
        way = "repair the script, or install nanochat-cli for the Python it is written for"
        raise UsageError(f"{stage.path}: {stage.error}", way)
    return stage


def _shared(
    step: Step, stage: Stage | None, nproc: int | None, preset: Preset, gpus: int
) -> tuple[Step, Stage | None]:
    """A recipe's command with the processes asked for, if it is one that can have several."""
    step = replace(step, nproc=step.nproc or max(1, gpus))
    if stage is None:
        return step, None
    readable(stage)
    several = stage.trains or stage.name in PARALLEL
    processes = (nproc or preset.nproc_of(stage)) if several else 0
    env = stage.env | step.env
    return replace(step, nproc=processes or step.nproc, env=env), stage
