"""Loss by level of detail, and how many entries of the working context each level has."""

from __future__ import annotations

from nanochat_sdk import (
    SERIES_STYLES,
    Axis,
    Chart,
    Child,
    Column,
    Needs,
    Payload,
    Size,
    Span,
    Stack,
    Table,
)  # fmt: skip
from nanochat_sdk import format as fmt

from nanochat_mc.base import McPanel, caption, curve, figure, option
from nanochat_mc.states import Source, absent

LOSS, COUNT = "mc/lod_loss/", "mc/lod_count/"
SOURCE = Source("losses by level", proof=("mc/total_ms", "mc/variants_total", "mc/gist_calls"))


class LodLoss(McPanel):
    """A curve a level above a table of the newest losses and counts."""

    def needs(self, size: Size) -> Needs:
        return self.wants(self.query(f"{LOSS}*", size))

    def render(self, size: Size) -> Payload:
        levels = sorted({*self.levels(LOSS), *self.levels(COUNT)})[:8]
        self.date_metrics(*(f"{prefix}{level}" for prefix in (LOSS, COUNT) for level in levels))
        if not levels:
            return absent(self.data, SOURCE)
        table = self._table(levels)
        curves = [
            curve(series, f"LOD{level}", SERIES_STYLES[level % len(SERIES_STYLES)])
            for level in levels
            if (series := self.data.series.get(f"{LOSS}{level}"))
        ]
        if not curves or size.height < 8 + len(levels) or size.width < 30:
            return table
        parts = [
            figure(
                f"LOD{level}", fmt.fixed(self.latest(f"{LOSS}{level}"), 4), of=SERIES_STYLES[level]
            )
            for level in levels
        ]
        chart = Chart(
            plots=curves,
            x=Axis(label="step", unit="int"),
            y=Axis(label="nats/token"),
            legend=False,
            caption=caption(parts, size.width),
        )
        return Stack(children=[Child(chart), Child(table, size=len(levels) + 1)])

    def _table(self, levels: list[int]) -> Table:
        base = self.latest(f"{LOSS}0")
        counts = {level: max(self.latest(f"{COUNT}{level}") or 0.0, 0.0) for level in levels}
        block = min(max(option(self.data, "block_size") or 0.0, 0.0), 2.0**20)
        whole = sum(counts.values())
        rows: list[list[Span]] = []
        for level in levels:
            loss, count = self.latest(f"{LOSS}{level}"), counts[level]
            above = loss - base if level and loss is not None and base is not None else None
            covers = count * block**level if block else None
            rows.append(
                [
                    (f"LOD{level}", SERIES_STYLES[level % len(SERIES_STYLES)]),
                    (fmt.fixed(loss, 4), ""),
                    (
                        "" if above is None else f"{'+' if above > 0 else ''}{fmt.fixed(above, 3)}",
                        "warning" if (above or 0) > 0 else "success",
                    ),
                    (fmt.integer(count), ""),
                    (fmt.percent(100 * count / whole) if whole > 0 else "", "muted"),
                    (fmt.short(covers) if covers is not None else "", "muted"),
                ]
            )
        columns = [
            Column("level", keep=9),
            Column("loss", "right", 9, keep=8),
            Column("above LOD0", "right", 10, keep=6),
            Column("entries", "right", 9, keep=7),
            Column("share", "right", 8, keep=4),
            Column("tokens", "right", 8, keep=3),
        ]
        return Table(columns=columns, rows=rows)
