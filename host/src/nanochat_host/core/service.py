"""The core without its door: what every route does."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from nanochat_sdk.data import Event, LogPage, LogQuery, MachineFacts

import nanochat_host
from nanochat_host import logs
from nanochat_host.core import continuing, steering, wire
from nanochat_host.core.broker.service import Broker
from nanochat_host.core.chat.service import Chats
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.checkpoints.service import Checkpoints
from nanochat_host.core.checkpoints.verify import SaveWatch
from nanochat_host.core.commands import Commands
from nanochat_host.core.compare import Subject, compare
from nanochat_host.core.config.service import Configs
from nanochat_host.core.config.steps import refuse_errors, target_wish, warnings_of
from nanochat_host.core.declared_env import declare_env
from nanochat_host.core.launcher import Launcher
from nanochat_host.core.outside import Outside
from nanochat_host.core.planner.cpu import Processor, Speed, processor_of
from nanochat_host.core.prepare import Prepared, prepare
from nanochat_host.core.queue import Queue
from nanochat_host.core.replays import TARGET as REPLAY
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.secrets.service import Secrets
from nanochat_host.core.setup.service import Setup
from nanochat_host.core.streams import Listener, Streams
from nanochat_host.core.wandb_start import settle_wandb
from nanochat_host.core.wire_compare import CompareRuns, Comparison
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.errors import RefusedError
from nanochat_host.paths import Paths

if TYPE_CHECKING:
    from nanochat_host.core.telemetry.hub import TelemetryHub

logger = logging.getLogger(__name__)
COALESCE_S = 1 / 60
KEEP_ALIVE_S = 15.0
READ_S = 10.0
"""The end of a run waits that long to be told, until its last words were read."""


class Core:
    """Owns runs, telemetry and checkouts. Lives in one event loop; `start` before use."""

    def __init__(self, paths: Paths, hub: TelemetryHub, launcher: Launcher) -> None:
        self.paths = paths
        self.hub = hub
        self.streams = Streams()
        self.checkouts = Checkouts(paths)
        self.checkpoints = Checkpoints(paths, self.checkouts)
        self.configs = Configs(
            paths, self.checkouts, self.machine, self.checkpoints.probes, self.processor
        )
        self.chats = Chats(paths, self.checkpoints, lambda: self.runs.active > 0)
        self.secrets = Secrets(paths)
        self.runs = RunManager(paths, hub, launcher, self._run_changed, self.secrets.for_steps)
        self.commands = Commands(self.runs)
        self.outside = Outside(paths, hub, self.runs, self.secrets)
        self.setup = Setup(
            paths,
            self.checkouts,
            self.checkpoints,
            self.runs,
            lambda: len(self.hub.machine().gpus),
        )
        self.queue = Queue(
            paths.queue_json,
            self.runs,
            lambda wish: asyncio.to_thread(self._prepared, wish),
            lambda wish, item: self._start_for(item, wish),
            lambda: self.streams.about_run("", listing=True),
        )
        self.saves = SaveWatch(hub, self.runs)
        self.broker = Broker(paths)
        self.closing = asyncio.Event()
        self._started_at = time.time()

    async def start(self) -> None:
        """Take up the runs of this home."""
        self.hub.subscribe(self._telemetry_changed)
        await self.hub.start()
        self.saves.start()
        await self.runs.start()
        await self.outside.start()
        self.queue.start()

    async def close(self) -> None:
        """Let go; runs go on."""
        self.streams.close()
        self.saves.close()
        await self.queue.close()
        await self.setup.close()
        await self.chats.close()
        await self.broker.close()
        await self.outside.close()
        await self.runs.close()
        await self.hub.stop()

    def info(self) -> wire.CoreInfo:
        return wire.CoreInfo(
            version=nanochat_host.__version__,
            api=wire.API_VERSION,
            pid=os.getpid(),
            home=str(self.paths.home),
            started_at=self._started_at,
            active_runs=self.runs.active,
            rss_bytes=_rss_bytes(),
            debug=logs.is_debug(),
        )

    def set_debug(self, on: bool) -> wire.CoreInfo:
        logs.set_debug(on)
        logger.info("debug is %s", "on" if on else "off")
        return self.info()

    def shut_down(self) -> wire.CoreInfo:
        """Begin to go: streams end, `closing` is set."""
        info = self.info()
        self.streams.close()
        self.queue.rest()
        self.closing.set()
        return info

    def list_runs(self) -> list[wire.RunSummary]:
        return [run.summary(self.hub.facts(run.id)) for run in self.runs.newest_first()]

    def run(self, run_id: str) -> Run:
        """The run, its telemetry followed. Raises NotFoundError."""
        run = self.runs.get(run_id)
        self.runs.follow(run)
        return run

    def run_detail(self, run_id: str) -> wire.RunDetail:
        run = self.run(run_id)
        known = self.runs.steering(run)
        return wire.RunDetail(
            summary=self.runs.summary(run),
            record=run.record,
            status=run.status,
            patches=steering.patches(run.control.commands(), known),
            live=known.live,
            read=self.hub.is_read(run_id),
        )

    async def start_run(self, wish: wire.StartRun) -> wire.RunSummary:
        """Check, record, start. Raises what is wrong with the wish, or the gravest finding of its
        preflight unless it is forced, before anything is started."""
        return await self._start_for("", wish)

    async def _start_for(self, queue_item: str, wish: wire.StartRun) -> wire.RunSummary:
        if self.closing.is_set():
            raise RefusedError("the core is going down", "try again in a moment")
        full, prepared = await asyncio.to_thread(self._prepared, wish)
        await self._declare(full.checkout, prepared)
        warned: list[str] = []
        if not full.force:
            report = await self.configs.target_in_thread(target_wish(full))
            refuse_errors(report)
            warned = warnings_of(report)
        prepared = await asyncio.to_thread(self._settled, prepared, full.force)
        prepared.record.queue_item = queue_item
        summary = self.runs.summary(await self.runs.launch(prepared))
        summary.notes = [*prepared.notes, *warned]
        return summary

    def _settled(self, prepared: Prepared, force: bool) -> Prepared:
        return settle_wandb(prepared, self.secrets.wandb(), force=force)

    async def _declare(self, checkout: str, prepared: Prepared) -> None:
        """Set in the steps what packs declare for their environment."""
        launches = [launch for launch in self.outside.declared.launches() if launch.env]
        if launches:
            receivers = await self.outside.otlp.receivers()
            _, found = await asyncio.to_thread(self.checkouts.read, checkout)
            record = prepared.record
            taken = {*prepared.extra_env, *record.env_names}
            declare_env(record, found.stages, launches, receivers, taken)

    def _prepared(self, wish: wire.StartRun) -> tuple[wire.StartRun, Prepared]:
        """The wish with what an earlier run adds to it, and what is to be started. Blocks."""
        before = None
        if wish.continues:
            earlier = self.runs.get(wish.continues)
            _, found = self.checkouts.read(earlier.record.checkout)
            before = continuing.go_on(wish, earlier, found)
            wish = before.wish
        ref, found = self.checkouts.read(wish.checkout)
        prepared = prepare(
            self.paths,
            wish,
            ref,
            found,
            gpus=len(self.hub.machine().gpus),
            preset=self.configs.preset(wish.prefab),
            wandb_token=bool(wish.name) and self.secrets.has("wandb"),
        )
        if before is None:
            trains = next((s.module for s in prepared.record.steps if s.hook), "")
            stage = next((s for s in found.stages if s.module == trains), None)
            before = continuing.look_back(wish, prepared, stage, self.runs.newest_first())
        return wish, prepared if before is None else continuing.record_it(prepared, before)

    def delete_run(self, run_id: str) -> wire.RunSummary:
        run = self.runs.get(run_id)
        summary = run.summary(self.hub.facts(run_id))
        self.runs.delete(run)
        return summary

    def metrics(self, run_id: str) -> list[wire.MetricInfo]:
        return self.hub.metrics(self.run(run_id).id)

    def log(self, run_id: str, query: LogQuery) -> LogPage:
        return self.hub.log_page(self.run(run_id).id, query)

    def events(self, run_id: str, kinds: Sequence[str], limit: int) -> list[Event]:
        return self.hub.events(self.run(run_id).id, kinds, limit)

    def machine(self) -> MachineFacts:
        return self.hub.machine()

    def processor(self) -> Processor:
        """The CPU, at the speed of the newest run that trained on it."""
        for run in self.runs.newest_first():
            seen, record = self.hub.facts(run.id), run.record
            elsewhere = record.adopted_log or record.target == REPLAY
            if seen.flops_per_s and not elsewhere and seen.device.lower().startswith("cpu"):
                return processor_of(self.machine(), Speed(seen.flops_per_s, record.name))
        return processor_of(self.machine())

    def health(self, run_id: str) -> list[HealthPart]:
        """How a run and its machine fare; the machine alone for "". Raises NotFoundError."""
        run = self.run(run_id) if run_id else None
        return self.hub.health(run_id, run.facts(self.hub.facts(run_id)) if run else None)

    def query(self, query: wire.Query) -> wire.QueryResult:
        """Answer for all panels of a screen. Raises NotFoundError."""
        if not query.run:
            return self.hub.query("", query.items, None, {})
        run = self.run(query.run)
        facts = run.facts(self.hub.facts(run.id))
        return self.hub.query(run.id, query.items, facts, run.record.config)

    def compare(self, wish: CompareRuns) -> Comparison:
        """Several runs along one axis. Raises NotFoundError."""
        subjects = []
        for run_id in wish.runs:
            run = self.run(run_id)
            facts = run.facts(self.hub.facts(run_id))
            subjects.append(Subject(facts, run.record, self.hub.telemetry(run_id)))
        return compare(subjects, wish)

    async def stream(self, run_id: str) -> AsyncIterator[wire.StreamMessage | None]:
        """The present state, then what changes, coalesced; None when nothing has for a while.
        Raises NotFoundError before the first message."""
        run = self.run(run_id) if run_id else None
        listener, let_go = self.streams.listen(run_id)
        first = True
        goes_on = run is not None and not run.ended
        machine_rev = -1
        told: list[HealthPart] = []
        try:
            while True:
                if not await listener.wait(KEEP_ALIVE_S):
                    yield None
                    continue
                if run is not None and goes_on and run.ended:
                    goes_on = False
                    await self._read_up(run_id, listener)  # its last words go before its end
                if listener.closed or (run_id and not self.runs.has(run_id)):
                    return  # the core ends, or the run was deleted
                events, listing = listener.take()
                moved = self.hub.machine_rev != machine_rev
                machine_rev = self.hub.machine_rev
                fares = self.health(run_id) if moved or events else told
                yield wire.StreamMessage(
                    rev=self.hub.rev(run_id) if run else 0,
                    machine_rev=machine_rev,
                    events=events,
                    runs=listing,
                    facts=run.facts(self.hub.facts(run_id)) if run else None,
                    machine=self.hub.machine() if first else None,
                    gpu=self.hub.gpu_line() if moved else "",
                    trouble=self.hub.trouble(run_id) if run else "",
                    health=fares if fares != told else None,
                )
                first, told = False, fares
                await asyncio.sleep(COALESCE_S)
        finally:
            let_go()

    async def _read_up(self, run_id: str, listener: Listener) -> None:
        """Wait until all that an ended run said was read and told, but no longer than `READ_S`, nor
        when it is deleted or the stream is to end."""
        deadline = time.monotonic() + READ_S
        while self.runs.has(run_id) and not listener.closed and time.monotonic() < deadline:
            if self.hub.is_read(run_id):
                return
            await asyncio.sleep(COALESCE_S)

    def _telemetry_changed(self, run_id: str, rev: int, events: list[Event]) -> None:
        if run_id:
            self.streams.about_run(run_id, events)
        else:
            self.streams.about_machine()

    def _run_changed(self, run_id: str, listing: bool) -> None:
        self.streams.about_run(run_id, listing=listing)
        if listing:
            self.queue.poke()


def _rss_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
