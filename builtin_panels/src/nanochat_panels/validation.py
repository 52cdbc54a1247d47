"""Evaluations: bits per byte, the CORE metric, and how the newest compare."""

from __future__ import annotations

from typing import Literal

from nanochat_sdk import (
    Axis,
    Chart,
    Child,
    Column,
    Needs,
    Payload,
    Plot,
    Series,
    SeriesQuery,
    Size,
    Span,
    Stack,
    Style,
    Table,
    Text,
    notice,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty
from nanochat_panels.curves import mark, plot, x_axis, zoom
from nanochat_panels.lines import Field, caption, fields, labelled

LOSSES = {"val/bpb": "val bpb", "val/loss": "val loss"}
SCORES = {"core_metric": "CORE", "chatcore_metric": "ChatCORE", "pass@1": "pass@1"}
"""What is better lower, and what is better higher: the first that a run has is shown."""
TASKS = ("core/", "chatcore/")
MAX_EVALS = 1024


class Validation(DataPanel):
    """The curve of evaluations above a table of the newest ones and of the CORE tasks."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=tuple(SeriesQuery(m, MAX_EVALS, "step", start, end) for m in (*LOSSES, *SCORES)),
            latest=tuple(f"{prefix}*" for prefix in TASKS),
        )

    def render(self, size: Size) -> Payload:
        loss, score = self._first(LOSSES), self._first(SCORES)
        if not loss and not score:
            return self._nothing(loss)
        if size.height < 8 or size.width < 36:
            return Text(lines=fields(_summary(loss, score), size))
        rows = max(min(size.height // 2 - 2, self.options.rows), 1)
        tasks = self._tasks(rows)
        tables = [_table(loss, rows)] if loss else []
        if tasks and (size.width >= 76 or not tables):
            tables.append(tasks)
        parts = [Child(_chart(loss, score, size))]
        if tables:
            side = Stack(children=[Child(t) for t in tables], direction="horizontal", gap=2)
            height = 1 + max(len(table.rows) for table in tables)
            parts.append(Child(side, size=height))
        return Stack(children=parts)

    def _first(self, names: dict[str, str]) -> Series:
        """The first of these metrics that was evaluated, else an empty series."""
        found = [self.data.series.get(name) for name in names]
        return next(
            (series for series in found if series is not None and (series or series.nonfinite)),
            Series(metric=next(iter(names))),
        )

    def _nothing(self, loss: Series) -> Payload:
        if loss.nonfinite:
            hint = "is eval_tokens smaller than one batch over all ranks?"
            return notice("every evaluation was NaN or infinite", hint, "error")
        if zoom(self.view) != (None, None):
            return notice("no evaluation in this range", "zoom out to see them")
        return empty(self.data, "evaluations", "they come at the steps eval_every sets")

    def _tasks(self, rows: int) -> Table | None:
        names = sorted(name for name in self.data.latest if name.startswith(TASKS))
        if not names:
            return None
        body: list[list[Span]] = [
            [
                (fmt.plain(name.partition("/")[2], 60), ""),
                (fmt.fixed(self.data.latest[name].value, 4), ""),
            ]
            for name in names[:rows]
        ]
        more = f" ({rows} of {len(names)})" if len(names) > rows else ""
        return Table(columns=[Column(f"task{more}"), Column("score", "right", 8)], rows=body)


def _label(series: Series) -> str:
    return (LOSSES | SCORES).get(series.metric, series.metric)


def _summary(loss: Series, score: Series) -> list[Field]:
    out: list[Field] = []
    if loss:
        at = f"@ {fmt.integer(loss.xs()[-1])}"
        out.append(Field(_label(loss), fmt.fixed(loss.means()[-1], 4), "bold", at))
        if loss.best:
            step, value = loss.best
            out.append(Field("best", fmt.fixed(value, 4), "accent", f"@ {fmt.integer(step)}"))
    if score:
        out.append(Field(_label(score), fmt.fixed(score.means()[-1], 4), "bold"))
    if loss:
        out.append(Field("evals", fmt.integer(loss.total)))
    return out


def _chart(loss: Series, score: Series, size: Size) -> Chart:
    plots: list[Plot] = []
    parts: list[list[Span]] = []
    styles: tuple[Style, Style] = ("series-3", "series-5")
    for series, style in zip((loss, score), styles, strict=True):
        if series:
            axis: Literal["left", "right"] = "right" if plots else "left"
            plots.append(plot(series, _label(series), style, "step" if plots else "line", axis))
            parts.append(labelled(_label(series), fmt.fixed(series.means()[-1], 4), of=style))
    if loss.best:
        step, value = loss.best
        parts.append(labelled("best", f"{fmt.fixed(value, 4)} @ {fmt.integer(step)}", "accent"))
    if loss.nonfinite:
        parts.append([(f"{len(loss.nonfinite) // 8} NaN or inf", "error")])
    return Chart(
        plots=plots,
        x=x_axis("step"),
        y=Axis(label=_label(loss if loss else score)),
        right=Axis(label=_label(score)) if len(plots) > 1 else None,
        marks=mark(*loss.best, "best") if loss.best else [],
        legend=False,
        caption=caption(parts, size.width),
    )


def _table(loss: Series, rows: int) -> Table:
    """The newest evaluations, newest first, each against the one before it."""
    xs, means = loss.xs(), loss.means()
    best = loss.best[1] if loss.best else None
    body: list[list[Span]] = []
    for index in range(len(xs) - 1, max(len(xs) - 1 - rows, -1), -1):
        value = means[index]
        change: Span = ("", "")
        if index:
            delta = value - means[index - 1]
            sign = "+" if delta > 0 else ""
            change = (sign + fmt.fixed(delta, 4), "success" if delta < 0 else "warning")
        star: Span = ("◆ best" if value == best else "", "accent")
        body.append([(fmt.integer(xs[index]), "muted"), (fmt.fixed(value, 4), ""), change, star])
    columns = [
        Column("step", "right", 9, keep=8),
        Column(_label(loss), "right", 9, keep=9),
        Column("change", "right", 9, keep=7),
        Column("", keep=1, width=6),
    ]
    return Table(columns=columns, rows=body)
