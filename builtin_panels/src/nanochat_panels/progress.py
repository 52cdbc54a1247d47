"""Where the run stands: step, tokens, time left and why it is known, cost, pipeline."""

from __future__ import annotations

from nanochat_sdk import (
    Child,
    Gauge,
    Needs,
    Payload,
    RunFacts,
    SeriesQuery,
    Size,
    Span,
    Stack,
    Style,
    Text,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import ACTIVE, DataPanel, elapsed_s, empty, state_words
from nanochat_panels.lines import Field, fields
from nanochat_panels.pace import DT, RATE, pace

PERCENT = "progress/percent"
_STYLES: dict[str, Style] = {
    "done": "success",
    "failed": "error",
    "lost": "error",
    "paused": "warning",
    "stopping": "warning",
}


class Progress(DataPanel):
    """A bar of steps, the time left with how it is known, and what the run has used so far."""

    def needs(self, size: Size) -> Needs:
        run = self.data.run
        began = _stage_start_s(run) if run else None
        return Needs(
            series=(
                SeriesQuery(DT, 200, "time", start=began),
                SeriesQuery(RATE, 32, "step"),
            ),
            latest=("train/epoch", "total_training_time", PERCENT, DT),
            events=("state",),
            max_events=200,
        )

    def render(self, size: Size) -> Payload:
        run = self.data.run
        if run is None:
            return empty(self.data, "steps", "")
        gauge = self._gauge(run, size)
        if size.height < 2:
            return gauge
        pipeline = self._pipeline(run, size.width)
        room = Size(size.width, size.height - 1 - (1 if pipeline else 0))
        if room.height < 3:
            pipeline, room = [], Size(size.width, size.height - 1)
        # Why a run failed is what people look for: half a line would cut it.
        lines = fields(self._fields(run), room, whole=run.state in ("failed", "lost"))
        return Stack(
            children=[
                Child(gauge, size=1),
                Child(Text(lines=[*lines, *([pipeline] if pipeline else [])])),
            ]
        )

    def _gauge(self, run: RunFacts, size: Size) -> Gauge:
        step, planned = max(run.step, 0), run.num_steps
        share = self._share(run)
        label = f"step {fmt.integer(step)}"
        if planned > 0 and size.width >= 44:
            label += f" / {fmt.integer(planned)}"
        text = fmt.percent(100 * share) if share is not None else "length unknown"
        if run.state == "done" and share is None:
            share, text = 1.0, "done"
        return Gauge(
            label=fmt.cut(label, 60),
            value=share,
            text=text,
            style=_STYLES.get(run.state, "primary"),
        )

    def _share(self, run: RunFacts) -> float | None:
        """How much of the stage is done: by steps, else by what the trainer says itself."""
        if run.num_steps > 0:
            return min(max(run.step / run.num_steps, 0.0), 1.0)
        percent = self.latest(PERCENT)
        return None if percent is None else min(max(percent / 100, 0.0), 1.0)

    def _fields(self, run: RunFacts) -> list[Field]:
        out = [Field("state", *state_words(run, self.data.now))] if run.state != "running" else []
        if run.state in ("running", "paused"):
            out.append(self._eta(run))
        passed = elapsed_s(run, self.data.now)
        if passed is not None:
            out.append(Field("elapsed", fmt.duration(passed), note=self._training_time()))
        step = max(run.step, 0)
        if run.tokens_per_step > 0:
            of = f"of {fmt.short(run.num_steps * run.tokens_per_step)}" if run.num_steps > 0 else ""
            out.append(Field("tokens", fmt.short(step * run.tokens_per_step), note=of))
        epoch = self.latest("train/epoch")
        if epoch is not None:
            out.append(Field("epoch", fmt.short(epoch)))
        rate = fmt.as_float(self.options.cost_per_hour) or fmt.as_float(run.cost_per_hour) or 0.0
        if rate > 0 and passed is not None:
            out.append(
                Field("cost", fmt.dollars(rate * passed / 3600), note=f"at {fmt.dollars(rate)}/h")
            )
        if len(run.pipeline) > 1:
            index = min(max(run.stage_index, 0), len(run.pipeline) - 1)
            out.append(Field("stage", f"{index + 1}/{len(run.pipeline)} {run.pipeline[index]}"))
        elif run.stage:
            out.append(Field("stage", run.stage))
        return out

    def _eta(self, run: RunFacts) -> Field:
        if run.state == "paused":
            return Field("left", "waits", "muted", note="resume to go on")
        share = self._share(run)
        if share is None:
            return Field("left", fmt.UNKNOWN, "muted", note="the trainer names no last step")
        known = pace(self.data)
        if known is None or share == 0.0:
            return Field("left", fmt.UNKNOWN, "muted", note="known after a few steps")
        left = max(run.step, 0) * (1 / share - 1) * known.seconds_per_step
        return Field("left", fmt.duration(left), "bold", note=known.how)

    def _training_time(self) -> str:
        inside = self.latest("total_training_time")
        return f"{fmt.duration(inside)} in steps" if inside else ""

    def _pipeline(self, run: RunFacts, width: int) -> list[Span]:
        """The stages in order, done, active and to come; those around the active one if narrow."""
        names = run.pipeline
        if len(names) < 2 or not self.options.pipeline:
            return []
        active = min(max(run.stage_index, 0), len(names) - 1)
        first = 0
        while True:
            line = _stages(run, names, active, first)
            if first >= active or sum(fmt.cells(text) for text, _ in line) <= width:
                return line
            first += 1


def _stages(run: RunFacts, names: list[str], active: int, first: int) -> list[Span]:
    line: list[Span] = [("… ", "muted")] if first else []
    for index in range(first, min(len(names), first + 40)):
        name = fmt.plain(names[index], 40)
        if index < active or (index == active and run.state == "done"):
            line.append((f"✓ {name}  ", "success"))
        elif index == active:
            sign = "▶" if run.state in ACTIVE else "✗"
            line.append((f"{sign} {name}  ", _STYLES.get(run.state, "primary")))
        else:
            line.append((f"· {name}  ", "muted"))
    return line


def _stage_start_s(run: RunFacts) -> float | None:
    """When the active stage began, in seconds since the run started."""
    began = fmt.as_float(run.stage_started_at)
    start = fmt.as_float(run.started_at)
    if not began or not start or began <= start:
        return None
    return fmt.as_float(began - start)
