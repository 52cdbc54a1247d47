"""Evaluations: bits per byte, the CORE metric, and how the newest compare."""

from __future__ import annotations

from nanochat_sdk import (
    Axis,
    Chart,
    Child,
    Column,
    Needs,
    Payload,
    Series,
    SeriesQuery,
    Size,
    Span,
    Stack,
    Table,
    Text,
)
from nanochat_sdk import format as fmt

from nanochat_panels.base import DataPanel, empty
from nanochat_panels.curves import mark, plot, x_axis, zoom
from nanochat_panels.lines import Field, caption, fields, labelled

VAL, CORE, TASKS = "val/bpb", "core_metric", "core/*"
MAX_EVALS = 1024


class Validation(DataPanel):
    """The curve of evaluations above a table of the newest ones and of the CORE tasks."""

    def needs(self, size: Size) -> Needs:
        start, end = zoom(self.view)
        return Needs(
            series=tuple(SeriesQuery(m, MAX_EVALS, "step", start, end) for m in (VAL, CORE)),
            latest=(VAL, CORE, TASKS),
        )

    def render(self, size: Size) -> Payload:
        val = self.data.series.get(VAL, Series(metric=VAL))
        core = self.data.series.get(CORE, Series(metric=CORE))
        if not val and not core:
            return empty(self.data, "evaluations", "they come at the steps eval_every sets")
        if size.height < 8 or size.width < 36:
            return Text(lines=fields(self._summary(val, core), size))
        rows = min(max(size.height // 2 - 2, 1), self.options.rows, max(len(val.x) // 8, 1))
        parts = [Child(_chart(val, core, size))]
        tasks = self._tasks(rows)
        if tasks and size.width >= 76:
            both = [Child(_table(val, rows)), Child(tasks)]
            parts.append(Child(Stack(children=both, direction="horizontal", gap=2), size=rows + 1))
        elif val:
            parts.append(Child(_table(val, rows), size=rows + 1))
        return Stack(children=parts)

    def _summary(self, val: Series, core: Series) -> list[Field]:
        out = []
        if val:
            step = f"@ {fmt.integer(val.xs()[-1])}"
            out.append(Field("val bpb", fmt.fixed(val.means()[-1], 4), "bold", step))
        if val.best:
            out.append(
                Field("best", fmt.fixed(val.best[1], 4), "accent", f"@ {fmt.integer(val.best[0])}")
            )
        if core:
            out.append(Field("CORE", fmt.fixed(core.means()[-1], 4), "bold"))
        if val:
            out.append(Field("evals", fmt.integer(val.total)))
        return out

    def _tasks(self, rows: int) -> Table | None:
        names = sorted(name for name in self.data.latest if name.startswith("core/"))
        if not names:
            return None
        body: list[list[Span]] = [
            [
                (fmt.plain(name.removeprefix("core/"), 60), ""),
                (fmt.fixed(self.data.latest[name].value, 4), ""),
            ]
            for name in names[:rows]
        ]
        more = f" ({rows} of {len(names)})" if len(names) > rows else ""
        columns = [Column(f"CORE task{more}", keep=9), Column("centered", "right", 8)]
        return Table(columns=columns, rows=body)


def _chart(val: Series, core: Series, size: Size) -> Chart:
    plots = []
    parts: list[list[Span]] = []
    if val:
        plots.append(plot(val, "val bpb", "series-3"))
        parts.append(labelled("val bpb", fmt.fixed(val.means()[-1], 4)))
    if core:
        plots.append(plot(core, "CORE", "series-5", "step", axis="right" if val else "left"))
        parts.append(labelled("CORE", fmt.fixed(core.means()[-1], 4)))
    if val.best:
        parts.append(
            labelled("best", f"{fmt.fixed(val.best[1], 4)} @ {fmt.short(val.best[0])}", "accent")
        )
    if val.nonfinite:
        parts.append([(f"{len(val.nonfinite) // 8} evaluations are NaN or inf", "error")])
    return Chart(
        plots=plots,
        x=x_axis("step"),
        y=Axis(label="bits/byte" if val else "CORE"),
        right=Axis(label="CORE") if val and core else None,
        marks=mark(*val.best, "best") if val.best else [],
        legend=bool(val and core) and size.height >= 14,
        caption=caption(parts, size.width),
    )


def _table(val: Series, rows: int) -> Table:
    """The newest evaluations, newest first, each against the one before it."""
    xs, means = val.xs(), val.means()
    best = val.best[1] if val.best else None
    body: list[list[Span]] = []
    for index in range(len(xs) - 1, max(len(xs) - 1 - rows, -1), -1):
        value = means[index]
        delta: Span = ("", "")
        if index:
            change = value - means[index - 1]
            sign = "+" if change > 0 else ""
            delta = (sign + fmt.fixed(change, 4), "success" if change < 0 else "warning")
        body.append(
            [
                (fmt.integer(xs[index]), "muted"),
                (fmt.fixed(value, 4), ""),
                delta,
                ("◆ best" if value == best else "", "accent"),
            ]
        )
    columns = [
        Column("step", "right", 9, keep=8),
        Column("val bpb", "right", 9, keep=9),
        Column("change", "right", 9, keep=7),
        Column("", keep=1, width=6),
    ]
    return Table(columns=columns, rows=body)
