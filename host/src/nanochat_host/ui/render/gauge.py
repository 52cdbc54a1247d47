"""Gauges: a labelled bar, coloured by threshold, its recent past beside it.

In one row the bar is a heavy line, so that gauges on top of each other stay separate; with more
room it is a solid bar in eighths of a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk.payload import Gauge
from rich.cells import cell_len
from textual.strip import Strip

from nanochat_host.ui.render.palette import Palette
from nanochat_host.ui.render.series import numbers
from nanochat_host.ui.render.strips import Piece, fill_height, fit, pad, to_strip

EIGHTHS = " ▏▎▍▌▋▊▉"
LEVELS = "▁▂▃▄▅▆▇█"
MIN_BAR = 6


def gauge_style(gauge: Gauge) -> str:
    """The bar's style at its value: warn and error thresholds come before its own."""
    value = gauge.value
    if value is not None and gauge.error is not None and value >= gauge.error:
        return "error"
    if value is not None and gauge.warn is not None and value >= gauge.warn:
        return "warning"
    return gauge.style


def line_bar(value: float | None, width: int, style: str) -> list[Piece]:
    """A heavy line of exactly `width` cells. value: 0..1, None draws the empty track."""
    if value is None or value != value:
        return [("─" * width, "host-track")]
    full, half = divmod(round(max(0.0, min(1.0, value)) * width * 2), 2)
    filled = "━" * full + "╸" * half
    return [(filled, style), ("─" * (width - len(filled)), "host-track")]


def solid_bar(value: float | None, width: int, style: str) -> list[Piece]:
    """A solid bar of exactly `width` cells. value: 0..1, None draws the empty track."""
    if value is None or value != value:
        return [("─" * width, "host-track")]
    eighths = round(max(0.0, min(1.0, value)) * width * 8)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (EIGHTHS[part] if part else "")
    return [(filled, style), ("─" * (width - len(filled)), "host-track")]


def spark(values: Sequence[float], width: int, style: str) -> list[Piece]:
    """The newest `width` values (0..1) as a row of blocks, right-aligned."""
    newest = list(values[-width:]) if width > 0 else []
    text = "".join(
        " " if v != v else LEVELS[min(7, int(max(0.0, min(1.0, v)) * 8))] for v in newest
    )
    return [(text.rjust(width), style)]


def label_columns(gauges: Sequence[Gauge], width: int) -> tuple[int, int]:
    """Cells for label and text that line up the bars of gauges stacked on each other."""
    label = min(max((cell_len(g.label) for g in gauges), default=0), max(4, width // 3))
    room = max(4, width - label - MIN_BAR - 2)
    text = min(max((cell_len(g.text) for g in gauges), default=0), room)
    return label, text


def draw_gauge(gauge: Gauge, width: int, height: int, palette: Palette,
               columns: tuple[int, int] | None = None) -> list[Strip]:  # fmt: skip
    """Exactly `height` strips. columns: label and text cells shared with sibling gauges."""
    style = gauge_style(gauge)
    recent = numbers(gauge.spark)
    text_style = style if style in ("warning", "error") else ""
    if height == 1 or columns is not None:
        label, text = columns or label_columns([gauge], width)
        spark_width = min(len(recent), width // 4) if width >= 56 else 0
        room = width - label - text - 2 - (spark_width + 1 if spark_width else 0)
        if room < MIN_BAR:
            spark_width, room = 0, width - label - text - 2
        pieces: list[Piece] = [(pad(gauge.label, label), "muted"), (" ", "")]
        if room >= MIN_BAR:
            pieces += line_bar(gauge.value, room, style)
            pieces.append((" ", ""))
        if spark_width:
            pieces += [*spark(recent, spark_width, f"host-band-{gauge.style}"), (" ", "")]
        pieces.append((pad(gauge.text, text, right=True), text_style))
        return fill_height([to_strip(pieces, width, palette)], width, height, palette)
    text_room = max(0, width - min(cell_len(gauge.label), width // 2) - 1)
    right = fit(gauge.text, text_room)
    head: list[Piece] = [
        (pad(gauge.label, max(0, width - cell_len(right))), "muted"), (right, text_style),
    ]  # fmt: skip
    strips = [
        to_strip(head, width, palette),
        to_strip(solid_bar(gauge.value, width, style), width, palette),
    ]
    if height > 2 and recent:
        strips.append(to_strip(spark(recent, width, f"host-band-{gauge.style}"), width, palette))
    return fill_height(strips, width, height, palette)
