"""What a check may look at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from nanochat_sdk.data import MachineFacts

from nanochat_host.checkout.model import Stage
from nanochat_host.core.config.effective import Effective
from nanochat_host.core.planner.inputs import Checkout
from nanochat_host.core.preflight.checkpoint import Checkpoint, find_checkpoint
from nanochat_host.core.wire_config import GpuKind, Plan

SOURCES = {"chat_sft": ("base", "mid"), "mid_train": ("base",), "chat_rl": ("chatsft", "sft")}
"""Stages that begin with a checkpoint, and from whose folder; the first that is there."""


class Situation:
    """A stage with its effective options, on this machine. plan, plan_gpu: None for what cannot be
    planned. runs: our run folders, where earlier runs say which tokenizer they had."""

    def __init__(
        self,
        *,
        stage: Stage,
        config: Effective,
        checkout: Checkout,
        checkout_path: Path,
        base_dir: Path,
        runs: Path,
        nproc: int,
        machine: MachineFacts,
        plan: Plan | None = None,
        plan_gpu: GpuKind | None = None,
        gpu_asked: bool = False,
    ) -> None:
        self.stage = stage
        self.config = config
        self.checkout = checkout
        self.checkout_path = checkout_path
        self.base_dir = base_dir
        self.runs = runs
        self.nproc = nproc
        self.machine = machine
        self.plan = plan
        self.plan_gpu = plan_gpu
        self.gpu_asked = gpu_asked

    @cached_property
    def options(self) -> dict[str, Any]:
        """Effective values; what the stage inherits from its checkpoint is filled in."""
        options = self.config.options()
        if self.source is not None:
            for name, value in self.source.inherited().items():
                if options.get(name, 0) is None:
                    options[name] = value
        return options

    @cached_property
    def source(self) -> Checkpoint | None:
        """The checkpoint this stage begins with, None if it begins with none or there is none."""
        options = self.config.options()
        if self.resume_step is not None:
            tag = str(options.get("model_tag") or f"d{options.get('depth')}")
            return find_checkpoint(self.base_dir, ("base",), tag, self.resume_step)
        kinds = SOURCES.get(self.stage.name)
        if kinds is None:
            return None
        step = options.get("model_step")
        tag = str(options.get("model_tag") or "")
        return find_checkpoint(self.base_dir, kinds, tag, step if isinstance(step, int) else None)

    @property
    def resume_step(self) -> int | None:
        """The step to resume from, None when it begins anew."""
        step = self.config.options().get("resume_from_step")
        return step if isinstance(step, int) and step >= 0 else None

    @property
    def on_gpu(self) -> bool:
        """Whether it is to train on a GPU: one is here, or was asked about."""
        device = self.config.options().get("device_type")
        return device != "cpu" and (bool(self.machine.gpus) or self.gpu_asked)

    def number(self, name: str) -> int:
        """An option as a whole number, 0 where it has none."""
        value = self.options.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0
