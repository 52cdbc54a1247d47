"""Needs to Data: one panel's question answered from a run's telemetry and the machine's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import msgspec
from nanochat_sdk.capabilities import NEEDED, Capability
from nanochat_sdk.data import Data, Event, LogPage, Needs, Point, Series, SeriesQuery

from nanochat_host.core.telemetry import logindex
from nanochat_host.core.telemetry.answer import series
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.machine import Machine
from nanochat_host.core.telemetry.metrics import is_machine, spec
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.telemetry.seen import Seen
from nanochat_host.core.wire import QueryAnswer, QueryItem

MAX_SERIES = 64
MAX_SERIES_BYTES = 3 * 1024 * 1024
"""Of one answer: what the host sends to a worker in one message is bounded."""
_BYTES_A_BUCKET = 5 * 8
_encoder = msgspec.msgpack.Encoder()


def allowed(needs: Needs, granted: set[str]) -> tuple[Needs, list[str]]:
    """What of `needs` the capabilities cover, and the capabilities that are missing."""
    missing: set[Capability] = set()

    def may(part: str) -> bool:
        capability = NEEDED[part]
        if capability in granted:
            return True
        missing.add(capability)
        return False

    def may_metric(pattern: str, part: str) -> bool:
        return may("series:machine" if is_machine(pattern) else part)

    kept = Needs(
        series=tuple(q for q in needs.series if may_metric(q.metric, "series")),
        latest=tuple(p for p in needs.latest if may_metric(p, "latest")),
        events=tuple(
            k for k in needs.events if may("events:sample" if k == "sample" else "events")
        ),
        max_events=needs.max_events,
        spans=needs.spans,
        log=needs.log if needs.log is not None and may("log") else None,
        run=needs.run,
        config=needs.config and may("config"),
        machine=needs.machine and may("machine"),
    )
    return kept, sorted(missing)


@dataclass
class Scene:
    """What the questions of one request are answered from. run None: the machine alone."""

    run: RunTelemetry | None
    machine: Machine
    seen: Seen

    def answer(self, item: QueryItem) -> QueryAnswer:
        """Data if anything the item needs is newer than what its panel has."""
        needs, denied = allowed(item.needs, set(item.granted))
        rev = self._rev(needs)
        if item.since and rev <= item.since:
            return QueryAnswer(rev=item.since)
        data = Data(
            now=time.time(),
            run=self.seen.facts if needs.run else None,
            series=self._series(needs),
            latest=self._latest(needs),
            events=self._events(needs),
            log=self._log(needs),
            config=self.seen.config if needs.config else {},
            machine=self.machine.facts if needs.machine else None,
            denied=list(denied),
        )
        return QueryAnswer(rev=rev, data=_encoder.encode(data))

    # -- what changed -------------------------------------------------------------------------

    def _rev(self, needs: Needs) -> int:
        """Revision of the newest thing the needs would be answered from."""
        patterns = [*(q.metric for q in needs.series), *needs.latest]
        columns = [c.rev for p in patterns if not is_machine(p) for c in self._columns(p)]
        revs = [1, *columns]
        if any(is_machine(p) for p in patterns):
            rings = (self._rings(p) for p in patterns if is_machine(p))
            revs += [ring.rev for found in rings for _, ring in found]
        if needs.machine:
            revs.append(self.machine.facts_rev)
        if needs.run:
            revs.append(self.seen.facts_rev if columns else self.seen.step_rev)
        if needs.config:
            revs.append(self.seen.config_rev)
        if self.run and needs.events:
            revs.append(self.run.history.rev(needs.events, needs.spans))
        if self.run and needs.log:
            revs.append(self.run.log_rev)
        return max(revs)

    # -- parts of the answer ------------------------------------------------------------------

    def _columns(self, pattern: str) -> list[Column]:
        return self.run.matching(pattern) if self.run else []

    def _rings(self, pattern: str) -> list[tuple[str, Any]]:
        return list(self.machine.matching(pattern, self.run.run.run_id if self.run else ""))

    def _series(self, needs: Needs) -> dict[str, Series]:
        wanted: list[tuple[SeriesQuery, str, Any]] = []
        for query in needs.series:
            if is_machine(query.metric):
                wanted += [(query, name, ring) for name, ring in self._rings(query.metric)]
            else:
                wanted += [(query, column.name, column) for column in self._columns(query.metric)]
        wanted = wanted[:MAX_SERIES]
        room = MAX_SERIES_BYTES // _BYTES_A_BUCKET // max(1, len(wanted))
        out = {}
        for query, name, source in wanted:
            if query.columns > room:
                query = msgspec.structs.replace(query, columns=room)
            if isinstance(source, Column):
                out[name] = self._one(query, source)
            else:
                out[name] = self._ring(query, name, source)
        return out

    def _one(self, query: SeriesQuery, column: Column) -> Series:
        assert self.run is not None
        facts = self.seen.facts
        tokens = facts.tokens_per_step if facts else 0
        started = (facts.started_at if facts else 0.0) or self.run.facts.started_at
        key = (column.name, query, tokens, started)
        cached = self.run.series_cache.get(key)
        if cached and cached[0] == column.rev:
            return cached[1]
        found = series(
            column,
            query,
            unit=spec(column.name).unit,
            started_at=started,
            tokens_per_step=tokens or self.run.facts.tokens_per_step,
        )
        if len(self.run.series_cache) > 4 * MAX_SERIES:
            self.run.series_cache.clear()
        self.run.series_cache[key] = (column.rev, found)
        return found

    def _ring(self, query: SeriesQuery, name: str, ring: Any) -> Series:
        now = time.time()
        facts = self.seen.facts
        if facts is None or not facts.started_at:
            return self.machine.series(name, ring, query, now, now, since=None)
        end = facts.ended_at or now
        return self.machine.series(name, ring, query, facts.started_at, end, since=0.0)

    def _latest(self, needs: Needs) -> dict[str, Point]:
        out: dict[str, Point] = {}
        for pattern in needs.latest:
            if is_machine(pattern):
                out |= {n: r.latest for n, r in self._rings(pattern) if r.latest is not None}
                continue
            for c in self._columns(pattern):
                out[c.name] = Point(c.last_value, int(c.last_step), c.last_ts, spec(c.name).unit)
        return out

    def _events(self, needs: Needs) -> list[Event]:
        if not (self.run and needs.events):
            return []
        return self.run.history.newest(needs.events, needs.max_events, needs.spans)

    def _log(self, needs: Needs) -> LogPage | None:
        if needs.log is None:
            return None
        if self.run is None:
            return LogPage()
        return logindex.page(self.run.run.out_log, self.run.log.index, needs.log)
