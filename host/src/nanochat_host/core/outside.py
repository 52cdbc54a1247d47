"""What reports about runs by itself: W&B, OTLP, logs of runs that others started."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from nanochat_host.core import wire_outside as wire
from nanochat_host.core.adopt import Adoptions
from nanochat_host.core.alerting import Alerting
from nanochat_host.core.declared import Declared
from nanochat_host.core.raised import NEWEST, raised
from nanochat_host.core.replays import prepare_replay
from nanochat_host.core.run_entry import Run
from nanochat_host.core.runs import RunManager
from nanochat_host.core.secrets.needs import wandb_name
from nanochat_host.core.secrets.service import Secrets
from nanochat_host.core.settings import OtlpSettings, Settings
from nanochat_host.core.telemetry import journal
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.hub import TelemetryHub
from nanochat_host.core.telemetry.otlp import OtlpReceiver
from nanochat_host.core.telemetry.otlp_export import start_spans
from nanochat_host.core.telemetry.wandb_online import RunAtWandb
from nanochat_host.core.wandb_follow import OutsideRecord, WandbFollow
from nanochat_host.core.wire import RunSummary
from nanochat_host.core.wire_health import SOURCES
from nanochat_host.core.wire_replay import StartReplay
from nanochat_host.errors import ConfigFileError, NanochatCliError
from nanochat_host.paths import Paths, atomic_write

logger = logging.getLogger(__name__)
LOOK_S = 2.0
RECENT = 10
"""Ended runs whose alerts are listed with those of runs under way."""
OTLP_PATIENCE_S = 90.0
"""Exporters send metrics once a minute."""


class Outside:
    """Owned by the core, lives in its loop."""

    def __init__(self, paths: Paths, hub: TelemetryHub, runs: RunManager, secrets: Secrets) -> None:
        self._paths, self._hub, self._runs, self._secrets = paths, hub, runs, secrets
        self._adoptions = Adoptions(paths, hub, runs)
        self.declared = Declared(paths, hub)
        self.alerting = Alerting(paths, hub)
        ports, fault = _ports(Settings(paths.settings_toml))
        self.otlp = OtlpReceiver(self._owner, self._write, ports.http_port, ports.grpc_port, fault)
        self._follows: dict[str, WandbFollow] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._spans = start_spans()

    def traced(self, app: Any) -> Any:
        """The core's application, its requests made spans if somebody collects them."""
        return self._spans.around(app) if self._spans else app

    def _export(self, run_id: str) -> None:
        """Export a run that has ended, once."""
        run = self._runs.get(run_id) if self._spans and self._runs.has(run_id) else None
        if self._spans is None or run is None or not run.ended:
            return
        facts, status = run.record, run.status
        self._spans.run_ended(
            facts.name, status.started_at or facts.created_at, status.ended_at or time.time(),
            run=run_id, target=facts.target, checkout=facts.checkout, commit=facts.commit,
            world_size=facts.world_size, state=status.state, exit_code=status.exit_code,
            reason=status.reason,
        )  # fmt: skip

    async def start(self) -> None:
        """Begin to look."""
        self._adoptions.start()
        self.alerting.start()
        loop = asyncio.get_running_loop()  # nobody waits for what is heard from outside
        self._tasks = [loop.create_task(self.otlp.start()), loop.create_task(self._look_forever())]

    async def close(self) -> None:
        """Stop looking and listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.otlp.close()
        await self.alerting.close()
        if self._spans is not None:
            await asyncio.to_thread(self._spans.close)

    async def adopt(self, wish: wire.AdoptRun) -> RunSummary:
        """Follow a run that somebody else started."""
        run = await self._adoptions.adopt(wish)
        if wish.wandb or wish.wandb_dir:
            target = RunAtWandb.parse(wish.wandb) or ()
            record = OutsideRecord(folder=wish.wandb_dir, target="/".join(target))
            atomic_write(run.paths.outside_json, msgspec.json.encode(record), 0o600)
        self._follow(run)
        return self._runs.summary(run)

    async def replay(self, wish: StartReplay) -> RunSummary:
        """Play recorded files as a run. Raises NotFoundError or UsageError."""
        prepared = await asyncio.to_thread(prepare_replay, self._paths, wish)
        return self._runs.summary(await self._runs.launch(prepared))

    def sources(self, run_id: str) -> list[wire.SourceInfo]:
        """Every source of a run, with the reason for its state. Raises NotFoundError."""
        run = self._runs.get(run_id)
        states = self._runs.summary(run).facts.sources
        follow = self._follows.get(run_id)
        out = []
        for name in dict.fromkeys((*SOURCES, *states)):
            state = states.get(name, "off")
            info = wire.SourceInfo(name, state)
            heard = self._hub.heard(run_id).get(name)
            if heard is not None:
                info.heard_at = heard.at
                info.detail = heard.off or heard.retrying
            if name == "wandb" and follow is not None:
                info.detail = info.detail or follow.detail
                info.page = follow.record.page
            out.append(info)
        return out

    def raised(self, run_id: str = "") -> list[wire.RaisedAlert]:
        """Alerts of a run; without one, of those under way and of the newest that ended: what is
        active first, then the newest. Raises NotFoundError."""
        runs = [self._runs.get(run_id)] if run_id else self._runs.newest_first()
        ended = [run for run in runs if run.ended][:RECENT]
        out = []
        for run in [*(run for run in runs if not run.ended), *ended]:
            self._runs.follow(run)
            events = self._hub.events(run.id, ["alert"], NEWEST)
            out += raised(run.id, run.record.name, events)
        return sorted(out, key=lambda alert: (bool(alert.until), -alert.since))

    def _owner(self, resource: Mapping[str, Any]) -> str:
        """The run a span's resource names; the only live one if it names none."""
        live = self._runs.live()
        named = [resource.get(key) for key in ("nanochat_cli.run", "run.id")]
        for word in (str(name) for name in named if name):
            if self._runs.has(word):
                return word
            for run in live:
                if word == run.record.name or (run.step and word == wandb_name(run.step)):
                    return run.id
        return live[0].id if len(live) == 1 and not named[0] else ""

    def _write(self, run_id: str, lines: list[dict[str, Any]]) -> None:
        journal.append_rows(self._runs.get(run_id).paths, lines)
        self._hub.hear(run_id, "otlp", Heard(time.time(), patience_s=OTLP_PATIENCE_S))

    async def _look_forever(self) -> None:
        trouble = ""
        while True:
            await self._look_at_runs()
            try:
                self.alerting.look()
                await self.declared.look()
                trouble = ""
            except (NanochatCliError, OSError) as error:  # as it was, until it can be read again
                if str(error) != trouble:
                    logger.warning("settings and packs are not read anew: %s", error)
                trouble = str(error)
            await asyncio.sleep(LOOK_S)

    async def _look_at_runs(self) -> None:
        live = {run.id: run for run in self._runs.live()}
        for run in live.values():
            await self._look(run)
        for run_id in [i for i in self._follows if i not in live]:
            await self._look(self._runs.get(run_id) if self._runs.has(run_id) else None)
            self._export(run_id)
            del self._follows[run_id]  # the last rows were written as the run ended

    def _follow(self, run: Run) -> WandbFollow:
        follow = self._follows.get(run.id)
        if follow is None:
            follow = self._follows[run.id] = WandbFollow(run, self._hub, self._secrets)
            for name in ("wandb", "otlp"):
                self._hub.hear(run.id, name, Heard())
        return follow

    async def _look(self, run: Run | None) -> None:
        if run is None:
            return
        try:
            await self._follow(run).look()
        except OSError as error:
            logger.warning("W&B's rows not written: %s", error, extra={"run": run.id})
        except Exception:
            logger.exception("following W&B failed", extra={"run": run.id})


def _ports(settings: Settings) -> tuple[OtlpSettings, str]:
    """A settings file that is wrong costs the ports it would have moved, not the core. And what is
    wrong with it."""
    try:
        return settings.table("otlp", OtlpSettings), ""
    except ConfigFileError as error:
        logger.error("%s", error)
        return OtlpSettings(), f"not as in the settings: {error}"
