"""Training loss, raw and smoothed, with validation bits per byte on the right axis."""

from __future__ import annotations

from nanochat_sdk import (
    Axis,
    Chart,
    Mark,
    Needs,
    Payload,
    Plot,
    Series,
    SeriesQuery,
    Size,
    Span,
    pack,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.downsample import ema

from nanochat_panels.base import DataPanel, empty, staleness
from nanochat_panels.curves import columns, mark, plot, x_axis, zoom
from nanochat_panels.lines import caption, labelled

RAW, SMOOTH, VAL = "train/loss_raw", "train/loss", "val/bpb"


class Loss(DataPanel):
    """The raw loss as an envelope (no spike is lost), its moving average, and evaluations."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=tuple(
                SeriesQuery(metric, columns(size), self.options.x, start, end)
                for metric in (RAW, SMOOTH, *([VAL] if self.options.val else []))
            ),
            latest=(RAW, SMOOTH, VAL),
        )

    def render(self, size: Size) -> Payload:
        self.status = staleness(self.data, RAW)
        raw = self.data.series.get(RAW) or self.data.series.get(SMOOTH)
        val = self.data.series.get(VAL) if self.options.val else None
        zoomed = zoom(self.view) != (None, None)
        if not raw and not val and not _broken(raw) and not zoomed:
            return empty(self.data, "losses", "they come with every step the trainer reports")
        plots, last = self._train(raw) if raw is not None else ([], None)
        marks: list[Mark] = []
        if val:
            plots.append(plot(val, "val bpb", "series-3", "line", axis="right"))
            if val.best:
                marks = mark(*val.best, f"best {fmt.fixed(val.best[1], 4)}", axis="right")
        return Chart(
            plots=plots,
            x=x_axis(self.options.x),
            y=Axis(label="nats/token", log=self.options.log_y),
            right=Axis(label="bits/byte") if val else None,
            marks=marks,
            legend=False,
            caption=caption(self._caption(raw, val, last), size.width),
            empty="nothing in this range: zoom out" if zoomed else "no finite loss yet",
        )

    def _train(self, raw: Series) -> tuple[list[Plot], float | None]:
        """The curves of the training loss and the newest smoothed value. A loss that the trainer
        has smoothed already is smoothed again only if the person asks for it."""
        weight = self.view.smoothing
        if weight is None:
            weight = self.options.smoothing if raw.metric == RAW else 0.0
        weight = fmt.as_float(weight) or 0.0
        if weight <= 0:
            return [plot(raw, "train", "series-1", band=self.options.envelope)], None
        smooth = ema(raw.means(), raw.counts(), weight)
        line = Plot(label="train", x=raw.x, y=pack(smooth), style="series-1")
        faint = plot(raw, "raw", "muted", band=self.options.envelope)
        return [faint, line], smooth[-1] if smooth else None

    def _caption(
        self, raw: Series | None, val: Series | None, last: float | None
    ) -> list[list[Span]]:
        newest = self.data.latest.get(raw.metric if raw else RAW)
        parts: list[list[Span]] = []
        if last is not None:
            parts.append(labelled("train", fmt.fixed(last, 4), of="series-1"))
            if newest:
                parts.append(labelled("raw", fmt.fixed(newest.value, 4), ""))
        elif newest:
            parts.append(labelled("train", fmt.fixed(newest.value, 4), of="series-1"))
        if _broken(raw) and raw is not None:
            count = len(raw.nonfinite) // 8
            more = "+" if count >= 64 else ""
            parts.append([(f"{count}{more} NaN or inf", "error-bold")])
        if VAL in self.data.latest and self.options.val:
            parts.append(labelled("val", fmt.fixed(self.data.latest[VAL].value, 4), of="series-3"))
        if val and val.best:
            words = {"step": fmt.integer, "time": fmt.duration}.get(self.options.x, fmt.short)
            best = f"{fmt.fixed(val.best[1], 4)} @ {words(val.best[0])}"
            parts.append(labelled("best", best, "accent"))
        return parts


def _broken(series: Series | None) -> bool:
    return series is not None and bool(series.nonfinite)
