"""See to it that every live run has a shim, and that somebody notices when a shim is gone."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from nanochat_host.core import aftermath, run_folder
from nanochat_host.core.launcher import Launcher
from nanochat_host.core.prepare import launch_env
from nanochat_host.core.run_entry import Run
from nanochat_host.core.shim import procs
from nanochat_host.core.watch import watch_exit

if TYPE_CHECKING:
    from nanochat_host.core.runs import RunManager

logger = logging.getLogger(__name__)
MAX_REPLACED = 3
"""Shims that may die under one run before the core watches the trainer itself."""


class ShimKeeper:
    """Starts, watches and replaces the shims of one manager's runs."""

    def __init__(self, launcher: Launcher, runs: RunManager) -> None:
        self._launcher = launcher
        self._runs = runs

    def close(self) -> None:
        """Let go of all shims; they go on."""
        self._launcher.close()

    async def start_shim(self, run: Run, lock: int | None = None, *, adopt: bool = False) -> None:
        """Start a shim and watch it. lock: `shim.lock`, if it is held already. Raises OSError."""
        lock = run_folder.lock_shim(run.paths) if lock is None else lock
        if lock is None:
            raise BlockingIOError(f"{run.paths.shim_lock} is held by another shim")
        try:
            env = launch_env(run.record, run.paths, run.extra_env)
            secrets = await self._runs.step_secrets(run.record)
        except BaseException:  # held on to, the lock would pass for a shim that lives
            os.close(lock)
            raise
        pid = await self._launcher.start(run.paths, lock, env, secrets, adopt=adopt)
        run.status.shim_pid, run.status.shim_start = pid, procs.start_ticks(pid)
        self._watch(run)

    def _watch(self, run: Run) -> None:
        """Wait for the shim's end; where it is not known by pid, look at its lock."""
        run.unwatch()
        run.unwatch = watch_exit(
            run.status.shim_pid,
            run.status.shim_start,
            lambda: not run_folder.shim_is_alive(run.paths),
            lambda: self._runs.spawn(self.take_up(run)),
        )

    def _watch_trainer(self, run: Run) -> None:
        run.unwatch()
        run.unwatch = watch_exit(
            run.status.pid,
            run.status.pid_start,
            lambda: not aftermath.trainer_is_alive(run.status),
            lambda: self._runs.spawn(self.take_up(run)),
        )

    async def take_up(self, run: Run) -> None:
        """Find out how it stands with the run, and see to it that somebody watches."""
        if run.ended:  # that was seen while its shim had more to write
            self._runs.read_rest(run)
        self._runs.refresh(run)
        if run.ended or run.record.adopted_log:
            return
        try:
            lock = run_folder.lock_shim(run.paths)
        except OSError as error:
            logger.warning("%s: %s", run.paths.shim_lock, error)
            lock = None
        if lock is None:
            self._watch(run)
            return
        self._runs.refresh(run)  # the shim may have written its last state just before it went
        if run.ended:
            os.close(lock)
        elif not aftermath.trainer_is_alive(run.status):
            os.close(lock)
            self._write_off(run)
        elif run.replaced < MAX_REPLACED:
            run.replaced += 1
            await self._replace_shim(run, lock)
        else:
            os.close(lock)
            self._watch_trainer(run)

    async def _replace_shim(self, run: Run, lock: int) -> None:
        reason = "its shim was killed; training goes on under a new one"
        try:
            await self.start_shim(run, lock, adopt=True)
        except OSError as error:
            reason = f"its shim was killed and there is no new one ({error}); training goes on"
            self._watch_trainer(run)
        self._runs.note_state(run, "adopted", reason)

    def _write_off(self, run: Run) -> None:
        run.status = aftermath.final_status(run.paths, run.status, len(run.record.steps))
        try:
            run_folder.write_status(run.paths, run.status)
        except OSError as error:
            logger.warning("state not written: %s", error, extra={"run": run.id})
        if run.status.state == "lost":
            self._runs.note_state(run, "lost", run.status.reason)
        self._runs.settle(run)
