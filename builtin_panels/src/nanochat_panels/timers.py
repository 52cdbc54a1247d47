"""Where a step's time goes."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import (
    SERIES_STYLES,
    Needs,
    Payload,
    SeriesQuery,
    Size,
    Span,
    Style,
    Text,
    notice,
)
from nanochat_sdk import format as fmt
from nanochat_sdk.bars import stacked

from nanochat_panels.base import DataPanel, empty

PARTS = "time/*"
INSIDE = ("mc/*_ms", "loop/*_ms")
NAMES = {
    "forward_backward": "forward + backward",
    "data": "data loading",
    "dataloader": "data loading",
    "eval": "evaluation",
    "save": "saving",
    "sample": "sampling",
    "wait": "waiting for device",
}
MUTED = ("other",)


class Part(NamedTuple):
    """A part of the step: seconds per step on average over the window."""

    name: str
    seconds: float
    style: Style


class Timers(DataPanel):
    """Parts of the step as shares of its time, and, below, times taken inside those parts."""

    def needs(self, size: Size) -> Needs:
        start = None
        step = self.data.run.step if self.data.run else -1
        if self.options.window and step > self.options.window:
            start = float(step - self.options.window)
        return Needs(
            series=tuple(SeriesQuery(name, 64, "step", start) for name in (PARTS, *INSIDE)),
        )

    def render(self, size: Size) -> Payload:
        parts = self._parts()
        if not parts:
            run = self.data.run
            begun = run is not None and run.step >= 0 and run.state != "starting"
            if run is not None and begun and not run.hooked and not self.data.denied:
                return notice(
                    "this run's trainer has no timers",
                    "it was started without the hook; runs started from here have them",
                )
            return empty(
                self.data, "step timers", "they come with the hook, one step after another"
            )
        total = sum(part.seconds for part in parts)
        steps = max(round(max(sum(s.counts()) for s in self.data.series.values())), 1)
        lines: list[list[Span]] = [
            [(fmt.latency(total), "bold"), (f" a step (mean of {fmt.integer(steps)})", "muted")]
        ]
        if size.height > len(parts) + 1 and size.width >= 20:
            lines.append(stacked(((p.seconds, p.style) for p in parts), total, size.width))
        lines += [_row(part, total, size.width) for part in parts]
        inside = self._inside()
        if inside and size.height >= len(lines) + 2:
            lines += [[("inside them", "muted")], *(_inside_row(p, size.width) for p in inside)]
        return Text(lines=lines)

    def _parts(self) -> list[Part]:
        found = self._averages("time/")
        found = {name: seconds for name, seconds in found.items() if seconds > 0}
        order = sorted(found, key=lambda name: (name in MUTED, -found[name]))[:60]
        styles = iter(SERIES_STYLES * 8)
        return [
            Part(NAMES.get(name, name), found[name], "muted" if name in MUTED else next(styles))
            for name in order
        ]

    def _inside(self) -> list[Part]:
        found = self._averages("mc/") | self._averages("loop/")
        return [
            Part(name, seconds, "")
            for name, seconds in sorted(found.items(), key=lambda item: -item[1])[:60]
        ]

    def _averages(self, prefix: str) -> dict[str, float]:
        """Seconds per step of each timer under `prefix`: what ran on some steps only (an
        evaluation) is shared out over all of them."""
        series = {n: s for n, s in self.data.series.items() if n.startswith(prefix) and s}
        if prefix == PARTS[:-1]:  # the hook's in seconds; a fork's own, in ms, are the same parts
            series = {n: s for n, s in series.items() if not n.endswith("_ms")} or series
        steps = max((sum(s.counts()) for s in series.values()), default=0.0)
        out: dict[str, float] = {}
        for name, each in series.items():
            scale = 1e-3 if name.endswith("_ms") else 1.0
            seconds = fmt.as_float(each.sum() * scale / steps) if steps > 0 else None
            if seconds is not None:
                short = fmt.plain(name.removeprefix(prefix).removesuffix("_ms"), 60)
                out[short] = out.get(short, 0.0) + seconds
        return out


_NAME = 18
"""Cells of a name at most."""


def _row(part: Part, total: float, width: int) -> list[Span]:
    """A part's name, time and share; the time only where there is room for it, and a bar where
    there is more."""
    share = part.seconds / total
    figures = f"{fmt.percent(100 * share):>7}"
    if width >= 34:
        figures = f"{fmt.latency(part.seconds):>9} {figures}"
    name = min(_NAME, max(width - len(figures) - 2, 2))
    line: list[Span] = [("■ ", part.style), (fmt.fit(part.name, name), ""), (figures, "")]
    room = width - name - len(figures) - 4
    if room >= 6:
        line.append(("  " + "▇" * round(share * room), part.style))
    return line


def _inside_row(part: Part, width: int) -> list[Span]:
    value = f"{fmt.latency(part.seconds):>9}"
    name = fmt.fit(f"  {part.name}", max(min(_NAME + 2, width - 9), 4))
    return [(name, "muted"), (value, "muted")]
