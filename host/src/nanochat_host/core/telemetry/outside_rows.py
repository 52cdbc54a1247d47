"""What others report about a run, as lines of its events.jsonl.

Written down like everything else, so that it survives a restart. A value is left out if the run has
it already for that step: the hook and the log come first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from nanochat_host.core.telemetry.decode import number

MAX_TEXT = 64 * 1024
Known = Callable[[str], float]
"""Metric name to the newest step the run has of it; -inf if none."""


def metric_rows(
    rows: Iterable[dict[str, Any]], source: str, known: Known, *, now: float | None = None
) -> list[dict[str, Any]]:
    """Rows as W&B keeps them (`_step`, `_timestamp`, and `step` where the script logs it) to metric
    lines."""
    out = []
    for row in rows:
        step = number(row.get("step", row.get("_step")))
        stamp = number(row.get("_timestamp"))
        at = stamp if stamp else (time.time() if now is None else now)
        line: dict[str, Any] = {"ts": round(at, 3), "kind": "metric", "source": source}
        if step is not None and step - step == 0.0:
            line["step"] = int(step)
        values = {
            name: value
            for name, value in row.items()
            if _is_metric(name, value) and (step is None or known(name) < step)
        }
        if values:
            out.append(line | values)
    return out


def _is_metric(name: str, value: Any) -> bool:
    if name.startswith(("_", "system/")) or name in ("step", "ts", "kind", "source"):
        return False
    return not isinstance(value, bool) and number(value) is not None


def clipped(value: Any) -> Any:
    """An attribute no longer than what a line should hold."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + "[cut]"
    return value
