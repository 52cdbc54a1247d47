"""Bars of block characters, as spans of a line."""

from __future__ import annotations

from collections.abc import Iterable

from nanochat_sdk.scalars import Span
from nanochat_sdk.style import Style


def stacked(parts: Iterable[tuple[float, Style]], whole: float, width: int) -> list[Span]:
    """Parts of `whole`, which is above 0, in one bar of `width` cells. Each starts where the ones
    before it end, so roundings do not add up; one of less than half a cell may have none."""
    line: list[Span] = []
    filled, used = 0.0, 0
    for size, style in parts:
        filled += size
        end = round(width * min(filled / whole, 1.0))
        if end > used:
            line.append(("█" * (end - used), style))
            used = end
    return line
