"""The core's routes about chats."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nanochat_host.core import wire_chat as wire
from nanochat_host.core.chat.service import Chats
from nanochat_host.core.http_glue import Doc, body_of, reply

ChatId = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z-]+$")]


def chat_routes(app: FastAPI, chats: Chats, doc: Doc) -> None:
    """Add them to the application."""
    _conversations(app, chats, doc)
    _around(app, chats, doc)


def _conversations(app: FastAPI, chats: Chats, doc: Doc) -> None:
    @app.get("/v1/chats", **doc(list[wire.ChatInfo]))
    async def listing(
        search: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    ) -> Response:
        """Transcripts, newest first; those in which all words of the search are said."""
        return reply(await asyncio.to_thread(chats.transcripts.all, search, limit))

    @app.post("/v1/chats", **doc(wire.ChatInfo, wire.NewChat, status=201))
    async def begin(
        wish: Annotated[wire.NewChat, Depends(body_of(wire.NewChat))],
    ) -> Response:
        """Begin a chat with one checkpoint, or two side by side; they are warmed up."""
        return reply(await chats.begin(wish), 201)

    @app.get("/v1/chats/{chat_id}", **doc(wire.Chat))
    async def chat(chat_id: ChatId) -> Response:
        """A transcript."""
        return reply(await chats.chat(chat_id))

    @app.delete("/v1/chats/{chat_id}", **doc(wire.ChatInfo))
    async def delete(chat_id: ChatId) -> Response:
        """Delete a transcript."""
        return reply(await asyncio.to_thread(chats.transcripts.delete, chat_id))

    @app.post("/v1/chats/{chat_id}/say", **doc(wire.ChatEvent, wire.Say, media="text/event-stream"))
    async def say(
        chat_id: ChatId, wish: Annotated[wire.Say, Depends(body_of(wire.Say))]
    ) -> Response:
        """Say something; the answers come as server-sent events."""
        answers = await chats.say(chat_id, wish)
        return _Answers(_sse(answers), media_type="text/event-stream")

    @app.post("/v1/chats/{chat_id}/stop", **doc(wire.ChatInfo, status=202))
    async def stop(chat_id: ChatId) -> Response:
        """End the answer under way."""
        return reply(await chats.stop(chat_id), 202)


def _around(app: FastAPI, chats: Chats, doc: Doc) -> None:
    @app.get("/v1/drivers", **doc(list[wire.DriverInfo]))
    async def drivers() -> Response:
        """Models in memory."""
        return reply(chats.pool.infos())

    @app.get("/v1/prompts", **doc(list[wire.Preset]))
    async def prompts() -> Response:
        """Prompts worth keeping."""
        return reply(await asyncio.to_thread(chats.presets.all))

    @app.post("/v1/prompts", **doc(list[wire.Preset], wire.SavePresets))
    async def save_prompts(
        wish: Annotated[wire.SavePresets, Depends(body_of(wire.SavePresets))],
    ) -> Response:
        """Replace them."""
        return reply(await asyncio.to_thread(chats.presets.save, wish.presets))


class _Answers(StreamingResponse):
    """Closes what it streams when the listener hangs up. Left to the garbage collector, the model
    would go on speaking to nobody."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()


async def _sse(answers: AsyncGenerator[wire.ChatEvent, None]) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    async with contextlib.aclosing(answers):
        async for event in answers:
            yield b"data: " + encoder.encode(event) + b"\n\n"
