"""When a source of a run was last heard of, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

STALE_S = 30.0


@dataclass
class Heard:
    """at: seconds since 1970, 0 never. retrying: why it is being tried again. off: why it is not
    used. patience_s: it may be quiet for so long; those that report once a minute have more."""

    at: float = 0.0
    retrying: str = ""
    off: str = ""
    patience_s: float = STALE_S

    def state(self, now: float, *, live: bool) -> str:
        """ "live", "stale 40 s", "stale 3 min", "retrying" or "off"; "ended" with its
        run. Steps of ten seconds, then of a minute: a text that changed each
        second would repaint every panel."""
        if self.off:
            return "off"
        if self.retrying:
            return "retrying"
        if not self.at:
            return "off"
        quiet_s = now - self.at
        if live and quiet_s < self.patience_s:
            return "live"
        return f"stale {_age(quiet_s)}" if live else "ended"


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{int(seconds // 10) * 10} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
