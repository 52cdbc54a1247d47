"""Telling subscribers what changed, coalesced."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nanochat_sdk.data import Event

logger = logging.getLogger(__name__)
Callback = Callable[[str, int, list[Event]], None]


class Notifier:
    """Collects changes and tells them at most every `pace_s`; the first after a pause at once."""

    def __init__(self, pace_s: float) -> None:
        self._pace_s = pace_s
        self._callbacks: list[Callback] = []
        self._pending: dict[str, tuple[int, list[Event]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell from now on, in this loop."""
        self._loop = loop

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer:
            self._timer.cancel()
        self._loop = None

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Add a callback; returns a function that removes it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def owes(self, run_id: str) -> bool:
        """Whether something of it is yet to be told."""
        return run_id in self._pending

    def changed(self, run_id: str, rev: int, events: list[Event]) -> None:
        """Something changed."""
        held = self._pending.get(run_id, (0, []))
        self._pending[run_id] = (rev, held[1] + events)
        if self._loop and self._timer is None:
            delay = max(0.0, self._last + self._pace_s - self._loop.time())
            self._timer = self._loop.call_later(delay, self._tell)

    def _tell(self) -> None:
        self._timer = None
        if self._loop is None:
            return
        self._last = self._loop.time()
        pending, self._pending = self._pending, {}
        for run_id, (rev, events) in pending.items():
            for callback in list(self._callbacks):
                try:
                    callback(run_id, rev, events)
                except Exception:
                    logger.exception("a subscriber failed")
