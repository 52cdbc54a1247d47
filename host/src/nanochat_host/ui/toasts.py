"""Which events of a run deserve a toast, and in which words."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from nanochat_sdk.data import Event, RunFacts

from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.words import duration_words, run_name

Severity = Literal["information", "warning", "error"]
SEE_LOG = "o shows its output"


class Toast(msgspec.Struct, frozen=True):
    """text: plain, one or two lines. timeout_s: how long it stays."""

    text: str
    severity: Severity = "information"
    timeout_s: float = 5.0


ENDINGS = frozenset({"failed", "out_of_memory"})
"""Alerts that say why a run ended: the toast of its end says the same with fewer words."""


def says_the_end(event: Event) -> bool:
    """Whether it is an alert about how the run ended."""
    fields = event.fields
    return event.kind == "alert" and fields.get("active", True) and fields.get("rule") in ENDINGS


def failure_toast(event: Event, run: RunFacts | None) -> Toast:
    """The one toast of a run that failed: why, what to do about it, where to look."""
    name = clean(run_name(run)) if run else "the run"
    why, hint = event.fields.get("message", ""), event.fields.get("hint", "")
    return Toast(_lines(f"{name} failed: {why}", hint, SEE_LOG), "error", 15.0)


def event_toast(event: Event) -> Toast | None:
    """The toast of an event, or None."""
    fields = event.fields
    at = f" at step {event.step:,}" if event.step is not None else ""
    if event.kind == "checkpoint":
        return _checkpoint(fields, at)
    if event.kind == "alert" and fields.get("active", True):
        severity = fields.get("severity")
        return Toast(
            _lines(fields.get("message", "alert"), fields.get("hint", "")),
            "error"
            if severity == "error"
            else "warning"
            if severity == "warning"
            else "information",
            10.0,
        )
    if event.kind == "state":
        return _state(fields, at)
    return None


def _checkpoint(fields: dict[str, Any], at: str) -> Toast | None:
    if not fields.get("ok", True):
        return Toast(
            f"checkpoint{at} is not complete: {clean(str(fields.get('dir', '')))}", "error"
        )
    # Its files are looked at now; the toast comes when that is done (`verified`).
    return None if fields.get("files") else Toast(f"checkpoint saved{at}")


def _state(fields: dict[str, Any], at: str) -> Toast | None:
    what = fields.get("what")
    if what == "applied" and fields.get("cmd") in {"set", "lr"}:
        name = clean(str(fields.get("name") or fields.get("cmd")))
        return Toast(f"{name} is now {clean(str(fields.get('value')))}{at}")
    if what == "applied" and fields.get("cmd") in {"eval", "sample"}:
        return Toast("evaluating" if fields["cmd"] == "eval" else f"sampled{at}")
    if what == "refused":
        command = clean(str(fields.get("cmd", "command")))
        return Toast(_lines(f"{command} was refused", fields.get("error", "")), "warning", 8.0)
    if what == "verified" and fields.get("ok"):  # what is not whole raises an alert
        total, ranks = fields.get("bytes"), fields.get("ranks")
        size = f", {total / 2**20:,.0f} MiB" if isinstance(total, int) else ""
        parts = "model, metadata" + (f", {ranks} optimizer files" if ranks else "")
        return Toast(f"checkpoint saved{at}{size}\nlooked at: {parts} are whole")
    if what in {"paused", "resumed"}:
        return Toast(f"{what}{at}")
    if what == "lost":
        return Toast(_lines("the run was lost", fields.get("reason", "")), "error", 10.0)
    if what == "adopted":
        text = "the run was taken up again, nothing was lost"
        return Toast(_lines(text, fields.get("reason", "")))
    return None


def end_toast(before: RunFacts | None, after: RunFacts) -> Toast | None:
    """The run on show has ended between these two facts."""
    if before is None or before.id != after.id or before.state == after.state:
        return None
    name = clean(run_name(after))
    took = after.ended_at - after.started_at if after.started_at and after.ended_at else 0.0
    if after.state == "done":
        return Toast(f"{name} is done" + (f" after {duration_words(took)}" if took else ""))
    if after.state == "failed":
        why = after.reason or (f"exit code {after.exit_code}" if after.exit_code else "")
        return Toast(_lines(f"{name} failed", why, SEE_LOG), "error", 15.0)
    if after.state == "lost":
        return Toast(_lines(f"{name} was lost", after.reason), "error", 15.0)
    return None


def _lines(*parts: object) -> str:
    return "\n".join(clean(str(part)) for part in parts if part)
