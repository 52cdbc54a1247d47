"""What MegaContext's own documents call healthy, degraded and critical, as numbers."""

from __future__ import annotations

from typing import NamedTuple

from nanochat_sdk import Style


class Band(NamedTuple):
    """Limits of a quantity that is better when it is lower (`rises` false: when it is higher).
    warn, error: the first value that is no longer healthy, or that is critical; error None: there
    is no critical value."""

    warn: float
    error: float | None
    lower: bool = True

    def style(self, value: float | None, calm: Style = "success") -> Style:
        """The style of a value: `calm` while it is healthy."""
        if value is None:
            return "muted"
        sign = 1.0 if self.lower else -1.0
        if self.error is not None and sign * value > sign * self.error:
            return "error"
        return "warning" if sign * value > sign * self.warn else calm


SWAP_PER_BLOCK = Band(0.25, 0.5)
"""Edits of one refocus over blocks of the whole history."""
RESIDENCY = Band(3.0, 1.0, lower=False)
"""Mean age of what lies in the working context, in refocuses."""
DELTA_NLL = Band(0.10, 0.15)
"""Nats a token that a compressed context predicts worse by."""
UTILIZATION = Band(1.0, 1.0)
"""Working context over its hard limit; above 1 is a bug."""
CONTROLLER_MS = Band(200.0, None)
LATENCY = Band(1.10, 1.50)
"""Time of a step over its time without the controller."""
CORRELATION = Band(-0.1, 0.0)
"""Of lens scores with what compression costs: near -1 is a lens that has learnt."""
