"""A context as cells of a line, however long: pure functions from runs to text.

A cell that swallows a whole run shows the most compressed level in it in a broken glyph, so that
no boundary between levels goes unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from nanochat_sdk import Span, Style

from nanochat_mc.context import OUT, Context, Run

WHOLE = {OUT: "X", 0: ".", 1: "─", 2: "═"}
MIXED = {0: ":", 1: "╌", 2: "≈"}
DEEP, DEEP_MIXED = "█", "▓"
TAIL = "⊙"
STYLES: dict[int, Style] = {OUT: "muted", 0: "series-1", 1: "series-2", 2: "series-3"}


class Cell(NamedTuple):
    """What a cell stands for: its level, whether levels change unseen inside it (it is then the
    most compressed of them), and whether it touches the protected recent tokens."""

    level: int
    mixed: bool
    tail: bool


def cells(context: Context, start: int, stop: int, count: int) -> list[Cell]:
    """The history from start to stop in `count` cells of about equal length. Each run is looked at
    once, and once more where a cell ends inside it."""
    if stop <= start:
        return []
    out: list[Cell] = []
    runs = context.runs
    index = 0
    for at in range(count):
        low = start + (stop - start) * at // count
        high = max(start + (stop - start) * (at + 1) // count, low + 1)
        while index < len(runs) and runs[index].stop <= low:
            index += 1
        last = index
        while last < len(runs) and runs[last].start < high:
            last += 1
        level, mixed = _seen(runs[index:last], low, high)
        out.append(Cell(level, mixed, high > context.tail))
    return out


def _seen(inside: Sequence[Run], low: int, high: int) -> tuple[int, bool]:
    """Level of a cell, and whether it hides a change. A run as long as two cells has one of its own
    somewhere; where two such meet nothing is hidden, and the longer part names the cell."""
    if len(inside) < 2:
        return (inside[0].level if inside else OUT), False
    left, right = inside[0], inside[-1]
    if len(inside) > 2 or min(left.stop - left.start, right.stop - right.start) < 2 * (high - low):
        return max(run.level for run in inside), True
    return (left if left.stop - low >= high - right.start else right).level, False


def glyph(cell: Cell) -> str:
    """The character of a cell, in the fork's own alphabet where there is one."""
    if cell.tail:
        return TAIL
    if cell.mixed:
        return MIXED.get(cell.level, DEEP_MIXED)
    return WHOLE.get(cell.level, DEEP)


def spans(line: Sequence[Cell]) -> list[Span]:
    """Cells as styled text, neighbours of one style together."""
    out: list[Span] = []
    for level, group in groupby(line, key=lambda cell: cell.level):
        out.append(("".join(map(glyph, group)), style_of(level)))
    return out[:390]


def style_of(level: int) -> Style:
    """The colour of a level."""
    return STYLES.get(level, "series-4")
