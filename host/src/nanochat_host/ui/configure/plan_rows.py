"""The rows of the plan pane: what a configuration costs, and how that differs from the prefab."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from nanochat_host.core.wire_config import Figure, Plan, StepReport, TargetReport
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.words import delta_text, figure_text
from nanochat_host.ui.controls.row_list import Row

SHOWN = (
    ("params", "parameters"),
    ("total_tokens", "tokens"),
    ("flops", "FLOPs"),
    ("num_iterations", "steps"),
    ("total_batch_size", "tokens/step"),
    ("grad_accum_steps", "micro-batches"),
    ("vram_bytes", "memory"),
    ("checkpoint_bytes", "checkpoint"),
    ("disk_bytes", "disk"),
    ("hours", "time"),
    ("usd", "cost"),
)
BESIDE_FROM = 56
"""Cells from which a difference stands in the line of its figure."""


def plan_rows(
    report: TargetReport | None, before: TargetReport | None, width: int, height: int
) -> list[Row]:
    """Rows of two cells, title and value; a third one with the difference where there is room."""
    if report is None:
        return [Row("", (("", ""), ("computing …", "muted")))]
    step = _planned(report)
    if step is None or step.plan is None:
        why = next((s.plan_error for s in report.steps if s.plan_error), "nothing here is planned")
        return list(_wrapped(clean(why), width))
    old = _planned(before) if before else None
    rows = [Row("", (("for", "muted"), (clean(step.plan.machine), "bold")))]
    if report.pipeline:
        rows[:0] = [Row("", (("plan of", "muted"), (clean(step.title), "bold")))]
    rows += _figures(step.plan, old.plan if old else None, width, height - len(rows))
    said = [line for text in step.plan.assumptions for line in _wrapped(clean(text), width)]
    if said and len(rows) + 2 + len(said) <= height:
        rows += [Row("", ()), Row("", (("assumed", "muted"),)), *said]
    return rows


def _planned(report: TargetReport) -> StepReport | None:
    return next((step for step in report.steps if step.plan is not None), None)


def _figures(plan: Plan, old: Plan | None, width: int, height: int) -> Iterator[Row]:
    figures = {figure.name: figure for figure in plan.figures}
    olds = {figure.name: figure for figure in old.figures} if old else {}
    shown = [(figures[name], title) for name, title in SHOWN if name in figures]
    spare = height - len(shown)
    for figure, title in shown:
        then = olds.get(figure.name)
        delta = delta_text(figure, then) if then is not None else ""
        style = _style(figure, plan, bool(delta))
        cells = ((title, "muted"), (figure_text(figure), style))
        if width >= BESIDE_FROM:
            yield Row("", (*cells, (delta, "accent")))
            continue
        yield Row("", cells)
        if delta and spare > 0:
            spare -= 1
            yield Row("", ((f"   {delta}", "accent"),))


def _style(figure: Figure, plan: Plan, changed: bool) -> str:
    if figure.name == "vram_bytes" and not plan.fits:
        return "error-bold"
    return "bold" if changed else ""


def _wrapped(text: str, width: int) -> Iterator[Row]:
    for line in textwrap.wrap(text, max(width - 3, 12)):
        yield Row("", ((line, "muted"),))
