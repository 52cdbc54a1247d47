"""The report card as rows: a measure a row, a model a column, along the stages."""

from __future__ import annotations

from nanochat_sdk import format as fmt

from nanochat_host.core.results.measures import LOWER, order
from nanochat_host.core.wire_checkpoints import CardEntry, CoreTable, ReportCard
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Cell, ListColumn, Row
from nanochat_host.ui.words import age_words

Model = tuple[str, str]
"""Stage and tag."""
MEASURE, FIGURE = 16, 11


def models(card: ReportCard) -> list[Model]:
    """In the order of the card: by tag, along the stages."""
    return list(dict.fromkeys((entry.stage, entry.tag) for entry in card.entries))


def columns(card: ReportCard) -> list[ListColumn]:
    """The measure, and each model; the last models go first when there is no room."""
    found = models(card)
    return [
        ListColumn("measure", MEASURE, keep=9),
        *(
            ListColumn(fmt.cut(clean(f"{stage} {tag}".strip()), FIGURE), FIGURE, True,
                       8 - 8 * at // len(found))
            for at, (stage, tag) in enumerate(found)
        ),
    ]  # fmt: skip


def rows(card: ReportCard, width: int) -> list[Row]:
    """Measures, then the tasks of each CORE table. width: cells there are."""
    found = models(card)
    by_place = {(e.stage, e.tag, e.measure): e for e in card.entries}
    steps = [max(e.step for e in card.entries if (e.stage, e.tag) == model) for model in found]
    out: list[Row] = []
    if found:
        shown = [f"{step:,}" if step >= 0 else "" for step in steps]
        out.append(Row("", (("step", "muted"), *((text, "muted") for text in shown))))
    for measure in sorted({e.measure for e in card.entries}, key=order):
        entries = [by_place.get((*model, measure)) for model in found]
        best = _best(measure, entries)
        cells = (_figure(entry, best) for entry in entries)
        out.append(Row(f"measure:{measure}", ((measure, "bold"), *cells)))
    fitting = max(0, (width - 2 - MEASURE - 2) // (FIGURE + 2))
    if fitting < len(found):
        more = len(found) - fitting
        what = "model" if more == 1 else "models"
        text = f"{more} more {what}: widen, or nanochat-cli checkpoint report"
        out.append(Row("", ((text, "muted"),)))
    for table in card.tables:
        out += _table(table)
    return out


def _best(measure: str, entries: list[CardEntry | None]) -> float | None:
    values = [entry.value for entry in entries if entry is not None]
    if len(values) < 2:
        return None
    return min(values) if measure in LOWER else max(values)


def _figure(entry: CardEntry | None, best: float | None) -> Cell:
    if entry is None:
        return ("-", "muted")
    return (f"{entry.value:.4f}", "accent" if entry.value == best else "")


def _table(table: CoreTable) -> list[Row]:
    of = " or ".join(table.checkpoints) or "a model that is gone"
    core = "-" if table.core is None else f"{table.core:.4f}"
    head = f"CORE tasks, {clean(table.file)}, of {clean(of)}: CORE {core}"
    out = [Row("", ()), Row("", ((head, "title"),))]
    for task in table.tasks:
        figures = (("accuracy", task.accuracy), ("centered", task.centered))
        told = "  ".join(f"{word} {value:7.4f}" for word, value in figures if value is not None)
        row = f"{fmt.fit(clean(task.task), 36)} {told}"
        out.append(Row(f"task:{table.file}:{task.task}", ((row, ""),)))
    return out


def origins(card: ReportCard, measure: str, now: float) -> str:
    """Where each figure of a measure is from: a line a model."""
    lines = []
    for entry in card.entries:
        if entry.measure == measure:
            name = f"{entry.stage} {entry.tag}".strip()
            step = f", step {entry.step:,}" if entry.step >= 0 else ""
            age = f", {age_words(entry.at, now)}" if entry.at else ""
            lines.append(f"{name} {entry.value:.4f}: {entry.source} {entry.where}{step}{age}")
    return clean("; ".join(lines))
