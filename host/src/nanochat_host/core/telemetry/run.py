"""The telemetry of one run: its sources read in slices into columns, events and facts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import isfinite
from typing import Any

from nanochat_sdk.data import Event, Series

from nanochat_host.core.telemetry import index as index_file
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.decode import Block, decode
from nanochat_host.core.telemetry.facts import (
    TelemetryFacts,
    fold_error,
    fold_event,
    fold_scalars,
)
from nanochat_host.core.telemetry.globs import means
from nanochat_host.core.telemetry.heard import Heard
from nanochat_host.core.telemetry.history import History
from nanochat_host.core.telemetry.index import RunIndex
from nanochat_host.core.telemetry.logindex import LogIndex
from nanochat_host.core.telemetry.logsource import LogNews, LogSource
from nanochat_host.core.telemetry.mapped import Mapped
from nanochat_host.core.telemetry.mappings import NO_MAPPINGS, Mappings
from nanochat_host.core.telemetry.metrics import only_in_log, spec
from nanochat_host.core.telemetry.preview import Preview
from nanochat_host.core.telemetry.records import StoreDamagedError
from nanochat_host.core.telemetry.speed import flops_per_s
from nanochat_host.core.telemetry.store import Store
from nanochat_host.core.telemetry.tail import Tail
from nanochat_host.core.wire import MetricInfo
from nanochat_host.paths import RunPaths

logger = logging.getLogger(__name__)
SLICE_BYTES = 96 * 1024
LOG_SLICE_BYTES = 24 * 1024
MAX_PATTERNS = 1024
"""Of which it is remembered what they match."""
PREVIEW_BYTES = 8 * 1024 * 1024
REMAPPED = "what packs declare has changed"
_HEADLINES = (("train/loss_raw", "loss"), ("train/loss", "loss"), ("val/bpb", "val_bpb"))
"""A smoothed loss goes before a raw one of the same step."""
HELD_BYTES = 64 * 1024 * 1024
"""While the disk refuses, so much waits in memory; then reading waits. The events are safe."""


class RunTelemetry:
    """One run's columns, events, facts and log. `slice` does a few milliseconds of work.

    live: the run goes on. caught_up: everything written so far was read. held_up: the disk refuses,
    reading waits. rev: newest revision of anything; clock gives revisions. new_events: taken by
    whoever tells subscribers. outside: sources that report to the core by themselves. was_live: it
    went on while it was followed. mapped: what packs' declarations make of log and spans.
    """

    def __init__(
        self,
        run: RunPaths,
        clock: Callable[[], int],
        *,
        live: bool,
        mappings: Mappings = NO_MAPPINGS,
    ) -> None:
        self.run = run
        self.live = self.was_live = live
        self.mappings = mappings
        self.caught_up = False
        self.settled = False
        self.held_up = False
        self.new_events: list[Event] = []
        self.preview: Preview | None = None
        self.outside: dict[str, Heard] = {}
        self.rev = self.log_rev = self.facts_rev = clock()
        self._clock = clock
        self._reset()
        self._take_up()

    def _reset(self) -> None:
        self.store = Store(self.run.telemetry)
        self.series_cache: dict[Any, tuple[int, Series]] = {}
        self._matching: dict[str, tuple[int, list[Column]]] = {}
        self.full_facts = TelemetryFacts()
        self.history = History()
        self.events_tail = Tail(self.run.events_jsonl)
        self.log = LogSource(self.run.out_log, self.mappings)
        self.mapped = Mapped(self.mappings, self.store)

    @property
    def visible(self) -> Store:
        """The columns to answer from: a preview until a long file was read."""
        return self.preview.store if self.preview and self.preview.done else self.store

    def matching(self, pattern: str) -> list[Column]:
        """Columns a metric name or glob means, by name; remembered until there are more."""
        columns = self.visible.columns
        known = self._matching.get(pattern)
        if known is None or known[0] != len(columns):
            if len(self._matching) >= MAX_PATTERNS:  # panels may ask for another at each frame
                self._matching.clear()
            names = sorted(n for n in columns if means(pattern, n))
            known = self._matching[pattern] = (len(columns), [columns[n] for n in names])
        return [column for column in known[1] if len(column)]

    def metrics(self) -> list[MetricInfo]:
        """Every metric by name. Raises StoreDamagedError, OSError."""
        out = []
        for name, column in sorted(self.visible.columns.items()):
            if len(column):
                about, first = spec(name), column.points.read(0, 1)[0][0]
                value = column.last_value if isfinite(column.last_value) else None
                last = int(column.last_step)
                out.append(
                    MetricInfo(name, about.unit, len(column), int(first), last, value, about.help)
                )
        return out

    @property
    def facts(self) -> TelemetryFacts:
        """Facts, with the sources as they are now."""
        facts = self.preview.facts if self.preview and self.preview.done else self.full_facts
        log = self.log.tail
        facts.sources = {
            "hook": self._state(facts.hooked, facts.updated_at),
            "log": self._state(log.offset > 0, max(self.log.clock, log.changed_at)),
        }
        now = time.time()
        for name, heard in self.outside.items():
            facts.sources[name] = heard.state(now, live=self.live)
        return facts

    def _state(self, present: bool, newest: float) -> str:
        return Heard(newest if present else 0.0).state(time.time(), live=self.live)

    @property
    def memory_bytes(self) -> int:
        held = self.store.memory_bytes
        return held + (self.preview.store.memory_bytes if self.preview else 0)

    # -- reading ------------------------------------------------------------------------------

    def slice(self) -> bool:
        """Read the next few milliseconds' worth. True: there is more."""
        if self.held_up and not self._flush():
            return False
        if self.events_tail.refresh():
            self.restart("events.jsonl was truncated or replaced")
            return True
        if self._previewing():
            return True
        chunk = self.events_tail.read(SLICE_BYTES)
        if chunk:
            self._take_events(chunk)
            return True
        if self.preview:
            self._drop_preview()
        if self.log.tail.refresh():
            self.log.restart()
        news = self.log.read(LOG_SLICE_BYTES, following=self.caught_up and self.live)
        if news:
            self._take_log(news)
            return True
        self.caught_up = True
        if not self.live:
            self._take_rest()
        return False

    def _take_rest(self) -> None:
        """The run has ended: lines without a newline will get none, and nobody appends."""
        if not self.settled:
            if rest := self.events_tail.rest():
                self._take_events(rest)
            self._take_log(self.log.finish())
            self.settled = True
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self.events_tail.close()
        self.log.tail.close()

    def remap(self, mappings: Mappings) -> None:
        """Packs declare other things now: what was made of the sources is made anew."""
        changed = mappings.signature != self.mappings.signature
        self.mappings = mappings
        if changed:
            self.restart(REMAPPED, logging.INFO)

    def restart(self, why: str, level: int = logging.WARNING) -> None:
        """Forget everything and read anew from the sources."""
        logger.log(level, "telemetry read anew: %s", why, extra={"run": self.run.run_id})
        self.close()
        resets = self.events_tail.resets
        self.store.remove_files()
        self.preview = None
        self._reset()
        self.events_tail.resets = resets
        self.caught_up = self.settled = False
        self.rev = self.log_rev = self.facts_rev = self._clock()

    def _previewing(self) -> bool:
        """Take a step of the preview of a long file; False when there is none (left) to take."""
        if self.preview is None:
            if self.events_tail.behind <= PREVIEW_BYTES:
                return False
            self.preview = Preview(self.run.events_jsonl, self.events_tail.size)
        if self.preview.done:
            return False
        self.preview.advance(self._clock())
        if self.preview.done:
            self._matching.clear()
            self.rev = self.facts_rev = self._clock()
        return True

    def _drop_preview(self) -> None:
        self._matching.clear()
        self.series_cache.clear()
        self.preview = None
        self.rev = self.facts_rev = self._clock()
        for column in self.store.columns.values():
            column.rev = self.rev

    def _take_events(self, chunk: bytes) -> None:
        self.rev = rev = self._clock()
        decoded = decode(chunk)
        for item in decoded.items:
            if isinstance(item, Block):
                self._take_block(item, rev, from_hook=not item.source)
            else:
                self._take_event(item, rev)
        if decoded.bad:
            facts = self.full_facts
            if not facts.bad_lines:
                logger.warning("a line that is no event", extra={"line": decoded.sample})
            facts.bad_lines += decoded.bad
            facts.bad_sample = facts.bad_sample or decoded.sample
        self._flush()

    def _take_block(self, block: Block, rev: int, *, from_hook: bool = True) -> None:
        facts, store = self.full_facts, self.store
        self.mapped.rename(block)
        store.append(block, rev=rev, from_hook=from_hook)
        if block.step is not None:
            facts.step = int(store.step)
        facts.updated_at = max(facts.updated_at, block.ts[-1])
        for name, attribute in _HEADLINES:
            if name in block.values and name in store.columns:
                setattr(facts, attribute, store.columns[name].last_value)

    def _take_event(self, event: Event, rev: int) -> None:
        facts = self.full_facts
        if event.fields.get("what") == "stage" and event.kind == "state":
            self.store.stage += 1
            self.store.step = 0.0
        before = facts.updated_at
        fold_event(facts, event)
        facts.updated_at = before if event.kind == "alert" else facts.updated_at
        self.facts_rev = rev
        self.history.add(event, rev=rev)
        self.new_events.append(event)
        if event.kind == "span":
            for block in self.mapped.of_span(event, rev):
                self._take_block(block, rev, from_hook=False)

    def _take_log(self, news: LogNews) -> None:
        self.rev = self.log_rev = rev = self._clock()
        facts = self.full_facts
        if news.facts:
            self.facts_rev = rev
            known = {"num_steps", *facts.facts} if facts.hooked and facts.num_steps else set()
            fold_scalars(facts, {k: v for k, v in news.facts.items() if k not in known})
        stage, step, newest = self.store.stage, self.store.step, facts.step
        for scripts, block in news.blocks:
            if facts.hooked:
                block.values = {k: v for k, v in block.values.items() if only_in_log(k)}
            else:
                self.store.stage = stage + scripts
            if block.values:
                self._take_block(block, rev, from_hook=False)
        if facts.hooked:  # it says where the run is; a log read after it would go back
            self.store.step, facts.step = step, newest
        self.store.stage = stage + (0 if facts.hooked else news.scripts)
        for event in news.events:
            self._take_log_event(event, rev)
        for event in self.mapped.of_log(news.told, rev):
            self.history.add(event, rev=rev)
            self.new_events.append(event)
        self._flush()

    def _take_log_event(self, event: Event, rev: int) -> None:
        facts = self.full_facts
        if event.kind == "state":
            if event.fields.get("what") == "error" and not facts.last_error:
                fold_error(facts, event.fields["type"], event.fields["message"])
                self.facts_rev = rev
            return
        told = facts.samples_hooked if event.kind == "sample" else facts.hooked
        if told:
            return
        self.history.add(event, rev=rev)
        self.new_events.append(event)

    # -- disk ---------------------------------------------------------------------------------

    def _flush(self) -> bool:
        """Write what is due. False: the disk refuses, and too much is waiting."""
        try:
            self.run.telemetry.mkdir(exist_ok=True)
            self.store.flush()
        except OSError as error:
            if not self.held_up and self.store.memory_bytes > HELD_BYTES:
                logger.warning("reading waits: %s", error, extra={"run": self.run.run_id})
                self.held_up = True
            return not self.held_up
        self.held_up = False
        return True

    def save(self) -> bytes:
        """Write all columns; the index file's bytes, for the caller to write. Raises OSError."""
        self.run.telemetry.mkdir(exist_ok=True)
        self.store.flush(full=True)
        self.full_facts.flops_per_s = flops_per_s(self.full_facts, self.store)
        log = self.log.index
        return index_file.encode(
            RunIndex(
                index_file.VERSION, self.store.index(), self.events_tail.mark(),
                self.log.tail.mark(), self.full_facts, self.history.all(), log.lines,
                log.offsets.tolist(), log.numbers.tolist(), self.log.parser.step,
                self.log.parser.num_steps, self.log.clock, self.settled, self.mappings.signature,
            )
        )  # fmt: skip

    def _take_up(self) -> None:
        """Go on where an earlier core left off, if its files are whole and of these sources."""
        try:
            found = index_file.read(self.run.telemetry)
            if found is None:
                self.store.remove_files()
                return
            if found.mappings != self.mappings.signature:
                self.restart(REMAPPED, logging.INFO)
                return
            if not (self.events_tail.resume(found.events) and self.log.tail.resume(found.log)):
                raise StoreDamagedError("events.jsonl or out.log is another file now")
            self.store.load(found.store, rev=self.rev)
        except (StoreDamagedError, OSError) as error:
            self.restart(str(error))
            return
        self.full_facts = found.facts
        self.history = History(found.history, rev=self.rev)
        self.log.index = LogIndex(
            found.log_lines, found.log.offset, found.log_offsets, found.log_numbers
        )
        self.log.parser.step, self.log.parser.num_steps = found.log_step, found.log_steps
        self.log.parser.trained = found.log_step
        self.log.clock = found.log_clock
        self.settled = found.settled and not self.live
