"""What is wrong with a run, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanochat_host.core.client import CoreClient

NEWEST = 200


def active_alerts(client: CoreClient, run_id: str) -> list[str]:
    """Messages of the run's alerts that are not over, each with its hint."""
    active: dict[str, str] = {}
    for event in client.events(run_id, ["alert"], NEWEST):
        fields = event.fields
        rule = str(fields.get("rule"))
        active.pop(rule, None)
        if fields.get("active"):
            active[rule] = "; ".join(str(fields[k]) for k in ("message", "hint") if fields.get(k))
    return list(active.values())
