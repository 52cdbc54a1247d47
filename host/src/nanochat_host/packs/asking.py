"""How often a panel may ask the person for something, so that no panel can bury them in questions.

One question at a time, a few in a minute, and after a "no" silence that grows. What the person does
in the panel themselves brings its one question at any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

A_MINUTE = 6
"""Questions of a pack in a minute."""
SILENCE_S, MAX_SILENCE_S = 10.0, 600.0
"""After a "no": the first silence; each further "no" in a row doubles it."""


class Asking:
    """Of one pack. clock: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: list[float] = []
        self._silent_until = 0.0
        self._refusals = 0
        self._open = False

    def begin(self, *, prompted: bool = False) -> bool:
        """It may ask now; `end` follows. False: drop the wish. prompted: the person pressed a key
        or clicked in the panel, so they wait for the question."""
        now = self._clock()
        self._asked = [at for at in self._asked if now - at < 60.0]
        quiet = now < self._silent_until or len(self._asked) >= A_MINUTE
        if self._open or (quiet and not prompted):
            return False
        self._open = True
        self._asked.append(now)
        return True

    def end(self, agreed: bool) -> None:
        """The person answered, or closed the question."""
        self._open = False
        if agreed:
            self._refusals = 0
            return
        self._refusals += 1
        silence_s = min(SILENCE_S * 2 ** (self._refusals - 1), MAX_SILENCE_S)
        self._silent_until = self._clock() + silence_s
