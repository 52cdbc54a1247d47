"""Runs side by side: one metric of each along an axis they share, and how their starts differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanochat_sdk.data import RunFacts, SeriesQuery

from nanochat_host.core.telemetry.answer import extreme, series
from nanochat_host.core.telemetry.column import Column
from nanochat_host.core.telemetry.metrics import SPECS, spec
from nanochat_host.core.telemetry.records import StoreDamagedError
from nanochat_host.core.telemetry.run import RunTelemetry
from nanochat_host.core.telemetry.speed import PER_TOKEN
from nanochat_host.core.wire import RunRecord
from nanochat_host.core.wire_compare import (
    ComparedRun,
    CompareRuns,
    Comparison,
    Difference,
    SharedMetric,
)

FIRST_CHOICES = ("train/loss", "train/loss_raw", "val/bpb", "val/loss", "core_metric")
_KNOWN = {found.pattern: place for place, found in enumerate(SPECS)}
_OWN_WORDS = ("run", "model_tag", "name")
"""Options that only name a run: they always differ and say nothing."""


@dataclass
class Subject:
    """A run to compare. telemetry None: nothing of it was read yet."""

    facts: RunFacts
    record: RunRecord
    telemetry: RunTelemetry | None

    @property
    def columns(self) -> dict[str, Column]:
        found = self.telemetry.visible.columns if self.telemetry else {}
        return {name: column for name, column in found.items() if len(column)}

    @property
    def live(self) -> bool:
        run = self.telemetry
        return run is None or run.live or not run.caught_up


def compare(subjects: Sequence[Subject], wish: CompareRuns) -> Comparison:
    """Answer `wish`."""
    stamp = _stamp(subjects)
    if wish.seen == stamp:
        return Comparison(stamp)
    metrics = _metrics(subjects)
    metric = wish.metric or _first_choice(metrics)
    about = spec(metric)
    return Comparison(
        stamp,
        metric,
        about.unit,
        about.lower,
        [_try(subject, metric, wish) for subject in subjects],
        metrics,
        differences([subject.record for subject in subjects]),
    )


def _stamp(subjects: Sequence[Subject]) -> str:
    """Another text whenever an answer would be another one."""
    parts = [
        f"{s.facts.id} {s.facts.state} {s.live} {s.telemetry.rev if s.telemetry else 0}"
        for s in subjects
    ]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def _metrics(subjects: Sequence[Subject]) -> list[SharedMetric]:
    """Those that most runs have first, then in the order of `metrics.SPECS`, then by name."""
    count = Counter(name for subject in subjects for name in subject.columns)

    def order(name: str) -> tuple[int, int, str]:
        return -count[name], _KNOWN.get(spec(name).pattern, len(_KNOWN)), name

    return [
        SharedMetric(name, spec(name).unit, count[name], spec(name).help)
        for name in sorted(count, key=order)
    ]


def _first_choice(metrics: list[SharedMetric]) -> str:
    shared = [m.name for m in metrics if m.runs == metrics[0].runs]
    return next((name for name in FIRST_CHOICES if name in shared), shared[0] if shared else "")


def _try(subject: Subject, metric: str, wish: CompareRuns) -> ComparedRun:
    """One run; of a damaged history only the remark, and it is read anew from the events."""
    try:
        return _one(subject, metric, wish)
    except (StoreDamagedError, OSError) as error:
        if subject.telemetry is not None:
            subject.telemetry.restart(str(error))
        return ComparedRun(subject.facts, note="is being read anew", live=True)


def _one(subject: Subject, metric: str, wish: CompareRuns) -> ComparedRun:
    column = subject.columns.get(metric)
    out = ComparedRun(subject.facts, live=subject.live)
    if column is None:
        out.note = f"does not record {metric}" if metric else "has recorded nothing yet"
        return out
    scale, out.note = _scale(subject, wish.x)
    if scale is None:
        return out
    by_time = wish.x == "time"
    started = subject.facts.started_at or column.points.read(0, 1)[1][0]
    query = SeriesQuery(
        metric,
        wish.columns,
        "time" if by_time else "tokens",
        wish.start,
        wish.end,
    )
    about = spec(metric)
    out.series = series(
        column, query, unit=about.unit, started_at=started, tokens_per_step=scale or 1.0
    )
    out.points = len(column)

    def at(point: tuple[float, float, float] | None) -> tuple[float, float] | None:
        if point is None or point[2] - point[2] != 0.0:
            return None
        return (point[1] - started if by_time else point[0] * scale, point[2])

    out.last = at((column.last_step, column.last_ts, column.last_value))
    if about.lower is not None:
        out.best = at(extreme(column, greatest=not about.lower))
    return out


def _scale(subject: Subject, x: str) -> tuple[float | None, str]:
    """x of one step, and a remark; None when the run does not say what that is."""
    if x in ("step", "time"):
        return 1.0, ""
    tokens = subject.facts.tokens_per_step
    if x == "tokens":
        return (float(tokens), "") if tokens else (None, "did not say how many tokens a step has")
    facts = subject.facts.facts
    per_token = next((facts[name] for name in PER_TOKEN if facts.get(name)), None)
    if tokens and isinstance(per_token, int | float):
        return tokens * float(per_token), ""
    total = subject.columns.get("total_training_flops")
    if total is not None and total.last_step > 0 and 0 < total.last_value < float("inf"):
        return total.last_value / total.last_step, "FLOPs a step: mean so far"
    return None, "did not say how many FLOPs a token takes"


def differences(records: Sequence[RunRecord]) -> list[Difference]:
    """Facts of the start and options in which the runs are not alike, facts first. A run without
    any options (somebody else started it) differs in none."""
    facts = [
        {
            "checkout": record.checkout,
            "commit": record.commit[:12] + ("+" if record.dirty else ""),
            "target": record.target,
            "prefab": record.prefab,
            "processes": str(record.world_size),
            "tokenizer": record.tokenizer_sha256[:12],
            "parent": record.parent_checkpoint,
        }
        for record in records
    ]
    options = [
        {k: _text(v) for k, v in record.config.items() if k not in _OWN_WORDS} for record in records
    ]
    return _unlike(facts, list(facts[0]) if facts else []) + _unlike(
        options, sorted({key for own in options for key in own})
    )


def _unlike(of: Sequence[dict[str, str]], keys: Sequence[str]) -> list[Difference]:
    known = [own for own in of if own]
    return [
        Difference(key, [own.get(key, "") for own in of])
        for key in keys
        if len({own.get(key, "") for own in known}) > 1
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
