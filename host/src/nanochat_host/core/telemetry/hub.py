"""Everything the core knows from numbers, logs and events, in one place and in its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts, RunFacts

from nanochat_host.core.telemetry import journal, logindex
from nanochat_host.core.telemetry.alerts import AlertEngine
from nanochat_host.core.telemetry.facts import TelemetryFacts
from nanochat_host.core.telemetry.health import health
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.held import HeldRuns
from nanochat_host.core.telemetry.machine import Machine
from nanochat_host.core.telemetry.mappings import NO_MAPPINGS, Mappings
from nanochat_host.core.telemetry.metrics import canonical, use_declared
from nanochat_host.core.telemetry.notify import Notifier
from nanochat_host.core.telemetry.query import Scene
from nanochat_host.core.telemetry.records import StoreDamagedError
from nanochat_host.core.telemetry.rules_packs import PackRule
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.telemetry.seen import Seen
from nanochat_host.core.telemetry.system import Sampler
from nanochat_host.core.telemetry.watch import Watch
from nanochat_host.core.wire import MetricInfo, QueryAnswer, QueryItem, QueryResult
from nanochat_host.core.wire_alerts import DEFAULTS
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.paths import Paths, RunPaths

logger = logging.getLogger(__name__)
PACE_S = 0.015
"""Least time between two rounds of reading: what arrives in between is read together."""
LAST_SLICES = 8
"""Of a run that has ended, read before its end is told: all there is, unless reading is behind."""


class TelemetryHub:
    """Follows runs, samples the machine, answers queries, raises alerts.

    memory_limit_bytes: of all runs' columns together; past it, ended runs that were not asked for
    longest go back to disk. limits, on_alert, pack_rules: may be changed at any time. judge_ended:
    apply packs' rules to runs that ended before they were followed, too. Not thread-safe:
    everything happens in the loop that `start`ed it.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        memory_limit_bytes: int = 256 * 2**20,
        sampler: Sampler | None = None,
        judge_ended: bool = False,
    ) -> None:
        self._paths = paths
        self.limits = DEFAULTS
        self.pack_rules: Sequence[PackRule] = ()
        self._mappings = NO_MAPPINGS
        self._judge_ended = judge_ended
        self.on_alert: Callable[[str, Event], None] = lambda run_id, event: None
        self._counter = 0
        self._runs = HeldRuns(memory_limit_bytes)
        self._alerts: dict[str, AlertEngine] = {}
        self._seen: dict[str, Seen] = {}
        self._dirty: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._machine = Machine(sampler or Sampler(paths.home), self._tick)
        self._notifier = Notifier(PACE_S)
        self._watch = Watch(self._mark)
        self._tasks: list[asyncio.Task[None]] = []

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the sampler, the watch on run folders, and reading."""
        loop = asyncio.get_running_loop()
        self._watch.start(loop)
        self._notifier.start(loop)
        self._machine.start(self._live_runs, self._sampled)
        self._tasks = [
            loop.create_task(self._read_forever()),
            loop.create_task(self._runs.save_forever()),
        ]
        self._wake.set()

    async def stop(self) -> None:
        """Stop, and write what is not on disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._machine.stop()
        self._watch.close()
        self._notifier.close()
        self._runs.close()

    # -- runs ---------------------------------------------------------------------------------

    def follow(self, run: RunPaths, *, live: bool) -> None:
        """Read the run's events and log, and go on while it is live. Idempotent."""
        run_id = run.run_id
        known = self._runs.get(run_id)
        if known is None and (live or self._runs.parked(run_id) is None):
            known = self._hold(run, live=live)
        if known is None:
            return
        if live and not known.live:
            known.live, known.was_live, known.settled = True, True, False
        if live:
            self._watch.add(run.root)
        self._mark(run_id)

    def use(self, mappings: Mappings, rules: Sequence[PackRule]) -> None:
        """What packs declare, from now on: runs are read anew if that changes what is made of
        their logs and spans."""
        self.pack_rules = rules
        use_declared(mappings.specs)
        self._mappings = mappings
        for run in self._runs:
            run.remap(mappings)
            self._mark(run.run.run_id)

    def settle(self, run_id: str) -> None:
        """The run has ended: read to the end, then stop following. Who hears of the end finds the
        last lines."""
        if run := self._runs.get(run_id):
            run.live = run.settled = False
            self._mark(run_id)
            for _ in range(LAST_SLICES):
                if run_id in self._dirty:
                    self._read(run_id)

    def is_settled(self, run_id: str) -> bool:
        """Whether an ended run was read to its end."""
        run = self._runs.get(run_id)
        return run.settled if run else self._runs.parked(run_id) is not None

    def is_read(self, run_id: str) -> bool:
        """Whether what a run had written when it was taken up was read, of one that has ended all
        of it, and subscribers were told."""
        run = self._runs.get(run_id)
        if run is not None and run.live:
            return run.caught_up
        return self.is_settled(run_id) and not self._notifier.owes(run_id)

    def forget(self, run_id: str) -> None:
        """Drop everything held about a run. Its files are the caller's."""
        if run := self._runs.drop(run_id):
            self._watch.remove(run.run.root)
            run.close()
        for held in (self._alerts, self._seen, self._dirty):
            held.pop(run_id, None)
        self._machine.forget(run_id)

    def append_event(self, run: RunPaths, event: Event) -> None:
        """Write an event of the core's own. Raises OSError."""
        journal.append(run, event)
        self._mark(run.run_id)

    def hear(self, run_id: str, source: str, heard: Heard) -> None:
        """Take up how it stands with a source that reports by itself."""
        if run := self._runs.get(run_id):
            run.outside[source] = heard

    def heard(self, run_id: str) -> dict[str, Heard]:
        """Sources that report by themselves."""
        run = self._runs.get(run_id)
        return run.outside if run else {}

    def last_step(self, run_id: str, metric: str) -> float:
        """Newest step the run has of a metric; -inf if none."""
        run = self._runs.get(run_id)
        column = run.store.columns.get(canonical(metric)) if run else None
        return column.last_step if run and column and column.stage == run.store.stage else -inf

    # -- questions ----------------------------------------------------------------------------

    def facts(self, run_id: str) -> TelemetryFacts:
        """What the telemetry says about the run; empty if it is not followed."""
        found = self._runs.get(run_id) or self._runs.parked(run_id)
        return found.facts if found else TelemetryFacts()

    def rev(self, run_id: str) -> int:
        """Revision of the newest thing read of the run; 0 if it is not followed."""
        found = self._runs.get(run_id) or self._runs.parked(run_id)
        return found.rev if found else 0

    def telemetry(self, run_id: str) -> RunTelemetry | None:
        """All that was read of the run; None if it is not followed."""
        return self._open(run_id)

    def query(
        self, run_id: str, items: list[QueryItem], run: RunFacts | None, config: dict[str, Any]
    ) -> QueryResult:
        """Answers in the order of the items. run, config: what the core knows. "" is no run."""
        found = self._open(run_id) if run_id else None
        seen = self._seen.setdefault(run_id, Seen())
        seen.compare(run, config, self._tick)
        scene = Scene(found, self._machine, seen)
        try:
            return QueryResult([scene.answer(item) for item in items])
        except (StoreDamagedError, OSError) as error:
            self._rebuild(run_id, error)
            return QueryResult([QueryAnswer(item.since) for item in items])

    def metrics(self, run_id: str) -> list[MetricInfo]:
        """Every metric of the run by name; of the machine for ""."""
        if not run_id:
            return self._machine.metrics()
        run = self._open(run_id)
        try:
            return run.metrics() if run else []
        except (StoreDamagedError, OSError) as error:
            self._rebuild(run_id, error)
            return []

    def log_page(self, run_id: str, query: LogQuery) -> LogPage:
        """A page of the run's output."""
        run = self._open(run_id)
        return logindex.page(run.run.out_log, run.log.index, query) if run else LogPage()

    def events(self, run_id: str, kinds: Sequence[str], limit: int) -> list[Event]:
        """The newest events of these kinds (all but metrics, if none is named), oldest first."""
        run = self._open(run_id)
        return run.history.newest(kinds, limit) if run else []

    def machine(self) -> MachineFacts:
        """What this machine is."""
        return self._machine.facts

    def gpu_line(self) -> str:
        """One line about the GPUs for a status bar."""
        return self._machine.gpu_line()

    def trouble(self, run_id: str) -> str:
        """The gravest of the run's alerts that are not over, in two words; "" if all is well."""
        alerts = self._alerts.get(run_id)
        return alerts.gravest() if alerts else ""

    def health(self, run_id: str, facts: RunFacts | None) -> list[HealthPart]:
        """How the run and its machine fare; the machine alone for ""."""
        run = self._open(run_id) if run_id else None
        return health(self._machine, self.limits, run, facts, self._alerts.get(run_id))

    @property
    def machine_rev(self) -> int:
        """Revision of the newest sample of the machine."""
        return self._machine.rev

    @property
    def memory_bytes(self) -> int:
        """Bytes of all columns in memory."""
        return self._runs.memory_bytes

    def subscribe(self, callback: Callable[[str, int, list[Event]], None]) -> Callable[[], None]:
        """Have `callback(run_id, rev, new events)` called in the loop when something changed, at
        most every 15 ms; run_id "" is the machine. Returns a function that ends it."""
        return self._notifier.subscribe(callback)

    # -- inside -------------------------------------------------------------------------------

    def _tick(self) -> int:
        self._counter += 1
        return self._counter

    def _mark(self, run_id: str) -> None:
        if run_id in self._runs:
            self._dirty[run_id] = None
            self._wake.set()

    def _rebuild(self, run_id: str, error: Exception) -> None:
        if run := self._runs.get(run_id):
            run.restart(str(error))
            self._mark(run_id)

    def _open(self, run_id: str) -> RunTelemetry | None:
        if parked := self._runs.parked(run_id):
            self._hold(parked.run, live=False)
            self._mark(run_id)
        return self._runs.asked(run_id)

    def _hold(self, run: RunPaths, *, live: bool) -> RunTelemetry:
        held = RunTelemetry(run, self._tick, live=live, mappings=self._mappings)
        held.was_live |= self._judge_ended
        self._runs.add(held)
        self._alerts[run.run_id] = AlertEngine(held.history.all())
        return held

    def _live_runs(self) -> dict[str, Path]:
        return {run.run.run_id: run.run.state_json for run in self._runs if run.live}

    def _sampled(self) -> None:
        self._notifier.changed("", self._machine.rev, [])
        for run in self._runs:
            if run.held_up:
                self._mark(run.run.run_id)
            if run.live:
                self._alert(run)

    async def _read_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = loop.time()
            while self._dirty:
                for run_id in list(self._dirty):
                    self._read(run_id)
                    await asyncio.sleep(0)
            self._runs.make_room(self._dirty)
            await asyncio.sleep(max(0.0, PACE_S - (loop.time() - began)))

    def _read(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is None:
            self._dirty.pop(run_id, None)
            return
        before, was_settled = run.rev, run.settled
        try:
            more = run.slice()
        except (StoreDamagedError, OSError) as error:
            logger.warning("cannot read telemetry: %s", error, extra={"run": run_id})
            more = False
        except Exception:  # what is odd about one run must not end the reading of all
            logger.exception("cannot read telemetry", extra={"run": run_id})
            more = False
        if not more:
            self._dirty.pop(run_id, None)
        if run.rev != before or run.new_events:
            self._runs.changed(run_id)
            events, run.new_events = run.new_events, []
            self._notifier.changed(run_id, run.rev, events)
        if not more and (run.live or run.settled != was_settled):
            self._alert(run)
        if run.settled and not was_settled:
            run.was_live = self._judge_ended  # its last word was judged
            self._watch.remove(run.run.root)
            self._runs.changed(run_id)

    def _alert(self, run: RunTelemetry) -> None:
        if not run.caught_up:
            return
        free = self._machine.latest("sys/disk_free")
        engine = self._alerts[run.run.run_id]
        for event in engine.check(run, time.time(), free, self.limits, self.pack_rules):
            if self.limits.bell and event.fields["active"]:
                event.fields["bell"] = True
            with contextlib.suppress(OSError):
                self.append_event(run.run, event)
            self.on_alert(run.run.run_id, event)
