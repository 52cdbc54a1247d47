"""The learning rate's multiplier: what it was, what is planned, and what the person changed."""

from __future__ import annotations

from typing import Any

from nanochat_sdk import (
    Axis,
    Chart,
    Mark,
    Needs,
    Payload,
    Plot,
    SeriesQuery,
    Size,
    Span,
    pack,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty
from nanochat_panels.curves import LIMIT, column_mark, columns, plot, x_axis, zoom
from nanochat_panels.lines import caption, labelled

LRM = "train/lrm"
EXTRA = {"momentum": "loop/muon_momentum", "weight decay": "loop/muon_weight_decay"}


class Schedule(DataPanel):
    """The multiplier over the whole run, over the plan the options describe."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=(SeriesQuery(LRM, columns(size), "step", start, end),),
            latest=(LRM, *EXTRA.values()),
            events=("state",),
            max_events=200,
            config=True,
        )

    def render(self, size: Size) -> Payload:
        actual = self.data.series.get(LRM)
        planned = self._planned()
        if not actual and not planned:
            return empty(self.data, "learning rates", "they come with every step")
        plots = [planned] if planned else []
        if actual:
            plots.append(plot(actual, "multiplier", "series-6"))
        run = self.data.run
        whole = zoom(self.view) == (None, None) and run is not None and 0 < run.num_steps < LIMIT
        axis = x_axis("step")
        if whole and run is not None:
            axis = Axis(label="step", unit="int", lo=0.0, hi=float(max(run.num_steps, run.step)))
        return Chart(
            plots=plots,
            x=axis,
            y=Axis(label="x base LR", lo=0.0 if not actual or min(actual.means()) >= 0 else None),
            marks=self._marks(),
            legend=False,
            caption=caption(self._caption(), size.width),
        )

    def _caption(self) -> list[list[Span]]:
        parts = [labelled("LR", f"x{fmt.number(self.latest(LRM), 3)}", of="series-6")]
        run = self.data.run
        plan = plan_of(self.data.config, run.num_steps) if run else None
        if plan and run:
            parts.append([(plan.phase(run.step), "")])
        for label, metric in EXTRA.items():
            value = self.latest(metric)
            if value is not None:
                parts.append(labelled(label, fmt.number(value, 3), ""))
        return parts

    def _planned(self) -> Plot | None:
        run = self.data.run
        plan = plan_of(self.data.config, run.num_steps) if run and self.options.plan else None
        if plan is None:
            return None
        corners = plan.corners()
        return Plot(
            label="plan",
            x=pack([x for x, _ in corners]),
            y=pack([y for _, y in corners]),
            style="muted",
        )

    def _marks(self) -> list[Mark]:
        """Where the person changed the multiplier or one of the schedule's options."""
        out: list[Mark] = []
        for event in self.data.events:
            found = event.fields
            if found.get("what") != "applied" or event.step is None:
                continue
            if found.get("cmd") == "lr":
                out += column_mark(event.step, f"x{fmt.number(found.get('value'), 3)}", "accent")
            elif found.get("cmd") == "set" and found.get("name") in _OPTIONS:
                label = f"{found['name']}={fmt.short(found.get('value'))}"
                out += column_mark(event.step, label, "accent")
        return out[-32:]


_OPTIONS = ("warmup_steps", "warmup_ratio", "warmdown_ratio", "final_lr_frac", "num_iterations")


class Plan:
    """Warm-up over `warmup` steps, a plateau, and a linear way down over the last `warmdown`."""

    def __init__(self, steps: int, warmup: float, warmdown: float, final: float) -> None:
        self.steps, self.warmup, self.warmdown, self.final = steps, warmup, warmdown, final

    def corners(self) -> list[tuple[float, float]]:
        """Points of the plan; straight lines between them. x ascends."""
        rise = min(self.warmup, float(self.steps))
        fall = max(self.steps - self.warmdown, rise)
        start = [(0.0, 1.0 / self.warmup), (rise, 1.0)] if self.warmup >= 1 else [(0.0, 1.0)]
        end = [(fall, 1.0), (float(self.steps), self.final)] if self.warmdown > 0 else []
        return start + (end or [(float(self.steps), 1.0)])

    def phase(self, step: int) -> str:
        """Where `step` lies: "warm-up", "plateau" or "warm-down"."""
        if step < self.warmup:
            return f"warm-up until {fmt.integer(self.warmup)}"
        if step < self.steps - self.warmdown:
            return f"plateau until {fmt.integer(self.steps - self.warmdown)}"
        return f"warm-down to x{fmt.number(self.final, 2)}"


def plan_of(config: dict[str, Any], steps: int) -> Plan | None:
    """The plan a run's options describe, None when they do not say."""
    if not 0 < steps < 10**12 or not any(name in config for name in _OPTIONS[:3]):
        return None
    warmup = fmt.as_float(config.get("warmup_steps"))
    if warmup is None:
        warmup = (fmt.as_float(config.get("warmup_ratio")) or 0.0) * steps
    down = fmt.as_float(config.get("warmdown_ratio")) or 0.0
    final = fmt.as_float(config.get("final_lr_frac"))
    warmup = min(max(warmup, 0.0), float(steps))
    warmdown = min(max(round(min(down, 1.0) * steps), 0), steps)
    return Plan(steps, warmup, float(warmdown), min(max(final or 0.0, 0.0), 1e6))
