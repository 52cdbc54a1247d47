"""The newest events of a run that are not metrics, by kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from nanochat_sdk.data import Event

KEPT = 500


class History:
    """At most `KEPT` events of each kind. rev(kinds): newest revision at which one arrived."""

    def __init__(self, events: Iterable[Event] = (), *, rev: int = 0) -> None:
        self._kinds: dict[str, deque[Event]] = {}
        self._revs: dict[str, int] = {}
        for event in events:
            self.add(event, rev=rev)

    def add(self, event: Event, *, rev: int) -> None:
        """Append an event."""
        self._kinds.setdefault(event.kind, deque(maxlen=KEPT)).append(event)
        self._revs[event.kind] = rev

    def rev(self, kinds: Sequence[str]) -> int:
        """Revision of the newest event of these kinds (all, if none is named)."""
        return max((r for k, r in self._revs.items() if not kinds or k in kinds), default=0)

    def newest(self, kinds: Sequence[str], limit: int) -> list[Event]:
        """The newest events of these kinds (all, if none is named), oldest first."""
        found: list[Event] = []
        for kind, events in self._kinds.items():
            if not kinds or kind in kinds:
                found.extend(islice(reversed(events), limit))
        return sorted(found, key=lambda event: event.ts)[-limit:]

    def all(self) -> list[Event]:
        """Everything kept, kind by kind."""
        return [event for events in self._kinds.values() for event in events]
