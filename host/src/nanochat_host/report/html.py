"""The report as one HTML page: styles and charts inside, no script, nothing fetched. A policy in
the page forbids both, whatever text of the run is in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nanochat_sdk import format as fmt
from nanochat_sdk.data import Series

from nanochat_host import __version__
from nanochat_host.report.gather import Chart, Report, card_table
from nanochat_host.report.markdown import alert_line, checkpoint_line, when
from nanochat_host.report.svg import INK, chart_svg

SAMPLES = 12
STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --dim: #6b7280; --line: #e5e7eb; --ground: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --dim: #9ca3af; --line: #374151; --ground: #111827 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: .25rem } h2 { margin-top: 2rem; font-size: 1.1rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere }
th { color: var(--dim); font-weight: 500 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-weight: 600 } figcaption span { font-weight: 400 }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: var(--dim) }
.grid { stroke: var(--line) } .bad { fill: #dc2626 }
pre { background: var(--line); padding: .8rem; overflow-x: auto; white-space: pre-wrap }
.error { color: #dc2626 } .warning { color: #d97706 } footer { color: var(--dim); margin: 2rem 0 }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(report: Report) -> str:
    """One page."""
    charts = "".join(_figure(chart) for chart in report.charts)
    metrics = [
        (m.name, fmt.number(m.value, 5) if m.value is not None else "not finite", m.unit,
         f"{m.count:,}", f"{m.first:,} to {m.last:,}")
        for m in report.metrics
    ]  # fmt: skip
    samples = [str(event.fields.get("text", "")) for event in report.of_kind("sample")[-SAMPLES:]]
    commands = "\n".join(plain(line) for line in report.commands)
    parts = [
        html_table((), report.facts),
        f'<h2>Charts</h2><div class="charts">{charts}</div>' if charts else "",
        _alerts(report),
        section(
            "Checkpoints", [(when(e), checkpoint_line(e)) for e in report.of_kind("checkpoint")]
        ),
        section("Samples", [(str(n), text) for n, text in enumerate(samples, 1)]),
        "<h2>Metrics</h2>",
        html_table(("metric", "newest", "unit", "points", "steps"), metrics),
        _evaluations(report),
        section("Options", report.options),
        f"<h2>Do it again</h2><pre>{commands}</pre>",
    ]
    return page(report.title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """A whole document around these parts."""
    head = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{plain(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{plain(title)}</h1>",
    ]
    end = f"<footer>nanochat-cli {__version__}</footer></body></html>\n"
    return "".join([*head, *parts, end])


def figure(title: str, labels: Sequence[str], series: Sequence[Series], x: str = "step") -> str:
    """A chart with its legend: a label for each series."""
    legend = "".join(
        f' <span style="color:{INK[i % len(INK)]}">{plain(label)}</span>'
        for i, label in enumerate(labels)
    )
    svg = chart_svg(title, list(series), x)
    return f"<figure><figcaption>{plain(title)}{legend}</figcaption>{svg}</figure>"


def _figure(chart: Chart) -> str:
    return figure(chart.title, [series.metric for series in chart.series], chart.series)


def _evaluations(report: Report) -> str:
    if not report.card:
        return ""
    head, rows = card_table(report.card)
    return f"<h2>Evaluations of the checkout's models</h2>{html_table(head, rows)}"


def _alerts(report: Report) -> str:
    rows = "".join(
        f'<tr><td>{plain(when(e))}</td><td class="{_severity(str(e.fields.get("severity")))}">'
        f"{plain(alert_line(e))}</td></tr>"
        for e in report.of_kind("alert")
    )
    return f"<h2>Alerts</h2><table>{rows}</table>" if rows else ""


def _severity(word: str) -> str:
    return word if word in ("error", "warning") else "info"


def section(title: str, rows: Sequence[Sequence[str]]) -> str:
    return f"<h2>{title}</h2>{html_table((), rows)}" if rows else ""


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{plain(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{plain(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{'<tr>' + top + '</tr>' if head else ''}{body}</table>"


def plain(text: str) -> str:
    """Text that came from a run, as text."""
    return escape(fmt.plain(text, 2000), quote=True)
