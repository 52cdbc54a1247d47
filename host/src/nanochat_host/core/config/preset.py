"""What a prefab brings to a run that is started with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nanochat_host.checkout.model import Stage
from nanochat_host.core.config.check import say
from nanochat_host.core.config.effective import NOTHING, Setting, effective
from nanochat_host.core.options import left_out
from nanochat_host.errors import UsageError

PARALLEL = {"base_eval", "base_loss", "chat_eval"}
"""Stages without a training loop that run on several GPUs too."""


@dataclass(frozen=True)
class Preset:
    """stages: settings by stage. nproc: processes of the stages that can have several, 0 where the
    prefab does not say. Empty when a run has no prefab."""

    name: str = ""
    stages: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    nproc: int = 0

    def options_of(self, stage: Stage, given: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
        """The stage's options, typed. given: what a person set or took out, for which the prefab's
        own value need not fit. Raises UsageError that names file, line, key and what is near, when
        the prefab does not fit the checkout."""
        config = effective(
            stage, self.stages.get(stage.name, {}), dict.fromkeys(left_out(given, stage.name))
        )
        if config.problems:
            more = len(config.problems) - 1
            also = f" (and {more} more)" if more else ""
            raise UsageError(
                f"prefab `{self.name}` does not fit {stage.path}: {say(config.problems[0])}{also}",
                f"`nanochat-cli prefab show '{self.name}' --checkout NAME` shows what does not",
            )
        return config.changed()

    def nproc_of(self, stage: Stage) -> int:
        """Processes the stage is to have, 0 where the prefab does not say."""
        return self.nproc if stage.trains or stage.name in PARALLEL else 0

    def refuse_unless_used(self, stages: Sequence[str]) -> None:
        """Raises UsageError when the prefab says nothing about any of these stages."""
        if self.name and not set(stages) & set(self.stages):
            raise UsageError(
                f"prefab `{self.name}` sets nothing of {', '.join(stages) or 'what is to run'}",
                f"it sets: {', '.join(self.stages)}",
            )


NO_PRESET = Preset()
