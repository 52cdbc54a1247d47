"""A report of several runs: the same figures side by side, every shared metric in one chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nanochat_sdk import format as fmt

from nanochat_host.core.wire_compare import CompareAxis, ComparedRun, CompareRuns, Comparison
from nanochat_host.report.gather import CHARTS, COLUMNS
from nanochat_host.report.html import figure, html_table, page
from nanochat_host.report.markdown import md_table, plain, sparkline

FACTS = ("state", "stage", "checkout", "commit", "device", "processes", "steps", "took")


@dataclass
class SeveralReport:
    """labels: what to call each run. facts: a row for each of `FACTS`. charts: a comparison for
    each metric that any of the runs has."""

    labels: list[str]
    facts: list[list[str]]
    charts: list[Comparison]
    x: CompareAxis

    @property
    def title(self) -> str:
        return " and ".join([", ".join(self.labels[:-1]), self.labels[-1]])

    @property
    def differs(self) -> list[list[str]]:
        """A row for each option in which the runs differ."""
        return [[d.key, *(value or "-" for value in d.values)] for d in self.charts[0].differs]

    def figures(self) -> list[list[str]]:
        """A row for each metric: last and best value of each run."""
        return [[chart.metric, *map(_figure, chart.runs)] for chart in self.charts]


def gather_several(
    ask: Callable[[CompareRuns], Comparison], ids: Sequence[str], x: CompareAxis
) -> SeveralReport:
    """Ask the core once a metric. ask: sends the question."""
    first = ask(CompareRuns(list(ids), "", x, COLUMNS))
    named = {shared.name for shared in first.metrics}
    wanted = [name for _, names in CHARTS for name in names if name in named]
    charts = [ask(CompareRuns(list(ids), name, x, COLUMNS)) for name in wanted] or [first]
    return SeveralReport(first.labels(), _facts(first.runs), charts, x)


def _facts(runs: Sequence[ComparedRun]) -> list[list[str]]:
    columns = []
    for run in runs:
        facts = run.facts
        took = facts.ended_at - facts.started_at if facts.ended_at and facts.started_at else None
        columns.append(
            [
                facts.state, facts.stage, facts.checkout, facts.commit[:12], facts.device,
                str(facts.world_size), f"{facts.step:,}" if facts.step >= 0 else "",
                fmt.duration(took) if took is not None else "",
            ]
        )  # fmt: skip
    return [[name, *cells] for name, *cells in zip(FACTS, *columns, strict=True)]


def _figure(run: ComparedRun) -> str:
    if run.last is None:
        return run.note or "not finite" if run.points else "-"
    best = f", best {run.best[1]:.5g}" if run.best and run.best[1] != run.last[1] else ""
    return f"{run.last[1]:.5g}{best}"


def several_markdown(report: SeveralReport) -> str:
    """One document; curves as sparklines."""
    head = ["", *report.labels]
    out = [f"# {plain(report.title)}", "", *md_table(head, report.facts)]
    out += ["", "## Last and best", "", *md_table(head, report.figures())]
    if report.differs:
        out += ["", "## What differs", "", *md_table(head, report.differs)]
    for chart in report.charts:
        out += ["", f"## {plain(chart.metric)}, by {report.x}", ""]
        for label, run in zip(report.labels, chart.runs, strict=True):
            told = f"`{sparkline(list(run.series.means()))}`" if run.series else plain(run.note)
            out.append(f"- {plain(label)}\n  {told}")
    return "\n".join(out) + "\n"


def several_html(report: SeveralReport) -> str:
    """One page."""
    head = ["", *report.labels]
    figures = []
    for chart in report.charts:
        drawn = [p for p in zip(report.labels, chart.runs, strict=True) if p[1].series]
        series = [run.series for _, run in drawn if run.series]
        if series:
            labels = [label for label, _ in drawn]
            figures.append(figure(f"{chart.metric}", labels, series, report.x))
    differs = f"<h2>What differs</h2>{html_table(head, report.differs)}" if report.differs else ""
    return page(
        report.title,
        [
            html_table(head, report.facts),
            f'<h2>Charts</h2><div class="charts">{"".join(figures)}</div>' if figures else "",
            f"<h2>Last and best</h2>{html_table(head, report.figures())}",
            differs,
        ],
    )
