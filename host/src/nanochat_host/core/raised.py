"""Alerts as a person thinks of them: one for each time something was wrong, with begin and end."""

from __future__ import annotations

from collections.abc import Iterable

from nanochat_sdk.data import Event

from nanochat_host.core.wire_outside import RaisedAlert

NEWEST = 500
"""Alert events of a run that are looked at."""


def raised(run_id: str, run_name: str, events: Iterable[Event]) -> list[RaisedAlert]:
    """Fold the events of a run, oldest first, into alerts, newest first. A begin without an end is
    active; an end whose begin is not among the events is left out."""
    out: list[RaisedAlert] = []
    active: dict[str, RaisedAlert] = {}
    for event in events:
        fields = event.fields
        rule = str(fields.get("rule", ""))
        if event.kind != "alert" or not rule:
            continue
        before = active.pop(rule, None)
        if before is not None:
            before.until = event.ts
        if fields.get("active"):
            severity = fields.get("severity")
            active[rule] = RaisedAlert(
                run=run_id,
                run_name=run_name,
                rule=rule,
                severity=severity if severity in ("info", "error") else "warning",
                message=str(fields.get("message", "")),
                hint=str(fields.get("hint", "")),
                step=event.step,
                since=event.ts,
            )
            out.append(active[rule])
    return sorted(out, key=lambda alert: (bool(alert.until), -alert.since))
