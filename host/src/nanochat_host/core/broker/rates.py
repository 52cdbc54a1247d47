"""How often a pack may ask."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """per_s: how many times a second in the long run. burst: how many at once. clock: seconds that
    only go forward."""

    def __init__(
        self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._left = float(burst)
        self._at = clock()

    def take(self) -> bool:
        """One more now? It counts if so."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
