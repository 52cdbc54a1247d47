"""The telemetry of runs: in memory, or sent back to disk until somebody asks for it again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Iterator
from dataclasses import dataclass

from nanochat_host.core.telemetry import index as index_file
from nanochat_host.core.telemetry.facts import TelemetryFacts
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.paths import RunPaths, atomic_write

logger = logging.getLogger(__name__)
SAVE_S = 5.0


@dataclass(frozen=True)
class Parked:
    """What is known of a run whose telemetry went back to disk."""

    run: RunPaths
    facts: TelemetryFacts
    rev: int


class HeldRuns:
    """limit_bytes: of the columns of all runs together; past it, ended runs that were not asked for
    longest go back to disk."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._runs: dict[str, RunTelemetry] = {}
        self._parked: dict[str, Parked] = {}
        self._unsaved: set[str] = set()

    def __iter__(self) -> Iterator[RunTelemetry]:
        """Those in memory, as they are now."""
        return iter(list(self._runs.values()))

    def __contains__(self, run_id: str) -> bool:
        """It is in memory."""
        return run_id in self._runs

    def get(self, run_id: str) -> RunTelemetry | None:
        """The run, if it is in memory."""
        return self._runs.get(run_id)

    def parked(self, run_id: str) -> Parked | None:
        """What is known of it, if it is on disk alone."""
        return self._parked.get(run_id)

    def add(self, run: RunTelemetry) -> None:
        """Hold it in memory from now on."""
        run_id = run.run.run_id
        self._parked.pop(run_id, None)
        self._runs[run_id] = run

    def asked(self, run_id: str) -> RunTelemetry | None:
        """The run, which somebody asks for now."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._runs[run_id] = run  # the newest asked for is last
        return run

    def drop(self, run_id: str) -> RunTelemetry | None:
        """Forget it. Returns what was in memory."""
        self._parked.pop(run_id, None)
        self._unsaved.discard(run_id)
        return self._runs.pop(run_id, None)

    @property
    def memory_bytes(self) -> int:
        """Bytes of all columns in memory."""
        return sum(run.memory_bytes for run in self._runs.values())

    # -- disk ---------------------------------------------------------------------------------

    def changed(self, run_id: str) -> None:
        """There is something of it that is not on disk."""
        self._unsaved.add(run_id)

    def make_room(self, busy: Container[str]) -> None:
        """Send ended runs back to disk. busy: ids of those that are being read."""
        held = self.memory_bytes
        for run_id, run in list(self._runs.items()):
            if held <= self._limit:
                return
            if run.live or not run.settled or run_id in busy:
                continue
            if run_id in self._unsaved and not self._save_now(run):
                continue
            held -= run.memory_bytes
            self._parked[run_id] = Parked(run.run, run.facts, run.rev)
            del self._runs[run_id]

    async def save_forever(self) -> None:
        """Write index files beside the loop: a slow disk must not hold up anyone."""
        while True:
            await asyncio.sleep(SAVE_S)
            for run_id in list(self._unsaved):
                self._unsaved.discard(run_id)
                run = self._runs.get(run_id)
                if run is None or not run.caught_up:
                    continue
                try:
                    data = run.save()
                    target = run.run.telemetry / index_file.FILE
                    await asyncio.to_thread(atomic_write, target, data)
                except OSError as error:
                    self._unsaved.add(run_id)
                    logger.warning("telemetry not saved: %s", error, extra={"run": run_id})

    def close(self) -> None:
        """Write what is not on disk, and let go of all files."""
        for run_id in list(self._unsaved):
            if run := self._runs.get(run_id):
                self._save_now(run)
        for run in self._runs.values():
            run.close()

    def _save_now(self, run: RunTelemetry) -> bool:
        try:
            atomic_write(run.run.telemetry / index_file.FILE, run.save())
        except OSError as error:
            logger.warning("telemetry not saved: %s", error, extra={"run": run.run.run_id})
            return False
        self._unsaved.discard(run.run.run_id)
        return True
