"""What the allocator did, refocus by refocus, from the spans of inference steps.

`focus_allocator` repeats its last numbers on every step in between, so a step counts only if the
`lensnet_usage` that follows it in the same session says that the allocator asked the lens.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from nanochat_sdk import Event, Point, Series
from nanochat_sdk import format as fmt

FOCUS, USAGE = "focus_allocator", "lensnet_usage"
KEPT = 2000
LATEST_S = 1e11
ENOUGH = 3
"""Steps without a `lensnet_usage` that tell a revision which sends none."""


class Refocus(NamedTuple):
    """One update of the focus. entries: working context before it. per_entry: edits over entries,
    as the fork says. residency_mean, residency_p95: ages in ticks. scores: mean, std, min, max of
    the lens, where it tells them."""

    ts: float
    session: str
    expand: int
    collapse: int
    entries: int
    per_entry: float
    utilization: float | None
    residency_mean: float | None
    residency_p95: float | None
    scores: tuple[float, float, float, float] | None

    @property
    def edits(self) -> int:
        return self.expand + self.collapse

    def per_block(self, tokens: float, block: int) -> float | None:
        """Edits over blocks of a history of so many tokens, as the thresholds are meant; None if
        its length is not known."""
        return self.edits / math.ceil(tokens / block) if tokens > 0 and block > 0 else None


class RefocusLog:
    """Refocuses in order of time, gathered over many frames: a frame brings the newest spans only.
    Spans already seen are passed over."""

    def __init__(self) -> None:
        self.found: deque[Refocus] = deque(maxlen=KEPT)
        self.steps = 0
        self.newest = 0.0
        """When the newest inference step came, seconds since 1970; 0 if none did."""

    def feed(self, events: Sequence[Event]) -> None:
        """Take up spans that are new. Those of an impossible time are left out."""
        news = [event for event in events if self.newest < event.ts < LATEST_S]
        names = [event.fields.get("name") for event in events]
        has_usage = USAGE in names or names.count(FOCUS) < ENOUGH
        waiting: dict[str, Event] = {}
        for event in sorted(news, key=lambda event: event.ts):
            session = fmt.plain(event.fields.get("mc.session_id") or "", 80)
            name = event.fields.get("name")
            if name == FOCUS and has_usage:
                waiting[session] = event
            elif name == FOCUS:
                self._unless_repeated(_refocus(event, session))
            elif name == USAGE and (focus := waiting.pop(session, None)):
                self._step(event.ts)
                if (_number(event, "mc.allocator_calls") or 0) > 0:
                    self.found.append(_refocus(focus, session))

    def _unless_repeated(self, refocus: Refocus) -> None:
        """Without `lensnet_usage`, numbers that differ from the last ones are a refocus."""
        self._step(refocus.ts)
        last = self.found[-1] if self.found else None
        if refocus.edits and (last is None or last[1:] != refocus[1:]):
            self.found.append(refocus)

    def _step(self, ts: float) -> None:
        self.steps += 1
        self.newest = ts


class Timeline:
    """A metric of the snapshots at any time. newest: the last point of the series, whose date ties
    the series' own clock to ours."""

    def __init__(self, series: Series | None, newest: Point | None) -> None:
        self._times: list[float] = []
        self._values: list[float] = []
        if series and newest:
            begun = newest.ts - series.xs()[-1]
            for x, value in zip(series.xs(), series.means(), strict=True):
                if fmt.as_float(value) is not None and 0 <= value < 2**53:
                    self._times.append(begun + x)
                    self._values.append(value)

    def at(self, ts: float) -> float | None:
        """The value then; None if there is none at all."""
        if not self._times:
            return None
        # A hundredth of a second: the snapshot of a step comes just before its other spans.
        return self._values[max(bisect_right(self._times, ts + 0.01) - 1, 0)]


def tokens_between(refocuses: Sequence[Refocus], positions: Timeline) -> float:
    """Tokens appended from one refocus to the next, the median; 0 if it cannot be told."""
    steps = [
        (positions.at(b.ts) or 0.0) - (positions.at(a.ts) or 0.0)
        for a, b in pairwise(refocuses)
        if a.session == b.session
    ]
    steps = sorted(step for step in steps if step > 0)
    return steps[len(steps) // 2] if steps else 0.0


def block_of(refocuses: Sequence[Refocus], entries: Timeline) -> int:
    """Tokens of a gist, from how many entries the newest refocuses added or took; 0 if it cannot be
    told. An expansion puts a block of entries in the place of one, a collapse the reverse."""
    for refocus in reversed(refocuses):
        net = refocus.collapse - refocus.expand
        after = entries.at(refocus.ts)
        if net and after is not None:
            block = 1 + (refocus.entries - after) / net
            if block == int(block) and 2 <= block <= 4096:
                return int(block)
    return 0


def _refocus(event: Event, session: str) -> Refocus:
    scores = [_number(event, f"mc.score_{name}") for name in ("mean", "std", "min", "max")]
    known = [score for score in scores if score is not None]
    return Refocus(
        event.ts,
        session,
        _whole(event, "mc.num_expand"),
        _whole(event, "mc.num_collapse"),
        _whole(event, "mc.wc_length"),
        _number(event, "mc.swap_rate") or 0.0,
        _number(event, "mc.utilization"),
        _number(event, "mc.residency_mean"),
        _number(event, "mc.residency_p95"),
        (known[0], known[1], known[2], known[3]) if len(known) == 4 else None,
    )


def _number(event: Event, name: str) -> float | None:
    return fmt.as_float(event.fields.get(name))


def _whole(event: Event, name: str) -> int:
    found = _number(event, name)
    return min(max(int(found), 0), 2**31) if found else 0
