"""The states of a panel: all that a screen needs to know before the first worker runs."""

from __future__ import annotations

from enum import StrEnum


class PanelState(StrEnum):
    """What the panel's frame shows."""

    STARTING = "starting"
    LIVE = "live"
    SLOW = "slow"
    BACKOFF = "backoff"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"
