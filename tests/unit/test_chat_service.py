"""Chats with a driver that is none: what is kept of a turn, and when."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.chat.service import Chats
from nanochat_host.core.chat.transcripts import Transcripts
from nanochat_host.paths import Paths


class Echo:
    """A driver that repeats the prompt."""

    facts: ClassVar[dict[str, str]] = {"device": "cpu"}

    async def say(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        said = request["turns"][-1]["parts"][0][1]
        yield {"event": "begin"}
        yield {"event": "piece", "kind": "text", "text": said, "tokens": 1}
        yield {"event": "end", "reason": "end", "tokens": 1, "tok_per_s": 0.0}


@pytest.fixture
def chat() -> wire.Chat:
    info = wire.ChatInfo("20260101-000000-abcd", "fake", ["sft/d2/000010"], "chat")
    return wire.Chat(info, [], "cpu")


@pytest.fixture
def chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chats:
    async def driver(place: object, device: str) -> Echo:
        return Echo()

    async def checked(checkout: str, word: str) -> object:
        return SimpleNamespace()

    found = Chats(Paths(tmp_path), cast(Any, None))
    monkeypatch.setattr(found.pool, "driver", driver)
    monkeypatch.setattr(found, "_checked", checked)
    return found


async def test_a_turn_counts_before_it_is_on_disk(
    chats: Chats, chat: wire.Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.turns.append(wire.ChatTurn("one", [wire.ChatAnswer()], wire.ChatSettings()))
    chats.transcripts.save(chat)
    save, slow, go = chats.transcripts.save, threading.Event(), threading.Event()

    def save_slowly(chat: wire.Chat) -> None:
        slow.set()
        go.wait(60)
        save(chat)

    monkeypatch.setattr(chats.transcripts, "save", save_slowly)
    events = await chats.say(chat.info.id, wire.Say("two"))
    async for event in events:
        if event.event == "end":
            break
    await events.aclose()  # who listened has hung up, and asks again at once
    await asyncio.to_thread(slow.wait, 60)
    assert [turn.prompt for turn in (await chats.chat(chat.info.id)).turns] == ["one", "two"]
    go.set()
    async with asyncio.timeout(60):
        while len(Transcripts(chats.transcripts.folder).load(chat.info.id).turns) < 2:
            await asyncio.sleep(0.01)


async def test_turns_are_written_in_the_order_in_which_they_were_said(
    chats: Chats, chat: wire.Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.turns.append(wire.ChatTurn("one", [wire.ChatAnswer()], wire.ChatSettings()))
    chats.transcripts.save(chat)
    save, go, begun = chats.transcripts.save, threading.Event(), 0

    def save_slowly(chat: wire.Chat) -> None:
        nonlocal begun
        begun += 1
        go.wait(60)
        save(chat)

    monkeypatch.setattr(chats.transcripts, "save", save_slowly)
    turns = ["one"]
    for prompt in ("two", "three"):
        turns.append(prompt)
        events = await chats.say(chat.info.id, wire.Say(prompt))
        async for event in events:
            if event.event == "end":
                break
        await events.aclose()
        async with asyncio.timeout(60):
            while begun == 0 or len((await chats.chat(chat.info.id)).turns) < len(turns):
                await asyncio.sleep(0.01)
    assert begun == 1
    go.set()
    async with asyncio.timeout(60):
        while chats._background:
            assert [turn.prompt for turn in (await chats.chat(chat.info.id)).turns] == turns
            await asyncio.sleep(0)
    kept = Transcripts(chats.transcripts.folder).load(chat.info.id)
    assert [turn.prompt for turn in kept.turns] == turns


def test_two_turns_within_a_tick_of_the_clock_are_both_seen(
    tmp_path: Path, chat: wire.Chat
) -> None:
    kept = Transcripts(tmp_path)
    for count, prompt in enumerate(("one", "two"), 1):
        chat.turns.append(wire.ChatTurn(prompt, [wire.ChatAnswer()], wire.ChatSettings()))
        kept.save(chat)
        os.utime(tmp_path / f"{chat.info.id}.json", (1, 1))
        assert len(kept.load(chat.info.id).turns) == count
