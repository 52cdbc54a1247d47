"""What a check may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nanochat_sdk.data import MachineFacts

from nanochat_host.checkout.model import Stage
from nanochat_host.core.config.effective import Effective
from nanochat_host.core.planner.inputs import Checkout
from nanochat_host.core.preflight.checkpoint import INHERITED, Begin, Checkpoint, find_checkpoint
from nanochat_host.core.preflight.promised import NONE_YET, Promised
from nanochat_host.core.wire_checkpoints import CheckpointFinding
from nanochat_host.core.wire_config import GpuKind, Plan

SOURCES = {
    "chat_sft": ("base", "mid"),
    "mid_train": ("base",),
    "chat_rl": ("chatsft", "sft"),
    "base_eval": ("base",),
    "base_loss": ("base",),
}
"""Stages that begin with a checkpoint, and from whose folder; the first that is there."""
SPOKEN = {"chat_eval", "chat_cli", "chat_web"}
"""Stages whose option `source` names the kind of checkpoint."""
KINDS = {"sft": ("chatsft", "sft"), "rl": ("chatrl", "rl"), "base": ("base",), "mid": ("mid",)}
MAX_SCRIPT_BYTES = 4 * 2**20

Fitting = Callable[[Begin], list[CheckpointFinding] | None]
"""What of a checkpoint does not fit the checkout's code; None while nobody has asked it."""


def _nothing_known(begin: Begin) -> None:
    return None


class Situation:
    """A stage with its effective options, on this machine. plan, plan_gpu: None for what cannot be
    planned. runs: our run folders, where earlier runs say which tokenizer they had. promised: what
    earlier steps of a pipeline will have made by then."""

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
        promised: Promised = NONE_YET,
        python: str = "",
        fitting: Fitting = _nothing_known,
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
        self.promised = promised
        self.python = python
        self._fitting = fitting

    @cached_property
    def options(self) -> dict[str, Any]:
        """Effective values; what the stage inherits from its checkpoint is filled in."""
        options = self.config.options()
        inherited: Mapping[str, Any] = {}
        if self.to_come is not None:
            inherited = {name: self.to_come.get(name) for name in INHERITED}
        elif self.source is not None:
            inherited = self.source.inherited()
        for name, value in inherited.items():
            if options.get(name, 0) is None:
                options[name] = value
        return options

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Folders this stage looks for its checkpoint in; none if it begins with none."""
        options = self.config.options()
        if self.resume_step is not None:
            return ("base",)
        if self.stage.name in SPOKEN:
            return KINDS.get(str(options.get("source") or "sft"), ())
        return () if options.get("hf_path") else SOURCES.get(self.stage.name, ())

    @cached_property
    def tag(self) -> str:
        """The tag it asks for, "" for whichever is there."""
        options = self.config.options()
        asked = str(options.get("model_tag") or "")
        return asked or (f"d{options.get('depth')}" if self.resume_step is not None else "")

    @cached_property
    def to_come(self) -> Mapping[str, Any] | None:
        """Options of the earlier step that will leave the checkpoint this one begins with."""
        return self.promised.checkpoint(self.kinds, self.tag) if self.resume_step is None else None

    @cached_property
    def source(self) -> Checkpoint | None:
        """The checkpoint this stage begins with, None if it begins with none or there is none."""
        if not self.kinds or self.to_come is not None:
            return None
        options = self.config.options()
        step = self.resume_step
        if step is None:
            step = options.get("model_step", options.get("step"))
        return find_checkpoint(
            self.base_dir, self.kinds, self.tag, step if isinstance(step, int) else None
        )

    @cached_property
    def misfits(self) -> list[CheckpointFinding] | None:
        """What of the source's weights the checkout's code has no place for; None while it has not
        been asked. Nothing if there is no whole source."""
        found, resumes = self.source, self.resume_step is not None
        if found is None or found.step not in found.steps or found.trouble(resumes):
            return []
        options = self.config.options()
        return self._fitting(
            Begin(found.folder, found.step, found.meta, self.stage.path, resumes, options)
        )

    @cached_property
    def script(self) -> str:
        """The stage's source, "" if it cannot be read now."""
        try:
            with (self.checkout_path / self.stage.path).open("rb") as file:
                return file.read(MAX_SCRIPT_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

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
