"""The newest events of a run that are not metrics, by kind, and spans by name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nanochat_sdk.data import Event

from nanochat_host.core.telemetry.globs import means

KEPT = 500
KEPT_BYTES = 1024 * 1024
"""Of text in the events of one shelf: a snapshot of a long context is tens of kilobytes."""
ANSWER_BYTES = 2 * 1024 * 1024
"""Of text in one answer: what the host sends to a worker in one message is bounded."""
SPAN_NAMES = 32
"""Names of spans kept apart; further ones share a shelf."""


def _text_of(values: Iterable[Any]) -> int:
    """Bytes of text, also in the rows of an event that the log told."""
    total = 0
    for value in values:
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, list | dict):
            total += _text_of(value.values() if isinstance(value, dict) else value)
    return total


class _Shelf:
    """The newest events of one kind, or spans of one name, each with its bytes of text."""

    def __init__(self) -> None:
        self.events: deque[tuple[Event, int]] = deque()
        self.rev = 0
        self._bytes = 0

    def add(self, event: Event, *, rev: int) -> None:
        weight = _text_of(event.fields.values())
        self.events.append((event, weight))
        self._bytes += weight
        self.rev = rev
        while len(self.events) > KEPT or (self._bytes > KEPT_BYTES and len(self.events) > 1):
            self._bytes -= self.events.popleft()[1]


class History:
    """At most `KEPT` events of each kind, and of each name of span: what is frequent or large does
    not push out the rest. Kinds or names that are not given mean all."""

    def __init__(self, events: Iterable[Event] = (), *, rev: int = 0) -> None:
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        for event in events:
            self.add(event, rev=rev)

    def add(self, event: Event, *, rev: int) -> None:
        """Append an event."""
        name = str(event.fields.get("name", "")) if event.kind == "span" else ""
        key = event.kind, name
        if key not in self._shelves and name and len(self._shelves) >= SPAN_NAMES:
            key = event.kind, ""
        self._shelves.setdefault(key, _Shelf()).add(event, rev=rev)

    def rev(self, kinds: Sequence[str], spans: Sequence[str] = ()) -> int:
        """Revision of the newest of these events."""
        return max((shelf.rev for shelf in self._chosen(kinds, spans)), default=0)

    def newest(self, kinds: Sequence[str], limit: int, spans: Sequence[str] = ()) -> list[Event]:
        """The newest of these events, oldest first: at most `limit`, and of each name in `spans`
        `limit` more; fewer where they are large."""
        found: list[tuple[Event, int]] = []
        for shelf in self._chosen(kinds, spans):
            found.extend(list(shelf.events)[-limit:])
        found.sort(key=lambda entry: entry[0].ts)  # of one moment: in the order in which they came
        out: list[Event] = []
        room = ANSWER_BYTES
        for event, weight in reversed(found if spans else found[-limit:]):
            room -= weight
            if room < 0 and out:
                break
            out.append(event)
        return out[::-1]

    def all(self) -> list[Event]:
        """Everything kept, shelf by shelf."""
        return [event for shelf in self._shelves.values() for event, _ in shelf.events]

    def _chosen(self, kinds: Sequence[str], spans: Sequence[str]) -> Iterator[_Shelf]:
        for (kind, name), shelf in self._shelves.items():
            if kinds and kind not in kinds:
                continue
            if kind != "span" or not spans or any(means(span, name) for span in spans):
                yield shelf
