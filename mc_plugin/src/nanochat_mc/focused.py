"""What the panels of the allocator share: refocuses gathered, their swap rate, their residency."""

from __future__ import annotations

from typing import Any, NamedTuple

from nanochat_sdk import Data, Needs, Payload, SeriesQuery, Size, notice
from nanochat_sdk import format as fmt

from nanochat_mc.base import McPanel, option, whole_option
from nanochat_mc.refocus import (
    FOCUS,
    USAGE,
    Refocus,
    RefocusLog,
    Timeline,
    block_of,
    tokens_between,
)
from nanochat_mc.states import Source, absent

SOURCE = Source("refocuses", timers=False, spans=True, inference=True, proof=())
MAX_EVENTS = 200
"""Steps of inference asked for: six refocuses of the fork's defaults."""
POSITION, ENTRIES = "mc/last_position", "mc/wc_entries"
BLOCK = 32
TICKS = 34.0
"""Ticks of one refocus at the fork's defaults: 32 appended tokens and 2 iterations."""


class Moment(NamedTuple):
    """A refocus with the figures that need the history around it. swap: edits a block; residency
    and p95 in refocuses; None where something is not known."""

    refocus: Refocus
    swap: float | None
    residency: float | None
    p95: float | None

    @property
    def thrash(self) -> bool:
        """Both actions in one refocus, on entries that hardly stayed for one."""
        young = self.residency is not None and self.residency <= 1.5
        return self.refocus.expand > 0 and self.refocus.collapse > 0 and young


class RefocusPanel(McPanel):
    """A panel over refocuses; what it has seen it keeps while it is open."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self.forget()

    def forget(self) -> None:
        self.log = RefocusLog()

    def needs(self, size: Size) -> Needs:
        return self.wants(
            *(SeriesQuery(metric, 512, "time") for metric in (POSITION, ENTRIES)),
            spans=(FOCUS, USAGE),
            max_events=MAX_EVENTS,
        )

    def update(self, data: Data) -> bool:
        super().update(data)
        self.log.feed(data.events)
        return True

    def moments(self) -> list[Moment]:
        """Every refocus known, oldest first."""
        found = list(self.log.found)
        positions, recent = self._timeline(POSITION), found[-50:]
        block = whole_option(self.data, "block_size")
        block = block or block_of(recent, self._timeline(ENTRIES)) or BLOCK
        sessions: dict[str, list[Refocus]] = {}
        for refocus in found:
            sessions.setdefault(refocus.session, []).append(refocus)
        ticks = {
            session: self._ticks(tokens_between(its[-50:], positions))
            for session, its in sessions.items()
        }
        return [
            Moment(
                refocus,
                refocus.per_block((positions.at(refocus.ts) or -1.0) + 1, block),
                _scaled(refocus.residency_mean, ticks[refocus.session]),
                _scaled(refocus.residency_p95, ticks[refocus.session]),
            )
            for refocus in found
        ]

    def none(self) -> Payload:
        """Why there is no refocus: nothing came, or steps of inference came without one."""
        steps = self.log.steps
        if not steps:
            return absent(self.data, SOURCE)
        every = option(self.data, "mc_infer_refocus_interval") or BLOCK
        said = f"{fmt.integer(steps)} inference steps came without one"
        if steps > 2 * every:
            return notice("the allocator is not used by this revision", said)
        return notice("no refocus yet", said)

    def _timeline(self, metric: str) -> Timeline:
        return Timeline(self.data.series.get(metric), self.data.latest.get(metric))

    def _ticks(self, tokens: float) -> float:
        """Ticks of one refocus: tokens from one to the next, and its iterations."""
        tokens = tokens or option(self.data, "mc_infer_refocus_interval") or 0.0
        iterations = option(self.data, "mc_infer_allocator_iterations", "allocator_iterations")
        if tokens < 1:
            return TICKS
        return tokens + min(max(2.0 if iterations is None else iterations, 0.0), 1e6)


def _scaled(ticks: float | None, unit: float) -> float | None:
    return fmt.as_float(ticks / unit) if ticks is not None else None
