"""Questions of panels on their way through the screen, and what they may ask of the person."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from app_rig import FakeCore, Host, make_run, screen_text, until
from feed_rig import Process, Stand, settle
from nanochat_host.core.calls import Call
from nanochat_host.errors import CoreUnavailableError
from nanochat_host.packs.broker import Desk
from nanochat_host.ui.feed import Feed
from nanochat_host.ui.messages import ActsWanted
from nanochat_host.ui.panel_requests import PanelRequests
from nanochat_host.ui.screens import confirm
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_sdk import Fetch, Needs, StoreGet
from nanochat_sdk.asks import Answer, Asked
from nanochat_sdk.protocol import Act

KV = frozenset({"store:kv"})


class Client:
    """Remembers what it is asked."""

    def __init__(self) -> None:
        self.calls: list[Call[Any]] = []
        self.down = False

    async def ask(self, call: Call[Any]) -> Answer:
        self.calls.append(call)
        if self.down:
            raise CoreUnavailableError("no core at core.sock")
        return Answer("ok", value=b"kept")


class Line:
    """The link, as far as questions need it."""

    def __init__(self) -> None:
        self.client = Client()


class Asker(Process):
    """A panel with a desk."""

    def __init__(self) -> None:
        super().__init__(Needs())
        self.granted = KV
        self.desk = Desk(KV)
        self.entry = type("Entry", (), {"pack": type("Pack", (), {"id": "p"})})


class Bench:
    """A stand whose one panel asks."""

    def __init__(self, hz: float = 1000.0) -> None:
        self.stand = Stand([Needs()], hz)
        self.asker = Asker()
        slot = self.stand.slots[0]
        slot.process = self.asker  # type: ignore[assignment]
        self.stand.processes[0] = self.asker
        self.line = Line()
        self.requests = PanelRequests(self.line, self.feed)  # type: ignore[arg-type]

    @property
    def feed(self) -> Feed:
        return self.stand.feed

    def ask(self, *asks: Any) -> None:
        self.asker.desk.take_in([Asked(n, one) for n, one in enumerate(asks, 1)])
        self.requests.serve(self.asker)  # type: ignore[arg-type]


async def test_a_question_goes_to_the_core_and_its_answer_to_the_next_frame() -> None:
    bench = Bench()
    await bench.stand.begin()
    bench.ask(StoreGet("k"))
    await bench.stand.until(lambda: len(bench.asker.pulls) == 2)
    (call,) = bench.line.client.calls
    assert call.path == "/v1/packs/p/ask"
    assert not call.repeatable
    assert bench.asker.desk.take_answers()[1].value == b"kept"


async def test_a_denied_question_is_not_sent_and_told_all_the_same() -> None:
    bench = Bench()
    await bench.stand.begin()
    bench.ask(Fetch("https://api.example.org/"))
    await bench.stand.until(lambda: len(bench.asker.pulls) == 2)
    assert bench.line.client.calls == []
    assert bench.asker.desk.take_answers()[1].status == "denied"


async def test_a_core_that_is_away_fails_the_question_in_a_line() -> None:
    bench = Bench()
    await bench.stand.begin()
    bench.line.client.down = True
    bench.ask(StoreGet("k"))
    await bench.stand.until(lambda: bench.asker.desk.has_answers)
    answer = bench.asker.desk.take_answers()[1]
    assert (answer.status, answer.note) == ("failed", "no core at core.sock")


async def test_a_panel_that_asks_all_the_time_draws_no_oftener_than_it_may() -> None:
    bench = Bench(hz=0.01)
    await bench.stand.begin()
    for _ in range(20):
        bench.ask(Fetch("https://api.example.org/"))
        await settle()
    assert len(bench.asker.pulls) == 1


async def test_an_answer_for_an_old_worker_wakes_nobody() -> None:
    bench = Bench()
    await bench.stand.begin()
    old = bench.asker.desk
    bench.ask(StoreGet("k"))
    bench.asker.desk = Desk(KV)
    await bench.stand.until(lambda: old.has_answers)
    await settle()
    assert len(bench.asker.pulls) == 1
    assert not bench.asker.desk.has_answers


@pytest.fixture
def core() -> FakeCore:
    core = FakeCore()
    core.run_list = [make_run("one", name="one")]
    return core


def wishes(pack: str, prompted: bool = False) -> ActsWanted:
    right = frozenset({"actions:checkpoint"})
    return ActsWanted(f"{pack}:p", pack, right, [Act("save")] * 8, prompted)


async def test_a_flood_of_wishes_brings_one_question_and_a_no_silence(
    tmp_path: Path, core: FakeCore
) -> None:
    app = Host(tmp_path, core).app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")

        def questions() -> int:
            return sum(isinstance(screen, ConfirmScreen) for screen in app.screen_stack)

        for _ in range(10):
            app.post_message(wishes("flood"))
        await until(pilot, questions, "a question")
        await pilot.pause()
        assert questions() == 1
        app.post_message(wishes("other"))
        await until(pilot, lambda: questions() == 2, "another pack's question")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: not questions(), "calm")
        app.post_message(wishes("flood"))
        await pilot.pause()
        await asyncio.sleep(0)
        assert not questions()
        app.post_message(wishes("flood", prompted=True))
        await until(pilot, lambda: "flood asks: save" in screen_text(app), "the key's question")
        await pilot.press("y")
        await until(pilot, lambda: core.sent, "the command")
        await pilot.pause()
        assert not questions()
        assert len(core.sent) == 1


async def test_keys_meant_for_something_else_agree_to_nothing(
    tmp_path: Path, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that comes by itself, while the person types."""
    now = [100.0]
    monkeypatch.setattr(confirm, "time", SimpleNamespace(monotonic=lambda: now[0]))
    app = Host(tmp_path, core).app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")

        def asked() -> bool:
            return any(isinstance(screen, ConfirmScreen) for screen in app.screen_stack)

        def ready() -> bool:
            return isinstance(app.screen, ConfirmScreen) and app.screen._heard_at == now[0]

        app.post_message(wishes("sudden"))
        await until(pilot, ready, "a question")
        for key in "yup":
            now[0] += 0.3
            await pilot.press(key)
        assert asked() and not core.sent
        now[0] += 1.0
        await pilot.press("enter")
        await until(pilot, lambda: not asked(), "enter alone cancels")
        assert not core.sent
        app.post_message(wishes("patient"))
        await until(pilot, ready, "another question")
        now[0] += 1.0
        await pilot.press("y")
        await until(pilot, lambda: core.sent, "the command")


async def test_a_value_that_cannot_be_shown_is_not_asked_for(
    tmp_path: Path, core: FakeCore
) -> None:
    app = Host(tmp_path, core).app(run="one")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")
        right = frozenset({"actions:steer"})
        hidden = Act("set", "lr", "0.1" + " " * 60 + "; 9")
        app.post_message(ActsWanted("p:p", "p", right, [hidden, Act("set", "lr", 0.5)], True))
        await until(pilot, lambda: "p asks: set lr = 0.5" in screen_text(app), "the second")
