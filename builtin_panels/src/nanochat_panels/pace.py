"""How long a step takes by the clock on the wall, evaluations and saves included."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Data
from nanochat_sdk import format as fmt

DT, RATE = "train/dt", "train/tok_per_sec"


class Pace(NamedTuple):
    """seconds_per_step, and `how` it is known, for people."""

    seconds_per_step: float
    how: str


def pace(data: Data) -> Pace | None:
    """The pace of the newer half of the stage, without its pauses; None when nothing is known.

    Each step leaves one `train/dt` point, so the points in a stretch of time count its steps, and
    the stretch itself includes what `dt` leaves out: evaluation, saving, sampling. The time before
    the first bucket's end (compilation) never counts. A source that reports every k-th step is
    corrected by the steps its points span.
    """
    series = data.series.get(DT)
    if series:
        xs, counts = series.xs(), series.counts()
        first, points = len(xs) - 1, 0.0
        while first > 0 and points < sum(counts) / 2:
            points += counts[first]
            first -= 1
        steps = points * _steps_per_point(data)
        took = xs[-1] - xs[first] - _paused_s(data, xs[first], xs[-1])
        if steps >= 2 and took > 0 and fmt.as_float(took / steps) is not None:
            return Pace(took / steps, f"from the last {fmt.integer(steps)} steps, evals included")
    point = data.latest.get(DT)
    dt = fmt.as_float(point.value) if point else None
    return Pace(dt, "from the last step alone") if dt and dt > 0 else None


def _steps_per_point(data: Data) -> float:
    series = data.series.get(RATE)
    if not series or len(series.x) < 16:
        return 1.0
    xs, counts = series.xs(), series.counts()
    points = series.total - counts[0]
    return max((xs[-1] - xs[0]) / points, 1.0) if points > 0 else 1.0


def _paused_s(data: Data, start: float, end: float) -> float:
    """Seconds between `start` and `end` (since the run's start) in which it was paused."""
    origin = fmt.as_float(data.run.started_at) if data.run else None
    if not origin:
        return 0.0
    total, since = 0.0, None
    for event in data.events:
        what, ts = event.fields.get("what"), fmt.as_float(event.ts)
        if ts is None:
            continue
        if what == "paused" and since is None:
            since = ts - origin
        elif what == "resumed" and since is not None:
            total += max(min(ts - origin, end) - max(since, start), 0.0)
            since = None
    if since is not None:
        total += max(end - max(since, start), 0.0)
    return total
