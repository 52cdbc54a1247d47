"""How long entries stay in the working context, and how much of it each refocus swaps."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_sdk import (
    Axis,
    Chart,
    Child,
    Gauge,
    Payload,
    Plot,
    Rule,
    Size,
    Span,
    Stack,
    pack,
)  # fmt: skip
from nanochat_sdk import format as fmt

from nanochat_mc.bands import RESIDENCY, SWAP_PER_BLOCK
from nanochat_mc.base import caption, figure
from nanochat_mc.focused import Moment, RefocusPanel


class Residency(RefocusPanel):
    """Swap rate a block above, residency in refocuses below, with the bands of both; gauges in the
    place of curves that there is no room for."""

    def render(self, size: Size) -> Payload:
        moments = self.moments()
        self.date(self.log.newest)
        if not moments:
            return self.none()
        if size.height < 6 or size.width < 30:
            return Stack(children=[_swap_gauge(moments), _residency_gauge(moments)])
        swap = Child(_swap(moments, size.width))
        if size.height < 10:
            return Stack(children=[swap, _residency_gauge(moments)])
        return Stack(children=[swap, Child(_residency(moments, size.width))])


def _swap_gauge(moments: Sequence[Moment]) -> Child:
    swap = moments[-1].swap
    gauge = Gauge(
        label="swap a block",
        value=None if swap is None else min(swap, 1.0),
        text=fmt.UNKNOWN if swap is None else fmt.fixed(swap, 3),
        warn=SWAP_PER_BLOCK.warn,
        error=SWAP_PER_BLOCK.error,
        spark=pack(min(max((m.swap or 0.0), 0.0), 1.0) for m in moments[-60:]),
    )
    return Child(gauge, size=1)


def _residency_gauge(moments: Sequence[Moment]) -> Child:
    stay = moments[-1].residency
    gauge = Gauge(
        label="residency",
        value=None if stay is None else min(max(stay / 12, 0.0), 1.0),
        text=fmt.UNKNOWN if stay is None else f"{fmt.fixed(stay, 1)} refocuses",
        style=RESIDENCY.style(stay, "primary"),
        spark=pack(min((m.residency or 0.0) / 12, 1.0) for m in moments[-60:]),
    )
    return Child(gauge, size=1)


def _swap(moments: Sequence[Moment], width: int) -> Chart:
    last = moments[-1]
    parts: list[list[Span]] = [
        figure(
            "swap a block",
            fmt.UNKNOWN if last.swap is None else fmt.fixed(last.swap, 3),
            SWAP_PER_BLOCK.style(last.swap),
            "series-2",
        ),
        figure("an entry", fmt.fixed(last.refocus.per_entry, 3), ""),
    ]
    if any(moment.thrash for moment in moments[-5:]):
        parts.append([("thrash: both actions on young entries", "error")])
    found = [(i, m.swap) for i, m in enumerate(moments) if m.swap is not None]
    top = max((value for _, value in found), default=0.0)
    return Chart(
        plots=[_plot("swap a block", found, "series-2")],
        x=Axis(unit="int"),
        y=Axis(lo=0.0, hi=min(max(top * 1.1, 0.3), 1e6)),
        rules=_rules((SWAP_PER_BLOCK.warn, "warning"), (SWAP_PER_BLOCK.error, "error")),
        legend=False,
        caption=caption(parts, width),
        empty="needs the length of the history: --mc_log_timers=1",
    )


def _residency(moments: Sequence[Moment], width: int) -> Chart:
    last = moments[-1]
    parts = [
        figure(
            "residency", _refocuses(last.residency), RESIDENCY.style(last.residency), "series-1"
        ),
        figure("p95", _refocuses(last.p95), "", "series-4"),
        figure("refocuses", fmt.integer(len(moments)), ""),
    ]
    mean = [(i, m.residency) for i, m in enumerate(moments) if m.residency is not None]
    high = [(i, m.p95) for i, m in enumerate(moments) if m.p95 is not None]
    return Chart(
        plots=[_plot("mean", mean, "series-1"), _plot("p95", high, "series-4")],
        x=Axis(label="refocus", unit="int"),
        y=Axis(lo=0.0),
        rules=_rules((RESIDENCY.warn, "warning"), (RESIDENCY.error, "error")),
        legend=False,
        caption=caption(parts, width),
    )


def _refocuses(value: float | None) -> str:
    return fmt.UNKNOWN if value is None else fmt.fixed(value, 1)


def _plot(label: str, found: Sequence[tuple[int, float]], style: str) -> Plot:
    kept = [(i, min(max(v, 0.0), 1e9)) for i, v in found][-2000:]
    return Plot(
        label=label,
        x=pack(float(i) for i, _ in kept),
        y=pack(v for _, v in kept),
        style=style,  # type: ignore[arg-type]
        draw="points" if len(kept) == 1 else "line",
    )


def _rules(*bands: tuple[float | None, str]) -> list[Rule]:
    return [Rule(y=y, style=style) for y, style in bands if y is not None]  # type: ignore[arg-type]
