"""Wire types about what is to run next."""

from __future__ import annotations

import msgspec

from nanochat_host.core.wire import StartRun


class QueueItem(msgspec.Struct):
    """A wish that waits. even_after_failure: start it although the run before it failed. beside: do
    not wait for a run on the same device. after: ids of the runs it waits for now."""

    id: str
    start: StartRun
    added_at: float
    even_after_failure: bool = False
    beside: bool = False
    after: list[str] = []


class QueueInfo(msgspec.Struct):
    """GET /v1/queue. paused: by the person. held: why nothing is started although it is not paused,
    "" if the next one only waits for its turn."""

    items: list[QueueItem] = []
    paused: bool = False
    held: str = ""


class QueueWish(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/queue."""

    start: StartRun
    even_after_failure: bool = False
    beside: bool = False


class QueueMove(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/queue/{id}/move. to: place in the queue, from 0; beyond its end is the last."""

    to: int


class QueuePause(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/queue/pause. paused False goes on, also after a failure that held it."""

    paused: bool
