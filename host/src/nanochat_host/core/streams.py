"""News for whoever listens: one pending message a listener, into which everything new is folded.

A slow listener gets fewer and newer messages; nothing piles up behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from nanochat_sdk.data import Event

MAX_EVENTS = 256
"""Events kept for a listener that does not read; older ones are in `/v1/runs/{id}/events`."""


class Listener:
    """What one client has not been told yet. run_id: the run it watches, "" for none."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.events: list[Event] = []
        self.listing = False
        self.closed = False
        self._news = asyncio.Event()
        self._news.set()  # the first message is the present state

    def tell(self, events: Sequence[Event] = (), *, listing: bool = False) -> None:
        """Fold news in."""
        self.events = [*self.events, *events][-MAX_EVENTS:]
        self.listing |= listing
        self._news.set()

    def close(self) -> None:
        """End the stream."""
        self.closed = True
        self._news.set()

    async def wait(self, timeout_s: float) -> bool:
        """True: there is news. False: none within the time."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def take(self) -> tuple[list[Event], bool]:
        """The events and whether the list changed; what comes later is news again."""
        taken = self.events, self.listing
        self.events, self.listing = [], False
        self._news.clear()
        return taken


class Streams:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def listen(self, run_id: str) -> tuple[Listener, Callable[[], None]]:
        """A new listener and how to let go of it."""
        listener = Listener(run_id)
        self._listeners.add(listener)
        return listener, lambda: self._listeners.discard(listener)

    def about_run(
        self, run_id: str, events: Sequence[Event] = (), *, listing: bool = False
    ) -> None:
        """Tell those who watch the run; with `listing` all others too, without the events."""
        for listener in self._listeners:
            if listener.run_id == run_id:
                listener.tell(events, listing=listing)
            elif listing:
                listener.tell(listing=True)

    def about_lists(self) -> None:
        """Tell everybody to read the lists anew."""
        for listener in self._listeners:
            listener.tell(listing=True)

    def about_machine(self) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener.tell()

    def close(self) -> None:
        """End all streams."""
        for listener in self._listeners:
            listener.close()
