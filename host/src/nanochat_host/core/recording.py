"""What a run left behind, as one stream in the order in which it happened: logs, events, spans.

Three kinds of files, told apart by their first line, each as it is or gzipped: what a trainer
printed; an `events.jsonl`; spans as JSON lines, as OTLP receivers write them (`name`, `start_ns`,
`end_ns`, `attributes`, `resource`). Lines of a log carry no time: they are laid out along the step
times it prints, and beside the other files by the first step they share.
"""

from __future__ import annotations

import gzip
import heapq
import re
import zlib
from ast import literal_eval
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import msgspec

from nanochat_host.core.telemetry.logparse import LogParser, Reading
from nanochat_host.core.telemetry.otlp_decode import Span
from nanochat_host.core.telemetry.otlp_rows import span_row
from nanochat_host.core.telemetry.tail import MAX_LINE_BYTES
from nanochat_host.errors import NotFoundError, UsageError
from nanochat_host.paths import open_file

Kind = Literal["log", "events", "spans"]
Row = dict[str, Any]
LINE_GAP_S = 0.05
"""Between lines of a log that prints no step times."""
MAX_HELD = 2000
"""Lines held back to be laid out along their step."""
MAX_ANCHORS = 2000
HEAD_LINES, HEAD_BYTES = 500, 2**20
"""Of a log, among which options are printed."""
_OVERRIDING = re.compile(r"Overriding: (?P<name>\w{1,80}) = (?P<value>.{0,500})")
_json = msgspec.json.Decoder()


@dataclass(frozen=True)
class Item:
    """at_s: seconds since the file's own beginning, or since the recording's. line: of the log,
    with its newline; or row: an event. step: the training step it belongs to, if it says so."""

    at_s: float
    line: bytes = b""
    row: Row | None = None
    step: int | None = None


@dataclass(frozen=True)
class Source:
    """A file of a recording. only: attributes that a span's resource must have."""

    path: Path
    kind: Kind
    only: Mapping[str, str]

    def items(self) -> Iterator[Item]:
        """In order; times never go back. Lines that cannot be read are left out."""
        with _open(self.path) as file:
            if self.kind == "log":
                yield from _log_items(file)
            else:
                yield from self._rows(file)

    def _rows(self, file: BinaryIO) -> Iterator[Item]:
        first, at = None, 0.0
        for row in _parsed(file):
            event = row if self.kind == "events" else self._of_span(row)
            if event is None or not isinstance(ts := event.get("ts"), int | float):
                continue
            first = ts if first is None else first
            at = max(at, float(ts - first))
            step = event.get("step")
            yield Item(at, row=event, step=step if isinstance(step, int) else None)

    def _of_span(self, row: Row) -> Row | None:
        resource, start = row.get("resource") or {}, row.get("start_ns") or 0
        if any(str(resource.get(key)) != value for key, value in self.only.items()):
            return None
        ms = ((row.get("end_ns") or start) - start) / 1e6
        span = Span(str(row.get("name")), start / 1e9, ms, resource, row.get("attributes") or {})
        return span_row(span)


class Recording:
    """Files of one run. Raises NotFoundError, or UsageError for a file that is none of these.

    only: attributes of the resources whose spans belong to it; where none are given and the log
    names its run, the spans of that `run.id` if there are any.
    """

    def __init__(self, files: Iterable[Path], only: Mapping[str, str] | None = None) -> None:
        kinds = [(path, kind_of(path)) for path in files]
        if not kinds:
            raise UsageError("there is nothing to replay", "give a log, an events.jsonl or spans")
        chosen = dict(only or {}) or _run_of(kinds)
        self.only = chosen
        self.sources = [Source(path, kind, chosen) for path, kind in kinds]
        self.name = self.sources[0].path.name.removesuffix(".gz").rpartition(".")[0] or "replay"

    def options(self) -> dict[str, Any]:
        """What the run was started with, as far as a log of it says."""
        logs = [source.path for source in self.sources if source.kind == "log"]
        return printed_options(logs[0]) if logs else {}

    def items(self) -> Iterator[Item]:
        """All files merged, along one clock that begins at 0."""
        starts = self._starts()
        streams = [_moved(s.items(), start) for s, start in zip(self.sources, starts, strict=True)]
        yield from heapq.merge(*streams, key=lambda item: item.at_s)

    def _starts(self) -> list[float]:
        """When each file begins: as their steps, or else their clocks, tell."""
        clocks = [_first_ts(source) for source in self.sources]
        known = [clock for clock in clocks if clock is not None]
        begin = min(known, default=0.0)
        starts = [0.0 if clock is None else clock - begin for clock in clocks]
        beside = next((i for i, clock in enumerate(clocks) if clock is not None), None)
        for i, clock in enumerate(clocks):
            if clock is None and beside is not None:
                starts[i] = _aligned(self.sources[i], self.sources[beside], starts[beside])
        least = min(starts)
        return [start - least for start in starts]


