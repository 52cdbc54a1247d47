"""Paints what workers answered, a few panels at a time: a key never waits for twelve charts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nanochat_host.ui.slot import Slot

PAINT_EVERY_S = 0.008
PAINTS_AT_ONCE = 2
KEYS_FIRST_S = 0.016
"""After a key nothing is painted for so long but what it asked for,"""
PAINT_AT_LEAST_S = 0.05
"""unless panels have waited for this."""


class Painter:
    """pressed_at: when (monotonic) the last key or click came."""

    def __init__(self, pressed_at: Callable[[], float]) -> None:
        self._pressed_at = pressed_at
        self._painted_at = 0.0
        self._unpainted: dict[Slot, None] = {}
        self._painting = False

    def add(self, slot: Slot) -> None:
        """There is something new to be seen of it."""
        self._unpainted[slot] = None

    def forget(self, slot: Slot) -> None:
        """It is not on show any more."""
        self._unpainted.pop(slot, None)

    def begin(self) -> None:
        """Paint what was added, unless that is under way."""
        if not self._painting:
            self._paint()

    def _paint(self) -> None:
        """Paint a few panels at once, the others after keys had their turn."""
        self._painting = bool(self._unpainted)
        now = time.monotonic()
        turn = [slot for slot in self._unpainted if slot.process.prompted]
        if not turn and now >= self._panels_turn():
            turn = list(self._unpainted)[:PAINTS_AT_ONCE]
            self._painted_at = now
        for slot in turn:
            del self._unpainted[slot]
            slot.panel.refresh_from_process()
        if self._painting:
            asyncio.get_running_loop().call_later(PAINT_EVERY_S, self._paint)

    def _panels_turn(self) -> float:
        """When panels may be painted that no key is waiting for."""
        return min(self._pressed_at() + KEYS_FIRST_S, self._painted_at + PAINT_AT_LEAST_S)
