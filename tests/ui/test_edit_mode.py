"""Editing the dashboard by keys: panels, screens, undo, saving; the others do not notice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app_rig import FakeCore, Host, make_run, screen_text, toasts, until
from nanochat_host.layout.load import load_layout
from nanochat_host.layout.spec import At, LayoutSpec
from nanochat_host.packs.catalog import Catalog
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.controls.key_line import KeyLine
from nanochat_host.ui.controls.row_list import RowList
from nanochat_host.ui.edit.editor import Editor
from nanochat_host.ui.screens.confirm import ConfirmScreen
from nanochat_host.ui.screens.dashboard import DashboardScreen
from textual.pilot import Pilot

WIDE, NARROW = (120, 40), (80, 24)
CATALOG = Catalog.discover().manifests


def board(app: NanochatApp) -> DashboardScreen:
    found = app.screen_stack[0]
    assert isinstance(found, DashboardScreen)
    return found


def at(app: NanochatApp, panel: str, narrow: bool = False) -> At | None:
    found = board(app).editor.screen.panel(panel)
    assert found is not None
    return found.at_narrow if narrow else found.at


def on_screen(app: NanochatApp, panel: str) -> tuple[int, int, int, int]:
    view = board(app).editor.view_of(panel)
    assert view is not None
    return (view.region.x, view.region.y, view.region.width, view.region.height)


@asynccontextmanager
async def editing(
    host: Host, size: tuple[int, int] = WIDE, **arguments: object
) -> AsyncIterator[tuple[NanochatApp, Pilot[None], Editor]]:
    """An app in edit mode, all panels of the open tab at work."""
    host.core.run_list = [make_run("one", name="one")]
    app = host.app(run="one", **arguments)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.model.live and board(app).screen_id, "a dashboard")
        await until(
            pilot,
            lambda: all(v.process and v.process.frames for v in board(app).views if v.entry),
            "every panel has drawn",
        )
        await pilot.press("E")
        await until(pilot, lambda: board(app).editing, "edit mode")
        yield app, pilot, board(app).editor


def saved(host: Host) -> LayoutSpec:
    return load_layout(host.paths.layouts / "default.toml", CATALOG)


async def test_edit_mode_shows_itself_and_leaves_again(host: Host) -> None:
    async with editing(host) as (app, pilot, _):
        await pilot.pause()
        text = screen_text(app)
        assert "EDIT" in text and "Progress 8x2 at 0,0" in text and "≡ Loss" in text
        assert "grid 12x12 from 100 columns on" in text
        await pilot.press("escape")
        await until(pilot, lambda: "EDIT" not in screen_text(app), "the normal screen")
        focused = app.focused
        assert focused is not None and focused.has_focus
        await pilot.press("right")
        assert app.focused is not focused, "keys are the panels' again"


async def test_keys_move_resize_and_undo_and_the_others_do_not_notice(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        grid = board(app).grid
        assert grid is not None
        pids = {view.placement.id: view.process.pid for view in grid.views if view.process}
        await pilot.press("right")
        assert (at(app, "progress"), at(app, "system")) == ((8, 0, 4, 3), (0, 0, 8, 2))
        await until(pilot, lambda: on_screen(app, "progress")[0] == 80, "it is moved")
        await pilot.press("tab", "shift+left")
        assert editor.chosen == "loss" and at(app, "loss") == (0, 2, 7, 6)
        await until(pilot, lambda: on_screen(app, "loss")[2] == 70, "it is smaller")
        await pilot.press("u")
        assert at(app, "loss") == (0, 2, 8, 6)
        await pilot.press("ctrl+z")
        assert at(app, "progress") == (0, 0, 8, 2)
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in screen_text(app), "said")
        await pilot.press("ctrl+y", "ctrl+r")
        assert at(app, "loss") == (0, 2, 7, 6)
        after = {view.placement.id: view.process.pid for view in grid.views if view.process}
        assert after == pids, "no worker was started anew"


async def test_what_cannot_be_done_is_said(host: Host) -> None:
    async with editing(host) as (app, pilot, _):
        await pilot.press("up")
        await until(pilot, lambda: "the grid ends here" in screen_text(app), "why not")
        assert at(app, "progress") == (0, 0, 8, 2)


async def test_the_key_line_is_for_editing_and_the_gallery_finds_titles_first(host: Host) -> None:
    async with editing(host) as (app, pilot, _):
        keys = [entry.does for entry in app.screen.query_one(KeyLine).entries()]
        assert {"Save", "New screen", "Save as"} <= set(keys) and "Runs" not in keys
        await pilot.press("a")
        await until(pilot, lambda: "Add a panel" in screen_text(app), "the gallery")
        await pilot.press(*"time")
        panels = app.screen.query_one("#panels", RowList)
        await until(pilot, lambda: panels.key == "builtin:timers", "Step time, not Progress")
        await pilot.press(*["backspace"] * 4, *"lo")
        await until(pilot, lambda: len(panels.rows) > 2, "other matches")
        assert panels.key == panels.rows[0].key == "builtin:log", "the best of them"


async def test_removed_panels_end_and_added_ones_begin(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        gone = editor.view
        assert gone is not None and gone.process is not None
        process = gone.process
        await pilot.press("delete")
        assert process.pid is None, "its worker ended"
        await until(pilot, lambda: not gone.is_attached, "it left the screen")
        await pilot.press("a")
        await until(pilot, lambda: "Add a panel" in screen_text(app), "the gallery")
        await pilot.press(*"gradient")
        await until(pilot, lambda: "no panel has “gradient”" in screen_text(app), "nothing")
        await pilot.press(*["backspace"] * 8, *"step ti")
        await until(pilot, lambda: "Where a step's time goes" in screen_text(app), "its help")
        await until(
            pilot,
            lambda: any(v.placement.id == "preview" and v.process and v.process.frames
                        for v in app.screen.query("PanelView")),
            "a live preview",
        )  # fmt: skip
        await pilot.press("enter")
        await until(pilot, lambda: editor.chosen == "timers", "the new panel")
        new = editor.view
        assert new is not None
        await until(pilot, lambda: new.process and new.process.frames, "it draws")
        assert len(board(app).stage._supervisor._panels) == 7  # type: ignore[union-attr]


async def test_saving_a_shipped_layout_writes_a_copy_and_says_where(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        await pilot.press("right", "ctrl+s")
        await until(pilot, lambda: toasts(app), "a toast")
        file = host.paths.layouts / "default.toml"
        assert f"saved to a copy of your own: {file}" in toasts(app)[0]
        assert saved(host).screens == editor.layout.screens
        assert "# The dashboard." in file.read_text()
        assert not editor.dirty and app.session.layout == "default"
        await pilot.press("down", "ctrl+s")
        await until(pilot, lambda: saved(host).screens == editor.layout.screens, "saved again")
        assert not isinstance(app.screen, ConfirmScreen)


async def test_save_as_makes_another_layout(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        await pilot.press("delete", "S")
        await until(pilot, lambda: "name of the new layout" in screen_text(app), "the question")
        await pilot.press(*"Night shift", "enter")
        file = host.paths.layouts / "night-shift.toml"
        await until(pilot, file.exists, "the file")
        await until(pilot, lambda: app.session.layout == "night-shift", "it is the one on show")
        assert load_layout(file, CATALOG).title == "Night shift"
        assert not editor.dirty


async def test_leaving_asks_while_edits_are_not_saved(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):
        before = editor.layout
        await pilot.press("right", "escape")
        await until(pilot, lambda: "unsaved edits?" in screen_text(app), "the question")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is board(app), "edit mode again")
        assert board(app).editing
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("d")
        await until(pilot, lambda: not board(app).editing, "it left")
        assert board(app).editor.layout == before
        assert app.deck.layout.screens == before.screens


async def test_kept_edits_stay_on_the_screen(host: Host) -> None:
    async with editing(host) as (app, pilot, _):
        await pilot.press("right", "escape")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("k")
        await until(pilot, lambda: not board(app).editing, "it left")
        assert at(app, "progress") == (8, 0, 4, 3)
        await pilot.press("E", "u")
        assert at(app, "progress") == (0, 0, 8, 2)


async def test_screens_by_keys(host: Host) -> None:
    async with editing(host) as (app, pilot, editor):

        def tabs() -> list[str]:
            return [screen.title for screen in editor.layout.screens]

        await pilot.press("N")
        await until(pilot, lambda: "Title of the new screen" in screen_text(app), "the question")
        await pilot.press(*"Mine", "enter")
        await until(pilot, lambda: board(app).screen_id == "mine", "the new tab")
        assert tabs()[:3] == ["Train", "Mine", "Timing"]
        await pilot.press("greater_than_sign")
        assert tabs()[:3] == ["Train", "Timing", "Mine"]
        await pilot.press("M")
        await until(pilot, lambda: "Title of the screen" in screen_text(app), "the question")
        await pilot.press(*"Ours", "enter")
        await until(pilot, lambda: "Ours" in tabs(), "another title")
        await pilot.press("1", "D")
        await until(pilot, lambda: "Title of the copy" in screen_text(app), "the question")
        await pilot.press("enter")
        await until(pilot, lambda: board(app).screen_id == "train-2", "the copy")
        assert editor.screen.panels == editor.layout.screens[0].panels
        await pilot.press("X")
        await until(pilot, lambda: "7 panels go" in screen_text(app), "the question")
        await pilot.press("y")
        await until(pilot, lambda: "Train 2" not in tabs(), "it is gone")
        await pilot.press("u")
        assert "Train 2" in tabs()
        await until(pilot, lambda: "Train 2" in screen_text(app), "and back")


async def test_the_first_panel_of_an_empty_screen(host: Host) -> None:
    async with editing(host, layout="no-panels") as (app, pilot, editor):
        await until(pilot, lambda: "no panel: a adds one" in screen_text(app), "a way on")
        await pilot.press("a")
        await until(pilot, lambda: "enter adds it" in screen_text(app), "the gallery")
        await until(pilot, lambda: "esc Leave" not in screen_text(app), "no keys but its own")
        await pilot.press("enter")
        await until(pilot, lambda: board(app).grid is not None, "a grid instead of the log")
        await until(pilot, lambda: editor.view is not None, "the panel")
        assert at(app, editor.chosen) == (0, 0, 12, 12)


async def test_a_narrow_terminal_edits_its_own_places(host: Host) -> None:
    async with editing(host, NARROW) as (app, pilot, _):
        await pilot.pause()
        assert "for narrow terminals" in screen_text(app)
        assert all(does in screen_text(app) for does in ("^s Save", "esc Leave", "a Add"))
        wide = at(app, "progress")
        await pilot.press("down")
        assert (at(app, "progress"), at(app, "loss", True)) == (wide, (0, 0, 12, 3))
        await pilot.resize_terminal(*WIDE)
        await pilot.press("right")
        assert at(app, "progress") != wide


async def test_unsaved_edits_outlive_the_ui(host: Host, core: FakeCore) -> None:
    async with editing(host) as (_app, pilot, _):
        await pilot.press("right")
        await until(pilot, lambda: list(host.paths.drafts.glob("*.json")), "they are kept")
    again = host.app(run="one")
    async with again.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: board(again).editing, "edit mode")
        assert at(again, "progress") == (8, 0, 4, 3)
        await until(pilot, lambda: any("are back" in t for t in toasts(again)), "a word about it")
        await pilot.press("u")
        assert at(again, "progress") == (0, 0, 8, 2)
        await until(pilot, lambda: not list(host.paths.drafts.glob("*.json")), "nothing to keep")


async def test_a_change_on_disk_is_asked_about(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    source = Path(__file__).parents[2] / "layouts" / "minimal.toml"
    file.write_text(source.read_text())
    async with editing(host, layout=str(file)) as (app, pilot, editor):
        await pilot.press("right")
        file.write_text(source.read_text() + "# by hand\n")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "has changed on disk" in screen_text(app), "the question")
        await pilot.press("r")
        await until(pilot, lambda: app.screen is board(app), "the answer")
        await until(pilot, lambda: "# by hand" in editor.file.text, "read again")
        assert at(app, "progress") == (0, 0, 12, 2) and not editor.dirty


@pytest.mark.parametrize("theme", ["nanochat-light", "nanochat-contrast"])
async def test_edit_mode_in_other_themes(host: Host, theme: str) -> None:
    async with editing(host, NARROW) as (app, pilot, _):
        if theme in app.available_themes:
            app.use_theme(theme)
        await pilot.press("a")
        await until(pilot, lambda: "Add a panel" in screen_text(app), "the gallery")
        assert all(len(line) <= NARROW[0] for line in screen_text(app).split("\n"))
