"""The trainer's output as a source: read, indexed, and parsed for what the hook did not tell."""

from __future__ import annotations

import contextlib
import re
import time
from array import array
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.declared_log import DeclaredLog, Told
from nanochat_host.core.telemetry.decode import Block
from nanochat_host.core.telemetry.logindex import LogIndex
from nanochat_host.core.telemetry.loglevel import plain
from nanochat_host.core.telemetry.logparse import LogParser, Reading
from nanochat_host.core.telemetry.mappings import NO_MAPPINGS, Mappings
from nanochat_host.core.telemetry.tail import Tail

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} - ")
_Row = tuple[tuple[int, tuple[str, ...]], int, float, tuple[float, ...]]


@dataclass
class LogNews:
    """What a slice of the log said. blocks: each with how many scripts began in the slice before
    it; scripts: how many in all. told: what packs have declared of its lines."""

    blocks: list[tuple[int, Block]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    scripts: int = 0
    told: Told = field(default_factory=Told)


class LogSource:
    """Reads `out.log` in slices. Lines carry no time of their own: while the log is followed a
    line's time is when it was read; in an old log it is pieced together from logger stamps and
    step times, and never later than the file's last change."""

    def __init__(self, path: Path, mappings: Mappings = NO_MAPPINGS) -> None:
        self.tail = Tail(path)
        self.index = LogIndex()
        self.parser = LogParser()
        self.declared = DeclaredLog(mappings)
        self.clock = 0.0

    def restart(self) -> None:
        """The file was replaced: begin again."""
        self.index, self.parser, self.clock = LogIndex(), LogParser(), 0.0
        self.declared = DeclaredLog(self.declared.mappings)

    def read(self, limit: int, *, following: bool) -> LogNews | None:
        """Read about `limit` bytes; None if there is nothing to read."""
        chunk = self.tail.read(limit)
        if not chunk:
            return None
        self.index.grow(chunk)
        return self._parse(chunk, Reading(), following=following)

    def finish(self) -> LogNews:
        """Read a last line without newline and give out what was waiting for more."""
        chunk = self.tail.rest()
        self.index.grow(chunk)
        out = Reading()
        news = self._parse(chunk, out, following=False)
        self.parser.finish(out)
        self.declared.close(news.told)
        rest = self._news(out, [])
        rest.blocks, rest.told = news.blocks, news.told
        return rest

    def _parse(self, chunk: bytes, out: Reading, *, following: bool) -> LogNews:
        latest = self._latest(following=following)
        rows: list[_Row] = []
        told, mapped = Told(), bool(self.declared.mappings.signature)
        at = 0
        while (span := self._next_line(chunk, at)) is not None:
            line, at = chunk[span[0] : span[1]], span[1] + 1
            before = len(out.rows)
            if mapped and self.parser.in_sample and self.declared.claims(plain(line)):
                self.parser.end_sample(out)
            self.parser.feed(line, out)
            if stamp := _STAMP.search(line):
                with contextlib.suppress(ValueError, OverflowError):
                    self.clock = time.mktime(time.strptime(stamp[1].decode(), "%Y-%m-%d %H:%M:%S"))
            for step, metrics in out.rows[before:]:
                passed = self.clock + metrics.get("train/dt", 0.0)
                self.clock = latest if following else min(latest, passed)
                rows.append(
                    ((out.scripts, tuple(metrics)), step, self.clock, tuple(metrics.values()))
                )
            if mapped:
                clock = latest if following else self.clock or latest
                self.declared.feed(
                    plain(line), self.parser.step, self.parser.coming_step, clock, told
                )
        self.clock = self.clock or latest
        news = self._news(out, rows)
        news.told = told
        return news

    def _news(self, out: Reading, rows: list[_Row]) -> LogNews:
        blocks = []
        for (scripts, keys), same in groupby(rows, key=lambda row: row[0]):
            _, steps, times, values = zip(*same, strict=True)
            columns: dict[str, Any] = dict(zip(keys, zip(*values, strict=True), strict=True))
            blocks.append((scripts, Block(array("d", times), array("d", steps), columns)))
        for kind, _, fields in out.events:
            if kind == "checkpoint":
                _measure(Path(fields["dir"]), fields["files"])
        events = [Event(ts=self.clock, kind=k, step=s, fields=f) for k, s, f in out.events]
        return LogNews(blocks, events, out.facts, out.scripts)

    def _latest(self, *, following: bool) -> float:
        if not following:
            with contextlib.suppress(OSError):
                return self.tail.path.stat().st_mtime
        return time.time()

    def _next_line(self, chunk: bytes, at: int) -> tuple[int, int] | None:
        """The next line from `at`, a line's start, that may say something. While a sample
        or a declared block is open that is every line."""
        if at < len(chunk) and not (self.parser.in_sample or self.declared.in_block):
            found = self.declared.mappings.relevant.search(chunk, at)
            at = found.start() if found else len(chunk)
        if at >= len(chunk):
            return None
        end = chunk.find(b"\n", at)
        return at, len(chunk) if end < 0 else end


def _measure(folder: Path, files: dict[str, int]) -> None:
    """Fill in the sizes of files that are on this machine."""
    for name in files:
        with contextlib.suppress(OSError):
            files[name] = (folder / name).stat().st_size
