"""What the next start brings back, themes, the palette, and errors of our own."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import msgspec
import psutil
import pytest
from app_rig import FakeCore, Host, following, leave, make_run, screen_text, toasts, until
from nanochat_host.core import wire
from nanochat_host.crash import last_crash
from nanochat_host.layout.find import list_layouts
from nanochat_host.paths import Paths
from nanochat_host.ui import session
from nanochat_host.ui.commands import commands
from nanochat_host.ui.launch import run_ui, say_goodbye
from nanochat_host.ui.messages import ActsWanted
from nanochat_host.ui.render.chart_layout import ChartView
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.session import (
    Session,
    last_file,
    load_session,
    save_session,
    session_file,
)
from nanochat_host.ui.themes import THEMES, theme_after
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_sdk.data import LogLine
from nanochat_sdk.protocol import Act

NARROW, WIDE = (80, 24), (160, 48)


async def test_reopening_brings_back_run_screen_tab_and_theme(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one"), make_run("two", name="two")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.run_id == "one", "the run on show")
        await pilot.press("3")
        await until(pilot, lambda: "Evaluation" in app.screen.place(), "the third tab")
        await pilot.press("t")
        await leave(pilot)
    again = host.app()
    async with again.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: again.model.run_id == "one", "the run of before")
        assert again.current_mode == "dashboard"
        assert again.screen.place() == "Evaluation"
        assert again.theme == "nanochat-light"


async def test_quitting_waits_until_the_newest_session_is_on_a_slow_disk(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    begun: list[bytes] = []
    ended: list[bytes] = []

    def slowly(paths: Paths, raw: bytes) -> None:
        begun.append(raw)
        if raw is begun[0]:
            assert go_on.wait(60.0)
        save_session(paths, raw)
        ended.append(raw)

    monkeypatch.setattr(session, "save_session", slowly)
    app = host.app()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: begun, "the first one is being written")
        await pilot.press("o", "t")
        quitting = asyncio.ensure_future(app.action_quit())
        await pilot.pause()
        assert not quitting.done()
        go_on.set()
        await quitting
        assert begun == ended
    found = load_session(host.paths)
    assert (found.mode, found.theme) == ("log", app.theme)


async def test_the_dashboard_without_a_run_shows_the_newest_that_goes_on(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [
        make_run("over", created_at=3000.0, state="done"),
        make_run("newer", created_at=2000.0),
        make_run("older", created_at=1000.0),
    ]
    app = host.app()
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        assert app.model.run_id == ""
        await pilot.press("d")
        await until(pilot, lambda: app.model.run_id == "newer", "the newest that goes on")


def kept(**values: str) -> bytes:
    """A session as it is written."""
    return msgspec.json.encode(Session(**values))


def test_a_spoilt_session_is_ignored(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    save_session(paths, kept(run="x", theme="nanochat-light"))
    assert load_session(paths).run == "x"
    session_file(paths).write_bytes(b"\x00\xff{")
    assert load_session(paths).run == "x", "what was written last, by any terminal"
    for file in (session_file(paths), last_file(paths)):
        file.write_text(json.dumps({"run": 5}))
    assert load_session(paths) == Session()


async def test_what_was_asked_for_last_stays_however_slow_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, answers = [], threading.Event()

    def slow(paths: Paths, raw: bytes) -> None:
        written.append(raw)
        assert answers.wait(20.0)

    monkeypatch.setattr(session, "save_session", slow)
    writer = session.SessionWriter(Paths(tmp_path))
    jobs = [asyncio.ensure_future(writer.write(raw)) for raw in (b"one", b"two", b"three")]
    async with asyncio.timeout(20.0):
        while not written:
            await asyncio.sleep(0.005)
    jobs.append(asyncio.ensure_future(writer.write(b"one")))
    await asyncio.sleep(0)
    assert not writer.has(b"one"), "it is on its way, behind another"
    answers.set()
    await asyncio.gather(*jobs)
    assert written[-1] == b"one" and writer.has(b"one")


def test_a_home_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    save_session(Paths(tmp_path / "home"), kept(run="x"))


def test_each_terminal_remembers_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path)
    for pane in ("%1", "%2"):
        monkeypatch.setenv("TMUX_PANE", pane)
        save_session(paths, kept(run=pane))
    monkeypatch.setenv("TMUX_PANE", "%1")
    assert load_session(paths).run == "%1"
    monkeypatch.setenv("TMUX_PANE", "%3")
    assert load_session(paths).run == "%2", "a new one begins where the last was"


async def test_zoom_scale_and_smoothing_come_back_without_a_goodbye(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [make_run("one"), make_run("two")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.run_id == "one", "the run on show")
        await until(pilot, lambda: len(app.screen.query(PanelView)) > 3, "panels")
        view = next(v for v in app.screen.query(PanelView) if v.placement.id == "loss")
        view.set_chart_view(ChartView(x_start=10.0, x_end=20.0, log_y=True))
        view.set_smoothing(1)
        smoothing = view.view.smoothing
        await until(pilot, lambda: load_session(host.paths).views, "it was written while it ran")
    again = host.app()
    async with again.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(again.screen.query(PanelView)) > 3, "panels")
        view = next(v for v in again.screen.query(PanelView) if v.placement.id == "loss")
        assert (view.chart_view.x_start, view.chart_view.log_y) == (10.0, True)
        assert view.view.smoothing == smoothing
    other = host.app(run="two")
    async with other.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(other.screen.query(PanelView)) > 3, "panels")
        view = next(v for v in other.screen.query(PanelView) if v.placement.id == "loss")
        assert view.chart_view.log_y is True


async def test_quitting_says_that_the_run_goes_on(
    host: Host, core: FakeCore, capsys: pytest.CaptureFixture[str]
) -> None:
    core.run_list = [make_run("one", name="speedrun")]
    app = host.app(run="one")
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")
        await leave(pilot, "ctrl+q")
    assert say_goodbye(app) == 0
    told = capsys.readouterr().out
    assert "speedrun goes on" in told and "run stop one" in told
    assert core.sent == []
    assert say_goodbye(app, passing=True) == 0
    assert capsys.readouterr().out == "", "whoever shows it ends it"


def test_themes_go_around() -> None:
    names = [theme.name for theme in THEMES]
    assert [theme_after(name) for name in names] == [*names[1:], names[0]]
    assert theme_after("dracula") == names[0]


@pytest.mark.parametrize("size", [NARROW, (120, 40), (40, 10), (200, 60)])
async def test_every_screen_fits_every_size_and_theme(
    host: Host, core: FakeCore, size: tuple[int, int]
) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.model.run_id, "the run on show")
        for theme in THEMES:
            app.use_theme(theme.name)
            for mode in ("home", "runs", "dashboard", "log", "start"):
                await app.action_show(mode)
                await pilot.pause()
                lines = screen_text(app).split("\n")
                assert mode in lines[-1]
                assert all(len(line) <= size[0] for line in lines)


async def test_resizing_a_hundred_times_is_harmless(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.run_id, "the run on show")
        for turn in range(100):
            await pilot.resize_terminal(20 + turn * 7 % 180, 5 + turn * 3 % 55)
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert "Progress" in screen_text(app)
        assert last_crash(host.paths) is None


async def test_the_palette_offers_every_action_and_shows_names_as_text(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [make_run("one", name="[bold]odd[/bold]")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")
        titles = [command.title for command in commands(app, list_layouts(app.paths))]
        for wanted in ("Save a checkpoint", "Pause", "Evaluate now", "Sample now", "Stop the run",
                       "Home", "Runs", "Dashboard", "Log", "Start the demo", "Start a run",
                       "Keys and help", "Themes", "Layout: default", "Quit"):  # fmt: skip
            assert wanted in titles, wanted
        await pilot.press("ctrl+p", *"open")
        await until(pilot, lambda: "Open [bold]odd[/bold]" in screen_text(app), "the run's name")


async def test_a_layout_without_panels_is_the_log_and_starts_no_process(
    host: Host, core: FakeCore
) -> None:
    core.run_list = [make_run("one", name="one")]
    core.lines = [LogLine(n=0, text="hello from the trainer")]
    app = host.app(layout="no-panels", run="one")
    before = psutil.Process().children()
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, lambda: "hello from the trainer" in screen_text(app), "the log")
        await pilot.press("slash", *"none")
        await until(pilot, lambda: "no line has “none”" in screen_text(app), "the search")
        await pilot.press("escape")
        await until(pilot, lambda: "hello from the trainer" in screen_text(app), "all lines")
        assert app.current_mode == "dashboard"
        await pilot.press("c")
        await until(pilot, lambda: core.sent, "a command")
        assert not set(psutil.Process().children()) - set(before)


async def test_a_zoomed_panel_is_zoomed_at_the_next_start(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.run_id, "the run on show")
        await pilot.press("z")
        await until(pilot, lambda: "Throughput" not in screen_text(app), "one panel alone")
        await until(pilot, lambda: app.session.zoomed, "it is noted")
        await leave(pilot)
    again = host.app()
    async with again.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "Progress" in screen_text(again), "the panel")
        await pilot.pause()
        assert "Throughput" not in screen_text(again)
        await pilot.press("escape")
        await until(pilot, lambda: "Throughput" in screen_text(again), "all panels")


async def test_another_layout_opens_and_a_wrong_one_is_said(host: Host, core: FakeCore) -> None:
    app = host.app(layout="default")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.loaded, "the lists")
        await app.use_layout("minimal")
        await pilot.pause()
        text = screen_text(app)
        assert "Loss" in text
        assert "Samples" not in text
        before = screen_text(app).split("\n")[0]
        await app.use_layout("minimla")
        await until(pilot, lambda: toasts(app), "a toast")
        assert "did you mean `minimal`?" in toasts(app)[0]
        await pilot.pause()
        assert screen_text(app).split("\n")[0] == before
    assert load_session(host.paths).layout != "minimla"


def test_a_wrong_layout_is_said_before_the_screen_opens(tmp_path: Path) -> None:
    from nanochat_host.errors import ConfigFileError

    bad = tmp_path / "bad.toml"
    bad.write_text('version = 1\ntitle = "T"\nscreens = 5\n')
    with pytest.raises(ConfigFileError, match=r"bad\.toml:3"):
        run_ui(Paths(tmp_path / "home"), layout=str(bad))


async def test_an_error_of_ours_leaves_the_screen_and_a_file(host: Host, core: FakeCore) -> None:
    app = host.app()

    async def broken() -> None:
        raise ZeroDivisionError("a worker of ours")

    async with app.run_test(size=NARROW) as pilot:
        app.work(broken(), "test")
        await until(pilot, lambda: toasts(app), "a toast")
        assert "internal error: ZeroDivisionError" in toasts(app)[0]
        assert "Start the demo" in screen_text(app)
    crash = last_crash(host.paths)
    assert crash is not None
    assert "a worker of ours" in crash.summary


async def test_the_next_start_points_at_the_crash_file(host: Host, core: FakeCore) -> None:
    from nanochat_host.crash import write_crash

    path = write_crash(host.paths, "ui", ValueError("[b]odd[/b]"))
    app = host.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "ValueError: [b]odd[/b]" in screen_text(app), "the crash")
        text = screen_text(app)
        assert path is not None
        assert path.name in "".join(line.strip() for line in text.split("\n"))


async def test_what_a_panel_asks_for_is_checked_and_asked(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.live, "a live run")
        app.post_message(
            ActsWanted("evil:p", "Evil", frozenset({"metrics:read"}), [Act("save"), Act("stop")])
        )
        await until(pilot, lambda: len(toasts(app)) == 2, "two refusals")
        assert all("Evil may not ask for" in text for text in toasts(app))
        granted = frozenset({"actions:steer"})
        app.post_message(ActsWanted("pack:p", "Knob", granted, [Act("set", "lr", 0.5)], True))
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "a question")
        await pilot.pause()
        assert "Knob asks: set lr = 0.5" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: core.sent, "a command")
        assert core.sent == [("one", wire.Control(cmd="set", name="lr", value=0.5))]


async def test_keys_steer_a_live_run(host: Host, core: FakeCore) -> None:
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.model.live and following(core, "one"), "a live run")
        await pilot.press("c", "e", "g", "p")
        await until(pilot, lambda: len(core.sent) == 4, "four commands")
        assert [control.cmd for _, control in core.sent] == ["save", "eval", "sample", "pause"]
        paused = make_run("one", name="one", state="paused").facts
        core.say(wire.StreamMessage(facts=paused))
        await until(pilot, lambda: app.model.run and app.model.run.state == "paused", "the pause")
        await pilot.press("space")
        await until(pilot, lambda: len(core.sent) == 5, "a command")
        assert core.sent[-1][1].cmd == "resume"


async def test_help_finds_a_key(host: Host) -> None:
    app = host.app()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "Keys, those of" in screen_text(app), "the help")
        await pilot.press(*"checkpoint")
        await until(pilot, lambda: "save a checkpoint" in screen_text(app), "the key")
        assert "Anywhere" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "What next" in screen_text(app), "home again")
