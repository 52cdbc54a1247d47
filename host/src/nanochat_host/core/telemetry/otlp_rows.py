"""OTLP spans and points as lines of events.jsonl."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from nanochat_host.core.telemetry.otlp_decode import Point, Span
from nanochat_host.core.telemetry.outside_rows import clipped

_TAKEN = frozenset({"ts", "kind", "step", "name", "ms", "source", "service", "error"})
_IN_SESSION = re.compile(r"(?:^|_)step_(\d+)(?:_|$)")
_BATCH_STEP = re.compile(r"(?:^|[._])(?:global_)?step$")
MAX_ATTRIBUTES = 128
EARLIEST_S = 1e9
"""Times before 2001 are a clock that was not set; such a span is dated as it comes."""


def span_row(span: Span) -> dict[str, Any]:
    """A span's line. Attributes keep their names; `step` is taken from an attribute `step`, or from
    a session id such as `train_step_12_sample_0`."""
    row: dict[str, Any] = {"ts": _when(span.start_s), "kind": "span"}
    step = step_of(span.attributes)
    if step is not None:
        row["step"] = step
    row |= {"name": span.name[:200], "ms": round(max(0.0, span.ms), 4), "source": "otlp"}
    if service := span.resource.get("service.name"):
        row["service"] = clipped(service)
    if span.error:
        row["error"] = True
    for name, value in list(span.attributes.items())[:MAX_ATTRIBUTES]:
        row[f"attr.{name}" if name in _TAKEN else name[:200]] = clipped(value)
    return row


def point_row(point: Point) -> dict[str, Any]:
    """A point's line; attributes that tell series apart go into the name."""
    step = step_of(point.attributes)
    parts = [f"{k}={v}" for k, v in sorted(point.attributes.items()) if not _BATCH_STEP.search(k)]
    name = "/".join([point.name, *parts])[:200]
    row: dict[str, Any] = {"ts": _when(point.ts), "kind": "metric", "source": "otlp"}
    if step is not None:
        row["step"] = step
    return row | {name: point.value}


def step_of(attributes: Mapping[str, Any]) -> int | None:
    """The training step attributes speak of, None if none."""
    for name, value in attributes.items():
        if isinstance(value, int) and not isinstance(value, bool) and _BATCH_STEP.search(name):
            return value if 0 <= value < 2**53 else None
    for name, value in attributes.items():
        found = _IN_SESSION.search(str(value)) if name.endswith("session_id") else None
        if found:
            return int(found[1][:15])
    return None


def _when(seconds: float) -> float:
    return round(seconds if seconds > EARLIEST_S else time.time(), 6)
