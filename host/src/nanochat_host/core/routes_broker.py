"""The core's routes for panels of packs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Path, Response
from nanochat_sdk.asks import Answer

from nanochat_host.core.calls import MSGPACK
from nanochat_host.core.http_glue import Doc, body_of, reply
from nanochat_host.core.wire_broker import PackAsks

if TYPE_CHECKING:
    from nanochat_host.core.broker.service import Broker

PackId = Annotated[str, Path(max_length=40, pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$")]


def broker_routes(app: FastAPI, broker: Broker, doc: Doc) -> None:
    """Add them to the application."""

    @app.post("/v1/packs/{pack_id}/ask", **doc(Answer, PackAsks, media=MSGPACK))
    async def ask(
        pack_id: PackId, wanted: Annotated[PackAsks, Depends(body_of(PackAsks, MSGPACK))]
    ) -> Response:
        """Answer a panel's question: its pack's notes, or a page from the network."""
        answer = await broker.answer(pack_id, wanted.ask, wanted.granted)
        return reply(answer, kind=MSGPACK)

    @app.delete("/v1/packs/{pack_id}/notes", **doc(Answer))
    async def clear(pack_id: PackId) -> Response:
        """Forget all notes of a pack."""
        await asyncio.to_thread(broker.notes.clear, pack_id)
        return reply(Answer("ok"))
