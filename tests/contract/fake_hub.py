"""A telemetry hub that reads a run's files when asked and follows nothing by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from nanochat_host.core.telemetry.facts import TelemetryFacts
from nanochat_host.core.wire import MetricInfo, QueryAnswer, QueryItem, QueryResult
from nanochat_host.core.wire_health import HealthPart
from nanochat_host.paths import RunPaths
from nanochat_sdk.data import Data, Event, LogLine, LogPage, LogQuery, MachineFacts, RunFacts

Callback = Callable[[str, int, list[Event]], None]


class FakeHub:
    """What the core asks of the real one."""

    def __init__(self) -> None:
        self.machine_rev = 0
        self.followed: dict[str, RunPaths] = {}
        self.settled: set[str] = set()
        self.unread: set[str] = set()
        self._told: list[Callback] = []
        self._revs: dict[str, int] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def follow(self, run: RunPaths, *, live: bool) -> None:
        self.followed[run.run_id] = run

    def settle(self, run_id: str) -> None:
        self.settled.add(run_id)

    def is_read(self, run_id: str) -> bool:
        return run_id not in self.unread

    def forget(self, run_id: str) -> None:
        self.followed.pop(run_id, None)

    def facts(self, run_id: str) -> TelemetryFacts:
        return TelemetryFacts(step=self._revs.get(run_id, -1), loss=1.5)

    step_s = 0.0
    """Seconds a step takes, 0 when that is not known."""

    def metrics(self, run_id: str) -> list[MetricInfo]:
        loss = MetricInfo("train/loss", "nats/token", 1, 0, 0, 1.5)
        step = MetricInfo("train/dt", "s", 1, 0, 0, self.step_s)
        return [loss, step] if self.step_s else [loss]

    def log_page(self, run_id: str, query: LogQuery) -> LogPage:
        lines = self.followed[run_id].out_log.read_text().splitlines()
        found = [LogLine(n, text) for n, text in enumerate(lines) if query.search in text]
        return LogPage(found[-query.lines :], len(lines), len(found))

    def events(self, run_id: str, kinds: Sequence[str], limit: int) -> list[Event]:
        if run_id not in self.followed:
            return []
        found = []
        for line in self.followed[run_id].events_jsonl.read_text().splitlines():
            fields: dict[str, Any] = json.loads(line)
            ts, kind = fields.pop("ts"), fields.pop("kind")
            found.append(Event(ts, kind, fields.pop("step", None), fields))
        return [event for event in found if not kinds or event.kind in kinds][-limit:]

    def query(
        self, run_id: str, items: list[QueryItem], run: RunFacts | None, config: dict[str, Any]
    ) -> QueryResult:
        data = msgspec.msgpack.encode(Data(run=run, config=config))
        return QueryResult([QueryAnswer(self.rev(run_id), data) for _ in items])

    def use(self, mappings: object, rules: object) -> None: ...

    def telemetry(self, run_id: str) -> None:
        """Nothing was read of any run."""

    def health(self, run_id: str, facts: object) -> list[HealthPart]:
        return [HealthPart("disk", "disk", "9 GiB", "good")]

    def machine(self) -> MachineFacts:
        return MachineFacts(hostname="here", cpu_count=2)

    def trouble(self, run_id: str) -> str:
        return ""

    def gpu_line(self) -> str:
        return "no GPU"

    def rev(self, run_id: str) -> int:
        return self._revs.get(run_id, 0)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        self._told.append(callback)
        return lambda: self._told.remove(callback)

    def append_event(self, run: RunPaths, event: Event) -> None:
        line = {"ts": event.ts, "kind": event.kind, **event.fields}
        with run.events_jsonl.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.move(run.run_id, [event])

    def move(self, run_id: str, events: list[Event]) -> None:
        """New data came."""
        self._revs[run_id] = self._revs.get(run_id, 0) + 1
        for callback in list(self._told):
            callback(run_id, self._revs[run_id], events)

    def move_machine(self) -> None:
        self.machine_rev += 1
        for callback in list(self._told):
            callback("", self.machine_rev, [])
