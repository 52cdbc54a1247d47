"""A heat map of gradient norms: one row a layer, one column a stretch of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanochat_sdk import (
    Data,
    Heatmap,
    Needs,
    Panel,
    Payload,
    SeriesQuery,
    Size,
    Span,
    notice,
    pack,
    unpack,
)
from nanochat_sdk import format as fmt

LABEL = 14
"""Cells that the names of the layers may take."""


class GradientHeat(Panel):
    """Reads every metric that fits `options.metrics`; trainers that log none are told how."""

    def __init__(self, options: dict[str, object] | None = None) -> None:
        super().__init__(options)
        self._norms: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
        self._denied = False

    def needs(self, size: Size) -> Needs:
        return Needs(series=(SeriesQuery(self.options.metrics, columns=max(size.width, 16)),))

    def update(self, data: Data) -> bool:
        self._denied = "metrics:read" in data.denied
        self._norms = {
            name.rpartition("/")[2]: (unpack(series.x), unpack(series.mean))
            for name, series in sorted(data.series.items())
            if series.x
        }
        return True

    def render(self, size: Size) -> Payload:
        self.status = ""
        if self._denied:
            return notice("not allowed to read metrics", "grant it in the packs screen")
        if not self._norms:
            return notice(
                f"no {self.options.metrics} in this run",
                "log the norms of your layers' gradients under such names, as tiny_nanochat does",
            )
        columns = max(1, min(size.width - LABEL - 1, max(len(x) for x, _ in self._norms.values())))
        first = min(x[0] for x, _ in self._norms.values())
        last = max(x[-1] for x, _ in self._norms.values())
        names = list(self._norms)[: max(1, min(size.height - 1, 256))]
        rows = [self._row(*self._norms[name], first, last, columns) for name in names]
        return Heatmap(
            rows=[fmt.cut(fmt.plain(name, 60), LABEL) for name in names],
            columns=columns,
            values=pack([value for row in rows for value in row]),
            caption=self._caption(),
        )

    def _row(
        self, x: Sequence[float], y: Sequence[float], first: float, last: float, columns: int
    ) -> list[float]:
        """log10 of the norm in each column; NaN where nothing was logged."""
        row = [math.nan] * columns
        wide = (last - first) or 1.0
        for position, norm in zip(x, y, strict=True):
            column = int((position - first) / wide * (columns - 1))
            if 0 < norm < math.inf:
                row[min(max(column, 0), columns - 1)] = math.log10(norm)
        known = math.nan
        for index, value in enumerate(row):  # a layer keeps its colour until it is logged again
            known = row[index] = known if math.isnan(value) else value
        return row

    def _caption(self) -> list[Span]:
        newest = {name: y[-1] for name, (_, y) in self._norms.items() if math.isfinite(y[-1])}
        if not newest:
            return [("no finite norm", "warning")]
        loudest = max(newest, key=lambda name: newest[name])
        silent = [n for n, v in newest.items() if v < self.options.quiet * newest[loudest]]
        if silent:
            self.status = f"{len(silent)} silent"
        words = f"loudest {fmt.plain(loudest, 40)} {fmt.number(newest[loudest])}"
        hint = f"   silent: {', '.join(fmt.plain(name, 40) for name in silent[:4])}" * bool(silent)
        return [(words, ""), (hint, "warning")]
