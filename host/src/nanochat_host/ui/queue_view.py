"""What waits for its turn, as rows of the lists of runs."""

from __future__ import annotations

from nanochat_host.core.wire import RunSummary, StartRun
from nanochat_host.core.wire_queue import QueueInfo, QueueItem
from nanochat_host.packs.sanitize import clean
from nanochat_host.ui.controls.row_list import Row
from nanochat_host.ui.words import age_words, run_name

PREFIX = "queue:"
"""Keys of these rows begin so; what follows is the item's id."""


def title_of(start: StartRun) -> str:
    """What a wish is called: its name, else what it runs."""
    return clean(start.name or start.target or "the next part of a run")


def waits_for(item: QueueItem, runs: list[RunSummary]) -> str:
    """What it waits for, in a few words."""
    names = {run.facts.id: clean(run_name(run.facts)) for run in runs}
    before = ", ".join(names.get(run_id, run_id) for run_id in item.after)
    if not before:
        return "starts in its turn"
    return f"after {before}" + (", however it ends" if item.even_after_failure else "")


def queue_rows(info: QueueInfo, runs: list[RunSummary]) -> list[Row]:
    """For the list of runs: the next one lowest, nearest to the runs that it follows."""
    rows = []
    for place, item in reversed(list(enumerate(info.items, 1))):
        start = item.start
        rows.append(
            Row(
                PREFIX + item.id,
                (
                    ("·", "accent"),
                    (f"{place}. {title_of(start)}  {waits_for(item, runs)}", ""),
                    ("queued", "accent"),
                    (clean(start.target), "muted"),
                    ("", ""),
                    ("", ""),
                    ("", ""),
                    (clean(start.checkout), "muted"),
                    ("", ""),
                    (age_words(item.added_at), "muted"),
                ),
            )
        )
    return rows


def stands(info: QueueInfo) -> tuple[str, str]:
    """How the queue stands as a whole, and its style; "" if there is nothing to say."""
    if not info.items:
        return "", ""
    if info.paused:
        return "the queue is paused: p goes on", "warning"
    if info.held:
        return f"the queue is held: {clean(info.held)}: p goes on", "error"
    return f"{len(info.items)} in the queue", "muted"
