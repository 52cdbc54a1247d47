"""The run list and the log."""

from __future__ import annotations

from types import ModuleType

import msgspec
import pytest
from app_rig import FakeCore, Host, following, make_run, screen_text, toasts, until
from nanochat_host.core import wire
from nanochat_host.ui import news
from nanochat_host.ui.controls.log_view import LogView
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.screens import home, runs
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_sdk.data import LogLine


def three_runs() -> list[wire.RunSummary]:
    return [
        make_run("20260101-a", name="alpha", state="done", created_at=1.0),
        make_run("20260102-b", name="beta", state="running", created_at=2.0),
        make_run("20260103-c", name="gamma", state="failed", created_at=3.0, checkout="fork"),
    ]


async def test_typing_filters_the_list_and_escape_brings_it_back(
    host: Host, core: FakeCore
) -> None:
    core.run_list = three_runs()
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press("r")
        await until(pilot, lambda: app.current_mode == "runs", "the run list")
        rows = app.screen.query_one("#runs", RowList)
        await until(pilot, lambda: len(rows.rows) == 3, "all rows")
        assert [row.key[-1] for row in rows.rows] == ["c", "b", "a"]
        await pilot.press("slash", *"fork")
        await until(pilot, lambda: [row.key[-1] for row in rows.rows] == ["c"], "the filter")
        await pilot.press(*"zz")
        await until(pilot, lambda: "no run has “forkzz”" in screen_text(app), "an empty list")
        await pilot.press("escape")
        await until(pilot, lambda: len(rows.rows) == 3, "all rows again")


@pytest.mark.parametrize("key", ["r", "h"])
async def test_the_figures_of_a_run_that_goes_on_are_not_those_of_long_ago(
    host: Host, core: FakeCore, key: str
) -> None:
    core.run_list = three_runs()
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press(key)
        await until(pilot, lambda: "3.25" in screen_text(app), "the first loss")
        core.run_list = [msgspec.structs.replace(run, loss=1.75) for run in core.run_list]
        await until(pilot, lambda: "1.75" in screen_text(app), "the newest, without any news")


@pytest.mark.parametrize(("key", "screen"), [("r", runs), ("h", home)])
async def test_figures_are_asked_for_when_a_list_is_looked_at_again(
    host: Host, core: FakeCore, key: str, screen: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "LOOK_EVERY_S", 1000.0)
    core.run_list = three_runs()
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.press(key)
        await until(pilot, lambda: "3.25" in screen_text(app), "the first loss")
        await pilot.press("o")
        await until(pilot, lambda: app.current_mode == "log", "another screen")
        core.run_list = [msgspec.structs.replace(run, loss=1.75) for run in core.run_list]
        await pilot.press(key)
        await until(pilot, lambda: "1.75" in screen_text(app), "the newest")


async def test_delete_is_offered_for_ended_runs_only_and_asks(host: Host, core: FakeCore) -> None:
    core.run_list = three_runs()
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await app.action_show("runs")
        rows = app.screen.query_one("#runs", RowList)
        await until(pilot, lambda: rows.key.endswith("c"), "the first row")
        await pilot.press("x")
        await pilot.pause()
        assert not isinstance(app.screen, ConfirmScreen), "an ended run cannot be stopped"
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen), "no question")
        assert core.sent == []
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.press("y")
        await until(pilot, lambda: core.sent == [("delete", "20260103-c")], "a deletion")
        await until(pilot, lambda: len(rows.rows) == 2, "a shorter list")
        await pilot.press("delete")
        await pilot.pause()
        assert not isinstance(app.screen, ConfirmScreen), "a live run cannot be deleted"


async def test_stopping_says_what_each_way_loses(host: Host, core: FakeCore) -> None:
    core.run_list = three_runs()
    app = host.app(run="beta")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.run_id == "20260102-b", "the run on show")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.pause()
        text = screen_text(app)
        assert "finishes the step, loses nothing" in text
        assert "loses all after step 100" in text
        await pilot.press("t")
        await until(pilot, lambda: core.sent, "a stop")
        assert core.sent == [("20260102-b", wire.StopRun(mode="term"))]


async def test_the_log_follows_searches_and_shows_escapes_as_text(
    host: Host, core: FakeCore
) -> None:
    core.run_list = three_runs()
    core.lines = [LogLine(n=n, text=f"step {n:05d} | loss: 3.1") for n in range(200)]
    core.lines.append(LogLine(n=200, text="\x1b[31mboom [b]bold[/b]", level="error"))
    app = host.app(run="beta")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: following(core, "20260102-b"), "a stream")
        await pilot.press("o")
        await until(pilot, lambda: "boom [b]bold[/b]" in screen_text(app), "the last line")
        assert "\x1b" not in screen_text(app)
        log = app.screen.query_one("#log", LogView)
        assert log.follow
        await pilot.press("pageup")
        await until(pilot, lambda: not log.follow, "it lets go")
        top = log.scroll_offset.y
        core.lines.append(LogLine(n=201, text="one more"))
        core.say(wire.StreamMessage(rev=7))
        await until(pilot, lambda: "202 lines" in screen_text(app), "the new line")
        assert log.scroll_offset.y == top
        await pilot.press("f")
        await until(pilot, lambda: "one more" in screen_text(app), "the end again")
        await pilot.press("slash", *"00042")
        await until(pilot, lambda: "1 of 202 lines" in screen_text(app), "the search")
        assert "step 00042" in screen_text(app)


async def test_a_failed_run_says_why_once(
    host: Host, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "ALERT_WAIT_S", 0.01)
    run = three_runs()[1]
    core.run_list = [run]
    app = host.app(run="beta")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: following(core, "20260102-b"), "a stream")

        def can_save() -> bool:
            bindings = app.screen.active_bindings.values()
            return any(b.enabled and b.binding.action == "steer('save')" for b in bindings)

        await until(pilot, can_save, "keys that steer")
        failed = make_run("20260102-b", name="beta", state="failed", reason="CUDA out of memory")
        for _ in range(3):
            core.say(wire.StreamMessage(rev=1, facts=failed.facts))
        await until(pilot, lambda: app.model.run and app.model.run.state == "failed", "the end")
        await until(pilot, lambda: toasts(app), "a toast")
        assert [t for t in toasts(app) if "CUDA out of memory" in t] == [
            "beta failed\nCUDA out of memory\no shows its output"
        ]
        assert not can_save()
