"""What packs' declarations make of a run's log and spans, into its columns."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.declared_log import Told
from nanochat_host.core.telemetry.decode import Block
from nanochat_host.core.telemetry.mappings import COUNTED, Mappings
from nanochat_host.core.telemetry.store import Store


@dataclass(frozen=True)
class Sighting:
    """The newest line that an alert waits for. count: so far. said: fields of its template."""

    ts: float
    step: int | None
    said: dict[str, Any]
    count: int = 1


MAX_COLUMNS = 1024
"""A run with so many gets no further columns from packs: they must not crowd out its own."""


class Mapped:
    """seen: by alert rule."""

    def __init__(self, mappings: Mappings, store: Store) -> None:
        self._mappings, self._store = mappings, store
        self._of_spans: set[str] = set()
        self.seen: dict[str, Sighting] = {}

    def rename(self, block: Block) -> None:
        """Metrics that are reported under another name get theirs."""
        renamed = self._mappings.renamed
        if renamed and not renamed.keys().isdisjoint(block.values):
            block.values = {renamed.get(name, name): v for name, v in block.values.items()}

    def of_span(self, event: Event, rev: int) -> list[Block]:
        """Rows at steps of the run that a span gives. Those that are numbered instead are appended
        at once: each metric has one more point."""
        rows = []
        for rule in self._mappings.spans.get(str(event.fields.get("name")), ()):
            step, metrics = rule.row(event.fields, event.step)
            metrics = {n: value for n, value in metrics.items() if self._has_room(n)}
            self._of_spans |= metrics.keys()
            if step == COUNTED:
                self._number(event.ts, metrics, rev)
            elif metrics:
                at = None if step is None else array("d", [step])
                columns = {name: (value,) for name, value in metrics.items()}
                rows.append(Block(array("d", [event.ts]), at, columns, "otlp"))
        return rows

    def _number(self, ts: float, metrics: dict[str, float], rev: int) -> None:
        """These are no steps of the run, whose newest step stays."""
        step = self._store.step
        for name, value in metrics.items():
            column = self._store.column(name)
            if column is not None:
                fresh = not len(column) or column.stage != self._store.stage
                at = array("d", [0.0 if fresh else column.last_step + 1])
                row = Block(array("d", [ts]), at, {name: (value,)}, "otlp")
                self._store.append(row, rev=rev, from_hook=False)
        self._store.step = step

    def _has_room(self, name: str) -> bool:
        columns = self._store.columns
        return name in columns or len(columns) < MAX_COLUMNS

    def of_log(self, told: Told, rev: int) -> list[Event]:
        """Append what lines said, and give out the events they make. What spans report of a metric
        is left out of the log, as what the hook reports is."""
        step = self._store.step
        for at, clock, metrics in told.rows:
            free = (n for n in metrics if n not in self._of_spans and self._has_room(n))
            own = {name: (metrics[name],) for name in free}
            if own:
                row = Block(array("d", [clock]), array("d", [float(at)]), own)
                self._store.append(row, rev=rev, from_hook=False)
        self._store.step = step
        for rule, at_step, clock, said in told.seen:
            before = self.seen.get(rule)
            count = before.count + 1 if before else 1
            self.seen[rule] = Sighting(clock, at_step, said, count)
        return [Event(ts=ts, kind="span", step=at, fields=f) for at, ts, f in told.events]
