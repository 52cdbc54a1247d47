"""Lines of the strip's panel: figures, legend, one small context, shares by level."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk import Data, Span
from nanochat_sdk import format as fmt

from nanochat_mc import strip
from nanochat_mc.bands import UTILIZATION
from nanochat_mc.base import bar, figure, option
from nanochat_mc.context import OUT, Context

NAME = 24
"""Cells of a small context's name at most."""
WIDE = 90
"""Cells from which it is told in full."""


def figures(context: Context, data: Data) -> list[list[Span]]:
    """Entries over tokens, compression, coverage, budget, and when that was."""
    tokens = context.total * context.unit
    whole = fmt.integer(tokens) if tokens else f"{fmt.integer(context.total)} blocks"
    parts = [figure("wc", f"{fmt.integer(context.length)}/{whole}")]
    held = 1 - context.share(OUT)
    if tokens and context.length:
        parts.append([(f"×{fmt.fixed(tokens * held / context.length)}", "accent")])
    parts.append(figure("coverage", fmt.percent(100 * held, 0), "" if held > 0.999 else "warning"))
    room = option(data, "mc_eval_soft_max_length", "allocator_soft_max")
    if room and room > 0:
        used = context.length / room
        parts.append(figure("of soft max", fmt.percent(100 * used, 0), UTILIZATION.style(used, "")))
    if context.partial:
        parts.append([("cut by the receiver: its beginning only", "warning")])
    parts.append([(f"{context.label} {context.name}".strip(), "muted")])
    parts.append([(fmt.age(data.now, context.ts), "muted")])
    return parts


def legend(context: Context, line: Sequence[strip.Cell]) -> list[list[Span]]:
    """The glyphs in use, with how many entries there are of each level."""
    parts: list[list[Span]] = []
    deepest = max((run.level for run in context.runs), default=0)
    for level in range(deepest + 1):
        glyph = strip.glyph(strip.Cell(level, False, False))
        count = f" {fmt.integer(context.entries[level])}" if level in context.entries else ""
        parts.append([(glyph, strip.style_of(level)), (f" LOD{level}{count}", "muted")])
    if any(cell.tail for cell in line):
        parts.append([(strip.TAIL, "series-1"), (" recent", "muted")])
    if context.share(OUT) > 0:
        parts.append([("X", "muted"), (" left out", "muted")])
    mixed = sorted({cell.level for cell in line if cell.mixed and not cell.tail})
    if mixed:
        glyphs = "".join(strip.glyph(strip.Cell(level, True, False)) for level in mixed)
        parts.append([(glyphs, "accent"), (" levels change inside", "muted")])
    return parts


def small(contexts: Sequence[Context], starts: Sequence[int], width: int) -> list[list[Span]]:
    """Contexts on a line each, from their starts, behind their names (or how long the history was)
    and their entries."""
    names = [context.name or f"t={fmt.integer(context.total)}" for context in contexts]
    if width < WIDE:
        names = [" ".join(name.split()[:2]) for name in names]
    cells = min(max(map(fmt.cells, names), default=0), NAME)
    out: list[list[Span]] = []
    for context, start, name in zip(contexts, starts, names, strict=True):
        label = f"{fmt.fit(name, cells)} {fmt.integer(context.length):>6} " if width >= 40 else ""
        line = strip.cells(context, start, context.total, max(width - len(label), 1))
        out.append([(label, "muted"), *strip.spans(line)])
    return out


def shares(context: Context, width: int) -> list[list[Span]]:
    """A bar a level: its part of the history, its entries."""
    out: list[list[Span]] = []
    room = max(min(width - 34, 60), 0)
    for level, count in sorted(context.entries.items()):
        share = context.share(level)
        text = f"LOD{level} {fmt.integer(count):>8} entries {fmt.percent(100 * share):>7} "
        out.append([(text, ""), (bar(share, room), strip.style_of(level))])
    return out
