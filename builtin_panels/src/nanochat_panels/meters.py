"""Gauges from readings that may be missing or absurd."""

from __future__ import annotations

from nanochat_sdk import Gauge, Series, pack
from nanochat_sdk import format as fmt


def share(value: object, whole: object) -> float | None:
    """`value` as a part of `whole`, held to 0..1; None when one of them is not known."""
    part, total = fmt.as_float(value), fmt.as_float(whole)
    if part is None or total is None or total <= 0:
        return None
    return min(max(part / total, 0.0), 1.0)


def spark(series: Series | None, whole: float) -> bytes:
    """Recent values of a series as parts of `whole`."""
    if not series:
        return b""
    values = [share(value, whole) for value in series.means()[-60:]]
    return pack(value for value in values if value is not None)


def meter(label: str, value: float | None, text: str, width: int, spark: bytes = b"") -> Gauge:
    """A bar whose text is shortened from its end until the bar has some room."""
    words = text.split("  ")
    while len(words) > 1 and fmt.cells("  ".join(words)) + fmt.cells(label) + 8 > width:
        words.pop()
    return Gauge(label=label, value=value, text="  ".join(words), spark=spark)
