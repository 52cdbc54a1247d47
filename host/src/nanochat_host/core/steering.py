"""What can be done to a run now, read from what its hook has said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from nanochat_sdk.data import Event

_ANSWERS = frozenset({"applied", "refused", "paused", "resumed"})


class Steering(msgspec.Struct):
    """loop: "unknown" before the hook has spoken in this stage, "live", or "none": the script has
    no loop to drive. live: names that may be set. answers: events by the id of their command."""

    loop: str = "unknown"
    paused: bool = False
    live: list[str] = []
    answers: dict[str, Event] = {}


def read_steering(events: Sequence[Event]) -> Steering:
    """From the run's `state` events, oldest first. A new stage starts afresh."""
    now = Steering()
    for event in events:
        fields, what = event.fields, event.fields.get("what")
        if what == "stage":
            now = Steering(answers=now.answers)
        elif what == "instrumented":
            now.loop = "none" if fields.get("loop") is None else "live"
            live = fields.get("live")
            now.live = [str(name) for name in live] if isinstance(live, list) else []
        elif what in _ANSWERS and (command := fields.get("id")) is not None:
            now.answers[str(command)] = event
            if what in ("paused", "resumed"):
                now.paused = what == "paused"
    return now


def patches(commands: Sequence[dict[str, Any]], steering: Steering) -> list[dict[str, Any]]:
    """Values changed while the run ran, oldest first: what was asked, and what became of it."""
    found = []
    for command in commands:
        if command.get("cmd") not in ("set", "lr"):
            continue
        answer = steering.answers.get(str(command.get("id")))
        became: dict[str, Any] = {"result": "sent"}
        if answer is not None:
            names = ("old", "error")
            became = {k: answer.fields[k] for k in names if k in answer.fields}
            became |= {"result": answer.fields.get("what"), "step": answer.step}
        found.append({**command, **became})
    return found
