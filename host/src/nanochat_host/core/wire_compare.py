"""Wire types of comparing runs: one request serves a whole screen."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from nanochat_sdk import format as fmt
from nanochat_sdk.data import RunFacts, Series
from nanochat_sdk.payload import Label

CompareAxis = Literal["step", "tokens", "flops", "time"]
"""step: optimizer steps; tokens: training tokens; flops: floating point operations; time: seconds
since the run began."""
MAX_RUNS = 16
Id = Annotated[str, Meta(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class CompareRuns(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/compare (msgpack). metric: "" lets the core choose one that the runs share. columns:
    buckets a curve. start, end: bounds of x. seen: the `stamp` of the answer the asker has."""

    runs: Annotated[list[Id], Meta(min_length=1, max_length=MAX_RUNS)]
    metric: Label = ""
    x: CompareAxis = "step"
    columns: Annotated[int, Meta(ge=1, le=2048)] = 320
    start: float | None = None
    end: float | None = None
    seen: Annotated[str, Meta(max_length=4096)] = ""


class ComparedRun(msgspec.Struct):
    """One run. series: None if it has nothing to draw, and `note` says why. last, best: (x, value);
    best is the least, or the greatest where more is better; None when nothing finite was recorded.
    points: recorded ones. live: it goes on, or is still being read."""

    facts: RunFacts
    series: Series | None = None
    last: tuple[float, float] | None = None
    best: tuple[float, float] | None = None
    points: int = 0
    note: str = ""
    live: bool = False


class SharedMetric(msgspec.Struct):
    """A metric that can be chosen. runs: how many of the runs have it."""

    name: str
    unit: str
    runs: int
    help: str = ""


class Difference(msgspec.Struct):
    """An option, or a fact of the start, in which the runs differ. values: in the order of the
    runs; "" where a run does not have it."""

    key: str
    values: list[str]


class Comparison(msgspec.Struct):
    """runs: in the order asked for; empty when nothing changed since `seen`. lower: smaller is
    better, None: neither. metrics: those most runs share first. differs: by name."""

    stamp: str
    metric: str = ""
    unit: str = ""
    lower: bool | None = None
    runs: list[ComparedRun] = []
    metrics: list[SharedMetric] = []
    differs: list[Difference] = []

    def labels(self) -> list[str]:
        """What to call each run here: its name, with the end of its id where that is shared."""
        names = [run.facts.name or run.facts.id for run in self.runs]
        shared = Counter(names)
        return [
            f"{name} {run.facts.id[-4:]}" if shared[name] > 1 else name
            for name, run in zip(names, self.runs, strict=True)
        ]


def place(value: float, x: CompareAxis) -> str:
    """A place on an axis, for people."""
    if x == "step":
        return f"{value:,.0f}"
    return fmt.duration(value) if x == "time" else fmt.short(value)
