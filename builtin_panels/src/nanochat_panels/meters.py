"""Parts of gauges from readings that may be missing or absurd."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk import Data, Series, pack
from nanochat_sdk import format as fmt

from nanochat_panels.base import ACTIVE

BAR = 6
"""Cells a bar wants at least."""
RECENT_S = 300.0
"""Seconds a sparkline covers."""


def share(value: object, whole: object) -> float | None:
    """`value` as a part of `whole`, held to 0..1; None when one of them is not known."""
    part, total = fmt.as_float(value), fmt.as_float(whole)
    if part is None or total is None or total <= 0:
        return None
    return min(max(part / total, 0.0), 1.0)


def recent(data: Data) -> float | None:
    """Where the sparklines of an active run begin, in seconds since its start; None leaves it to
    the core: all of an ended run, the newest minutes without one. In steps of ten seconds, so that
    the query seldom changes."""
    run = data.run
    now = fmt.as_float(data.now)
    start = fmt.as_float(run.started_at) if run and run.state in ACTIVE else None
    if not now or not start:
        return None
    return fmt.as_float((now - start - RECENT_S) // 10 * 10)


def spark(series: Series | None, whole: float) -> bytes:
    """Recent values of a series as parts of `whole`."""
    if not series:
        return b""
    values = [share(value, whole) for value in series.means()[-60:]]
    return pack(value for value in values if value is not None)


def fitting(texts: Sequence[str], label: str, width: int) -> str:
    """The first of `texts`, longest first, that leaves a bar beside `label` room, else the last."""
    room = width - fmt.cells(label) - BAR - 2
    return next((text for text in texts if fmt.cells(text) <= room), texts[-1])
