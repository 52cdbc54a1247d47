"""The chat screen: choosing, speaking, side by side, stopping, settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from app_rig import FakeCore, Host, screen_text, toasts, until
from nanochat_host.core import wire_chat as wire
from nanochat_host.core.calls import Call
from nanochat_host.core.wire_checkpoints import CheckpointInfo, CheckpointList
from nanochat_host.errors import RefusedError, UsageError
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.controls.talk_view import wrap
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.chat import ChatScreen
from nanochat_host.ui.talk import Talk, read_settings, settings_line
from textual.widgets import Input


def info(name: str, state: Any = "whole") -> CheckpointInfo:
    stage, tag, step = name.split("/")
    return CheckpointInfo(name, stage, tag, int(step), "/x", state, 1000, 1.0)


class ChattyCore(FakeCore):
    """Answers the routes about chats. events: what a model will say next, None: the core goes."""

    def __init__(self) -> None:
        super().__init__()
        self.events: asyncio.Queue[wire.ChatEvent | None] = asyncio.Queue()
        self.refuse = ""

    async def ask(self, call: Call[Any]) -> Any:
        path = call.path.partition("?")[0]
        if path == "/v1/checkpoints":
            found = [info("base/d2/000010"), info("sft/d2/000020"), info("sft/d2/000030", "broken")]
            return CheckpointList("tiny", "/base", found)
        self.sent.append((call.method, path, call.body))
        if path == "/v1/chats" and call.method == "POST":
            if self.refuse:
                raise RefusedError(self.refuse, "take another step")
            wish = msgspec.json.decode(call.body, type=wire.NewChat)
            mode = "continue" if wish.checkpoints == ["base/d2/000010"] else "chat"
            return wire.ChatInfo("c1", wish.checkout, wish.checkpoints, mode)  # type: ignore[arg-type]
        if path == "/v1/prompts":
            return [wire.Preset("Sky", "Why is the sky blue?")]
        return wire.ChatInfo("c1", "tiny", [], "chat")

    async def listen(self, call: Call[Any]) -> AsyncIterator[Any]:
        self.sent.append((call.method, call.path, call.body))
        while (event := await self.events.get()) is not None:
            yield event
            if event.event == "done":
                return


@pytest.fixture
def core() -> ChattyCore:
    return ChattyCore()


@pytest.fixture
def host(tmp_path: Path, core: ChattyCore) -> Host:
    return Host(tmp_path, core)


async def opened(pilot: Any, app: Any) -> ChatScreen:
    await until(pilot, lambda: app.model.loaded, "the lists")
    await app.action_show("chat")
    await until(pilot, lambda: "sft/d2/000020" in screen_text(app), "the checkpoints")
    screen = app.screen
    assert isinstance(screen, ChatScreen)
    return screen


async def test_choose_speak_and_see_the_words_and_figures(host: Host, core: ChattyCore) -> None:
    app = host.app()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, app)
        screen.query_one("#checkpoints", RowList).select("tiny:sft/d2/000020")
        await pilot.press("enter")
        await until(pilot, lambda: screen.query_one("#prompt", Input).has_focus, "a chat")
        await pilot.press(*"hello", "enter")
        await until(
            pilot, lambda: "/v1/chats/c1/say" in [sent[1] for sent in core.sent], "a prompt"
        )
        said = msgspec.json.decode(core.sent[-1][2], type=wire.Say)
        assert said == wire.Say("hello", wire.ChatSettings())
        core.events.put_nowait(wire.ChatEvent("begin", device="cpu"))
        for text in ("I am ", "[b]small[/b]", "\x1b[31m"):
            core.events.put_nowait(wire.ChatEvent("piece", text=text, tokens=2, ttft_s=0.012))
        await until(pilot, lambda: "I am [b]small[/b]" in screen_text(app), "words while they come")
        assert "\x1b" not in screen_text(app)
        await pilot.press(*"too early", "enter")
        assert any("under way" in text for text in toasts(app))
        core.events.put_nowait(wire.ChatEvent("end", tokens=3, ttft_s=0.012, tok_per_s=455.2))
        core.events.put_nowait(wire.ChatEvent("done"))
        await until(pilot, lambda: "first 12 ms · 455.2 tok/s" in screen_text(app), "the figures")
        assert not screen.talk.answering and "core went" not in screen_text(app)
        await pilot.press(*"again", "enter")
        core.events.put_nowait(wire.ChatEvent("piece", text="half of", tokens=1))
        core.events.put_nowait(None)
        await until(pilot, lambda: "the core went before" in screen_text(app), "why it stopped")
        assert not screen.talk.answering


async def test_two_side_by_side_and_escape_stops_both(host: Host, core: ChattyCore) -> None:
    app = host.app()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, app)
        listed = screen.query_one("#checkpoints", RowList)
        listed.select("tiny:sft/d2/000020")
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.info is not None, "a chat")
        listed.focus()
        listed.select("tiny:base/d2/000010")
        await pilot.press("v")
        await until(pilot, lambda: screen.talk.sides == 2, "a second voice")
        screen.query_one("#prompt", Input).focus()
        await pilot.press(*"hi", "enter")
        await until(pilot, lambda: screen.talk.answering, "an answer")
        core.events.put_nowait(wire.ChatEvent("piece", 0, text="LEFT"))
        core.events.put_nowait(wire.ChatEvent("piece", 1, text="RIGHT"))
        await until(
            pilot,
            lambda: any("LEFT" in row and "RIGHT" in row for row in screen_text(app).split("\n")),
            "both beside each other",
        )
        await pilot.press("escape")
        await until(pilot, lambda: "/v1/chats/c1/stop" in [s[1] for s in core.sent], "a stop")
        core.events.put_nowait(wire.ChatEvent("done"))
        await until(pilot, lambda: not screen.talk.answering, "silence")


async def test_settings_presets_and_refusals(host: Host, core: ChattyCore) -> None:
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot, app)
        core.refuse = "sft/d2/000020: half of it is missing"
        screen.query_one("#checkpoints", RowList).select("tiny:sft/d2/000020")
        await pilot.press("enter")
        await until(pilot, lambda: any("half of it" in text for text in toasts(app)), "the reason")
        assert screen.talk.info is None
        core.refuse = ""
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.info is not None, "a chat")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "the settings")
        await pilot.press(*"temperature=hot", "enter")
        await until(pilot, lambda: "Expected" in screen_text(app), "what is wrong with it")
        await pilot.press("ctrl+u", *"temperature=0 top_k=5", "enter")
        await until(pilot, lambda: screen.talk.settings.top_k == 5, "the settings taken")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Why is the sky" in screen_text(app), "the prompts")
        await pilot.press("1")
        prompt = screen.query_one("#prompt", Input)
        await until(pilot, lambda: prompt.value == "Why is the sky blue?", "the prompt in the line")


def test_settings_are_read_as_they_are_written() -> None:
    settings = wire.ChatSettings(0.25, 7, 33, 1)
    assert read_settings(settings_line(settings)) == settings
    for wrong in ("temperature=-1", "top_k=many", "colour=red"):
        with pytest.raises(UsageError):
            read_settings(wrong)


def test_what_fails_is_said_on_its_side_only() -> None:
    talk = Talk(wire.ChatInfo("c", "tiny", ["a", "b"], "chat"))
    talk.ask("hi")
    talk.take(wire.ChatEvent("error", 1, text="torch is missing", hint="install it"))
    talk.take(wire.ChatEvent("piece", 0, "tool", "1+1", tokens=1))
    talk.take(wire.ChatEvent("piece", 0, "output", "2", tokens=2))
    assert ("⟨1+1⟩⟨= 2⟩", "") in list(talk.lines(0))
    assert ("torch is missing: install it", "error") in list(talk.lines(1))


def test_words_wrap_and_long_ones_are_cut() -> None:
    assert list(wrap("one two three", 7)) == ["one two", "three"]
    assert list(wrap("abcdefghij", 4)) == ["abcd", "efgh", "ij"]
    assert list(wrap("日本語日本語", 4)) == ["日本", "語日", "本語"]
    assert list(wrap("", 4)) == [""]
    assert list(wrap("    return one", 10)) == ["    return", "one"], "code keeps its indentation"
    assert list(wrap("          x yz", 8)) == ["    x yz"]
