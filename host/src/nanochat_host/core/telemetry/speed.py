"""How fast a run computes, for plans of the next one."""

from __future__ import annotations

from math import isfinite
from statistics import median

from nanochat_host.core.telemetry.facts import TelemetryFacts
from nanochat_host.core.telemetry.store import Store

PER_TOKEN = ("num_flops_per_token", "flops_per_token")
"""What the trainer calls the FLOPs of a token, forward and backward."""
STEPS = 100


def flops_per_s(facts: TelemetryFacts, store: Store) -> float:
    """Median of the newest steps, over all processes; what was known before if they do not tell."""
    known = (facts.facts.get(name) for name in PER_TOKEN)
    per_token = next((value for value in known if value), 0)
    column = store.columns.get("train/tok_per_sec")
    if column is None or not isinstance(per_token, int | float):
        return facts.flops_per_s
    first = max(column.spans.start, len(column) - STEPS)
    rates = [r for r in column.points.read(first, len(column))[2] if isfinite(r) and r > 0]
    return median(rates) * per_token if rates and per_token > 0 else facts.flops_per_s