def kind_of(path: Path) -> Kind:
    """Told by the first line that is not empty. Raises NotFoundError or UsageError."""
    try:
        with _open(path) as file:
            head = next((line for line in _lines(file) if line.strip()), b"")
    except FileNotFoundError:
        raise NotFoundError(
            f"{path}: no such file", "give a log, an events.jsonl or spans"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: {error}", "give a log, an events.jsonl or spans") from None
    if not head:
        raise UsageError(f"{path} is empty")
    if b"\0" in head:
        raise UsageError(
            f"{path} is no text: it holds no event", "give a log, an events.jsonl or spans"
        )
    try:
        row = _json.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "log"
    if isinstance(row, dict) and "start_ns" in row and "attributes" in row:
        return "spans"
    if isinstance(row, dict) and "ts" in row and "kind" in row:
        return "events"
    return "log"


def _open(path: Path) -> BinaryIO:
    with open_file(path) as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb") if zipped else path.open("rb"))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """A line longer than anybody writes comes in pieces: it may be a disk's worth of zeros."""
    while line := file.readline(MAX_LINE_BYTES):
        yield line


def _parsed(file: BinaryIO) -> Iterator[Row]:
    for line in _lines(file):
        try:
            row = _json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def _log_items(file: BinaryIO) -> Iterator[Item]:
    """Lines along the times of the steps they belong to; a step's own line ends it."""
    parser, at = LogParser(), 0.0
    held: list[bytes] = []
    for raw in _lines(file):
        line = raw if raw.endswith(b"\n") else raw + b"\n"
        out = Reading()
        parser.feed(raw, out)
        dt = next((values["train/dt"] for _, values in out.rows if "train/dt" in values), None)
        held.append(line)
        if dt is not None or len(held) >= MAX_HELD:
            span = max(0.0, dt if dt is not None else LINE_GAP_S * len(held))
            step = parser.step if dt is not None else None
            yield from _laid_out(held, at, span, step)
            held, at = [], at + span
    yield from _laid_out(held, at, LINE_GAP_S * len(held), None)


def _laid_out(lines: list[bytes], at: float, span: float, step: int | None) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        own = step if number == len(lines) else None
        yield Item(at + span * number / len(lines), line, step=own)


def _first_ts(source: Source) -> float | None:
    """When the first event was, in seconds since 1970; None for a log."""
    if source.kind == "log":
        return None
    return next((float(i.row["ts"]) for i in source.items() if i.row), None)


def _aligned(log: Source, other: Source, start: float) -> float:
    """When the log begins, so that the first step both have falls together."""
    steps = dict(_anchors(log))
    for step, at in _anchors(other):
        if step in steps:
            return start + at - steps[step]
    return start


def _anchors(source: Source) -> Iterator[tuple[int, float]]:
    seen: set[int] = set()
    for item in source.items():
        if item.step is not None and item.step not in seen:
            seen.add(item.step)
            yield item.step, item.at_s
            if len(seen) >= MAX_ANCHORS:
                return


def _moved(items: Iterator[Item], by_s: float) -> Iterator[Item]:
    for item in items:
        yield Item(item.at_s + by_s, item.line, item.row, item.step)


def _run_of(kinds: list[tuple[Path, Kind]]) -> dict[str, str]:
    """The `run.id` of the spans that are the log's, if the log tells and there are such spans."""
    told = [name for path, kind in kinds if kind == "log" if (name := _printed(path).get("run"))]
    if not told:
        return {}
    wanted = {"run.id": told[0]}
    for path, kind in kinds:
        if kind == "spans" and next(Source(path, kind, wanted).items(), None) is not None:
            return wanted
    return {}


def printed_options(log: Path) -> dict[str, Any]:
    """Options that nanochat's configurator was given, as it prints them among the first lines; of
    one that is given twice the last value. Empty for scripts that print none, or a file that
    cannot be read. Blocks."""
    try:
        return {name: _value(text) for name, text in _printed(log).items()}
    except (OSError, EOFError, zlib.error):
        return {}


def _printed(log: Path) -> dict[str, str]:
    with _open(log) as file:
        head = file.read(HEAD_BYTES).split(b"\n")[:HEAD_LINES]
        lines = (line.decode("utf-8", "replace") for line in head)
        found = [each for line in lines if (each := _OVERRIDING.match(line))]
    return {each["name"]: each["value"].strip() for each in found}


def _value(text: str) -> Any:
    """A number or truth value as such, all else as text."""
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
