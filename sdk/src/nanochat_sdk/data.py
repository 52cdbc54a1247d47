"""What a panel asks for and what it is sent.

A panel never sees raw history. It says which series it wants in how many columns, and the core
answers from its min/max pyramid at a cost that does not depend on the length of the run.
"""

from __future__ import annotations

import array
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nanochat_sdk.asks import Answer
from nanochat_sdk.payload import Floats, Label, unpack

XAxis = Literal["step", "time", "tokens"]
"""step: optimizer steps; time: seconds since the run started; tokens: training tokens seen."""
EventKind = Literal["metric", "log", "span", "sample", "checkpoint", "alert", "state"]

MAX_WILDCARDS = 8
"""Of one glob in `Needs`."""


class SeriesQuery(msgspec.Struct, frozen=True):
    """One metric in at most `columns` buckets. metric may be a glob ("chatcore/*", "gpu/*/util").
    start/end bound x (inclusive), None is open. Metrics under "sys/" and "gpu/" belong to the
    machine and are answered over time whatever x says."""

    metric: Label
    columns: Annotated[int, Meta(ge=1, le=2048)] = 160
    x: XAxis = "step"
    start: float | None = None
    end: float | None = None


class LogQuery(msgspec.Struct, frozen=True):
    """The last `lines` log lines that match. search: case-insensitive text. level: the least
    level shown."""

    lines: Annotated[int, Meta(ge=1, le=500)] = 100
    search: Label = ""
    level: Literal["all", "info", "warning", "error"] = "all"


class Needs(msgspec.Struct, frozen=True):
    """Everything a panel wants with each frame. Each part needs its capability (see
    `capabilities.NEEDED`): what was not granted stays empty and is named in `Data.denied`.

    latest: globs; the newest value of every metric that matches.
    events: kinds of events wanted, newest last, at most `max_events`. spans: names (globs) of the
    spans wanted where events has "span", `max_events` of each; all if empty. Large ones may be
    fewer than asked for.
    run: facts about the run. config: its effective options. machine: names of devices, totals.
    """

    series: Annotated[tuple[SeriesQuery, ...], Meta(max_length=64)] = ()
    latest: Annotated[tuple[Label, ...], Meta(max_length=64)] = ()
    events: Annotated[tuple[EventKind, ...], Meta(max_length=8)] = ()
    max_events: Annotated[int, Meta(ge=1, le=500)] = 50
    spans: Annotated[tuple[Label, ...], Meta(max_length=32)] = ()
    log: LogQuery | None = None
    run: bool = True
    config: bool = False
    machine: bool = False


class Series(msgspec.Struct, frozen=True):
    """A metric in buckets, oldest first. All columns have equal length and are packed float64.

    x: position of the bucket's last point. lo, hi, mean: over the bucket's finite points. n: how
    many points it stands for. nonfinite: x of points that were NaN or infinite (at most 64, the
    newest). total: points in the range asked for. best: (x, value) of the least finite value.
    """

    metric: Label
    x: Floats = b""
    lo: Floats = b""
    hi: Floats = b""
    mean: Floats = b""
    n: Floats = b""
    nonfinite: Floats = b""
    total: int = 0
    best: tuple[float, float] | None = None
    unit: Label = ""

    def xs(self) -> array.array[float]:
        """Bucket positions."""
        return unpack(self.x)

    def means(self) -> array.array[float]:
        """Bucket means."""
        return unpack(self.mean)

    def counts(self) -> array.array[float]:
        """Points a bucket stands for."""
        return unpack(self.n)

    def sum(self) -> float:
        """Of all points in the buckets; NaN if a bucket has no finite one."""
        return sum(mean * n for mean, n in zip(self.means(), self.counts(), strict=True))

    def __bool__(self) -> bool:
        return bool(self.x)


class Point(msgspec.Struct, frozen=True):
    """The newest value of a metric. ts: seconds since 1970, UTC. NaN and infinities as given."""

    value: float
    step: int
    ts: float
    unit: Label = ""


class Event(msgspec.Struct, frozen=True):
    """One event of the run. fields: what the kind carries (see docs/events.md)."""

    ts: float
    kind: EventKind
    step: int | None = None
    fields: dict[str, Any] = {}


class LogLine(msgspec.Struct, frozen=True):
    """One line of output, without its newline. n: its number in the log, from 0."""

    n: int
    text: str
    level: Literal["info", "warning", "error"] = "info"


class LogPage(msgspec.Struct, frozen=True):
    """Answer to a LogQuery. total: lines in the log; matched: lines that match."""

    lines: list[LogLine] = []
    total: int = 0
    matched: int = 0


RunState = Literal["queued", "starting", "running", "paused", "stopping", "done", "failed", "lost"]
"""lost: the machine went down, or nobody was left to see the exit code."""


class RunFacts(msgspec.Struct, frozen=True):
    """Facts about the run on show. Times in seconds since 1970, 0 when not reached.

    num_steps: steps planned, 0 when unknown. tokens_per_step: tokens of one optimizer step over
    all ranks. cost_per_hour: US dollars, 0 when no rate is set. pipeline: titles of the run's
    stages in order, stage_index the active one. sources: telemetry source to "live", "stale 3 min",
    "ended" (with the run), "retrying" or "off". facts: scalars the trainer knew when its
    loop began (num_params, flops_per_token ...).
    """

    id: str
    name: str
    state: RunState
    stage: str = ""
    checkout: str = ""
    commit: str = ""
    dirty: bool = False
    device: str = ""
    world_size: int = 1
    created_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    exit_code: int | None = None
    reason: str = ""
    step: int = -1
    num_steps: int = 0
    tokens_per_step: int = 0
    cost_per_hour: float = 0.0
    hooked: bool = False
    pipeline: list[str] = []
    stage_index: int = 0
    stage_started_at: float = 0.0
    sources: dict[str, str] = {}
    facts: dict[str, Any] = {}


class GpuInfo(msgspec.Struct, frozen=True):
    """A GPU as NVML names it. memory_bytes: total VRAM. power_limit_w: watts, 0 unknown."""

    index: int
    name: str
    memory_bytes: int
    power_limit_w: float = 0.0


class MachineFacts(msgspec.Struct, frozen=True):
    """The machine the core runs on. gpu_note: why there is no GPU to show, "" when there is."""

    hostname: str = ""
    cpu_count: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    disk_path: str = ""
    gpus: list[GpuInfo] = []
    gpu_note: str = ""


class Data(msgspec.Struct, frozen=True):
    """What a panel is sent with a frame: the answer to its Needs.

    series: by metric name, globs expanded. denied: permissions the panel lacks. answers: to what it
    asked with `Panel.ask`, by number; each comes once, beside the data as it last was.
    """

    now: float = 0.0
    run: RunFacts | None = None
    series: dict[str, Series] = {}
    latest: dict[str, Point] = {}
    events: list[Event] = []
    log: LogPage | None = None
    config: dict[str, Any] = {}
    machine: MachineFacts | None = None
    denied: list[str] = []
    answers: dict[int, Answer] = {}
