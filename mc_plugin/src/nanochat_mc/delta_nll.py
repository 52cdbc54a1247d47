"""What compression costs: how much worse the model predicts through a compressed context."""

from __future__ import annotations

from nanochat_sdk import (
    Axis,
    Chart,
    Child,
    Needs,
    Payload,
    Plot,
    Rule,
    Size,
    Span,
    Stack,
    Style,
    Text,
)
from nanochat_sdk import format as fmt

from nanochat_mc.bands import DELTA_NLL
from nanochat_mc.base import McPanel, bar, caption, curve, figure
from nanochat_mc.states import Source, absent

MEAN, P95, LEVEL, LOSS = "mc/adv_delta_mean", "mc/adv_delta_p95", "mc/lod_delta/", "mc/lod_loss/"
SOURCE = Source("differences in loss", proof=("mc/total_ms", "mc/variants_total", "mc/gist_calls"))


class DeltaNll(McPanel):
    """Mean and 95th percentile over steps, with the bands, and a bar for each level."""

    def needs(self, size: Size) -> Needs:
        return self.wants(self.query(MEAN, size), self.query(P95, size))

    def render(self, size: Size) -> Payload:
        self.date_metrics(MEAN)
        mean, p95 = (self.data.series.get(name) for name in (MEAN, P95))
        if not mean:
            return absent(self.data, SOURCE)
        newest = self.latest(MEAN)
        parts = [
            figure("ΔNLL", f"{_signed(newest)} nats/token", DELTA_NLL.style(newest), "series-1"),
            figure("p95", _signed(self.latest(P95)), "", "series-4"),
        ]
        levels = self._levels(size.width)
        if size.height < 5 or size.width < 24:
            return Text(lines=[caption(parts, size.width), *levels[: max(size.height - 1, 0)]])
        plots: list[Plot] = [curve(mean, "mean", "series-1")]
        if p95:
            plots.append(curve(p95, "p95", "series-4"))
        chart = Chart(
            plots=plots,
            x=Axis(label="step", unit="int"),
            y=Axis(label="nats/token"),
            rules=[
                Rule(DELTA_NLL.warn, style="warning"),
                Rule(DELTA_NLL.error or 0.15, style="error"),
            ],
            legend=False,
            caption=caption(parts, size.width),
        )
        if not levels or size.height < 8 + len(levels):
            return chart
        return Stack(children=[Child(chart), Child(Text(lines=levels), size=len(levels))])

    def _levels(self, width: int) -> list[list[Span]]:
        """Each level's loss above that of full detail."""
        base = self.latest(f"{LOSS}0")
        found: dict[int, float] = {}
        for level in self.levels(LOSS):
            loss = self.latest(f"{LOSS}{level}")
            if level and loss is not None and base is not None:
                found[level] = loss - base
        for level in self.levels(LEVEL):
            delta = self.latest(f"{LEVEL}{level}")
            if level not in found and delta is not None:
                found[level] = delta
        top = max((abs(value) for value in found.values()), default=0.0)
        room = max(min(width - 16, 60), 0)
        lines: list[list[Span]] = []
        for level, delta in sorted(found.items())[:8]:
            style: Style = DELTA_NLL.style(delta)
            share = abs(delta) / top if top > 0 else 0.0
            lines.append(
                [
                    (f"LOD{level} ", "muted"),
                    (f"{_signed(delta):>9} ", style),
                    (bar(share, room), style),
                ]
            )
        return lines


def _signed(value: float | None) -> str:
    sign = "+" if value is not None and value > 0 else ""
    return sign + fmt.fixed(value, 3)
