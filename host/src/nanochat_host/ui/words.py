"""Small texts that several screens share: ages, durations, states and their glyphs."""

from __future__ import annotations

import time

from nanochat_sdk.data import RunFacts, RunState

STATE_GLYPHS: dict[RunState, tuple[str, str]] = {
    "queued": ("·", "muted"),
    "starting": ("◌", "accent"),
    "running": ("●", "success"),
    "paused": ("‖", "warning"),
    "stopping": ("◍", "warning"),
    "done": ("✓", "muted"),
    "failed": ("✗", "error"),
    "lost": ("?", "error"),
}
"""State to glyph and style. The word stands beside the glyph: colour is never the only sign."""


def duration_words(seconds: float) -> str:
    """A span of time in at most two units, for example "3m 20s"."""
    whole = max(0, int(seconds))
    for unit, name, smaller, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit}{name} {rest}{small_name}" if rest else f"{whole // unit}{name}"
    return f"{whole}s"


def age_words(since: float, now: float | None = None) -> str:
    """How long ago, in one unit. since: seconds since 1970, 0 gives ""."""
    if not since:
        return ""
    seconds = max(0.0, (time.time() if now is None else now) - since)
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{name} ago"
    return "just now" if seconds < 10 else f"{int(seconds)}s ago"


def run_name(facts: RunFacts) -> str:
    """The run's name, or its id."""
    return facts.name or facts.id


def step_words(facts: RunFacts) -> str:
    """Progress in a word, for example "1,240/5,000"."""
    if facts.step < 0:
        return ""
    return f"{facts.step:,}/{facts.num_steps:,}" if facts.num_steps else f"{facts.step:,}"


def status_words(facts: RunFacts | None) -> str:
    """The run in a status bar, for example "● running  demo  1,240/5,000"."""
    if facts is None:
        return "no run"
    glyph, _ = STATE_GLYPHS[facts.state]
    parts = [f"{glyph} {facts.state}", run_name(facts), facts.stage, step_words(facts)]
    return "  ".join(part for part in parts if part)
