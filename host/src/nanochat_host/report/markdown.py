"""The report as Markdown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from nanochat_sdk import format as fmt
from nanochat_sdk.data import Event

from nanochat_host.report.gather import Report, card_table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
BARS = "▁▂▃▄▅▆▇█"


def to_markdown(report: Report) -> str:
    """One document; charts as sparklines."""
    out = [f"# {plain(report.title)}", "", *md_table(("", ""), report.facts), "", "## Metrics", ""]
    rows = [
        (m.name, fmt.number(m.value, 5) if m.value is not None else "not finite", m.unit,
         f"{m.count:,}", f"{m.first:,} to {m.last:,}")
        for m in report.metrics
    ]  # fmt: skip
    out += md_table(("metric", "newest", "unit", "points", "steps"), rows)
    for chart in report.charts:
        out += ["", f"## {plain(chart.title)}", ""]
        for series in chart.series:
            best = f", least {series.best[1]:.5g} at {series.best[0]:,.0f}" if series.best else ""
            spark = sparkline(list(series.means()))
            out.append(f"- {plain(series.metric)}{best}\n  `{spark}`")
    out += _events("Alerts", report.of_kind("alert"), alert_line)
    out += _events("Checkpoints", report.of_kind("checkpoint"), checkpoint_line)
    if report.card:
        head, figures = card_table(report.card)
        out += ["", "## Evaluations of the checkout's models", "", *md_table(head, figures)]
    out += ["", "## Options", "", *md_table(("option", "value"), report.options)]
    out += ["", "## Do it again", "", "```sh", *(_fenced(x) for x in report.commands), "```", ""]
    return "\n".join(out)


def alert_line(event: Event) -> str:
    fields = event.fields
    return f"{fields.get('severity', '')}: {fields.get('message', '')}"


def checkpoint_line(event: Event) -> str:
    files = event.fields.get("files")
    sizes = files.values() if isinstance(files, dict) else ()
    total = sum(size for size in sizes if isinstance(size, int))
    whole = "" if event.fields.get("ok", True) else ", not complete"
    return f"{event.fields.get('tag', '')} {fmt.size(total) if total else ''}{whole}".strip()


def when(event: Event) -> str:
    """Step if there is one, else the time."""
    if event.step is not None:
        return f"step {event.step:,}"
    return time.strftime("%H:%M:%S", time.gmtime(event.ts))


def _events(title: str, events: list[Event], line: Callable[[Event], str]) -> list[str]:
    if not events:
        return []
    return ["", f"## {title}", "", *(f"- {when(e)}: {plain(line(e))}" for e in events)]


def md_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(plain, row)) + " |" for row in lines]


def plain(text: str) -> str:
    """Text that came from a run, as text."""
    clean = fmt.plain(text, 500)
    return clean if clean == "---" else _SPECIAL.sub(r"\\\1", clean)


def _fenced(line: str) -> str:
    return fmt.plain(line, 10_000).replace("```", "` ` `")


def sparkline(values: list[float], width: int = 60) -> str:
    finite = [v for v in values if v == v and abs(v) != float("inf")]
    if not finite:
        return ""
    step = max(1, -(-len(finite) // width))
    parts = (finite[i : i + step] for i in range(0, len(finite), step))
    means = [sum(part) / len(part) for part in parts]
    lo, hi = min(means), max(means)
    return "".join(BARS[int((v - lo) / (hi - lo) * 7.999)] if hi > lo else BARS[0] for v in means)
