"""Everything a report says, asked from the core once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from nanochat_sdk import format as fmt
from nanochat_sdk.capabilities import Capability
from nanochat_sdk.data import Data, Event, Needs, Series, SeriesQuery

from nanochat_host.core.calls_checkpoints import report_card
from nanochat_host.core.results.measures import order
from nanochat_host.core.wire import MetricInfo, Query, QueryItem, RunDetail
from nanochat_host.core.wire_checkpoints import CardEntry
from nanochat_host.errors import NanochatCliError

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient

COLUMNS = 400
CHARTS = (
    ("Training loss", ("train/loss", "train/loss_raw")),
    ("Validation", ("val/bpb", "val/loss")),
    ("Throughput", ("train/tok_per_sec",)),
    ("MFU", ("train/mfu",)),
    ("Gradient norm", ("train/grad_norm",)),
    ("Learning-rate multiplier", ("train/lrm",)),
    ("Time of a step", ("time/forward_backward", "time/optimizer", "time/data", "time/wait")),
    ("Task accuracy", ("core_metric", "chatcore_metric")),
)
"""Title and the metrics drawn in it; a chart without data is left out."""
_KINDS = ["alert", "checkpoint", "sample", "state"]


@dataclass
class Chart:
    """series: those that have data."""

    title: str
    series: list[Series]


@dataclass
class Report:
    """facts: name to value, for the head. options: those set, by name. card: what was evaluated
    in the run's checkout."""

    detail: RunDetail
    facts: list[tuple[str, str]]
    options: list[tuple[str, str]]
    charts: list[Chart]
    metrics: list[MetricInfo]
    events: list[Event]
    commands: list[str]
    card: list[CardEntry] = field(default_factory=list)

    @property
    def title(self) -> str:
        facts = self.detail.summary.facts
        return f"{facts.name or facts.id}"

    def of_kind(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


def gather(client: CoreClient, run_id: str, commands: list[str]) -> Report:
    """Ask the core. commands: the shell lines that repeat the run."""
    detail = client.run(run_id)
    wanted = [metric for _, metrics in CHARTS for metric in metrics]
    queries = tuple(SeriesQuery(metric, COLUMNS) for metric in wanted)
    item = QueryItem(Needs(series=queries, config=True), granted=[c.value for c in Capability])
    raw = client.query(Query(run_id, [item])).answers[0].data
    data = msgspec.msgpack.decode(raw, type=Data) if raw else Data()
    charts = [
        Chart(title, found)
        for title, metrics in CHARTS
        if (found := [data.series[m] for m in metrics if data.series.get(m)])
    ]
    options = [(name, _text(value)) for name, value in sorted(data.config.items())]
    events = client.events(run_id, _KINDS, 2000)
    return Report(
        detail, _facts(detail), options, charts, client.metrics(run_id), events, commands,
        _card(client, detail.record.checkout),
    )  # fmt: skip


def _card(client: CoreClient, checkout: str) -> list[CardEntry]:
    """Evaluations of the checkout's models; none of one that is not registered (any more)."""
    try:
        return client.ask(report_card(checkout)).entries
    except NanochatCliError:
        return []


def card_table(entries: list[CardEntry]) -> tuple[list[str], list[list[str]]]:
    """Heading and rows: a model a row, a measure a column."""
    models: dict[tuple[str, str], dict[str, float]] = {}
    for entry in entries:
        models.setdefault((entry.stage, entry.tag), {})[entry.measure] = entry.value
    names = sorted({entry.measure for entry in entries}, key=order)
    rows = [
        [stage, tag, *(f"{found[name]:.4f}" if name in found else "" for name in names)]
        for (stage, tag), found in models.items()
    ]
    return ["stage", "tag", *names], rows


def _facts(detail: RunDetail) -> list[tuple[str, str]]:
    facts, record = detail.summary.facts, detail.record
    end = facts.ended_at or time.time()
    took = fmt.duration(end - facts.started_at) if facts.started_at else ""
    hours = max(0.0, end - facts.started_at) / 3600 if facts.started_at else 0.0
    rows = [
        ("run", facts.id),
        ("state", f"{facts.state}{': ' + facts.reason if facts.reason else ''}"),
        ("stages", ", ".join(facts.pipeline)),
        ("checkout", record.checkout),
        ("commit", f"{record.commit[:12]}{' with local changes' if record.dirty else ''}"),
        ("prefab", record.prefab),
        ("device", facts.device),
        ("processes", str(facts.world_size)),
        ("started", _clock(facts.started_at)),
        ("took", took),
        ("step", f"{facts.step:,} of {facts.num_steps:,}" if facts.num_steps else str(facts.step)),
        ("tokens", fmt.short(facts.step * facts.tokens_per_step) if facts.tokens_per_step else ""),
        ("training loss", fmt.number(detail.summary.loss, 5)),
        ("validation bpb", fmt.number(detail.summary.val_bpb, 5)),
        ("cost", fmt.dollars(hours * record.cost_per_hour) if record.cost_per_hour else ""),
        ("tokenizer", record.tokenizer_sha256[:16]),
        ("parent checkpoint", record.parent_checkpoint),
    ]
    return [(name, value) for name, value in rows if value and value != fmt.UNKNOWN]


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
