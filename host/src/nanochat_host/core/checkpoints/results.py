"""What evaluations left on disk: a report card over stages, and the tables of CORE.

Each checkpoint's metadata holds what its training measured last; `base_eval` writes one CSV a step,
named without the tag, so two models of the same step overwrite each other's: it is shown with the
models that it may be of.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from nanochat_host.core.checkpoints.catalog import Listed
from nanochat_host.core.results import card
from nanochat_host.core.results.reports import results_in_reports
from nanochat_host.core.wire_checkpoints import (
    CardEntry,
    CoreRow,
    CoreTable,
    ReportCard,
    ReportRow,
)

MAX_CSV_BYTES = 2**20
_STEP = re.compile(r"_(\d{3,})\.csv$")


def report_card(
    checkout: str,
    base_dir: Path,
    listed: Sequence[Listed],
    from_logs: Sequence[CardEntry] = (),
) -> ReportCard:
    """The newest usable step of each stage and tag, every table of `base_eval`, and the newest of
    each measure from whatever says so. from_logs: what logs of runs say."""
    newest: dict[tuple[str, str], Listed] = {}
    for item in listed:
        if item.info.state != "broken":
            newest[item.info.stage, item.info.tag] = item  # by step, so the last one stays
    rows = [
        ReportRow(i.info.stage, i.info.tag, i.info.step, i.info.metrics) for i in newest.values()
    ]
    tables = core_tables(base_dir, listed)
    found = [
        *card.of_checkpoints(listed),
        *card.of_tables(base_dir, tables),
        *results_in_reports(base_dir),
        *from_logs,
    ]
    return ReportCard(checkout, rows, tables, card.newest(card.placed(found, listed)))


def core_tables(base_dir: Path, listed: Sequence[Listed]) -> list[CoreTable]:
    """`base_eval/*.csv`, by name; a file of another kind is left out."""
    tables: list[CoreTable] = []
    for file in sorted((base_dir / "base_eval").glob("*.csv")):
        rows = _rows(file)
        if rows:
            step = int(match[1]) if (match := _STEP.search(file.name)) else -1
            fits = [i.info.id for i in listed if (i.info.stage, i.info.step) == ("base", step)]
            core = next((row.centered for row in rows if row.task == "CORE"), None)
            tasks = [row for row in rows if row.task != "CORE"]
            tables.append(CoreTable(file.name, step, core, tasks, fits))
    return tables


def _rows(file: Path) -> list[CoreRow]:
    try:
        if file.stat().st_size > MAX_CSV_BYTES:
            return []
        lines = list(csv.reader(file.read_text("utf-8", "replace").splitlines()))
    except (OSError, csv.Error):
        return []
    if not lines or [cell.strip().lower() for cell in lines[0][:1]] != ["task"]:
        return []
    return [
        CoreRow(line[0].strip(), _number(line[1]), _number(line[2]))
        for line in lines[1:]
        if len(line) >= 3
    ]


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
