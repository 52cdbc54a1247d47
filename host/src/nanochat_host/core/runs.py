"""All runs of this home: started, taken up again, steered, ended, forgotten.

Truth lies in the folders. What is in memory is read from there and refreshed when the shim says
that something changed (an event, or its end).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec
from nanochat_sdk.data import Event

from nanochat_host.core import run_folder
from nanochat_host.core.keeper import ShimKeeper
from nanochat_host.core.launcher import Launcher
from nanochat_host.core.prepare import Prepared
from nanochat_host.core.run_entry import Run
from nanochat_host.core.shim import procs
from nanochat_host.core.steering import Steering, read_steering
from nanochat_host.core.wire import Control, RunRecord, RunStatus, RunSummary
from nanochat_host.errors import CannotWriteError, NanochatCliError, NotFoundError, RefusedError
from nanochat_host.paths import Paths, RunPaths

if TYPE_CHECKING:
    from nanochat_host.core.telemetry.hub import TelemetryHub

logger = logging.getLogger(__name__)
RECENT = 20
"""Ended runs whose telemetry is read at the start, so that the list shows their last values."""
STATE_EVENTS = 500


async def no_secrets(record: RunRecord) -> list[dict[str, str]]:
    """Nobody has a token."""
    return []


class RunManager:
    """on_change(run_id, listing): a run's facts changed; listing: the list of runs, too.
    step_secrets: tokens for each command of a run."""

    def __init__(
        self,
        paths: Paths,
        hub: TelemetryHub,
        launcher: Launcher,
        on_change: Callable[[str, bool], None],
        step_secrets: Callable[[RunRecord], Awaitable[list[dict[str, str]]]] = no_secrets,
    ) -> None:
        self.step_secrets = step_secrets
        self._paths = paths
        self._hub = hub
        self._keeper = ShimKeeper(launcher, self)
        self._on_change = on_change
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Read all folders and take up what still runs."""
        self._hub.subscribe(self._on_telemetry)
        for run in await asyncio.to_thread(run_folder.runs_in, self._paths):
            try:
                if run.run_json.exists():
                    self._runs[run.run_id] = Run(run, run_folder.read_record(run), _status(run))
            except (NanochatCliError, OSError) as error:
                logger.warning("left out: %s", error)
        for entry in self._runs.values():
            if not entry.ended:
                self.follow(entry)
                await self._keeper.take_up(entry)
                if not entry.ended and not entry.replaced:
                    self.note_state(
                        entry, "adopted", "the core came back and took the run up again"
                    )
        for entry in self.newest_first()[:RECENT]:
            self.follow(entry)

    async def close(self) -> None:
        """Let go of all runs; they go on."""
        for run in self._runs.values():
            run.unwatch()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keeper.close()

    def get(self, run_id: str) -> Run:
        """The run. Raises NotFoundError."""
        run = self._runs.get(run_id)
        if run is None:
            raise NotFoundError(f"there is no run `{run_id}`", "`nanochat-cli run list` shows them")
        return run

    def newest_first(self) -> list[Run]:
        return sorted(self._runs.values(), key=lambda r: (r.record.created_at, r.id), reverse=True)

    @property
    def active(self) -> int:
        """Runs that have not ended."""
        return len(self.live())

    def follow(self, run: Run) -> None:
        """Have the run's telemetry read, from the beginning, and followed while it lives."""
        if not run.followed:
            run.followed = True
            self._hub.follow(run.paths, live=not run.ended)

    def summary(self, run: Run) -> RunSummary:
        self.follow(run)
        return run.summary(self._hub.facts(run.id))

    def steering(self, run: Run) -> Steering:
        """What can be done to the run now."""
        self.follow(run)
        return read_steering(self._hub.events(run.id, ["state"], STATE_EVENTS))

    def step_s(self, run: Run) -> float:
        """Seconds its last step took, 0 when that is not known."""
        found = {m.name: m.value for m in self._hub.metrics(run.id) if m.name == "train/dt"}
        return found.get("train/dt") or 0.0

    async def launch(self, prepared: Prepared) -> Run:
        """Create the run's folder and start its shim. Raises NanochatCliError."""
        record = prepared.record
        status = RunStatus(state="starting", boot_id=procs.boot_id())
        try:
            paths = run_folder.create(self._paths, record, status)
        except OSError as error:
            raise CannotWriteError(self._paths.run(record.id).root, error, "create") from None
        run = Run(paths, record, status)
        run.extra_env = prepared.extra_env
        try:
            for patch in record.resent:
                run.control.append(msgspec.convert(patch, Control))  # read at the first step
            await self._keeper.start_shim(run)
        except (OSError, NanochatCliError) as error:
            run_folder.remove(paths)
            raise NanochatCliError(f"cannot start the run's shim: {error}") from None
        self._runs[run.id] = run
        self.follow(run)
        for note in prepared.notes:
            self.note(run, note)
        self._on_change(run.id, True)
        logger.info("run started", extra={"run": run.id, "target": record.target})
        return run

    def take_in(self, run: Run) -> None:
        """A run that needs no shim: follow it from now on."""
        self._runs[run.id] = run
        self.follow(run)
        self._on_change(run.id, True)

    def has(self, run_id: str) -> bool:
        return run_id in self._runs

    def live(self) -> list[Run]:
        """Runs that have not ended."""
        return [run for run in self._runs.values() if not run.ended]

    def delete(self, run: Run) -> None:
        """Remove an ended run's folder. Raises RefusedError while it runs."""
        if not run.ended:
            raise RefusedError(f"{run.id} is {run.state}", "stop it first")
        self._hub.forget(run.id)
        try:
            run_folder.remove(run.paths)
        except OSError as error:
            raise NanochatCliError(f"cannot delete {run.paths.root}: {error}") from None
        del self._runs[run.id]
        self._on_change(run.id, True)

    def note_state(self, run: Run, what: str, reason: str) -> None:
        """Append a `state` event of the core's own."""
        self._append(run, "state", what=what, reason=reason)

    def note(self, run: Run, text: str, level: str = "info") -> None:
        """Append a note about the run."""
        self._append(run, "log", text=text, level=level)

    def _append(self, run: Run, kind: Any, **fields: Any) -> None:
        try:
            self._hub.append_event(run.paths, Event(ts=time.time(), kind=kind, fields=fields))
        except OSError as error:
            logger.warning("event not written: %s", error, extra={"run": run.id, **fields})

    def refresh(self, run: Run) -> None:
        """Read state.json again and tell what changed."""
        if run.ended:
            return
        before = run.state
        try:
            status = run_folder.read_status(run.paths)
        except NanochatCliError as error:
            logger.warning("%s", error)
        else:
            if not status.shim_pid:  # its shim has not come to write yet; we know whom we started
                status.shim_pid, status.shim_start = run.status.shim_pid, run.status.shim_start
            run.status = status
        if run.ended:
            self.settle(run)
        else:
            self._on_change(run.id, run.state != before)

    def changed(self, run: Run) -> None:
        """Tell that the run's state is another than before."""
        self._on_change(run.id, True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s", error, exc_info=error)

    def _on_telemetry(self, run_id: str, rev: int, events: list[Event]) -> None:
        run = self._runs.get(run_id)
        if run is not None and any(event.kind == "state" for event in events):
            self.refresh(run)

    def read_rest(self, run: Run) -> None:
        """Have its telemetry read to the end again: its shim, which wrote last, is gone now."""
        self._hub.settle(run.id)

    def settle(self, run: Run) -> None:
        """The run is over: have its telemetry read to the end, and tell."""
        run.stopping = False
        self._hub.settle(run.id)
        run.over.set()
        logger.info("run ended", extra={"run": run.id, "state": run.status.state})
        self._on_change(run.id, True)


def _status(run: RunPaths) -> RunStatus:
    """state.json; when it cannot be read, what is known without it."""
    try:
        return run_folder.read_status(run)
    except NanochatCliError as error:
        logger.warning("%s", error)
        alive = run_folder.shim_is_alive(run)
        return RunStatus("starting") if alive else RunStatus("lost", reason=error.message)
