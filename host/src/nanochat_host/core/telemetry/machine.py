"""The machine over time: sampled once a second in a thread, answered from memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nanochat_sdk.data import MachineFacts, Series, SeriesQuery

from nanochat_host.core.telemetry.globs import means
from nanochat_host.core.telemetry.metrics import spec
from nanochat_host.core.telemetry.ring import TimeRing
from nanochat_host.core.telemetry.system import Sampler
from nanochat_host.core.wire import MetricInfo

logger = logging.getLogger(__name__)
PERIOD_S = 1.0
RECENT_S = 900.0


class Machine:
    """Rings by metric name; those of a run's processes are kept per run."""

    def __init__(self, sampler: Sampler, clock: Callable[[], int]) -> None:
        self.sampler = sampler
        self.facts = MachineFacts(gpu_note="not looked for yet")
        self.rings: dict[str, TimeRing] = {}
        self.run_rings: dict[str, dict[str, TimeRing]] = {}
        self.rev = clock()
        self.facts_rev = self.rev
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        # NVML may block for milliseconds, so it never runs in the loop.
        self._thread = ThreadPoolExecutor(1, "sampler")

    def start(self, runs: Callable[[], dict[str, Path]], changed: Callable[[], None]) -> None:
        """Begin to sample. runs: live runs and their state files. changed: called after each."""
        self._task = asyncio.get_running_loop().create_task(self._sample(runs, changed))

    async def stop(self) -> None:
        """Stop sampling and let go of the driver."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await asyncio.get_running_loop().run_in_executor(self._thread, self.sampler.gpus.close)
        self._thread.shutdown(wait=False)

    async def _sample(
        self, runs: Callable[[], dict[str, Path]], changed: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self.sampler.open)
        except Exception:  # what can be read of the machine is read all the same
            logger.exception("the machine could not be looked at")
        due = loop.time()
        while True:
            try:
                live = runs()
                read = await loop.run_in_executor(self._thread, self._read, live)
            except Exception:
                logger.exception("the machine could not be sampled")
                await asyncio.sleep(PERIOD_S * 10)
                continue
            self.take(time.time(), *read)
            changed()
            due = max(due + PERIOD_S, loop.time())
            await asyncio.sleep(due - loop.time())

    def _read(
        self, live: dict[str, Path]
    ) -> tuple[dict[str, float], dict[str, dict[str, float]], MachineFacts]:
        return self.sampler.read(), self.sampler.read_runs(live), self.sampler.facts()

    def take(
        self,
        ts: float,
        readings: dict[str, float],
        runs: dict[str, dict[str, float]],
        facts: MachineFacts,
    ) -> None:
        """Take up a sample."""
        self.rev = rev = self._clock()
        if facts != self.facts:
            self.facts, self.facts_rev = facts, rev
        _add(self.rings, ts, readings, rev)
        for run, found in runs.items():
            _add(self.run_rings.setdefault(run, {}), ts, found, rev)

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run's processes."""
        self.run_rings.pop(run_id, None)

    def matching(self, pattern: str, run_id: str) -> Iterable[tuple[str, TimeRing]]:
        """Rings whose name matches, those of the run's processes included."""
        for name, ring in (self.rings | self.run_rings.get(run_id, {})).items():
            if means(pattern, name):
                yield name, ring

    def latest(self, name: str) -> float | None:
        """The newest reading."""
        ring = self.rings.get(name)
        return ring.value[-1] if ring and ring.ts else None

    def metrics(self) -> list[MetricInfo]:
        """Every metric of the machine by name."""
        return [
            MetricInfo(name, ring.unit, len(ring.ts), 0, 0, ring.value[-1], spec(name).help)
            for name, ring in sorted(self.rings.items())
        ]

    def series(
        self,
        name: str,
        ring: TimeRing,
        query: SeriesQuery,
        zero: float,
        end: float,
        *,
        since: float | None,
    ) -> Series:
        """x: seconds since `zero` (the run's start; now, when there is no run: then negative).
        Without a start of its own the query begins at `since`, None: `RECENT_S` before the end."""
        default = -RECENT_S if since is None else since
        start = zero + (default if query.start is None else query.start)
        stop = end if query.end is None else min(end, zero + query.end)
        return ring.series(name, query.columns, start, stop, zero)

    def gpu_line(self) -> str:
        """One line for the status bar: "2x H100 97 % 71/80 GB 62 C" or why there is no GPU."""
        gpus = self.facts.gpus
        if not gpus:
            return "no GPU" if self.facts.gpu_note else ""
        name = gpus[0].name.removeprefix("NVIDIA ").split(" ")[0]
        parts = [f"{len(gpus)}x {name}" if len(gpus) > 1 else name]
        load = [v for g in gpus if (v := self.latest(f"gpu/{g.index}/util")) is not None]
        if load:
            parts.append(f"{sum(load) / len(load):.0f} %")
        used = [v for g in gpus if (v := self.latest(f"gpu/{g.index}/mem_used")) is not None]
        if used:
            parts.append(f"{max(used) / 2**30:.0f}/{gpus[0].memory_bytes / 2**30:.0f} GB")
        heat = [v for g in gpus if (v := self.latest(f"gpu/{g.index}/temp")) is not None]
        if heat:
            parts.append(f"{max(heat):.0f} C")
        return " ".join(parts)


def _add(rings: dict[str, TimeRing], ts: float, readings: dict[str, float], rev: int) -> None:
    for name, value in readings.items():
        ring = rings.get(name)
        if ring is None:
            ring = rings[name] = TimeRing(spec(name).unit)
        ring.add(ts, value, rev)
