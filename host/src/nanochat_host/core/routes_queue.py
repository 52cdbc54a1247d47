"""The core's routes about what is to run next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Path, Response

from nanochat_host.core import wire_queue as wire
from nanochat_host.core.http_glue import Doc, body_of, reply

if TYPE_CHECKING:
    from nanochat_host.core.queue import Queue

ItemId = Annotated[str, Path(max_length=20, pattern=r"^q[0-9a-f]+$")]


def queue_routes(app: FastAPI, queue: Queue, doc: Doc) -> None:
    """Add them to the application."""

    @app.get("/v1/queue", **doc(wire.QueueInfo))
    async def info() -> Response:
        """What waits, in order."""
        return reply(queue.info())

    @app.post("/v1/queue", **doc(wire.QueueItem, wire.QueueWish, status=201))
    async def add(wish: Annotated[wire.QueueWish, Depends(body_of(wire.QueueWish))]) -> Response:
        """Start something when what runs now has ended."""
        return reply(await queue.add(wish), 201)

    @app.post("/v1/queue/pause", **doc(wire.QueueInfo, wire.QueuePause))
    async def pause(
        wish: Annotated[wire.QueuePause, Depends(body_of(wire.QueuePause))],
    ) -> Response:
        """Start nothing more, or go on."""
        return reply(await queue.pause(wish.paused))

    @app.post("/v1/queue/{item_id}/move", **doc(wire.QueueInfo, wire.QueueMove))
    async def move(
        item_id: ItemId, wish: Annotated[wire.QueueMove, Depends(body_of(wire.QueueMove))]
    ) -> Response:
        """Put it at another place."""
        return reply(await queue.move(item_id, wish.to))

    @app.delete("/v1/queue/{item_id}", **doc(wire.QueueItem))
    async def remove(item_id: ItemId) -> Response:
        """Take it out."""
        return reply(await queue.remove(item_id))
