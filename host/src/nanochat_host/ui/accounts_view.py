"""Health, sources and accounts as rows. Pure: what the core answered, and the time."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat_host.core.wire_health import SOURCES, HealthPart
from nanochat_host.core.wire_outside import AccountInfo, OtlpStatus, SourceInfo
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Cell, ListColumn, Row
from nanochat_host.ui.widgets.health_strip import MARKS, SOURCE_MARKS
from nanochat_host.ui.words import age_words

COLUMNS = (
    ListColumn("", 1, keep=9),
    ListColumn("", 18, keep=9),
    ListColumn("", 20, keep=8),
    ListColumn("", keep=7),
)


def heading(text: str) -> Row:
    """A title over rows."""
    return Row("", (("", ""), (text, "title")))


def health_rows(parts: Sequence[HealthPart]) -> list[Row]:
    """What the strip says besides sources, each with the reason."""
    out: list[Row] = []
    for part in parts:
        if part.key.startswith("source:"):
            continue
        sign, style = MARKS[part.level]
        out.append(
            Row(
                f"health:{part.key}",
                (
                    (sign.strip() or "●", style if sign else "success"),
                    (clean(part.label), ""),
                    (clean(part.text), style if sign else ""),
                    (clean(part.why), "muted"),
                ),
            )
        )
    return out


def source_rows(
    sources: Sequence[SourceInfo], parts: Sequence[HealthPart], now: float
) -> list[Row]:
    """Each source of the run: how it stands, since when, why."""
    reasons = {part.key.removeprefix("source:"): part for part in parts}
    out: list[Row] = []
    for info in sources:
        sign = SOURCE_MARKS.get(info.state.split(" ")[0], "○")
        style = {"●": "success", "○": "muted"}.get(sign, "warning")
        part = reasons.get(info.name)
        why = info.detail or (part.why if part is not None else "")
        heard = f"{age_words(info.heard_at, now)}, " if info.heard_at else ""
        out.append(
            Row(
                f"source:{info.name}",
                (
                    (sign, style),
                    (SOURCES.get(info.name, clean(info.name)), ""),
                    (clean(info.state), style),
                    (f"{heard}{clean(why)}", "muted"),
                ),
            )
        )
    return out


def page_row(page: str) -> Row:
    """The run's page at W&B."""
    told = clean(page) or "no link: the run is not known there"
    return Row("page", (("", ""), ("W&B page", ""), (told, "accent" if page else "muted")))


def listener_rows(status: OtlpStatus) -> list[Row]:
    """Where OTLP is received; Enter proves it."""
    out: list[Row] = []
    for one in status.listeners:
        live = one.state == "live"
        proof = f"a test span took {one.checked_ms:.0f} ms" if one.checked_ms else ""
        told = ", ".join(text for text in (clean(one.address), clean(one.detail), proof) if text)
        out.append(
            Row(
                f"otlp:{one.protocol}",
                (
                    ("●" if live else "○", "success" if live else "warning"),
                    (f"OTLP {clean(one.protocol)}", ""),
                    (one.state, "success" if live else "warning"),
                    (told, "muted"),
                ),
            )
        )
    return out


def account_rows(
    accounts: Sequence[AccountInfo], checked: dict[str, tuple[bool, str]], now: float
) -> list[Row]:
    """Logins. checked: account to whether it was good, and whose it is or what was wrong."""
    out: list[Row] = []
    for info in accounts:
        sign: Cell = ("●", "success") if info.where else ("○", "muted")
        state: Cell = ("logged in", "") if info.where else ("not logged in", "muted")
        told = f"get a token at {info.page}"
        if info.where:
            since = f", {age_words(info.saved_at, now)}" if info.saved_at else ""
            told = f"in the {info.where}, from {clean(info.origin)}{since}"
        if info.account in checked:
            good, said = checked[info.account]
            state = (f"as {clean(said)}", "success") if good else ("refused", "error")
            told = told if good else clean(said)
        label = (clean(info.title), "bold")
        out.append(Row(f"account:{info.account}", (sign, label, state, (told, "muted"))))
    return out
