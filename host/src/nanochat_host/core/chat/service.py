"""What the routes about chats do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable

from nanochat_host.core import wire_chat as wire
from nanochat_host.core.chat.driver import Driver
from nanochat_host.core.chat.pool import Pool
from nanochat_host.core.chat.presets import Presets
from nanochat_host.core.chat.transcripts import Transcripts, add_piece, turns_of
from nanochat_host.core.checkpoints.service import Checkpoints, Place
from nanochat_host.core.inside import few_threads
from nanochat_host.core.wire_checkpoints import CheckWish
from nanochat_host.errors import NanochatCliError, RefusedError
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)


class Chats:
    """Lives in the core's event loop. training: whether a run is under way on this machine."""

    def __init__(
        self, paths: Paths, checkpoints: Checkpoints, training: Callable[[], bool] = lambda: False
    ) -> None:
        self._checkpoints = checkpoints
        self._training = training
        self.transcripts = Transcripts(paths.chats)
        self.presets = Presets(paths.prompts_json)
        self.pool = Pool(paths.logs / "drivers")
        self._unsaved: dict[str, wire.Chat] = {}
        self._saving = asyncio.Lock()  # what is said last is written last
        self._places: dict[tuple[str, str], Place] = {}
        self._speaking: dict[str, list[Driver]] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End all drivers."""
        await self.pool.close()

    async def begin(self, wish: wire.NewChat) -> wire.ChatInfo:
        """Check the checkpoints and begin to warm them up. Raises RefusedError with what is wrong
        and the remedy; a transcript is kept from the first answer on."""
        places = [await self._checked(wish.checkout, word) for word in wish.checkpoints]
        stages = {place.listed.info.stage for place in places}
        info = wire.ChatInfo(
            id=self.transcripts.new_id(),
            checkout=places[0].ref.name,
            checkpoints=[place.listed.info.id for place in places],
            mode=wish.mode or ("continue" if stages == {"base"} else "chat"),
            created_at=time.time(),
        )
        self._unsaved[info.id] = wire.Chat(info, [], wish.device)
        for place in places:
            self._keep(asyncio.ensure_future(self._warm(place, wish.device)))
        return info

    async def say(self, chat_id: str, say: wire.Say) -> AsyncGenerator[wire.ChatEvent, None]:
        """Each side's answer as it comes; both speak at once. The turn is saved in the end, also
        when the listener leaves. Raises NotFoundError, RefusedError before the first event."""
        if chat_id in self._speaking:
            raise RefusedError(f"{chat_id} is being answered", "stop it first, or wait")
        chat = await self.chat(chat_id)
        places = [await self._checked(chat.info.checkout, word) for word in chat.info.checkpoints]
        return self._answers(chat, places, say)

    async def stop(self, chat_id: str) -> wire.ChatInfo:
        """End the answers under way."""
        for driver in self._speaking.get(chat_id, []):
            await driver.stop()
        return (await self.chat(chat_id)).info

    async def chat(self, chat_id: str) -> wire.Chat:
        """A transcript, also of a chat in which nothing was said yet. Raises NotFoundError."""
        if chat_id in self._unsaved:
            return self._unsaved[chat_id]
        return await asyncio.to_thread(self.transcripts.load, chat_id)

    async def _answers(
        self, chat: wire.Chat, places: list[Place], say: wire.Say
    ) -> AsyncGenerator[wire.ChatEvent, None]:
        if chat.info.id in self._speaking:  # two began at once
            return
        self._speaking[chat.info.id] = []
        news: asyncio.Queue[wire.ChatEvent | None] = asyncio.Queue()
        turn = wire.ChatTurn(say.prompt, [wire.ChatAnswer() for _ in places], say.settings)
        turn.at = time.time()
        tasks = [
            asyncio.ensure_future(self._side(chat, place, side, turn, news))
            for side, place in enumerate(places)
        ]
        self._keep(asyncio.ensure_future(self._close_turn(chat, turn, tasks, news)))
        try:
            while (event := await news.get()) is not None:
                yield event
            yield wire.ChatEvent("done")
        finally:
            for task in tasks:  # nobody listens any more: what they do about it is theirs
                task.cancel()

    async def _close_turn(
        self,
        chat: wire.Chat,
        turn: wire.ChatTurn,
        tasks: list[asyncio.Task[None]],
        news: asyncio.Queue[wire.ChatEvent | None],
    ) -> None:
        """When all sides have ended: keep what was said. A task of its own, because a listener that
        hangs up is cancelled again and again."""
        await asyncio.wait(tasks)
        for side, task in enumerate(tasks):
            if not task.cancelled() and (failed := task.exception()) is not None:
                logger.error("%s", chat.info.checkpoints[side], exc_info=failed)
                what = f"internal error: {type(failed).__name__}"
                news.put_nowait(
                    wire.ChatEvent("error", side, text=what, hint="see logs/core.jsonl")
                )
        self._speaking.pop(chat.info.id, None)
        if any(answer.parts for answer in turn.answers):
            chat.turns.append(turn)
            self._unsaved[chat.info.id] = chat  # the next turn may begin before it is on disk
            try:
                async with self._saving:
                    await asyncio.to_thread(self.transcripts.save, chat)
                if chat.turns[-1] is turn:
                    self._unsaved.pop(chat.info.id, None)
            except NanochatCliError as error:
                news.put_nowait(wire.ChatEvent("error", text=error.message, hint=error.hint))
        news.put_nowait(None)

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task until it is done."""
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _side(
        self,
        chat: wire.Chat,
        place: Place,
        side: int,
        turn: wire.ChatTurn,
        news: asyncio.Queue[wire.ChatEvent | None],
    ) -> None:
        answer = turn.answers[side]
        began = time.perf_counter()
        try:
            driver = await self.pool.driver(place, chat.device)
            self._speaking[chat.info.id].append(driver)
            if not driver.facts:
                news.put_nowait(wire.ChatEvent("loading", side))
                await driver.warm()
                began = time.perf_counter()
            request = _request(chat, side, turn)
            request["threads"] = few_threads() if self._training() else 0
            async with contextlib.aclosing(driver.say(request)) as events:
                async for event in events:
                    if event["event"] == "begin":
                        device = str(driver.facts.get("device", ""))
                        news.put_nowait(wire.ChatEvent("begin", side, device=device))
                    elif event["event"] == "piece":
                        answer.ttft_s = answer.ttft_s or time.perf_counter() - began
                        part = wire.ChatPart(event["kind"], event["text"])
                        answer.tokens = event["tokens"]
                        piece = wire.ChatEvent("piece", side, part.kind, part.text)
                        piece.tokens, piece.ttft_s = answer.tokens, answer.ttft_s
                        news.put_nowait(piece)
                        add_piece(answer.parts, part)
                    else:
                        answer.reason, answer.tokens = event["reason"], event["tokens"]
                        answer.tok_per_s = event["tok_per_s"]
                        news.put_nowait(_end(side, answer))
        except NanochatCliError as error:
            answer.reason, answer.error = "error", error.message
            news.put_nowait(wire.ChatEvent("error", side, text=error.message, hint=error.hint))

    async def _warm(self, place: Place, device: str) -> None:
        """Ahead of the first prompt; what is wrong is said when somebody speaks to it."""
        with contextlib.suppress(NanochatCliError):
            await (await self.pool.driver(place, device)).warm()

    async def _checked(self, checkout: str, word: str) -> Place:
        """The checkpoint, if it can be loaded. One whose files are as they were when it was checked
        is not looked into again: a turn should cost what the model costs."""
        known = self._places.get((checkout, word))
        if known is not None and known.unchanged():
            return known
        wish = CheckWish(checkout, word, probe=False)
        report = await asyncio.to_thread(self._checkpoints.check, wish)
        for finding in report.findings:
            if finding.severity == "error":
                what = f"{report.detail.info.id}: {finding.what}"
                raise RefusedError(what, finding.remedy)
        name = report.detail.info.id
        place = await asyncio.to_thread(self._checkpoints.locate, checkout, name)
        self._places[checkout, name] = place
        return place


def _request(chat: wire.Chat, side: int, turn: wire.ChatTurn) -> dict[str, object]:
    turns = [*turns_of(chat, side), {"role": "user", "parts": [["text", turn.prompt]]}]
    settings = turn.settings
    return {
        "id": f"{chat.info.id}/{len(chat.turns)}",
        "mode": chat.info.mode,
        "turns": turns,
        "temperature": settings.temperature,
        "top_k": settings.top_k or None,
        "max_tokens": settings.max_tokens,
        "seed": settings.seed,
    }


def _end(side: int, answer: wire.ChatAnswer) -> wire.ChatEvent:
    event = wire.ChatEvent("end", side, reason=answer.reason, tokens=answer.tokens)
    event.ttft_s, event.tok_per_s = answer.ttft_s, answer.tok_per_s
    return event
