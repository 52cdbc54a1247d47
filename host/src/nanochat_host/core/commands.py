"""Steering a run: what is refused, and what is written for the hook."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nanochat_host.checkout.hook.steering import ON_REQUEST
from nanochat_host.core import options, stop
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.steering import Steering
from nanochat_host.core.stop import RUNGS, Rung
from nanochat_host.core.wire import Control, ControlAck, StopRun
from nanochat_host.errors import RefusedError, UsageError

MAX_GRACE_S = 24 * 3600.0
GRACE_S, GRACE_STEPS = 30.0, 3
"""A rung waits that long, or that many steps: a run must be able to finish its step and save."""
NO_LOOP = "its script has no training loop the hook could drive"


class Commands:
    """Commands to runs of one manager; one ladder a run."""

    def __init__(self, runs: RunManager) -> None:
        self._runs = runs
        self._ladders: dict[str, tuple[Rung, asyncio.Task[None]]] = {}

    def control(self, run_id: str, wanted: Control) -> ControlAck:
        """Hand a command to the hook; an event with the ack's id tells what became of it.
        Raises NotFoundError, UsageError or RefusedError."""
        run = self._live(run_id)
        if wanted.at_step is not None and wanted.at_step < 0:
            raise UsageError(f"at_step is 0 or more, not {wanted.at_step}")
        if wanted.cmd == "stop" and wanted.at_step is None:
            return self.stop(run_id, StopRun())
        known = self._runs.steering(run)
        if why_not := _why_not_steered(run, known):
            raise RefusedError(f"{run.id} cannot be told to {wanted.cmd}: {why_not}", _INSTEAD)
        _check_value(wanted, known.live, run.record.config)
        note = _WHEN_RESUMED if known.paused and wanted.cmd in ON_REQUEST else ""
        ack = ControlAck(run.control.append(wanted), note=note)
        if wanted.cmd == "stop":
            stop.tell(run, "save")  # no stage is to follow the one that stops
        return ack

    def stop(self, run_id: str, wanted: StopRun) -> ControlAck:
        """Take a run down, see `stop.climb_down`. A second, harder request cuts the first short.
        Raises NotFoundError, UsageError or RefusedError."""
        run = self._live(run_id)
        if run.record.adopted_log and not run.status.pid:
            raise RefusedError(f"the process of {run.id} is not known", "end it where it runs")
        grace_s = wanted.grace_s
        if grace_s is None:
            grace_s = min(max(GRACE_S, GRACE_STEPS * self._runs.step_s(run)), MAX_GRACE_S)
        if not 0 <= grace_s <= MAX_GRACE_S:
            raise UsageError(f"grace_s is 0 to {MAX_GRACE_S:g} seconds, not {grace_s:g}")
        first: Rung = wanted.mode
        note = ""
        if first == "save" and (why_not := _why_not_steered(run, self._runs.steering(run))):
            first, note = "term", f"{why_not}: SIGTERM instead"
        if run.id in self._ladders:
            rung, task = self._ladders[run.id]
            if RUNGS.index(first) <= RUNGS.index(rung):
                return ControlAck("", note="it is being stopped already")
            task.cancel()
        run.stopping = True
        if note:
            self._runs.note(run, f"stop: {note}", "warning")
        work = stop.climb_down(
            run, first, grace_s, lambda text, level: self._runs.note(run, text, level)
        )
        task = self._runs.spawn(work)
        self._ladders[run.id] = (first, task)
        task.add_done_callback(lambda done: self._forget(run, done))
        self._runs.changed(run)
        return ControlAck(f"stop-{first}", note=note)

    def _live(self, run_id: str) -> Run:
        run = self._runs.get(run_id)
        self._runs.refresh(run)
        if run.ended:
            raise RefusedError(
                f"{run.id} has ended ({run.state})",
                f"`nanochat-cli run start --continue {run.id}` goes on from its newest checkpoint",
            )
        return run

    def _forget(self, run: Run, task: asyncio.Task[None]) -> None:
        if self._ladders.get(run.id, (None, None))[1] is task:
            del self._ladders[run.id]
            run.stopping = False  # over, or nothing helped: then it may be tried again


_INSTEAD = "it can be stopped"
_WHEN_RESUMED = "the run is paused: it is done when that resumes"


def _why_not_steered(run: Run, known: Steering) -> str:
    step = run.step
    if run.record.adopted_log:
        return "it was started without nanochat-cli"
    if step is None or not step.hook:
        title = step.title if step else "the stage"
        return f"{title} runs without the hook, because {NO_LOOP}"
    return NO_LOOP if known.loop == "none" else ""


def _check_value(wanted: Control, live: list[str], config: Mapping[str, Any]) -> None:
    if wanted.cmd == "set":
        if not wanted.name or wanted.value is None:
            raise UsageError("`set` takes a name and a value")
        if live and wanted.name not in live:
            why = "is fixed when the run starts: its loop does not read it again"
            if wanted.name not in config:
                why = "is neither an option of this run nor a value of its loop"
            raise RefusedError(f"`{wanted.name}` {why}", options.nearest(wanted.name, live))
    elif wanted.cmd == "lr":
        value = wanted.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise UsageError("`lr` takes a multiplier of the learning rate, 0 or more")
