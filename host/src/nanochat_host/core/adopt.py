"""Runs that somebody else started: their log is followed, their process watched if it is known.

How such a process ended cannot be known (it is not our child), so it is judged by its log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from nanochat_host.core import run_folder
from nanochat_host.core.recording import printed_options
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.shim import procs
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.wandb_online import RunAtWandb
from nanochat_host.core.watch import watch_exit
from nanochat_host.core.wire import RunRecord, RunStatus, RunStep
from nanochat_host.core.wire_outside import AdoptRun
from nanochat_host.errors import CannotWriteError, RefusedError, UsageError
from nanochat_host.paths import Paths, open_file

logger = logging.getLogger(__name__)
QUIET_S = 600.0
"""A log of a process that is not known counts as over after so long without a line."""
LOOK_S = 5.0
READ_S = 30.0


class Adoptions:
    """Takes runs in and notices their end."""

    def __init__(self, paths: Paths, hub: TelemetryHub, runs: RunManager) -> None:
        self._paths, self._hub, self._runs = paths, hub, runs

    def start(self) -> None:
        """Watch adopted runs of an earlier core."""
        for run in self._runs.live():
            if run.record.adopted_log:
                self._watch(run)

    async def adopt(self, wish: AdoptRun) -> Run:
        """A run record for a log. Raises UsageError for a log or process that is not there,
        RefusedError if a live run has the log already."""
        log = Path(os.path.realpath(wish.log))
        changed_at = await asyncio.to_thread(_check, log)
        if wish.wandb and RunAtWandb.parse(wish.wandb) is None:
            raise UsageError(f"`{wish.wandb}` names no run at W&B", "entity/project/run-id")
        for other in self._runs.live():
            if other.record.adopted_log and os.path.realpath(other.record.adopted_log) == str(log):
                raise RefusedError(f"{other.id} follows {log} already")
        if wish.pid and not procs.is_alive(wish.pid, 0):
            raise UsageError(f"there is no process {wish.pid}")
        pid = wish.pid or await asyncio.to_thread(find_writer, log)
        now = time.time()
        name = wish.name or log.stem
        record = RunRecord(
            id=run_folder.new_run_id(name, now),
            name=name,
            checkout=wish.checkout,
            checkout_path="",
            python="",
            base_dir="",
            steps=[RunStep(title=name, module="", argv=[])],
            config=await asyncio.to_thread(printed_options, log),
            created_at=now,
            target="adopted",
            cost_per_hour=wish.cost_per_hour,
            adopted_log=str(log),
        )
        status = RunStatus(
            "running", pid=pid, pid_start=procs.start_ticks(pid) if pid else 0,
            boot_id=procs.boot_id(), started_at=_started_at(pid) or min(changed_at, now),
        )  # fmt: skip
        try:
            paths = run_folder.create(self._paths, record, status)
            paths.out_log.unlink()
            paths.out_log.symlink_to(log)
        except OSError as error:
            raise CannotWriteError(log, error, "adopt") from None
        run = Run(paths, record, status)
        self._runs.take_in(run)
        who = f"process {pid}" if pid else "its process is not known"
        self._runs.note(run, f"adopted {log} ({who})")
        self._watch(run)
        return run

    def _watch(self, run: Run) -> None:
        def end() -> None:
            self._runs.spawn(self._end(run))

        run.unwatch()
        if run.status.pid:
            run.unwatch = watch_exit(
                run.status.pid,
                run.status.pid_start,
                lambda: not procs.is_alive(run.status.pid, run.status.pid_start),
                end,
            )
        else:
            task = self._runs.spawn(_quiet(Path(run.record.adopted_log), end))
            run.unwatch = lambda: None if task is asyncio.current_task() else _cancel(task)

    async def _end(self, run: Run) -> None:
        """Judge by the log, once it was read to its end."""
        deadline = time.monotonic() + READ_S
        self._hub.settle(run.id)
        while not self._hub.is_settled(run.id) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        facts = self._hub.facts(run.id)
        status = run.status
        status.pid, status.ended_at = 0, _changed_at(run) or time.time()
        if facts.last_error:
            status.state, status.reason = "failed", facts.last_error
        elif 0 < facts.num_steps <= facts.step + 1:
            status.state = "done"
        elif run.stopping:
            status.state, status.reason = "done", "it was asked to stop"
        else:
            status.state, status.reason = "lost", "it ended; its exit code is not known"
        try:
            run_folder.write_status(run.paths, status)
        except OSError as error:
            logger.warning("state not written: %s", error, extra={"run": run.id})
        self._runs.settle(run)


async def _quiet(log: Path, end: Callable[[], None]) -> None:
    while True:
        try:
            quiet_s = time.time() - log.stat().st_mtime
        except OSError:
            quiet_s = QUIET_S
        if quiet_s >= QUIET_S:
            break
        await asyncio.sleep(min(LOOK_S, QUIET_S - quiet_s))
    end()


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _check(log: Path) -> float:
    """When the log last changed. Raises UsageError."""
    try:
        with open_file(log) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError as error:
        raise UsageError(
            f"{log}: {error.strerror}", "give the file the trainer prints to"
        ) from None


def _changed_at(run: Run) -> float:
    try:
        return run.paths.out_log.stat().st_mtime
    except OSError:
        return 0.0


def _started_at(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time()) if pid else 0.0
    except psutil.Error:
        return 0.0


def find_writer(log: Path) -> int:
    """The oldest process of ours that has the log open for writing (`tee` counts); 0 if none is
    found, or where there is no /proc."""
    found = log.stat()
    writers = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        try:
            for fd in os.scandir(entry / "fd"):
                file = fd.stat()
                if (file.st_dev, file.st_ino) == (found.st_dev, found.st_ino) and _writes(fd.path):
                    writers.append((procs.start_ticks(pid), pid))
        except OSError:
            continue
    return min(writers, default=(0, 0))[1]


def _writes(fd: str) -> bool:
    for line in Path(fd.replace("/fd/", "/fdinfo/")).read_text().splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & (os.O_WRONLY | os.O_RDWR))
    return False
