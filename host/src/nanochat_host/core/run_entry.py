"""A run as the core holds it in memory, and the facts others are told about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from nanochat_sdk.data import RunFacts, RunState

from nanochat_host.core.control import ControlLog
from nanochat_host.core.run_folder import ENDED
from nanochat_host.core.wire import RunRecord, RunStatus, RunStep, RunSummary
from nanochat_host.paths import RunPaths

if TYPE_CHECKING:
    from nanochat_host.core.telemetry.facts import TelemetryFacts


def _nothing() -> None:
    """Stands for `stop watching` while nothing is watched."""


class Run:
    """status: the newest state.json. stopping: the person asked it to end. unwatch: stops watching
    the shim. replaced: shims that had to be replaced since this core took the run up."""

    def __init__(self, paths: RunPaths, record: RunRecord, status: RunStatus) -> None:
        self.paths = paths
        self.record = record
        self.status = status
        self.control = ControlLog(paths)
        self.extra_env: dict[str, str] = {}
        self.stopping = False
        self.followed = False
        self.replaced = 0
        self.over = asyncio.Event()
        self.unwatch: Callable[[], None] = _nothing
        if self.ended:
            self.over.set()

    @property
    def id(self) -> str:
        return self.paths.run_id

    @property
    def ended(self) -> bool:
        return self.status.state in ENDED

    @property
    def state(self) -> RunState:
        """What state.json says, or that the person asked it to end."""
        return "stopping" if self.stopping and not self.ended else self.status.state

    @property
    def step(self) -> RunStep | None:
        """The command it is at."""
        steps, index = self.record.steps, self.status.step_index
        return steps[index] if 0 <= index < len(steps) else None

    def facts(self, seen: TelemetryFacts) -> RunFacts:
        """Facts for screens and panels. seen: what the telemetry knows."""
        record, status = self.record, self.status
        return RunFacts(
            id=self.id,
            name=record.name,
            state="paused" if seen.paused and self.state == "running" else self.state,
            stage=self.step.title if self.step else "",
            checkout=record.checkout,
            commit=record.commit,
            dirty=record.dirty,
            device=seen.device,
            world_size=record.world_size,
            created_at=record.created_at,
            started_at=status.started_at,
            ended_at=status.ended_at,
            exit_code=status.exit_code,
            reason=status.reason,
            step=seen.step,
            num_steps=seen.num_steps,
            tokens_per_step=seen.tokens_per_step,
            cost_per_hour=record.cost_per_hour,
            hooked=seen.hooked,
            pipeline=[step.title for step in record.steps],
            stage_index=status.step_index,
            stage_started_at=status.stage_started_at,
            sources=seen.sources,
            facts=seen.facts,
        )

    def summary(self, seen: TelemetryFacts) -> RunSummary:
        """One row of the run list."""
        return RunSummary(
            facts=self.facts(seen),
            target=self.record.target,
            loss=seen.loss,
            val_bpb=seen.val_bpb,
            updated_at=seen.updated_at or self.status.ended_at or self.record.created_at,
        )
