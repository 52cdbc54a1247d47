"""Heatmaps: a cell, or half a cell, for each value or block of values."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk.payload import Heatmap
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from nanochat_host.ui.render.palette import RAMP_STEPS, Palette
from nanochat_host.ui.render.scale import limits
from nanochat_host.ui.render.series import numbers
from nanochat_host.ui.render.strips import Piece, fill_height, line_width, pad, to_strip


def _bucket_means(values: Sequence[float], parts: int) -> list[float]:
    """`values` in `parts` equal buckets, the mean of each; NaN where a bucket holds none."""
    count = len(values)
    out: list[float] = []
    for part in range(parts):
        start = part * count // parts
        finite = [v for v in values[start : max(start + 1, (part + 1) * count // parts)] if v == v]
        out.append(sum(finite) / len(finite) if finite else float("nan"))
    return out


def _matrix(heatmap: Heatmap) -> list[Sequence[float]]:
    """Rows of values; missing ones at the end are NaN."""
    values = list(numbers(heatmap.values))
    wide = heatmap.columns
    values += [float("nan")] * (len(heatmap.rows) * wide - len(values))
    return [values[row * wide : (row + 1) * wide] for row in range(len(heatmap.rows))]


def _shrink(matrix: list[Sequence[float]], rows: int) -> list[Sequence[float]]:
    """Neighbouring rows averaged until `rows` are left."""
    columns = [_bucket_means(column, rows) for column in zip(*matrix, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _levels(row: Sequence[float], lo: float, hi: float) -> list[int]:
    """Index into the colormap for each value, -1 for NaN."""
    span, top = max(hi - lo, 1e-300), RAMP_STEPS - 1
    return [-1 if v != v else round((min(max(v, lo), max(hi, lo)) - lo) / span * top) for v in row]


def _strip(upper: list[int], lower: list[int], label: str, width: int, palette: Palette) -> Strip:
    """One row of cells that shows two rows of levels."""
    segments = [Segment(label, palette["muted"])] if label else []
    start = 0
    for at in range(1, len(upper) + 1):
        ended = at == len(upper)
        if ended or upper[at] != upper[start] or lower[at] != lower[start]:
            segments.append(
                Segment("▀" * (at - start), palette.half_block(upper[start], lower[start]))
            )
            start = at
    used = cell_len(label) + len(upper)
    if used < width:
        segments.append(Segment(" " * (width - used), palette[""]))
    return Strip(segments, width)


def _legend(lo: float, hi: float, width: int) -> list[Piece]:
    """lo, the colormap, hi."""
    blocks: list[Piece] = [("█", f"heat-{level}") for level in range(16)]
    pieces = [(f"{lo:.3g} ", "muted"), *blocks, (f" {hi:.3g}", "muted")]
    return pieces if line_width(pieces) <= width else []


def _column_labels(heatmap: Heatmap, left: int, cells: int, width: int, palette: Palette) -> Strip:
    """Labels below their columns, those that fit with a space between."""
    row = [" "] * width
    free = left
    for index, label in enumerate(heatmap.column_labels[: heatmap.columns]):
        at = left + (2 * index + 1) * cells // (2 * heatmap.columns) - len(label) // 2
        at = max(left, at)
        if label and label.isascii() and at >= free and at + len(label) <= width:
            row[at : at + len(label)] = label
            free = at + len(label) + 1
    return to_strip([("".join(row), "muted")], width, palette)


def draw_heatmap(heatmap: Heatmap, width: int, height: int, palette: Palette) -> list[Strip]:
    """Exactly `height` strips."""
    matrix = _matrix(heatmap)
    found = limits([v for row in matrix for v in row], log=False)
    lo = heatmap.lo if heatmap.lo is not None else found[0] if found else 0.0
    hi = heatmap.hi if heatmap.hi is not None else found[1] if found else 1.0
    if not matrix or not found:
        middle = to_strip([("no data yet", "muted")], width, palette, align="center")
        blank_rows = [to_strip([], width, palette)] * ((height - 1) // 2)
        return fill_height([*blank_rows, middle], width, height, palette)
    head: list[Strip] = []
    if height >= 4:
        caption: list[Piece] = list(heatmap.caption)
        legend = _legend(lo, hi, width - line_width(caption) - 2)
        gap = " " * max(0, width - line_width(caption) - line_width(legend))
        head.append(to_strip([*caption, (gap, ""), *legend], width, palette))
    foot = 1 if heatmap.column_labels and height >= 5 else 0
    room = max(1, height - len(head) - foot)
    longest = max(cell_len(label) for label in heatmap.rows)
    label_cells = min(longest, width // 3) + 1 if longest and width >= 20 else 0
    cells = max(1, width - label_cells)
    # Dots are half a cell high. A row takes the same number of dots as every other.
    dots = 2 * room
    if len(matrix) > dots:
        matrix, names, each = _shrink(matrix, dots), [""] * dots, 1
    else:
        names, each = list(heatmap.rows), dots // len(matrix)
        each -= each % 2 if each > 2 else 0
    levels = [_levels(_stretch(row, cells), lo, hi) for row in matrix]
    lines = [level for level in levels for _ in range(each)]
    lines += [[-1] * cells] * (len(lines) % 2)
    labels = {
        (each * i + (each - 1) // 2) // 2: name for i, name in reversed(list(enumerate(names)))
    }
    strips = [
        _strip(lines[at], lines[at + 1],
               pad(labels.get(at // 2, ""), label_cells - 1) + " " if label_cells else "",
               width, palette)
        for at in range(0, len(lines), 2)
    ]  # fmt: skip
    if foot:
        strips.append(_column_labels(heatmap, label_cells, cells, width, palette))
    return fill_height([*head, *strips], width, height, palette)


def _stretch(row: Sequence[float], cells: int) -> list[float]:
    """A row of values as `cells` values: repeated when there are fewer, averaged when more."""
    if len(row) > cells:
        return _bucket_means(row, cells)
    return [row[cell * len(row) // cells] for cell in range(cells)]
