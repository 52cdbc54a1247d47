"""One checkpoint in full: what it is, and what stands between it and its use."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from nanochat_sdk import format as fmt

from nanochat_host.core.wire_checkpoints import CheckpointFinding, CheckReport
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Row

GLYPHS = {"error": ("✗", "error"), "warning": ("!", "warning"), "note": ("·", "muted")}


def detail_rows(report: CheckReport | str | None, against: str, width: int) -> list[Row]:
    """report: None while it is looked at, a text for why it cannot be. against: what it was
    compared with, for people."""
    if report is None:
        return [Row("", (("…", "muted"), ("looking at it", "muted")))]
    if isinstance(report, str):
        return [Row("", (("✗", "error"), (line, "error"))) for line in _wrap(clean(report), width)]
    return [*_verdict(report, against), *_findings(report.findings, width), *_facts(report, width)]


def _verdict(report: CheckReport, against: str) -> Iterator[Row]:
    detail = report.detail
    ranks = f", optimizer of {detail.world_size} ranks" if detail.world_size > 1 else ""
    about = f"{detail.params:,} parameters in {len(detail.tensors)} weights{ranks}"
    yield Row("", (("", ""), (f"{clean(detail.info.id)}  {about}", "title")))
    looked = "its files and weights" if report.probed else "its files"
    if report.fits:
        yield Row("", (("✓", "success"), (f"fits {against}: {looked} were looked at", "")))
    else:
        yield Row("", (("✗", "error"), (f"does not fit {against}", "error")))


def _findings(found: list[CheckpointFinding], width: int) -> Iterator[Row]:
    for finding in found:
        first, *rest = _wrap(clean(finding.what), width)
        yield Row("", (GLYPHS[finding.severity], (first, "")))
        for line in rest:
            yield Row("", (("", ""), (line, "")))
        for line in _wrap(clean(finding.remedy), width):
            yield Row("", (("→", "accent"), (line, "accent")))


def _facts(report: CheckReport, width: int) -> Iterator[Row]:
    detail = report.detail
    files = "  ".join(
        f"{clean(file.name)} {fmt.size(file.size_bytes)}" for file in detail.info.files
    )
    metrics = "  ".join(
        f"{clean(name)} {fmt.number(value)}" for name, value in detail.info.metrics.items()
    )
    model = "  ".join(f"{clean(name)} {clean(str(x))}" for name, x in detail.info.model.items())
    options = "  ".join(f"{clean(name)}={clean(str(x))}" for name, x in detail.options.items())
    for title, text in (
        ("files", files), ("measured", metrics), ("model", model), ("options", options),
    ):  # fmt: skip
        for at, line in enumerate(_wrap(text, width - 10)):
            yield Row("", (("", ""), (f"{title if not at else '':<10}{line}", "muted")))


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width - 6, 20), break_long_words=True)
