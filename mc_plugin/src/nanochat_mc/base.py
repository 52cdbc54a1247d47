"""What the panels share: newest values, curves, captions, and how old what they show is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nanochat_sdk import Data, Needs, Panel, Plot, Series, SeriesQuery, Size, Span, Style
from nanochat_sdk import format as fmt
from nanochat_sdk.data import XAxis

EVERYTHING = ("mc/*", "train/dt")
"""Newest values every panel asks for: they also tell what this run sends at all."""
PATIENCE_S = 20.0
TOLD = {"block_size": "mc/block_size", "allocator_soft_max": "mc/soft_max"}
"""Options to the metrics by which the log tells them."""


class McPanel(Panel):
    """A panel that keeps the newest data and redraws whenever there is some."""

    data: Data = Data()

    def update(self, data: Data) -> bool:
        before, now = self.data.run, data.run
        self.data = data
        if (before.id if before else "") != (now.id if now else ""):
            self.forget()
        return True

    def forget(self) -> None:
        """Another run is on show: what was gathered is of the one before."""

    def wants(
        self, *series: SeriesQuery, spans: tuple[str, ...] = (), max_events: int = 50
    ) -> Needs:
        """Needs of a panel: `series`, the newest spans of these names, every newest value, the
        run's options."""
        return Needs(
            series=series,
            latest=EVERYTHING,
            events=("span",) if spans else (),
            spans=spans,
            max_events=max_events,
            config=True,
        )

    def query(self, metric: str, size: Size, x: XAxis = "step") -> SeriesQuery:
        """A metric in two buckets a cell, within what the person zoomed to."""
        start, end = fmt.as_float(self.view.x_start), fmt.as_float(self.view.x_end)
        return SeriesQuery(metric, min(max(2 * size.width, 32), 1024), x, start, end)

    def latest(self, metric: str) -> float | None:
        """The newest value of a metric if it is a finite number."""
        point = self.data.latest.get(metric)
        return fmt.as_float(point.value) if point else None

    def levels(self, prefix: str) -> list[int]:
        """Levels of detail for which `prefix` + level has a newest value, ascending."""
        tails = (name.removeprefix(prefix) for name in self.data.latest if name.startswith(prefix))
        return sorted(
            int(tail) for tail in tails if tail.isascii() and tail.isdigit() and len(tail) < 3
        )

    def date(self, *times: float) -> None:
        """Put the age of the newest of `times` into the frame if the run goes on without news."""
        self.status = staleness(self.data, *times)

    def date_metrics(self, *metrics: str) -> None:
        """The same for the newest of these metrics."""
        points = (self.data.latest.get(metric) for metric in metrics)
        self.date(*(point.ts for point in points if point))


def staleness(data: Data, *times: float) -> str:
    """ "stale 40s" when a running run has sent nothing since the newest of `times` for longer than
    five of its steps take, else ""."""
    known = [ts for ts in map(fmt.as_float, times) if ts]
    now = fmt.as_float(data.now)
    if not known or now is None or data.run is None or data.run.state != "running":
        return ""
    dt = data.latest.get("train/dt")
    usual = fmt.as_float(dt.value) if dt else None
    age = now - max(known)
    if age < max(PATIENCE_S, 5 * min(max(usual or 0.0, 0.0), 3600.0)):
        return ""
    return f"stale {fmt.duration(age)}"


def option(data: Data, *names: str) -> float | None:
    """The first of these options of the run that is set to a finite number. Of a run that was not
    started from here the log tells some."""
    for name in names:
        value = fmt.as_float(data.config.get(name))
        if value is not None:
            return value
    told = (data.latest.get(TOLD[name]) for name in names if name in TOLD)
    return next((value for point in told if point and (value := fmt.as_float(point.value))), None)


def whole_option(data: Data, name: str) -> int:
    """An option that counts something; 0 if it is not known or below."""
    return int(min(max(option(data, name) or 0.0, 0.0), 2.0**31))


def curve(series: Series, label: str, style: Style, band: bool = False) -> Plot:
    """A series as a curve; a single point as a point. band: with the envelope of its buckets."""
    return Plot(
        label=label,
        x=series.x,
        y=series.mean,
        style=style,
        draw="points" if len(series.x) == 8 else "line",
        lo=series.lo if band else b"",
        hi=series.hi if band else b"",
        nonfinite=series.nonfinite,
    )


def caption(parts: Iterable[Sequence[Span]], width: int) -> list[Span]:
    """Parts in one line, as many from the front as fit."""
    line: list[Span] = []
    used = 0
    for part in parts:
        gap = 3 if line else 0
        need = gap + sum(fmt.cells(text) for text, _ in part)
        if used + need > width:
            break
        line += [(" " * gap, ""), *part]
        used += need
    return line


def figure(label: str, value: str, style: Style = "bold", of: Style = "muted") -> list[Span]:
    """A label and its value. of: the label's style, that of its curve where it has one."""
    return [(f"{label} ", of), (value, style)]


def bar(share: float, room: int) -> str:
    """A bar for a share of `room` cells, in eighths of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * room * 8)
    rest: str = ("", *"▏▎▍▌▋▊▉")[eighths % 8]
    return "█" * (eighths // 8) + rest
