"""Keys of one's own, jump mode, copying, the gallery of themes, keys in the palette."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from app_rig import FakeCore, Host, make_run, screen_text, toasts, until
from nanochat_host.errors import ConfigFileError
from nanochat_host.paths import Paths
from nanochat_host.ui import commands
from nanochat_host.ui.commands import HostCommands
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.copying import values_of
from nanochat_host.ui.key_notes import GENERAL, ordered
from nanochat_host.ui.keymap import as_toml, check, known_keys, read_keymap
from nanochat_host.ui.modes import PLACES
from nanochat_host.ui.screens.ask import AskScreen
from nanochat_host.ui.screens.base import HostScreen
from nanochat_host.ui.widgets.panel_view import PanelView
from nanochat_panels.log import Log
from test_widgets_panel_view import TABLE, give, running
from textual.binding import Binding
from textual.widgets import Input


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    return tmp_path


def a_host(home: Path, keymap: str = "") -> Host:
    """A host with one live run and perhaps a keymap."""
    core = FakeCore()
    core.run_list = [make_run()]
    if keymap:
        (home / "keymap.toml").write_text(keymap)
    return Host(home, core)


async def test_a_keymap_moves_an_action_everywhere_it_is_shown(home: Path) -> None:
    app = a_host(home, '[keys]\n"app.show.runs" = "f5"\napp.next_theme = "f6,f7"\n').app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        theme = app.theme
        await pilot.press("f7")
        assert app.theme != theme
        await pilot.press("r")
        assert app.current_mode == "home", "the old key is free"
        await pilot.press("f5")
        assert app.current_mode == "runs"
        await pilot.press("f1")
        await pilot.pause()
        assert "f6 f7" in screen_text(app)


async def test_mistakes_in_a_keymap_are_said_and_the_rest_counts(home: Path) -> None:
    app = a_host(home, '[keys]\n"app.show.rnus" = "f5"\n"app.show.log" = "f6"\n').app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: any("did you mean" in text for text in toasts(app)), "a toast")
        assert "`app.show.runs`" in " ".join(toasts(app))
        await pilot.press("f6")
        assert app.current_mode == "log"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[keys]\na = ", "Invalid value"),
        ("[kyes]\n", "did you mean `keys`"),
        ('[keys]\nx = "a b"\n', "`a b` is no key"),
        ('[keys]\nx = ""\n', "needs a key"),
        ("[keys]\nx = 3\n", "must be a table"),
    ],
)
def test_a_keymap_that_cannot_be_read_says_where(home: Path, text: str, told: str) -> None:
    (home / "keymap.toml").write_text(text)
    with pytest.raises(ConfigFileError, match=r"keymap\.toml") as caught:
        read_keymap(Paths(home))
    assert told in str(caught.value)


def test_two_actions_of_one_place_cannot_share_a_key() -> None:
    assert check({"dashboard.stop": "c"}) == [
        "`c` is wanted by `dashboard.steer.save` and `dashboard.stop`; the first has it"
    ]
    assert check({"dashboard.stop": "f9"}) == []


def test_every_screen_has_ids_and_every_note_names_one_that_exists() -> None:
    known = known_keys()
    assert all(f"# {name!r}".replace("'", '"') in as_toml(known) for name in known)
    for screen in HostScreen.__subclasses__():
        assert all(b.id for b in screen.BINDINGS), screen  # type: ignore[union-attr]
    assert {name for note in GENERAL for name in note.ids} <= set(known)


def test_help_begins_with_the_screen_that_is_seen_and_knows_every_place() -> None:
    first = {
        mode: ordered(GENERAL, mode)[0].place for mode in (*PLACES, "editing") if mode != "home"
    }
    assert "Anywhere" not in first.values(), first
    assert (first["card"], first["editing"], first["setup"]) == ("Report card", "Editing", "Set up")


async def test_help_fits_narrow_terminals(home: Path) -> None:
    app = a_host(home).app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r", "f1")
        await until(pilot, lambda: "mark to be compared" in screen_text(app), "keys of Runs on top")
        keys = app.screen.query_one("#keys", RowList)
        _, width = keys.span(1)
        assert max(len(note.does) for note in GENERAL) <= width
        assert max(len(note.key) for note in GENERAL) <= keys.span(0)[1]


async def test_jumping_focuses_what_the_letter_stands_on(home: Path) -> None:
    app = a_host(home).app(layout="default")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.screen.query(PanelView)) > 3, "panels")
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert " a " in screen_text(app)
        await pilot.press("d")
        await pilot.pause()
        assert isinstance(app.focused, PanelView)
        chain = sorted(app.screen.focus_chain, key=lambda w: (w.region.y, w.region.x))
        assert app.focused is chain[2]
        await pilot.press("ctrl+g", "escape")
        await pilot.pause()
        assert app.focused is chain[2]


async def test_values_of_panels_are_copied_as_columns() -> None:
    async with running() as (app, pilot):
        await pilot.press("left")
        what, text = values_of(app.loss) or ("", "")
        assert "under the cursor" in what
        assert text.splitlines()[0] == "curve\tstep\tvalue"
        assert text.splitlines()[1].startswith("loss\t")
        give(app.log_panel, TABLE)
        assert values_of(app.log_panel) == (f"1 row of {app.log_panel.title}", "3")


async def test_copying_a_row_reaches_the_clipboard(home: Path) -> None:
    app = a_host(home).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Watch the run" in screen_text(app), "the run")
        await pilot.press("y")
        assert "Watch the run" in app.clipboard
        assert any("copied the row" in text for text in toasts(app))


async def test_a_theme_is_tried_then_kept_or_given_up(home: Path) -> None:
    app = a_host(home).app()
    async with app.run_test(size=(120, 40)) as pilot:
        before = app.theme
        await pilot.press("T", "down")
        await pilot.pause()
        assert app.theme != before
        await pilot.press("escape")
        assert app.theme == before
        await pilot.press("T", "end", "enter")
        await pilot.pause()
        assert app.theme == app.session.theme != before
        assert isinstance(app.focused, RowList)


async def test_the_palette_names_the_key_of_an_action(home: Path) -> None:
    app = a_host(home).app(layout="default", run="last")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.live, "the run")
        await until(pilot, lambda: isinstance(app.focused, PanelView), "a focused panel")
        told = {c.title: text for c, text in HostCommands(app.screen)._commands([])}
        assert told["Save a checkpoint"].startswith("c  ")
        assert told["Themes"].startswith("T  ")
        assert told["Zoom"].startswith("z  ")


async def test_what_is_typed_before_a_dialog_has_the_focus_is_not_lost(home: Path) -> None:
    answers: list[str | None] = []
    app = a_host(home).app()
    async with app.run_test(size=(120, 40)) as pilot:
        app.push_screen(AskScreen("name"), answers.append)
        await pilot.pause()
        app.screen.set_focus(None)  # as it is for a moment after the first paint
        await pilot.press(*"early")
        assert app.screen.query_one(Input).value == "early"
        app.screen.query_one(Input).focus()
        await pilot.press("!", "enter")
        await pilot.pause()
    assert answers == ["early!"]


def test_x_means_stop_everywhere() -> None:
    """It may end a run: a hand that is used to something else there would regret it."""
    meant = {
        binding.action
        for name, place in PLACES.items()
        for binding in place.open().BINDINGS
        if isinstance(binding, Binding) and "x" in binding.key.split(",")
    }
    assert meant == {"stop"}
    assert "x" not in {key.key for key in Log.keys}, "a panel's keys come before its screen's"


async def test_keys_that_steer_say_why_they_cannot(home: Path) -> None:
    core = FakeCore()
    core.run_list = [make_run(state="failed")]
    app = Host(home, core).app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.model.loaded, "the first answer")
        await pilot.press("d")
        await until(pilot, lambda: app.current_mode == "dashboard", "the dashboard")
        await until(pilot, lambda: "Runs" in screen_text(app), "its keys")
        assert "Pause" not in screen_text(app)
        for key, name in (("p", "Pause"), ("c", "Save"), ("x", "Stop")):
            await pilot.press(key)
            told = f"{name}: first has ended (failed). n starts one, r shows all"
            await until(pilot, lambda told=told: told in toasts(app), told)
    assert core.sent == []


async def test_letters_typed_while_the_palette_still_reads_layouts_find_commands(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def slow(paths: Paths) -> list[tuple[str, Path, str]]:
        assert go.wait(60.0)
        return []

    monkeypatch.setattr(commands, "list_layouts", slow)
    app = a_host(home).app()
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.model.loaded, "the first answer")
            await pilot.press("ctrl+p", "t", "h", "e")
            await until(pilot, lambda: "the" in screen_text(app), "what was typed")
            go.set()
            await pilot.press("m")
            await until(pilot, lambda: "Themes" in screen_text(app), "a command")
    finally:
        go.set()
