"""Curves of several runs as one SVG file that needs nothing else."""

from __future__ import annotations

from html import escape

from nanochat_sdk import format as fmt

from nanochat_host.core.wire_compare import Comparison
from nanochat_host.report.svg import HEIGHT, INK, LEFT, WIDTH, chart_svg
from nanochat_host.scrub import scrub

ROW = 18
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#6b7280}.name{fill:#1f2937}"
    ".grid{stroke:#e5e7eb}.bad{fill:#dc2626}.ground{fill:#fff}"
)


def comparison_svg(found: Comparison, x: str) -> str:
    """The chart with its legend: name, last and best value of each run that has a curve."""
    drawn = [pair for pair in zip(found.labels(), found.runs, strict=True) if pair[1].series]
    head = f"{found.metric}{', ' + found.unit if found.unit else ''}"
    height = HEIGHT + ROW * (len(drawn) + 1) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}"><style>{STYLE}</style>'
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>'
        f'<text class="name" x="{LEFT}" y="{ROW - 4}">{_plain(head)}</text>',
        chart_svg(head, [run.series for _, run in drawn if run.series], x).replace(
            "<svg ", f'<svg y="{ROW}" width="{WIDTH}" height="{HEIGHT}" ', 1
        ),
    ]
    for index, (name, run) in enumerate(drawn):
        y = HEIGHT + ROW * (index + 2)
        last = f"last {run.last[1]:.5g}" if run.last else "last not finite"
        best = f", best {run.best[1]:.5g} at {fmt.short(run.best[0])}" if run.best else ""
        ink = INK[index % len(INK)]
        out.append(f'<path d="M{LEFT} {y - 4}h18" stroke="{ink}" stroke-width="3"/>')
        out.append(f'<text class="name" x="{LEFT + 26}" y="{y}">{_plain(name)}</text>')
        out.append(f'<text x="{WIDTH // 2}" y="{y}">{_plain(last + best)}</text>')
    return scrub("".join(out) + "</svg>\n")


def _plain(text: str) -> str:
    return escape(fmt.plain(text, 200), quote=True)
