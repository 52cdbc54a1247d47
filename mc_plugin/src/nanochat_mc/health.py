"""Whether telemetry arrives: what comes how often, when it last came, and from where."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Child, Column, Needs, Payload, SeriesQuery, Size, Span, Stack, Table, Text
from nanochat_sdk import format as fmt

from nanochat_mc.base import McPanel, caption, figure
from nanochat_mc.states import Source, absent

WINDOW_S = 60.0
RECENT_S = 120.0
EVENTS = {
    "lensnet_usage": (("mc/lens_calls", "mc/lens_allocator_calls"), True),
    "gistnet_usage": (("mc/gist_calls", "mc/gist_inference_calls"), True),
    "mc_batch_counters": (("mc/allocator_edits",), True),
    "focus_allocator": (("mc/swap_per_entry",), True),
    "delta_nll": (("mc/adv_delta_p95",), False),
    "lod_metrics": (("mc/lod_loss/0",), False),
    "lod_counts": (("mc/lod_count/0",), False),
    "mc_batch_stats": (("mc/variants_max",), False),
    "mc_tree_snapshot": (("mc/tree_tokens", "mc/session_tokens"), False),
    "working_context_snapshot": (("mc/wc_entries",), False),
    "variant_fallbacks": (("mc/variant_fallbacks",), False),
    "[MC Timers]": (("mc/total_ms",), False),
}
"""Event to the metrics that stand for it, of training and inference, and whether it comes without
--mc_log_timers=1."""
SOURCE = Source("MegaContext events", timers=False, proof=())


class Heard(NamedTuple):
    """An event: points in the window, date of the newest (s since 1970); always: without flags."""

    name: str
    points: int
    ts: float
    always: bool


class Health(McPanel):
    """Events a second, age of the newest, sources, and a table by event."""

    def needs(self, size: Size) -> Needs:
        start = self._start()
        names = (metric for metrics, _ in EVENTS.values() for metric in metrics)
        return self.wants(*(SeriesQuery(name, 16, "time", start) for name in names))

    def _start(self) -> float | None:
        """The last minute of a run under way, in tens of seconds, so that the question seldom
        changes; all of one that has ended."""
        run, now = self.data.run, fmt.as_float(self.data.now)
        begun = fmt.as_float(run.started_at) if run else None
        if not run or run.state != "running" or not now or not begun:
            return None
        return fmt.as_float((now - begun - WINDOW_S) // 10 * 10)

    def render(self, size: Size) -> Payload:
        heard = [found for name in EVENTS if (found := self._heard(name)) is not None]
        self.date(*(each.ts for each in heard))
        if not heard:
            return absent(self.data, SOURCE)
        head = [caption(self._figures(heard), size.width), caption(self._sources(), size.width)]
        if size.height < 5:
            return Text(lines=head[: max(size.height, 1)])
        return Stack(children=[Child(Text(lines=head), size=2), Child(self._table(heard))])

    def _heard(self, name: str) -> Heard | None:
        metrics, always = EVENTS[name]
        points = (self.data.latest.get(metric) for metric in metrics)
        times = [ts for point in points if point and (ts := fmt.as_float(point.ts)) is not None]
        if not times:
            return None
        series = (self.data.series.get(metric) for metric in metrics)
        return Heard(name, sum(each.total for each in series if each), max(times), always)

    def _figures(self, heard: list[Heard]) -> list[list[Span]]:
        newest = max(each.ts for each in heard)
        parts: list[list[Span]] = []
        if self._start() is not None:
            rate = sum(each.points for each in heard) / WINDOW_S
            parts.append(figure("events a second", fmt.number(rate, 2)))
        else:
            parts.append(figure("events", fmt.integer(sum(each.points for each in heard))))
        old = (fmt.as_float(self.data.now) or 0.0) - newest > RECENT_S and self._start() is not None
        parts.append(figure("newest", fmt.age(self.data.now, newest), "warning" if old else ""))
        quiet = not any(not each.always for each in heard)
        if quiet:
            parts.append([("quiet: --mc_log_timers=0", "warning")])
        return parts

    def _sources(self) -> list[list[Span]]:
        found = self.data.run.sources if self.data.run else {}
        parts: list[list[Span]] = []
        for name, state in sorted(found.items())[:12]:
            said = fmt.plain(state, 40)
            style = "success" if said == "live" else "muted" if said == "off" else "warning"
            parts.append([("● ", style), (f"{fmt.plain(name, 20)} {said}", "muted")])  # type: ignore[list-item]
        return parts

    def _table(self, heard: list[Heard]) -> Table:
        live = self._start() is not None
        rows: list[list[Span]] = [
            [
                (each.name, ""),
                (fmt.integer(each.points), ""),
                (fmt.age(self.data.now, each.ts), "muted"),
                ("always" if each.always else "with timers", "muted"),
            ]
            for each in sorted(heard, key=lambda each: -each.ts)
        ]
        came = {each.name for each in heard}
        rows += [
            [(name, "muted"), ("–", "muted"), ("never", "muted"), ("", "")]
            for name in EVENTS
            if name not in came
        ]
        columns = [
            Column("event", keep=9),
            Column("last minute" if live else "in all", "right", 11, keep=7),
            Column("newest", "right", 10, keep=8),
            Column("sent", width=11, keep=2),
        ]
        return Table(columns=columns, rows=rows)
