"""Layouts that are broken, changed by hand, or name packs that are not there."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from app_rig import FakeCore, Host, make_run, screen_text, toasts, until
from nanochat_host.layout.save import LayoutFile
from nanochat_host.ui.app import NanochatApp
from nanochat_host.ui.deck import open_deck
from nanochat_host.ui.edit.reload import reload_if_changed
from nanochat_host.ui.screens.dashboard import DashboardScreen
from test_edit_mode import WIDE, board, editing

TEXT = """\
version = 1
[[screens]]
id = "s"
[[screens.panels]]
id = "system"
panel = "builtin:system"
at = [0, 0, 6, 12]
[[screens.panels]]
id = "strip"
panel = "megacontext:strip"
at = [6, 0, 6, 12]
options = { anything = 1 }
"""


def own(host: Host, text: str, name: str = "default") -> Path:
    host.paths.layouts.mkdir(parents=True, exist_ok=True)
    file = host.paths.layouts / f"{name}.toml"
    file.write_text(text)
    return file


async def shown(app: NanochatApp, pilot: object, text: str, what: str) -> None:
    await until(pilot, lambda: text in screen_text(app), what)  # type: ignore[arg-type]


async def test_a_panel_of_a_missing_pack_offers_a_way_out(host: Host, core: FakeCore) -> None:
    file = own(host, TEXT)
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await shown(app, pilot, "No panel megacontext:strip", "the placeholder")
        text = screen_text(app)
        assert "The pack megacontext is not installed." in text
        assert "System" in text, "the other panel is there"
        await pilot.press("right")
        await until(pilot, lambda: app.focused is board(app).grid.views[1], "its keys")  # type: ignore[union-attr]
        await pilot.press("delete")
        await until(pilot, lambda: board(app).editing, "an edit that can be undone")
        assert [p.id for p in board(app).editor.screen.panels] == ["system"]
        assert "megacontext" in file.read_text(), "the file is as it was until it is saved"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "megacontext" not in file.read_text(), "saved")


async def test_the_pack_can_be_installed_from_the_placeholder(host: Host, core: FakeCore) -> None:
    own(host, TEXT)
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await shown(app, pilot, "No panel megacontext:strip", "the placeholder")
        await pilot.press("right", "i")
        await until(pilot, lambda: app.current_mode == "packs", "the screen of packs")
        await until(pilot, lambda: "Install a pack from" in screen_text(app), "asked at once")


async def test_editing_other_panels_keeps_what_a_missing_one_was_told(host: Host) -> None:
    file = own(host, TEXT)
    async with editing(host) as (_app, pilot, editor):
        await pilot.press("shift+left", "ctrl+s")
        await until(pilot, lambda: not editor.dirty, "saved")
        text = file.read_text()
        assert "at = [0, 0, 5, 12]" in text and "at = [5, 0, 7, 12]" in text
        assert "options = { anything = 1 }" in text


async def test_a_broken_default_gives_way_to_the_shipped_one(host: Host, core: FakeCore) -> None:
    file = own(host, TEXT.replace("at = [0, 0, 6, 12]", "at = [0, 0, 6, 13]"))
    deck, note = open_deck(host.paths, None, "")
    assert deck.layout.path.parent.name == "layouts" and deck.layout.path != file
    assert note.startswith(f"{file}:7: `at` [0, 0, 6, 13] reaches out of the grid")
    assert "showing the default layout; f5" in note
    app = host.app(run="one")
    core.run_list = [make_run("one", name="one")]
    async with app.run_test(size=WIDE) as pilot:
        await shown(app, pilot, "Throughput", "the shipped layout")
        await until(pilot, lambda: any(f"{file}:7" in t for t in toasts(app)), "why")


async def test_a_file_broken_while_it_is_open_changes_nothing(host: Host, core: FakeCore) -> None:
    file = own(host, TEXT)
    core.run_list = [make_run("one", name="one")]
    app = host.app(run="one")
    async with app.run_test(size=WIDE) as pilot:
        await shown(app, pilot, "System", "the layout")
        screen = app.screen
        assert isinstance(screen, DashboardScreen)
        view = screen.grid.views[0]  # type: ignore[union-attr]
        file.write_text(TEXT.replace("[0, 0, 6, 12]", "[0, 0, 6, 13]"))
        await pilot.press("f5")
        await until(pilot, lambda: toasts(app), "a toast")
        assert f"{file}:7: `at` [0, 0, 6, 13] reaches out" in toasts(app)[0]
        assert "the screen stays as it was" in toasts(app)[0]
        assert "System" in screen_text(app)
        file.write_text(TEXT.replace("[0, 0, 6, 12]", "[0, 0, 6, 4]"))
        # Nobody asks: the file is watched.
        await until(pilot, lambda: view.placement.at.height == 4, "read again")
        assert view.is_attached, "the panel itself goes on"


async def test_a_change_by_hand_spares_unsaved_edits(host: Host) -> None:
    file = own(host, TEXT)
    async with editing(host) as (app, pilot, editor):
        await pilot.press("shift+left")
        file.write_text(TEXT + "# by hand\n")
        await pilot.press("f5")
        await until(pilot, lambda: any("has changed on disk" in t for t in toasts(app)), "said")
        assert editor.dirty
        await pilot.press("ctrl+s")
        await shown(app, pilot, "The layout has changed on disk", "the question")
        await pilot.press("o")
        await until(pilot, lambda: "at = [0, 0, 5, 12]" in file.read_text(), "written")


async def test_what_is_saved_here_is_no_change_made_elsewhere(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the disk is slow, and the file is looked at before the screen knows it saved."""
    file = own(host, TEXT)
    written, go_on = threading.Event(), threading.Event()
    save = LayoutFile.save

    def slowly(*what: Any, **how: Any) -> LayoutFile:
        saved = save(*what, **how)
        written.set()
        assert go_on.wait(60.0)
        return saved

    monkeypatch.setattr(LayoutFile, "save", slowly)
    async with editing(host) as (app, pilot, editor):
        await pilot.press("shift+left", "ctrl+s")
        await until(pilot, written.is_set, "the file is written")
        looking = asyncio.ensure_future(reload_if_changed(board(app)))
        await pilot.press("shift+left")
        go_on.set()
        await looking
        await until(pilot, lambda: any("saved to" in text for text in toasts(app)), "it is told")
        assert not any("changed on disk" in text for text in toasts(app))
        assert "at = [0, 0, 5, 12]" in file.read_text()
        assert editor.dirty, "what came while it was written is not in the file"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "at = [0, 0, 4, 12]" in file.read_text(), "saved as well")
        await until(pilot, lambda: not editor.dirty, "all of it")


async def test_half_a_draft_is_no_trouble(host: Host) -> None:
    own(host, TEXT)
    async with editing(host) as (_app, pilot, _):
        await pilot.press("shift+left")
        await until(pilot, lambda: list(host.paths.drafts.glob("*.json")), "a draft")
    (draft,) = host.paths.drafts.glob("*.json")
    draft.write_bytes(draft.read_bytes()[:-40])
    again = host.app(run="one")
    async with again.run_test(size=WIDE) as pilot:
        await shown(again, pilot, "System", "the layout as saved")
        assert not board(again).editing
