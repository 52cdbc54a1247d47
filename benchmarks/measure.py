"""Small words for figures: percentiles, and a line that says whether a goal was met."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], p: float) -> float:
    """The p-th percentile (0..100), nearest rank. NaN of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(p / 100 * (len(ordered) - 1))))]


def spread(values: Sequence[float], unit: str = "ms", scale: float = 1e3) -> str:
    """p50, p95 and p99 of seconds, in `unit`."""
    points = (percentile(values, p) * scale for p in (50, 95, 99))
    return " / ".join(f"{v:.1f}" for v in points) + f" {unit}"


def report(name: str, value: float, goal: float, unit: str, *, floor: str = "") -> bool:
    """Print a figure beside its goal (smaller is better). Returns whether it was met."""
    met = value <= goal
    print(
        f"{'met   ' if met else 'MISSED'} {name}: {value:.3g} {unit} (goal {goal:g}{floor})",
        flush=True,
    )
    return met


def quiet_note() -> str:
    """How busy the machine was: ratios hold, milliseconds may not."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def median(values: Sequence[float]) -> float:
    """Median, NaN of nothing."""
    return statistics.median(values) if values else float("nan")
