"""The app with a core that is there, one that comes late, and one that goes."""

from __future__ import annotations

from app_rig import FakeCore, Host, following, make_run, screen_text, toasts, until
from nanochat_host.core import wire
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.model import CoreState
from nanochat_host.ui.screens.home import HomeScreen


async def test_an_empty_home_says_what_to_do_and_enter_starts_the_demo(
    host: Host, core: FakeCore
) -> None:
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await pilot.pause()
        text = screen_text(app)
        assert "Start the demo" in text
        assert "none yet" in text
        assert "core up" in text
        await pilot.press("enter")
        await until(pilot, lambda: core.sent, "a start")
        assert core.sent == [wire.StartRun(checkout="tiny", target="demo")]
        await until(pilot, lambda: app.current_mode == "dashboard", "the dashboard")
        assert app.model.run_id == "run-1"


async def test_the_screen_paints_before_the_core_answers(host: Host, core: FakeCore) -> None:
    core.up = False
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.model.core is CoreState.AWAY, "the core being away")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        assert "core away" in screen_text(app)
        assert any("runs go on" in text for text in toasts(app))
        assert core.starts > 0
        core.up = True
        await until(pilot, lambda: app.model.loaded, "the core coming up")
        assert not any("restarted" in text for text in toasts(app))


async def test_a_core_that_goes_is_started_again_and_nothing_is_lost(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [make_run()]
    app = host.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: core.streams, "a stream")
        core.up = False
        core.say(None)
        await until(pilot, lambda: app.model.core is CoreState.AWAY, "the core being away")
        core.up = True
        await until(pilot, lambda: app.model.core is CoreState.UP, "the core coming back")
        await until(
            pilot, lambda: any("nothing was lost" in text for text in toasts(app)), "a toast"
        )
        assert app.model.runs


async def test_a_run_on_show_that_is_deleted_is_told_as_that(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one"), make_run("two")]
    app = host.app(run="two")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: following(core, "two"), "its stream")
        del core.run_list[1]
        core.say(None)
        await until(pilot, lambda: following(core, ""), "the stream of none")
        await until(pilot, lambda: any("two is gone" in text for text in toasts(app)), "a toast")
        assert not any("restarted" in text for text in toasts(app))
        assert app.model.core is CoreState.UP and core.starts == 0


async def test_recent_runs_are_listed_newest_first_and_open(host: Host, core: FakeCore) -> None:
    core.run_list = [
        make_run("old", name="older", state="done", created_at=1.0),
        make_run("new", name="newer", state="failed", created_at=2.0),
    ]
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "newer" in screen_text(app), "the runs")
        text = screen_text(app)
        assert text.index("newer") < text.index("older")
        assert "failed" in text
        app.screen.query_one("#next", RowList).select("run:new")
        await pilot.press("enter")
        await until(pilot, lambda: app.model.run_id == "new", "the run on show")


async def test_a_long_name_is_whole_where_there_is_room(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("run-1", name="a name that tells much of it", state="done")]
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "a name that tells much of it" in screen_text(app), "the name")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "a name that tells m…" in screen_text(app), "less of it")
        assert "done" in screen_text(app)


async def test_names_from_outside_are_text(host: Host, core: FakeCore) -> None:
    name = "[@click=app.quit]x[/] \x1b]0;owned\x07"
    core.run_list = [make_run("evil", name=name)]
    app = host.app(run="evil")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.model.run_id == "evil", "the run on show")
        for mode in ("home", "runs", "dashboard", "log"):
            await app.action_show(mode)
            await pilot.pause()
            text = screen_text(app)
            assert "[@click=app.quit]x[/]" in text, mode
            assert "\x1b" not in text, mode
            assert "\x07" not in text, mode


async def test_enter_means_the_run_that_is_under_way(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Watch the run" in screen_text(app), "the live run")
        await pilot.press("enter")
        await until(pilot, lambda: app.model.run_id == "one", "the run on show")
        assert core.sent == []
