"""When a failed panel may try again. Pure: the clock is given."""

from __future__ import annotations

import time
from collections.abc import Callable

BASE_DELAY_S = 0.5
MAX_DELAY_S = 60.0
MAX_FAILURES = 5
WINDOW_S = 600.0


class RetryPolicy:
    """Doubles the wait with each failure of the last ten minutes; gives up at the fifth, or at the
    first violation, until `reset`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: list[float] = []

    def failed(self, *, violation: bool) -> float | None:
        """Note a failure. Seconds to wait before the next try, None to wait for the person."""
        now = self._clock()
        self._failures = [t for t in self._failures if now - t < WINDOW_S] + [now]
        if violation or len(self._failures) >= MAX_FAILURES:
            return None
        return min(BASE_DELAY_S * 2.0 ** (len(self._failures) - 1), MAX_DELAY_S)

    def reset(self) -> None:
        """The person said to try again."""
        self._failures.clear()
