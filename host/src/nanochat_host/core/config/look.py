"""A stage's values with all that was read for them, and their plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from nanochat_host.checkout.model import Stage
from nanochat_host.core import wire_config as wire
from nanochat_host.core.config.effective import Effective, Setting
from nanochat_host.core.config.sources import Source
from nanochat_host.core.config.vocab import Vocabulary
from nanochat_host.core.planner.cpu import Processor
from nanochat_host.core.planner.gpus import CPU, choose_gpu, gpu_named, names
from nanochat_host.core.planner.plan import make_plan
from nanochat_host.errors import UsageError

NOT_PLANNED = "only base training can be planned from its options"


class Machine(Protocol):
    """What a wish says about the machine to plan for; see `wire_config.ConfigWish`."""

    gpu: str
    usd_per_gpu_hour: float


class Layers(NamedTuple):
    """What prefabs bring. chain: their names, the asked one first. stages: settings by stage. gpu,
    gpus: the machine they are meant for, "" and 0 where they do not say."""

    chain: list[str]
    stages: Mapping[str, Mapping[str, Setting]]
    gpu: str = ""
    gpus: int = 0


class Looked(NamedTuple):
    """A configuration with all that was read for it. nproc: processes. vocab: tokens to plan
    with."""

    source: Source
    stage: Stage
    config: Effective
    layers: Layers
    nproc: int
    vocab: Vocabulary


def planned(
    wish: Machine, looked: Looked, gpus_here: Sequence[str], processor: Processor
) -> tuple[wire.Plan | None, str]:
    """The plan, or None and why there is none. Raises UsageError for a GPU nobody knows."""
    options = looked.config.options()
    asked = wish.gpu or (CPU if options.get("device_type") == "cpu" else "")
    if wish.gpu and asked.upper() != CPU and gpu_named(asked) is None:
        known = ", ".join([*names(), CPU])
        raise UsageError(f"`{wish.gpu}` is no GPU to plan for", f"one of: {known}")
    if not {"depth", "device_batch_size", "max_seq_len"} <= options.keys():
        return None, NOT_PLANNED
    gpu, why = choose_gpu(asked, gpus_here, looked.layers.gpu)
    try:
        plan = make_plan(
            options,
            looked.source.planned,
            vocab=looked.vocab.size,
            vocab_known=looked.vocab.known,
            world=looked.nproc,
            gpu=gpu or processor.kind(),
            usd_per_gpu_hour=wish.usd_per_gpu_hour,
            said="" if gpu else processor.said(),
        )
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        return None, str(error)
    if gpu:
        plan.assumptions.insert(0, f"{looked.nproc} x {gpu.name}, {why}")
    return plan, ""


def shown(checkout: str, looked: Looked) -> wire.EffectiveConfig:
    """The values as they travel."""
    return wire.EffectiveConfig(
        checkout=checkout,
        stage=looked.stage.name,
        chain=looked.layers.chain,
        values=looked.config.values,
        problems=looked.config.problems,
        nproc=looked.nproc,
    )


def wanted_vocab(source: Source, stages: Mapping[str, Mapping[str, Setting]]) -> int:
    """The vocabulary tok_train would be asked for, 0 if that cannot be told."""
    given = stages.get("tok_train", {}).get("vocab_size")
    if given is not None and isinstance(given.value, int):
        return given.value
    for stage in source.found.stages:
        if stage.name == "tok_train":
            return next((int(o.default) for o in stage.options if _is_vocab(o)), 0)
    return 0


def _is_vocab(option: Any) -> bool:
    return option.name == "vocab_size" and isinstance(option.default, int)
