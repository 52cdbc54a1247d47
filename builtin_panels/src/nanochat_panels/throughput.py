"""How fast it trains: tokens a second, model FLOPs utilisation, time of a step."""

from __future__ import annotations

from nanochat_sdk import (
    Axis,
    Chart,
    Child,
    Needs,
    Payload,
    Plot,
    Series,
    SeriesQuery,
    Size,
    Span,
    Stack,
    Text,
    pack,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.downsample import ema, quantile

from nanochat_panels.base import DataPanel, empty, staleness
from nanochat_panels.curves import columns, plot, x_axis, zoom
from nanochat_panels.lines import caption, labelled

RATE, MFU, DT = "train/tok_per_sec", "train/mfu", "train/dt"
TIMERS = "time/*"
ENOUGH = 20
"""Steps before a drop is worth a hint: the first ones compile."""


class Throughput(DataPanel):
    """Tokens a second over the run, with a hint when the newest steps are slower than usual."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=tuple(
                SeriesQuery(metric, columns(size), self.options.x, start, end)
                for metric in (RATE, MFU, DT)
            ),
            latest=(RATE, MFU, DT, TIMERS),
        )

    def render(self, size: Size) -> Payload:
        self.status = staleness(self.data, DT)
        rate = self.data.series.get(RATE)
        if not rate:
            return empty(self.data, "throughput figures", "they come with every step")
        hint = self._hint(rate)
        chart = self._chart(rate, size)
        if not hint or size.height < 5:
            return chart
        line: list[Span] = [("▼ ", "warning"), (fmt.cut(hint, size.width - 2), "warning")]
        return Stack(children=[Child(chart), Child(Text(lines=[line]), size=1)])

    def _chart(self, rate: Series, size: Size) -> Chart:
        weight = self.view.smoothing
        weight = fmt.as_float(self.options.smoothing if weight is None else weight) or 0.0
        smooth = pack(ema(rate.means(), rate.counts(), weight))
        plots = [
            plot(rate, "raw", "muted", band=True),
            Plot(label="tok/s", x=rate.x, y=smooth, style="series-2"),
        ]
        mfu = self.data.series.get(MFU)
        known = bool(mfu) and any(value > 0 for value in mfu.means()) if mfu else False
        if mfu and known:
            plots.append(plot(mfu, "MFU %", "series-4", axis="right"))
        return Chart(
            plots=plots,
            x=x_axis(self.options.x),
            y=Axis(label="tokens/s", unit="int"),
            right=Axis(label="MFU", unit="percent") if known else None,
            legend=False,
            caption=caption(self._caption(known), size.width),
        )

    def _caption(self, known: bool) -> list[list[Span]]:
        parts: list[list[Span]] = [
            [(fmt.integer(self.latest(RATE)), "bold"), (" tok/s", "series-2")]
        ]
        if known:
            parts.append(labelled("MFU", fmt.percent(self.latest(MFU)), of="series-4"))
        parts.append(labelled("step", fmt.latency(self.latest(DT)), ""))
        dt = self.data.series.get(DT)
        if dt:
            parts.append(labelled("p50", fmt.latency(quantile(dt.means(), dt.counts(), 0.5)), ""))
        return parts

    def _hint(self, rate: Series) -> str:
        """What to say when the newest twentieth is slower than the usual, else ""."""
        values, counts = rate.means(), rate.counts()
        if rate.total < ENOUGH or len(values) < 8:
            return ""
        tail = max(len(values) // 20, 2)
        usual = quantile(values, counts, 0.5)
        recent = quantile(values[-tail:], counts[-tail:], 0.5)
        if not usual > 0 or not recent < usual * (1 - self.options.drop_percent / 100):
            return ""
        down = fmt.integer(100 * (1 - recent / usual))
        return f"{down} % below the usual {fmt.integer(usual)} tok/s{self._culprit()}"

    def _culprit(self) -> str:
        """The part of the step that takes most besides the model itself, if timers are there."""
        parts = {
            name.removeprefix("time/"): value
            for name in self.data.latest
            if name.startswith("time/") and (value := self.latest(name)) is not None
        }
        total = sum(parts.values())
        others = {name: parts.get(name, 0.0) for name in ("data", "eval", "save", "sample")}
        name = max(others, key=lambda key: others[key])
        if not total > 0 or others[name] < 0.2 * total:
            return ""
        return f"; {name} takes {fmt.integer(100 * others[name] / total)} % of the step"
