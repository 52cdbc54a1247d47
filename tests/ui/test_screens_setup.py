"""The checklist of a checkout, the queue in the lists, and what Enter does about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from app_rig import Host, make_run, screen_text, toasts, until
from ask_core import AskCore
from nanochat_host.core import wire
from nanochat_host.core.calls import Call
from nanochat_host.core.wire_queue import QueueInfo, QueueItem, QueueMove
from nanochat_host.core.wire_setup import (
    DataStatus,
    EnvInfo,
    MakeEnv,
    PythonChoice,
    SetupItem,
    SetupStatus,
)
from nanochat_host.errors import NotFoundError
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.ask_path import AskPathScreen, complete
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.setup_view import bar
from nanochat_sdk.data import LogLine
from textual.pilot import Pilot
from textual.widgets import Input

NASTY = "\x1b]0;gotcha\x07[@click=app.quit]c[/]"


def status(**changed: SetupItem) -> SetupStatus:
    """A checkout that has its source and nothing else; items by id are changed."""
    items = [
        SetupItem("checkout", "checkout", "ready", "10 stages"),
        SetupItem(
            "environment", "environment", "missing", "tiktoken cannot be imported", "make it"
        ),
        SetupItem("device", "device", "ready", "cpu"),
        SetupItem("dataset", "data set", "missing", "no text", "download"),
        SetupItem("tokenizer", "tokenizer", "missing", "no tokenizer", "train one"),
        SetupItem("base", "base model", "missing", "none yet", "start base_train"),
    ]
    env = EnvInfo(
        "fork", "/env/bin/python", checked=True, missing=["tiktoken"], torch="2.13.0",
        choices=[PythonChoice("/ours/python", "ours", torch="2.13.0")],
    )  # fmt: skip
    return SetupStatus(
        "fork",
        ready=False,
        items=[changed.get(item.id, item) for item in items],
        env=env,
        data=DataStatus("fork", "/base/data", shards=3, available=6543),
        stages=["dataset", "tok_train", "tok_eval", "base_train"],
    )


@pytest.fixture
def core() -> AskCore:
    core = AskCore()
    core.checkout_list.append(wire.CheckoutRef("fork", "/fork", base_dir="/base", lacks=["text"]))
    core.answers["GET /v1/checkouts/fork/setup"] = status()
    return core


async def opened(pilot: Pilot[Any], app: Any) -> RowList:
    await until(pilot, lambda: app.model.loaded, "the lists")
    await app.action_show("setup")
    rows: RowList = app.screen.query_one("#items", RowList)
    await until(pilot, lambda: rows.rows, "the checklist")
    return rows


def body(call: Call[Any], kind: type[Any]) -> Any:
    return msgspec.json.decode(call.body, type=kind)


async def test_the_cursor_is_on_the_first_thing_that_is_missing(host: Host, core: AskCore) -> None:
    app = host.app()
    async with app.run_test(size=(110, 30)) as pilot:
        rows = await opened(pilot, app)
        assert rows.key == "environment"
        text = screen_text(app)
        assert "Set up  fork  missing: environment, data set, tokenizer" in text
        assert "tiktoken cannot be imported" in text and "⏎ make it" in text


async def test_the_environment_is_made_or_chosen(host: Host, core: AskCore) -> None:
    steps = [wire.RunStep("make venv", "", []), wire.RunStep("install packages", "", [])]
    core.answers["POST /v1/checkouts/fork/env/plan"] = steps
    core.answers["POST /v1/checkouts/fork/env/make"] = make_run("env", name="fork environment")
    core.answers["POST /v1/checkouts/fork/env"] = status().env
    app = host.app()
    async with app.run_test(size=(110, 30)) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.pause()
        assert "make venv, install packages" in screen_text(app)
        await pilot.press("m")
        made = "/v1/checkouts/fork/env/make"
        await until(pilot, lambda: made in core.paths("POST"), "it is made")
        (wish,) = [call for call in core.asked if call.path == made]
        assert body(wish, MakeEnv) == MakeEnv()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("1")
        await until(pilot, lambda: "/v1/checkouts/fork/env" in core.paths("POST"), "it is chosen")
        (chosen,) = [c for c in core.asked if c.path == "/v1/checkouts/fork/env"]
        assert b"/ours/python" in chosen.body


async def test_a_download_asks_how_much_and_is_watched_here(host: Host, core: AskCore) -> None:
    app = host.app()
    async with app.run_test(size=(110, 30)) as pilot:
        rows = await opened(pilot, app)
        rows.select("dataset")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen), "a question")
        await pilot.press(*"lots", "enter")
        await until(pilot, lambda: "is no whole number" in screen_text(app), "a refusal")
        app.screen.query_one(Input).value = "2"
        await pilot.press("enter")
        await until(pilot, lambda: core.sent, "a start")
        assert core.sent == [wire.StartRun("fork", "dataset", options={"num_files": 2})]
        assert app.current_mode == "setup"
        core.lines = [LogLine(n=1, text=f"Downloading {NASTY}")]
        line = SetupItem("dataset", "data set", "busy", "downloading, 1.0 MB so far", "show it",
                         done=1, total=4, unit="shards", run="run-1")  # fmt: skip
        core.answers["GET /v1/checkouts/fork/setup"] = status(dataset=line)
        await until(pilot, lambda: "1/4 shards" in screen_text(app), "progress")
        await until(pilot, lambda: "▏ Downloading" in screen_text(app), "what it prints")
        text = screen_text(app)
        assert "━━━━━╌╌╌╌╌" in text and " 25%" in text
        assert "\x1b" not in text and "[@click=app.quit]" in text
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "log", "its output")
        assert app.model.run_id == "run-1"


async def test_a_checkout_is_added_by_its_path(host: Host, core: AskCore, tmp_path: Path) -> None:
    async def add(wanted: wire.AddCheckout) -> wire.CheckoutRef:
        if not wanted.path.endswith("nano"):
            raise NotFoundError(f"{wanted.path} holds no scripts", "give another")
        ref = wire.CheckoutRef("nano", wanted.path)
        core.checkout_list.append(ref)
        return ref

    core.add_checkout = add  # type: ignore[attr-defined]
    core.answers["GET /v1/checkouts/nano/setup"] = msgspec.structs.replace(
        status(), checkout="nano"
    )
    app = host.app()
    async with app.run_test(size=(110, 30)) as pilot:
        await opened(pilot, app)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AskPathScreen), "a question")
        app.screen.query_one(Input).value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: any("holds no scripts" in t for t in toasts(app)), "the reason")
        await until(pilot, lambda: isinstance(app.screen, AskPathScreen), "the question again")
        app.screen.query_one(Input).value = str(tmp_path / "nano")
        await pilot.press("enter")
        await until(pilot, lambda: "Set up  nano" in screen_text(app), "its checklist")


async def test_a_whole_path_takes_the_place_of_the_one_that_stood_there(tmp_path: Path) -> None:
    app = Host(tmp_path, AskCore()).app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = AskPathScreen("Add a checkout", "/root/")
        await app.push_screen(screen)
        line = screen.query_one(Input)
        line.insert_text_at_cursor("/tmp/nano")
        await until(pilot, lambda: line.value == "/tmp/nano", "a pasted path alone")
        line.value = "/root/"
        line.cursor_position = len(line.value)
        line.insert_text_at_cursor("~/nano")
        await until(pilot, lambda: line.value == "~/nano", "a path at home alone")


def test_a_path_is_completed_to_a_checkout_first(tmp_path: Path) -> None:
    for name in ("aaa", "abc/scripts", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a-file").touch()
    assert complete(f"{tmp_path}/") == f"{tmp_path}/abc/"
    assert complete(f"{tmp_path}/aa") == f"{tmp_path}/aaa/"
    assert complete(f"{tmp_path}/.") == f"{tmp_path}/.hidden/"
    assert complete(f"{tmp_path}/nothing") is None
    assert complete("no-slash") is None


def test_a_bar_never_leaves_its_room() -> None:
    assert bar(0, 0, 4) == "╌╌╌╌   0%"
    assert bar(9, 4, 4) == "━━━━ 100%"


async def test_home_leads_a_checkout_that_is_not_ready_to_its_setup(
    host: Host, core: AskCore
) -> None:
    app = host.app()
    async with app.run_test(size=(110, 36)) as pilot:
        await until(pilot, lambda: "still needs text" in screen_text(app), "what it lacks")
        app.screen.query_one("#next", RowList).select("setup:fork")
        await pilot.press("enter")
        await until(pilot, lambda: "Set up  fork" in screen_text(app), "its setup")


def waiting() -> QueueInfo:
    return QueueInfo(
        [
            QueueItem("q1", wire.StartRun("tiny", "base_train", name="one"), 1.0, after=["live"]),
            QueueItem("q2", wire.StartRun("fork", "chat_sft", name=NASTY), 2.0),
        ]
    )


async def test_the_queue_is_seen_moved_and_cut(host: Host, core: AskCore) -> None:
    core.run_list = [make_run("live", name="first")]
    core.waiting = waiting()
    core.answers["POST /v1/queue/q1/move"] = core.answers["POST /v1/queue/pause"] = waiting()
    core.answers["DELETE /v1/queue/q2"] = waiting().items[1]
    app = host.app()
    async with app.run_test(size=(130, 30)) as pilot:
        await until(pilot, lambda: "In the queue" in screen_text(app), "the queue at home")
        assert "after first" in screen_text(app)
        await app.action_show("runs")
        rows = app.screen.query_one("#runs", RowList)
        await until(pilot, lambda: [r.key for r in rows.rows] == ["queue:q2", "queue:q1", "live"],
                    "the rows")  # fmt: skip
        assert "\x1b" not in screen_text(app)
        rows.select("queue:q1")
        await pilot.press("shift+up")
        await until(pilot, lambda: "/v1/queue/q1/move" in core.paths("POST"), "a move")
        (move,) = [call for call in core.asked if call.path == "/v1/queue/q1/move"]
        assert body(move, QueueMove) == QueueMove(1)
        rows.select("queue:q2")
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen), "none")
        assert core.paths("DELETE") == []
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: core.paths("DELETE") == ["/v1/queue/q2"], "it is out")
        await pilot.press("p")
        await until(pilot, lambda: "/v1/queue/pause" in core.paths("POST"), "a pause")
        core.waiting = msgspec.structs.replace(waiting(), held="first failed: out of memory")
        app.link.reload()
        await until(pilot, lambda: "held: first failed" in screen_text(app), "why it waits")


async def test_a_second_run_waits_or_starts_beside(host: Host, core: AskCore) -> None:
    core.run_list = [make_run("live", name="first")]
    core.answers["POST /v1/queue"] = waiting().items[0]
    app = host.app()
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        app.start_demo()
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.pause()
        assert "first is under way" in screen_text(app)
        await pilot.press("q")
        await until(pilot, lambda: core.paths("POST") == ["/v1/queue"], "it is queued")
        assert core.sent == []
        app.start_demo()
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("n")
        await until(pilot, lambda: core.sent, "it is started")
