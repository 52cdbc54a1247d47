"""What packs declare about telemetry, compiled: which log lines and spans become which metrics."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from nanochat_sdk.declare import Declarations, SpanMap
from nanochat_sdk.declare_check import log_templates, prefix_of, span_step
from nanochat_sdk.template import Template, compile_template

from nanochat_host.core.telemetry.decode import number
from nanochat_host.core.telemetry.grammar import RELEVANT
from nanochat_host.core.telemetry.metrics import MetricSpec, is_known

COUNTED = -1
"""Step of a row that is numbered by its column."""


@dataclass(frozen=True)
class LogRule:
    """A line and the rows below it. coming: without a step it belongs to the one whose line is
    printed next. metrics: fields that count, others had an owner already."""

    line: Template
    rows: tuple[Template, ...]
    span: str
    coming: bool
    metrics: frozenset[str]


@dataclass(frozen=True)
class SpanRule:
    """Attributes of one span to metrics. fixed: (attribute, path into its JSON, metric); slots:
    patterns of attribute names."""

    counted: bool
    step: tuple[str, Template] | None
    where: Mapping[str, Any]
    json: frozenset[str]
    fixed: tuple[tuple[str, tuple[str, ...], str], ...]
    slots: tuple[tuple[Template, str], ...]

    def row(
        self, fields: Mapping[str, Any], step: int | None
    ) -> tuple[int | None, dict[str, float]]:
        """(step, metrics) of a span with these attributes; no metrics if it is none of ours."""
        if any(fields.get(name) != value for name, value in self.where.items()):
            return step, {}
        if self.step is not None:
            found = self.step[1].match(str(fields.get(self.step[0], "")))
            if found is None or found["step"] < 0:
                return step, {}
            step = found["step"]
        return COUNTED if self.counted else step, dict(self._values(fields))

    def _values(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        for attribute, path, metric in self.fixed:
            value = fields.get(attribute)
            if attribute in self.json:
                value = _inside(value, path)
            if (found := number(value)) is not None:
                yield metric, found
        for template, target in self.slots:
            for name, value in fields.items():
                slots = template.match(name)
                if slots is not None and (found := number(value)) is not None:
                    yield target.format(**slots), found


def _inside(text: Any, path: Sequence[str]) -> Any:
    """A value within JSON that is itself a text; None if it is not there."""
    try:
        value = msgspec.json.decode(text) if isinstance(text, str) else text
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (msgspec.DecodeError, LookupError, ValueError, TypeError, RecursionError):
        return None
    return value


@dataclass(frozen=True)
class Mappings:
    """seen: alert rules that wait for a line, by name. relevant: where lines begin that may say
    something, ours and the packs'. signature: changes with anything that is read differently."""

    logs: tuple[LogRule, ...] = ()
    spans: Mapping[str, tuple[SpanRule, ...]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, Template] = field(default_factory=dict)
    specs: tuple[MetricSpec, ...] = ()
    relevant: re.Pattern[bytes] = RELEVANT
    signature: str = ""


NO_MAPPINGS = Mappings()


def compile_mappings(packs: Sequence[tuple[str, Declarations]]) -> tuple[Mappings, dict[str, str]]:
    """The mappings of packs in order of their ids, and what did not count by pack: of two packs
    that write a metric the first does."""
    owners: dict[str, str] = {}
    lost: dict[str, str] = {}

    def own(pack: str, name: str) -> bool:
        if owners.setdefault(name, pack) == pack:
            return True
        lost.setdefault(pack, f"metric `{name}` is written by pack `{owners[name]}`, which is used")
        return False

    logs: list[LogRule] = []
    spans: dict[str, list[SpanRule]] = {}
    renamed: dict[str, str] = {}
    seen: dict[str, Template] = {}
    specs: list[MetricSpec] = []
    for pack, declared in packs:
        told = declared.telemetry
        for log in told.logs:
            line, rows = log_templates(log)
            names = {n for t in (line, *rows) for n in t.names if "/" in n}
            metrics = frozenset(name for name in names if own(pack, name))
            logs.append(LogRule(line, tuple(rows), log.span, log.step == "next", metrics))
        for span in told.spans:
            kept = {source: name for source, name in span.metrics.items() if own(pack, name)}
            spans.setdefault(span.span, []).append(_span_rule(span, kept))
        for metric in told.metrics:
            said = MetricSpec(metric.name, metric.unit, metric.help, metric.lower)
            if not any(fnmatchcase(metric.name, other.pattern) for other in specs):
                specs.append(said)
            if metric.source and is_known(metric.source):
                lost.setdefault(pack, f"metric `{metric.source}` is the program's and stays so")
            elif metric.source and own(pack, metric.name):
                renamed[metric.source] = metric.name
        for alert in declared.alerts:
            if alert.log:
                seen[f"{pack}:{alert.id}"] = compile_template(alert.log)
    heads = sorted({t.head for t in (*(rule.line for rule in logs), *seen.values())})
    if not (logs or spans or renamed or seen):
        return Mappings(specs=tuple(specs)), lost
    return Mappings(
        tuple(logs), {name: tuple(rules) for name, rules in spans.items()}, renamed, seen,
        tuple(specs), _relevant(heads), _signature(packs),
    ), lost  # fmt: skip


def _span_rule(span: SpanMap, metrics: Mapping[str, str]) -> SpanRule:
    fixed, slots = [], []
    for source, name in metrics.items():
        template = compile_template(source)
        attribute, _, path = source.partition("/")
        if template.names:
            slots.append((template, name))
        elif attribute in span.json:
            fixed.append((attribute, tuple(path.split("/")) if path else (), name))
        else:
            fixed.append((source, (), name))
    return SpanRule(
        span.step == "count", span_step(span), span.where, frozenset(span.json), tuple(fixed),
        tuple(slots),
    )  # fmt: skip


def _relevant(heads: Sequence[str]) -> re.Pattern[bytes]:
    """Lines that begin like ours or like one of the packs' templates."""
    words = b"|".join(re.escape(head.encode()) for head in heads)
    if not words:
        return RELEVANT
    return re.compile(RELEVANT.pattern + b"|^(?:\\x1b\\[[0-9;]*[A-Za-z])*(?:" + words + b")")


def _signature(packs: Sequence[tuple[str, Declarations]]) -> str:
    told = [(pack, d.telemetry, [a.log for a in d.alerts], prefix_of(pack, d)) for pack, d in packs]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
