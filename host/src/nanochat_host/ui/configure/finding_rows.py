"""The rows of the preflight pane: every finding, and the key that accepts its fix."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from nanochat_host.core.wire_config import Finding, TargetReport
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.configure.draft import NPROC, Form
from nanochat_host.ui.configure.words import fix_text
from nanochat_host.ui.controls.row_list import Row

GLYPHS = {"error": ("✗", "error"), "warning": ("!", "warning"), "note": ("·", "muted")}
_ORDER = ("error", "warning", "note")
BESIDE_CELLS = 11
"""Cells of a line beside the text: margins, two columns of a cell with their gaps, scroll bar."""


class Found(NamedTuple):
    """A finding, and the stage it is about, "" when only one runs. shared: options that the stage
    has, for a fix that is meant for it alone."""

    finding: Finding
    stage: str

    @property
    def fixable(self) -> bool:
        """One key accepts its fix."""
        return bool(self.finding.fix)

    def changes(self, form: Form) -> dict[str, Any]:
        """The edits of its fix, by the keys of rows."""
        return {
            NPROC if name == "nproc" else form.key_of(self.stage, name): value
            for name, value in self.finding.fix.items()
        }


def findings(report: TargetReport | None) -> list[Found]:
    """All of them, the gravest first, each said once."""
    if report is None:
        return []
    found = [
        Found(finding, step.config.stage if step.config else "")
        for step in report.steps
        for finding in step.findings
    ]
    if report.prefab_error:
        found.append(Found(Finding("error", "prefab", report.prefab_error, ""), ""))
    once = {(item.stage, item.finding.what): item for item in found}
    return sorted(once.values(), key=lambda item: _ORDER.index(item.finding.severity))


def finding_rows(
    found: list[Found], report: TargetReport | None, width: int, room: int, trouble: str = ""
) -> list[Row]:
    """A numbered paragraph for each. room: lines; reasons are left out where they are few.
    trouble: why nothing could be looked at."""
    if trouble:
        return [_line(("✗", "error"), line) for line in _wrap(clean(trouble), width)]
    if report is None:
        return [_line(("…", "muted"), "looking")]
    if not found:
        return [
            ASKING if report.unasked else _line(("✓", "success"), "preflight: nothing is wrong")
        ]
    full = [rows for item in enumerate(found) for rows in _paragraph(*item, report, width, True)]
    if len(full) > room:
        full = [
            rows for item in enumerate(found) for rows in _paragraph(*item, report, width, False)
        ]
    return [*full, ASKING] if report.unasked else full


def _paragraph(at: int, item: Found, report: TargetReport, width: int, reasons: bool) -> list[Row]:
    finding = item.finding
    where = f"{clean(item.stage)}: " if report.pipeline and item.stage else ""
    key = str(at + 1) if item.fixable and at < 9 else ""
    first, *rest = _wrap(f"{where}{clean(finding.what)}", width) or [""]
    rows = [Row(f"f{at}", ((key, "accent"), GLYPHS[finding.severity], (first, "")))]
    rows += [_line(("", ""), line) for line in rest]
    if reasons:
        rows += [_line(("", ""), line, "muted") for line in _wrap(clean(finding.why), width)]
    fix = fix_text(finding)
    ways = [f"{key}: {fix}" if key else fix, clean(finding.fix_note)]
    way = "; ".join(part for part in ways if part)
    for index, line in enumerate(_wrap(way, width)):
        rows.append(_line(("", "") if index else ("→", "accent"), line, "accent"))
    return rows


def _wrap(text: str, width: int) -> list[str]:
    """Lines for the last column. An option's name in it stays whole, to be copied."""
    return textwrap.wrap(text, max(width - BESIDE_CELLS, 16), break_on_hyphens=False)


def _line(glyph: tuple[str, str], text: str, style: str = "") -> Row:
    return Row("", (("", ""), glyph, (text, style)))


ASKING = _line(("…", "muted"), "asking the checkout whether the checkpoint fits its code")
