"""When a source of a run was last heard of, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

STALE_S = 60.0


@dataclass
class Heard:
    """at: seconds since 1970, 0 never. retrying: why it is being tried again. off: why it is not
    used."""

    at: float = 0.0
    retrying: str = ""
    off: str = ""

    def state(self, now: float, *, live: bool) -> str:
        """ "live", "stale 3 min", "retrying" or "off"; a source of a run that has ended is only
        "stale". Steps of a minute: a text that changed each second would repaint every panel."""
        if self.off:
            return "off"
        if self.retrying:
            return "retrying"
        if not self.at:
            return "off"
        quiet_s = now - self.at
        if live and quiet_s < STALE_S:
            return "live"
        return f"stale {_age(quiet_s)}" if live else "stale"


def _age(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
