"""Where the controller's time goes, and what part of the step it is."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Needs, Payload, SeriesQuery, Size, Span, Style, Text
from nanochat_sdk import format as fmt
from nanochat_sdk.bars import stacked
from nanochat_sdk.downsample import quantile

from nanochat_mc.bands import CONTROLLER_MS, LATENCY
from nanochat_mc.base import McPanel, bar, caption, figure
from nanochat_mc.states import Source, absent

TOTAL, DT = "mc/total_ms", "train/dt"
WHOLE = "mc/time_controller_ms"
"""The controller's time as W&B has it, with or without the flag; its parts need the flag."""
PARTS: dict[str, tuple[str, Style]] = {
    "mc/build_ms": ("build trees", "series-1"),
    "mc/variant_ms": ("make variants", "series-2"),
    "mc/positional_ms": ("positions", "series-3"),
    "mc/focus_ms": ("focus", "series-4"),
    "mc/lens_ms": ("lens", "series-5"),
    "mc/horizon_ms": ("horizon", "series-6"),
    "mc/other_ms": ("other", "muted"),
}
"""What the total is the sum of; horizons belong to older revisions."""
INSIDE = {
    "mc/variant_pack_ms": "pack variants",
    "mc/lens_forward_ms": "lens forward",
    "mc/lens_loss_ms": "lens loss",
    "mc/base_forward_ms": "model forward",
}
LIVELOCK = 20.0
"""A controller this many times slower than its median goes round in circles."""
SOURCE = Source("controller timers", proof=("mc/adv_delta_mean", "mc/variants_total"))


class Part(NamedTuple):
    """Mean milliseconds a step over the window."""

    name: str
    ms: float
    style: Style


class Timers(McPanel):
    """Parts of the controller's time in one bar, each with its share, against the step's time."""

    def needs(self, size: Size) -> Needs:
        step = self.data.run.step if self.data.run else -1
        window = self.options.window
        start = float(step - window) if window and step > window else None
        names = (TOTAL, WHOLE, DT, *PARTS, *INSIDE)
        return self.wants(*(SeriesQuery(name, 64, "step", start) for name in names))

    def render(self, size: Size) -> Payload:
        self.date_metrics(TOTAL, WHOLE, *PARTS)
        if self._mean(TOTAL) is None and self._mean("mc/build_ms") is None:
            return self._without_parts(size)
        parts = [
            Part(label, mean, style)
            for name, (label, style) in PARTS.items()
            if (mean := self._mean(name)) is not None and mean >= 0
        ]
        parts.sort(key=lambda part: (part.style == "muted", -part.ms))
        total = self._mean(TOTAL) or sum(part.ms for part in parts)
        if not parts or not total > 0:
            return absent(self.data, SOURCE)
        lines = [caption(self._figures(total), size.width)]
        if size.height > len(parts) + 1 and size.width >= 20:
            lines.append(stacked(((p.ms, p.style) for p in parts), total, size.width))
        lines += [_row(part, total, size.width) for part in parts]
        if warning := self._circles():
            lines.insert(1, [(fmt.cut(warning, max(size.width, 1)), "error")])
        inside = [
            (n, ms) for m, n in INSIDE.items() if (ms := self._mean(m)) is not None and ms >= 0
        ]
        if inside and size.height >= len(lines) + 1 + len(inside):
            lines.append([("inside and beside it", "muted")])
            lines += [
                [(fmt.fit(f"  {name}", 18), "muted"), (f"{fmt.latency(ms / 1e3):>9}", "muted")]
                for name, ms in inside
            ]
        return Text(lines=lines[: max(size.height, 1)])

    def _without_parts(self, size: Size) -> Payload:
        whole = self._mean(WHOLE)
        if whole is None:
            return absent(self.data, SOURCE)
        said = fmt.cut("its parts need --mc_log_timers=1", max(size.width, 1))
        lines: list[list[Span]] = [caption(self._figures(whole), size.width), [(said, "muted")]]
        return Text(lines=lines[: max(size.height, 1)])

    def _figures(self, total: float) -> list[list[Span]]:
        parts = [figure("controller", fmt.latency(total / 1e3), CONTROLLER_MS.style(total))]
        dt = self._mean(DT)
        if dt and dt > 0:
            parts.append(figure("of a step of", f"{fmt.latency(dt)}", ""))
            parts.append([(fmt.percent(0.1 * total / dt), "bold")])
            rest = dt - total / 1e3
            if rest > 0:
                slower = dt / rest
                parts.append(figure("with it", f"×{fmt.fixed(slower)}", LATENCY.style(slower)))
        return parts

    def _circles(self) -> str:
        series = self.data.series.get(TOTAL)
        newest = self.latest(TOTAL)
        if not series or newest is None or series.total < 5:
            return ""
        usual = quantile(series.means(), series.counts(), 0.5)
        if not usual > 0 or newest < LIVELOCK * usual or newest < 5e3:
            return ""
        times = fmt.integer(newest / usual)
        return f"the newest took {fmt.latency(newest / 1e3)}, {times}x the usual: a livelock?"

    def _mean(self, name: str) -> float | None:
        """Mean over the window; `mc/..._ms` in milliseconds, others as they come."""
        series = self.data.series.get(name)
        if not series:
            return self.latest(name)
        whole = sum(series.counts())
        return fmt.as_float(series.sum() / whole) if whole > 0 else None


def _row(part: Part, total: float, width: int) -> list[Span]:
    share = part.ms / total
    figures = f"{fmt.percent(100 * share):>8}"
    if width >= 34:
        figures = f"{fmt.latency(part.ms / 1e3):>9}{figures}"
    name = min(16, max(width - len(figures) - 2, 2))
    line: list[Span] = [("■ ", part.style), (fmt.fit(part.name, name), ""), (figures, "")]
    room = width - name - len(figures) - 4
    if room >= 6:
        line.append((f"  {bar(share, room)}", part.style))
    return line
